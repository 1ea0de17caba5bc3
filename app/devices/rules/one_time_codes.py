"""One-time codes that a person carries to a device: symbols of Crockford's Base32, no I, L, O, U.

A pairing code has 26 symbols (128 random bits) and is shown as a picture, `GLD1:` + symbols, and as text; a
code with which a clerk sets a PIN has 12 (60 bits). Each is shown once; the tables hold digests only.
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "GLD1:"
LONGEST_INPUT = 80

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_FOLD = str.maketrans(
    {symbol.lower(): symbol for symbol in SYMBOLS}
    | dict.fromkeys("IiLl", "1")
    | dict.fromkeys("Oo", "0")
    | dict.fromkeys(_DASHES + " \t\r\n\v\f", "")
)


@dataclass(frozen=True, slots=True)
class CodeKind:
    """A kind of code: how long it is, how random, how it is cut for reading, how long it is good."""

    name: str
    length: int
    random_bits: int
    group: int
    life: timedelta

    def make(self, random_bits: int) -> str:
        """Return the symbols of a random number. ValueError if it has more bits than the kind."""
        if not 0 <= random_bits < 2**self.random_bits:
            raise ValueError(f"this code is made of {self.random_bits} bits")
        return "".join(SYMBOLS[random_bits >> 5 * place & 31] for place in range(self.length - 1, -1, -1))

    def read(self, text: str) -> str | None:
        """Return the symbols that were scanned or typed, or None if they are no code of this kind.

        Reads I and L as 1, O as 0, lower case and full-width forms; ignores spaces, dashes and `GLD1:`.
        """
        if len(text) > LONGEST_INPUT:
            return None
        symbols = unicodedata.normalize("NFKC", text).strip().removeprefix(PREFIX).translate(_FOLD)
        return symbols if len(symbols) == self.length and set(symbols) <= set(SYMBOLS) else None

    def shown(self, code: str) -> str:
        """Return a code in groups, for people to read and type."""
        return "-".join(code[begin : begin + self.group] for begin in range(0, self.length, self.group))

    def digest(self, code: str) -> bytes:
        """Return what a table holds of a code: it is random enough to need no salt."""
        return hashlib.sha256(f"grainline/{self.name}\0{code}".encode()).digest()


PAIRING = CodeKind("pairing-code", length=26, random_bits=128, group=7, life=timedelta(minutes=10))
PIN_SETTING = CodeKind("pin-setting-code", length=12, random_bits=60, group=4, life=timedelta(hours=24))
