"""Delimited texts: their encoding and their delimiter are found out, never asked for."""

import csv
import io
from collections.abc import Iterator
from itertools import islice

from app.roster.errors import EncodingUnknown, FileUnreadable, TooManyColumns
from app.roster.rules.cells import Cell, cell_of_text
from app.roster.rules.headings import SEARCHED_ROWS, find_columns

_DELIMITERS = (",", "\t", ";", "\uff0c", "|")
_LONGEST_FIELD = 10_000
_WIDE = (b"\xff\xfe", b"\xfe\xff")
MOST_COLUMNS = 200


def decode(content: bytes) -> str:
    """Return the text of a file: UTF-16 with its mark, UTF-8 with or without, else GB18030.

    Strict: a byte that fits none of them refuses the file (EncodingUnknown), no name is half read.
    """
    encodings = ("utf-16",) if content.startswith(_WIDE) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise EncodingUnknown()


def text_rows(content: bytes) -> Iterator[list[Cell]]:
    """Yield the rows of a delimited text; the delimiter is the one under which headings are found.

    Raises EncodingUnknown, FileUnreadable, TooManyColumns.
    """
    text = decode(content)
    csv.field_size_limit(_LONGEST_FIELD)
    for delimiter in _DELIMITERS:
        first = list(islice(_split(text, delimiter), SEARCHED_ROWS + 1))
        if find_columns(first) is not None:
            break
    else:
        delimiter = ","
    yield from _split(text, delimiter, is_strict=True)


def _split(text: str, delimiter: str, *, is_strict: bool = False) -> Iterator[list[Cell]]:
    """Yield rows; strict, a quote that nobody closes refuses the file instead of swallowing people."""
    try:
        source = io.StringIO(text, newline="")
        for row in csv.reader(source, delimiter=delimiter, strict=is_strict):
            if len(row) > MOST_COLUMNS:
                raise TooManyColumns(limit=MOST_COLUMNS)
            yield [cell_of_text(field, is_typed=False) for field in row]
    except csv.Error:
        raise FileUnreadable() from None
