"""One-time codes in text messages: how they are made, how long they live, and when one is right.

A code is bound to its challenge, lives five minutes, counts once and takes five guesses at most
(OWASP ASVS 5.0, 6.5.1 once, 6.5.5 short-lived, 6.6.2 bound to the request it was made for).
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

DIGITS = 6
LIFE = timedelta(minutes=5)
MOST_TRIES = 5
CHOICE_LIFE = timedelta(minutes=5)
"""How long the holder of a shared number may take to say which of its members they are."""

CODES_PER_MINUTE, CODES_PER_HOUR, CODES_PER_DAY = 1, 5, 10
"""How many codes one number is sent at most; no hour and no day holds more, wherever it begins."""


class Verdict(StrEnum):
    """What a try with a code comes to."""

    RIGHT = "right"
    WRONG = "wrong"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is kept of a code that was sent."""

    code_digest: bytes
    expires_at: datetime
    try_count: int
    is_used: bool


def new_code() -> str:
    """Return a fresh code, every one of the million equally likely."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def digest_of_code(secret: bytes, challenge_id: UUID, *, code: str) -> bytes:
    """Return what is stored of a code: 32 bytes that belong to this challenge only."""
    return hmac.digest(secret, b"code\0" + challenge_id.bytes + code.encode(), hashlib.sha256)


def digest_of_number(secret: bytes, mobile: str) -> bytes:
    """Return the 32 bytes under which the challenge of a normalised mobile number is found."""
    return hmac.digest(secret, b"number\0" + mobile.encode(), hashlib.sha256)


def choice_of(secret: bytes, challenge_id: UUID, *, member_id: UUID) -> str:
    """Return the opaque name of a member among those who share a number; it means nothing elsewhere."""
    named = hmac.digest(secret, b"choice\0" + challenge_id.bytes + member_id.bytes, hashlib.sha256)
    return urlsafe_b64encode(named[:18]).decode()


def chosen_of(secret: bytes, challenge_id: UUID, *, among: Sequence[UUID], choice: str) -> UUID | None:
    """Return the member whose choice this is, or None; every one is compared, whichever fits."""
    found = None
    for member_id in among:
        named = choice_of(secret, challenge_id, member_id=member_id)
        if hmac.compare_digest(named.encode(), choice.encode("utf-8", "replace")):
            found = member_id
    return found


def judge(challenge: Challenge | None, given: bytes, *, now: datetime) -> Verdict:
    """Return what the digest of a given code comes to; a challenge that is not there takes as long.

    DEAD: no such challenge, over, used, or its tries are spent; the code is then not looked at.
    """
    expected = challenge.code_digest if challenge else bytes(32)
    is_right = hmac.compare_digest(expected, given)
    if challenge is None or challenge.is_used or challenge.expires_at <= now:
        return Verdict.DEAD
    if challenge.try_count >= MOST_TRIES:
        return Verdict.DEAD
    return Verdict.RIGHT if is_right else Verdict.WRONG


def chance_of_guessing(codes: int) -> float:
    """Return an upper bound of the chance of guessing one of `codes` codes with every try allowed."""
    return float(codes * MOST_TRIES / 10**DIGITS)
