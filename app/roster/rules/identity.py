"""Numbers of identity cards are cut to their last four characters at once; what files do to them is named.

Spreadsheets keep fifteen digits of a number and tables lose a last X: neither is guessed back.
"""

import re
import unicodedata
from datetime import date
from enum import StrEnum

from app.unions.rules.names import Unusable
from app.unions.rules.numbers import check_identity_number, normalise_last4

_CHECK_OF_X = 10
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_BETWEEN = re.compile(r"[\s\-'*]+")
_LONG = re.compile(r"[0-9]{14,}(?:[0-9]|[Xx](?![0-9A-Za-z]))")
_SPACED = re.compile(r"(?<=[0-9])[\s\-]+(?=[0-9Xx])")
_MOST_PLAIN_DIGITS = 14


class IdentityFault(StrEnum):
    """Why a number of an identity card cannot be taken over."""

    WRONG = "identity_wrong"
    LOST_X = "identity_lost_x"
    OLD = "identity_old"
    SHORT = "last4_short"


def last_four(given: str, *, today: date) -> str | IdentityFault:
    """Return the last four characters of a full number, or of what is only them; or what is wrong.

    Seventeen digits whose check character would be X have lost it. A full number whose beginning is covered
    with asterisks counts as its last four.
    """
    number = _BETWEEN.sub("", unicodedata.normalize("NFKC", given)).upper()
    if re.fullmatch(r"[0-9]{15}", number):
        return IdentityFault.OLD
    if re.fullmatch(r"[0-9]{17}", number) and _remainder(number) == _CHECK_OF_X:
        return IdentityFault.LOST_X
    if re.fullmatch(r"[0-9X]{1,3}", number):
        return IdentityFault.SHORT
    try:
        if len(number) == len("002X"):
            return normalise_last4(number)
        return check_identity_number(number, today=today)
    except Unusable:
        return IdentityFault.WRONG


def _remainder(first: str) -> int:
    """Return the number that X or a digit stands for: (12 - sum) mod 11 (GB 11643-1999)."""
    return (12 - sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True))) % 11


def without_long_numbers(text: str) -> str:
    """Return a text in which numbers of 15 digits and more (identity, bank card) show their last four."""
    if len(text) <= _MOST_PLAIN_DIGITS:
        return text
    folded = unicodedata.normalize("NFKC", text)
    if sum(character.isdigit() for character in folded) <= _MOST_PLAIN_DIGITS:
        return text
    return _LONG.sub(lambda found: "*" * (len(found[0]) - 4) + found[0][-4:], _SPACED.sub("", folded))
