"""How a cell is written on paper: figures in yuan and kilograms, texts in as many lines as they need."""

import re
from dataclasses import dataclass
from typing import Any

from app.documents.rules.glyphs import Glyphs
from app.documents.rules.paper import Shape

LEADING = 1.2
"""The height of a line, in sizes of its letters."""

SMALLEST = 5.0
"""The smallest letters, in points: still legible in print."""

_STEP = 0.5
_ONE_LINE = 1.0
_SLACK = 0.3
_TOKEN = re.compile(r"[A-Za-z0-9.,:/*+_@-]+|.", re.DOTALL)
_NEVER_FIRST = frozenset("，。、；：！？）》」』】〉,.;:!?)%·…")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text in lines, with the size of its letters in points."""

    lines: list[str]
    size: float

    @property
    def height(self) -> float:
        """How high it is, in points."""
        return len(self.lines) * self.size * LEADING


def written(cell: str | int | None, shape: str) -> str:
    """Return a cell as text: fen in yuan with two decimals, grams in kg with three, counts in groups."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    sign, size = "-" if cell < 0 else "", abs(cell)
    if shape == Shape.FEN:
        return f"{sign}{size // 100:,}.{size % 100:02}"
    if shape == Shape.GRAMS:
        return f"{sign}{size // 1000:,}.{size % 1000:03}"
    return f"{cell:,}"


def fit(text: str, glyphs: Glyphs, *, box: tuple[float, float], size: float, highest: float) -> Fitted:
    """Return a text fitted into a box (width, height in points), with letters of `size` points if it can be.

    It is tried on one line, a little smaller if need be; in several lines, smaller still; with words broken;
    and then higher than the box. What would be higher than `highest` points is cut, with an ellipsis.
    """
    width, height = box
    whole = glyphs.measure(text)
    for trial in _sizes(size, max(SMALLEST, size - _ONE_LINE)):
        if whole * trial <= width - _SLACK and trial * LEADING <= height:
            return Fitted([text], trial)
    longest = max((glyphs.measure(token) for token in _TOKEN.findall(text)), default=0.0)
    for trial in _sizes(size, SMALLEST):
        found = Fitted(wrap(text, glyphs, width=(width - _SLACK) / trial), trial)
        if longest * trial <= width - _SLACK and found.height <= height:
            return found
    for trial in _sizes(size, SMALLEST):
        found = Fitted(wrap(text, glyphs, width=(width - _SLACK) / trial), trial)
        if found.height <= height:
            return found
    return _cut(wrap(text, glyphs, width=(width - _SLACK) / SMALLEST), highest=highest)


def _cut(lines: list[str], *, highest: float) -> Fitted:
    most = max(1, int(highest / (SMALLEST * LEADING)))
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return Fitted(lines, SMALLEST)


def _sizes(largest: float, smallest: float) -> list[float]:
    count = round((largest - smallest) / _STEP)
    return [largest - _STEP * step for step in range(count + 1)]


def wrap(text: str, glyphs: Glyphs, *, width: float) -> list[str]:
    """Return a text in lines of at most `width` em; words stay whole where they can."""
    line_width, line, lines = 0.0, "", []
    limit = max(width, 1.0)
    for token in _pieces(text, glyphs, limit=limit):
        token_width = glyphs.measure(token)
        if line and line_width + token_width > limit:
            carried = line[-1] if token[0] in _NEVER_FIRST and len(line) > 1 else ""
            lines.append(line.removesuffix(carried).rstrip() if carried else line.rstrip())
            line, line_width = carried, glyphs.measure(carried)
        if line or not token.isspace():
            line, line_width = line + token, line_width + token_width
    return [*lines, line] if line or not lines else lines


def _pieces(text: str, glyphs: Glyphs, *, limit: float) -> Any:
    """Cut a text at the places where a line may end; a word wider than a line anywhere."""
    for token in _TOKEN.findall(text.strip()):
        if len(token) > 1 and glyphs.measure(token) > limit:
            yield from token
        else:
            yield token
