"""What of a member can be looked at unmasked, and why somebody may (个人信息保护法 article 6)."""

from enum import StrEnum


class RevealField(StrEnum):
    """What can be looked at unmasked."""

    NAME = "name"
    MOBILE = "mobile"
    ID_LAST4 = "id_last4"
    CORRECTION = "correction"
    """The words of a request to correct the record: seen where it is decided, not to be asked for."""


class RevealReason(StrEnum):
    """Why somebody looks at unmasked data."""

    IDENTIFY_AT_DESK = "identify_at_desk"
    CONTACT_MEMBER = "contact_member"
    CORRECT_RECORD = "correct_record"
    ANSWER_COMPLAINT = "answer_complaint"
    AUDIT = "audit"
