"""The short code: what a member reads out when no camera can read the picture.

Ten symbols of Crockford's Base32 (no I, L, O, U). Nine are random (45 bits); the last is chosen so that
the symbols, as coefficients over GF(32), make a polynomial that is zero at a primitive element. That
catches every wrong symbol and every swap of two symbols.
"""

import unicodedata

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
RANDOM_BITS = 45
LONGEST_INPUT = 64

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SPACES = " \t\r\n\v\f"
_FOLD = str.maketrans(
    {symbol.lower(): symbol for symbol in SYMBOLS}
    | dict.fromkeys("IiLl", "1")
    | dict.fromkeys("Oo", "0")
    | dict.fromkeys(_DASHES + _SPACES, "")
)


def make_short_code(random_45_bits: int) -> str:
    """Return the ten symbols for a random number below 2**45. ValueError if it is out of range."""
    if not 0 <= random_45_bits < 2**RANDOM_BITS:
        raise ValueError("a short code is made of 45 bits")
    values = [random_45_bits >> shift & 31 for shift in range(RANDOM_BITS - 5, -1, -5)]
    values.append(_times_alpha(_remainder(values)))
    return "".join(SYMBOLS[value] for value in values)


def normalise_short_code(text: str) -> str | None:
    """Return the ten symbols a person meant, or None if they are no short code or the check fails.

    Reads I and L as 1, O as 0, lower case and full-width forms; ignores spaces and dashes.
    """
    symbols = _fold(text)
    if symbols is None or _remainder([SYMBOLS.index(symbol) for symbol in symbols]) != 0:
        return None
    return symbols


def looks_like_short_code(text: str) -> bool:
    """Say whether a person typed ten symbols, whatever the check says: a typo, not a scanned picture."""
    return _fold(text) is not None


def group_short_code(code: str) -> str:
    """Return `XXXXX-XXXXX`, for people to read. ValueError if `code` has not ten symbols."""
    if len(code) != LENGTH:
        raise ValueError("a short code has ten symbols")
    return f"{code[:5]}-{code[5:]}"


def _fold(text: str) -> str | None:
    if len(text) > LONGEST_INPUT:
        return None
    symbols = unicodedata.normalize("NFKC", text).translate(_FOLD)
    if len(symbols) != LENGTH or not set(symbols) <= set(SYMBOLS):
        return None
    return symbols


def _times_alpha(value: int) -> int:
    """Multiply by the primitive element of GF(32), modulo x^5 + x^2 + 1."""
    doubled = value << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def _remainder(values: list[int]) -> int:
    total = 0
    for value in values:
        total = _times_alpha(total) ^ value
    return total
