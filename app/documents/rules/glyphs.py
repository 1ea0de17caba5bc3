"""What a font can print, and how wide it prints it: read from an OpenType file's own tables."""

import struct
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field

MISSING = "〓"
"""Stands for a character that the font does not have; never a gap."""

_WINDOWS, _FULL_UNICODE, _SEGMENTED = 3, 10, 12
_BLANK = frozenset({"Cc", "Zl", "Zp"})
_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


@dataclass(slots=True)
class Glyphs:
    """The characters of a font and their advance widths in em."""

    starts: list[int]
    groups: list[tuple[int, int, int]]
    advances: tuple[int, ...]
    units: int
    _known: dict[str, float | None] = field(default_factory=dict)

    def width(self, char: str) -> float | None:
        """Return how wide a character is in em, None for one that the font does not have."""
        if char not in self._known:
            self._known[char] = self._look_up(ord(char))
        return self._known[char]

    def measure(self, text: str) -> float:
        """Return how wide a printable text is in em."""
        return sum(self.width(char) or 0.0 for char in text)

    def _look_up(self, code: int) -> float | None:
        place = bisect_right(self.starts, code) - 1
        if place < 0 or code > self.groups[place][1]:
            return None
        start, _, glyph = self.groups[place]
        return self.advances[min(glyph + code - start, len(self.advances) - 1)] / self.units


def read_glyphs(font: bytes) -> Glyphs:
    """Return the glyphs of an OpenType font with a segmented table of full Unicode; raises ValueError."""
    tables = {}
    for place in range(struct.unpack_from(">H", font, 4)[0]):
        tag, _, offset, _ = struct.unpack_from(">4sLLL", font, 12 + 16 * place)
        tables[tag] = offset
    units = struct.unpack_from(">H", font, tables[b"head"] + 18)[0]
    count = struct.unpack_from(">H", font, tables[b"hhea"] + 34)[0]
    advances = struct.unpack_from(">" + "Hh" * count, font, tables[b"hmtx"])[::2]
    groups = _groups(font, tables[b"cmap"])
    return Glyphs([group[0] for group in groups], groups, advances, units)


def _groups(font: bytes, start: int) -> list[tuple[int, int, int]]:
    for place in range(struct.unpack_from(">H", font, start + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHL", font, start + 4 + 8 * place)
        if (platform, encoding) != (_WINDOWS, _FULL_UNICODE):
            continue
        form, _, _, _, count = struct.unpack_from(">HHLLL", font, start + offset)
        if form == _SEGMENTED:
            return list(
                struct.iter_unpack(">LLL", font[start + offset + 16 : start + offset + 16 + 12 * count])
            )
    raise ValueError("the font has no segmented table of full Unicode")


def printable(text: str, glyphs: Glyphs, *, missing: set[str]) -> str:
    """Return a text as it is printed: what the font does not have is 〓, and added to `missing`.

    Line ends and tabulators are spaces. Variation selectors go; the character before them stays. Characters
    of private use, and those that turn or hide others, are 〓 too.
    """
    return "".join(_printed(char, glyphs, missing=missing) for char in text)


def _printed(char: str, glyphs: Glyphs, *, missing: set[str]) -> str:
    if " " <= char <= "~":
        return char
    kind, code = unicodedata.category(char), ord(char)
    if kind in _BLANK:
        return " "
    if any(first <= code <= last for first, last in _SELECTORS):
        return ""
    if kind in {"Co", "Cf", "Cs", "Cn"} or glyphs.width(char) is None:
        missing.add(char)
        return MISSING
    return char
