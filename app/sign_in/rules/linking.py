"""Who an outside identity is in the roster, and where a browser may be sent afterwards.

By member number when the host vouches for it, else by name, mobile and last four characters of the identity
number, all three of exactly one member; never by name alone. Two who fit are nobody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from app.unions.rules.names import Unusable, folded_name, normalise_name

_OWN_PATH = re.compile(
    r"/(?:(?:member|staff|scanner)(?:/[A-Za-z0-9_-]{1,64}){0,6}/?)?(?:#/[A-Za-z0-9/_-]{0,120})?"
)
LINK_PAGE = "/member/link"


class RealNameLevel(IntEnum):
    """How well a host knows its user."""

    NONE = 0
    MOBILE = 1
    DOCUMENT = 2
    IN_PERSON = 3


@dataclass(frozen=True, slots=True, repr=False)
class HostIdentity:
    """Whom a host app or an identity provider says it has before it; (issuer, subject) is who it is
    (ASVS 5.0, 6.8.1), the rest is what the host knows.
    """

    issuer: str
    subject: str
    member_number: str | None = None
    name: str | None = None
    mobile: str | None = None
    last4: str | None = None
    real_name_level: int = RealNameLevel.NONE


@dataclass(frozen=True, slots=True, repr=False)
class Claim:
    """What somebody says of themselves; mobile and last four are always part of it."""

    mobile: str
    last4: str
    member_number: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """What the roster says of a member."""

    member_id: UUID
    number: str
    name: str
    mobile: str | None
    last4: str | None


def is_claimed(candidate: Candidate, claim: Claim) -> bool:
    """Return whether a claim fits a member in everything it says, and says enough to tell people apart."""
    if candidate.mobile is None or candidate.last4 is None:
        return False
    if claim.member_number is None and claim.name is None:
        return False
    fits = [candidate.mobile == claim.mobile, candidate.last4 == claim.last4.upper()]
    if claim.member_number is not None:
        fits.append(candidate.number == claim.member_number)
    if claim.name is not None:
        fits.append(_is_name(claim.name, candidate.name))
    return all(fits)


def _is_name(given: str, known: str) -> bool:
    """Return whether a name was given, in whatever spelling; what can be nobody's name fits nobody."""
    try:
        return folded_name(normalise_name(given)) == folded_name(known)
    except Unusable:
        return False


def the_claimed(candidates: Sequence[Candidate], claim: Claim) -> UUID | None:
    """Return the one member whom a claim fits; None when it fits nobody, or more than one."""
    found = [candidate.member_id for candidate in candidates if is_claimed(candidate, claim)]
    return found[0] if len(found) == 1 else None


def is_own_path(path: str) -> bool:
    """Return whether a browser may be sent here after a sign-in: a page of our own from the list, and nothing
    that a browser could read as another host (`//evil`, `/\\evil`, `https:evil`, `%2f%2fevil`).
    """
    return _OWN_PATH.fullmatch(path) is not None
