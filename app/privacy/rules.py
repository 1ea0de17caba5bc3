"""Decisions about personal data: why somebody may look, which consents there are, when time is over.

Sources: 个人信息保护法 (PIPL) articles 13–17 (consent, its withdrawal, notice), 19 and 47 (shortest time,
deletion), 44–50 (the rights of the person); DOMAIN of the trade: 15 working days to answer a request.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.platform.clock import day_end

LIVE_ANSWER_DAYS = 21
"""15 working days, as calendar days."""
SHORTEST_RETENTION_DAYS, LONGEST_RETENTION_DAYS = 30, 1_095


class Purpose(StrEnum):
    """What personal data is used for; `pickup` is what the service cannot do without."""

    PICKUP = "pickup"
    REMINDERS = "reminders"
    PROXY_CONTACT = "proxy_contact"


@dataclass(frozen=True, slots=True)
class Notice:
    """The current text of a purpose: its version, and whether one may do without."""

    purpose: Purpose
    version: int
    is_optional: bool


NOTICES = {
    Purpose.PICKUP: Notice(Purpose.PICKUP, 1, is_optional=False),
    Purpose.REMINDERS: Notice(Purpose.REMINDERS, 1, is_optional=True),
    Purpose.PROXY_CONTACT: Notice(Purpose.PROXY_CONTACT, 1, is_optional=True),
}


class ConsentState(StrEnum):
    """Where a member stands with a purpose: 已同意, 已撤回, 需重新确认, or never asked."""

    NONE = "none"
    GIVEN = "given"
    WITHDRAWN = "withdrawn"
    TO_RENEW = "to_renew"


class ErasureStatus(StrEnum):
    """What became of a request for erasure."""

    OPEN = "open"
    CARRIED_OUT = "carried_out"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class DeclineReason(StrEnum):
    """Why a request for erasure cannot be met (PIPL article 47: a legal term has not ended)."""

    LEGAL_TERM = "legal_term"
    OPEN_CONFLICT = "open_conflict"
    NOT_THE_PERSON = "not_the_person"


def consent_state(purpose: Purpose, *, version: int | None, withdrawn: bool) -> ConsentState:
    """Return where a member stands, from the version last agreed to (None: never)."""
    if version is None:
        return ConsentState.NONE
    if withdrawn:
        return ConsentState.WITHDRAWN
    return ConsentState.GIVEN if version == NOTICES[purpose].version else ConsentState.TO_RENEW


def text_digest(text: str) -> str:
    """Return what a consent keeps of the text that was shown: its SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def answer_due(asked_at: datetime) -> datetime:
    """Return when a request has to be answered at the latest."""
    return asked_at + timedelta(days=LIVE_ANSWER_DAYS)


def retention_ends(pickup_until: date, *, retention_days: int) -> datetime:
    """Return the instant from which a campaign's personal data has to go (PIPL article 19)."""
    return day_end(pickup_until + timedelta(days=retention_days))
