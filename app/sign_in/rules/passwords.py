"""Which passwords would be guessed (ASVS 5.0 6.2): too short, about ourselves, or known from leaks.

No rule says which kinds of characters a password needs, and none makes people change it.
"""

from enum import StrEnum

from app.sign_in.rules.breached import is_breached

LEAST_LENGTH, MOST_LENGTH = 12, 128
_OURS = ("grainline", "12351", "union", "gonghui", "工会")
_LEAST_WORD = 4


class Weakness(StrEnum):
    """Why a password is refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    CONTEXT = "context"
    KNOWN = "known"


def weakness_of(password: str, *, login: str, name: str) -> Weakness | None:
    """Return why a password of this account would be guessed, or None; length in code points."""
    if len(password) < LEAST_LENGTH:
        return Weakness.TOO_SHORT
    if len(password) > MOST_LENGTH:
        return Weakness.TOO_LONG
    folded = password.casefold()
    if any(word in folded for word in _context(login, name)):
        return Weakness.CONTEXT
    if is_breached(folded) or _is_repeated(folded) or is_breached(_core(folded)):
        return Weakness.KNOWN
    return None


def _context(login: str, name: str) -> list[str]:
    parts = [part for part in login.casefold().split("-") if len(part) >= _LEAST_WORD]
    names = [part for part in name.casefold().replace("·", " ").split() if len(part) > 1]
    return [*_OURS, login.casefold(), *parts, *names]


def _core(folded: str) -> str:
    """Return what is left without digits and signs around it: `!dragon2026!` is `dragon`."""
    begin = next((place for place, char in enumerate(folded) if char.isalpha()), 0)
    end = next((place for place, char in enumerate(reversed(folded)) if char.isalpha()), 0)
    return folded[begin : len(folded) - end]


def _is_repeated(folded: str) -> bool:
    """Return whether a few characters only come again and again."""
    return folded in (folded + folded)[1:-1] or len(set(folded)) <= 3
