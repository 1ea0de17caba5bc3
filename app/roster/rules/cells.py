"""What a cell says: its text, and a mark for what the spreadsheet did to it."""

import datetime as dates
import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple

LONGEST = 200
_EXACT = 10**15
_SCIENTIFIC = re.compile(r"([0-9](?:\.[0-9]{1,2})?)[0-9]*([Ee]\+?[0-9]{1,3})")
_WHOLE = re.compile(r"([0-9]{1,15})\.0+")
_KEPT = re.compile(r'="([^"]*)"')
_ROUNDED = re.compile(r"[1-9][0-9]{3,}0{6}")


class Mark(StrEnum):
    """What a reader must know of a cell besides its text."""

    PLAIN = ""
    NUMBER = "n"
    LOST = "l"
    DATE = "d"


class Cell(NamedTuple):
    """The text of a cell, trimmed, and its mark."""

    text: str
    mark: Mark = Mark.PLAIN


EMPTY = Cell("")
_DATES = (dates.date, dates.time, dates.timedelta)


def cell_of(value: object) -> Cell:
    """Return what a value of a spreadsheet says.

    A number that holds a whole one exactly is that; one of more than 15 digits has lost some (IEEE 754), and
    so has one of eleven and more digits that ends with six zeros: it was text like 1.38E+10 before.
    """
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return Cell("TRUE" if value else "FALSE")
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, _DATES):
        return Cell(str(value)[:LONGEST], Mark.DATE)
    return cell_of_text(str(value))


def _number(value: float) -> Cell:
    if not abs(value) < _EXACT:  # also what is not a number at all
        return Cell(f"{value:.2E}", Mark.LOST)
    if value != int(value):
        return Cell(str(value)[:LONGEST], Mark.NUMBER)
    text = str(int(value))
    return Cell(text, Mark.LOST if len(text) > 10 and _ROUNDED.fullmatch(text) else Mark.NUMBER)


def cell_of_text(value: str, *, is_typed: bool = True) -> Cell:
    """Return what a text says; with `is_typed` false (a delimited file) digits may have been a number."""
    text = value.strip().strip("\ufeff\u200b").strip()[:LONGEST]
    if not is_typed and (kept := _KEPT.fullmatch(text)):
        return cell_of_text(kept[1])  # ="0012": how a text file keeps zeros from a spreadsheet
    if not text:
        return EMPTY
    folded = unicodedata.normalize("NFKC", text) if not text.isascii() else text
    if rounded := _SCIENTIFIC.fullmatch(folded):
        # Three digits show what happened; more could be most of an identity number.
        return Cell(rounded[1] + rounded[2], Mark.LOST)
    if whole := _WHOLE.fullmatch(folded):
        return Cell(whole[1], Mark.NUMBER)
    if not is_typed and folded.isascii() and folded.isdigit():
        return Cell(text, Mark.NUMBER)
    return Cell(text)
