"""What a scanned or typed text says, and when a scan was made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.redemptions.rules.keys import KeyState, PublicKeyState
from app.redemptions.rules.reasons import Reason
from app.redemptions.rules.record import PREFIX, CodeCheck, verify_code
from app.redemptions.rules.short_code import normalise_short_code

_OLDEST_BELIEVED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scanned or typed text says: a reference to a code, or why it says nothing.

    A code of a withdrawn key has both.
    """

    reason: Reason | None = None
    unit_ref: bytes | None = None
    generation: int | None = None
    short_code: str | None = None


def read_code(text: str, keys: Mapping[int, PublicKeyState], *, union_number: int) -> Reading:
    """Return what a text says; a signed code of another union is as unknown as one never made."""
    if not text.strip().startswith(PREFIX):
        short_code = normalise_short_code(text)
        return Reading(short_code=short_code) if short_code else Reading(Reason.INVALID_CODE)
    verdict, reason = verify_code(text, keys), None
    if verdict.check is CodeCheck.WITHDRAWN_KEY:
        # A box may have been handed over for it before anybody knew: which one, if we did sign the code?
        reason = Reason.REVOKED
        verdict = verify_code(text, {n: replace(key, state=KeyState.VERIFY_ONLY) for n, key in keys.items()})
    if verdict.record is None:
        return Reading(Reason.INVALID_CODE)
    if verdict.record.union_number != union_number:
        return Reading(Reason.UNKNOWN)
    return Reading(reason, unit_ref=verdict.record.unit_ref, generation=verdict.record.generation)


def believed_time(scanned_at: datetime | None, at: datetime) -> datetime:
    """Return when a scan was made that arrived `at`: as its device says, or `at` if that cannot be."""
    if scanned_at is None or not at - _OLDEST_BELIEVED <= scanned_at <= at:
        return at
    return scanned_at
