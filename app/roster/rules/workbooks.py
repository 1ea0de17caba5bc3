"""Workbooks: the one visible sheet that has the headings of a roster; values as they were last computed."""

import io
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter

import python_calamine as calamine

from app.roster.errors import (
    FileLocked,
    FileUnreadable,
    HeaderMissing,
    SeveralSheets,
    TooManyColumns,
    TooManyRows,
)
from app.roster.rules.cells import Cell, cell_of
from app.roster.rules.headings import SEARCHED_ROWS, find_columns
from app.roster.rules.texts import MOST_COLUMNS

MOST_ROWS = 50_000
MOST_SHEETS = 50
# Titles, headings and totals come on top; a sheet far beyond is refused before its cells are looked at.
_MOST_SHEET_ROWS = MOST_ROWS + 1_000


def workbook_rows(content: bytes) -> Iterator[list[Cell]]:
    """Yield the rows of the roster's sheet; the first is row 1 of the sheet.

    Sheets of headings alone do not count; people in a second one are never half read: SeveralSheets.
    Raises FileUnreadable, FileLocked, HeaderMissing, TooManyColumns, TooManyRows.
    """
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.visible is calamine.SheetVisibleEnum.Visible
            and sheet.typ is calamine.SheetTypeEnum.WorkSheet
        ]
        sheets = (workbook.get_sheet_by_name(name) for name in names[:MOST_SHEETS])
        found = [(sheet, has_people) for sheet in sheets if (has_people := _has_people(sheet)) is not None]
        if sum(has_people for _, has_people in found) > 1:
            raise SeveralSheets()
        if found:
            yield from _rows(max(found, key=itemgetter(1))[0])
            return
    except calamine.PasswordError:
        raise FileLocked() from None
    except (calamine.CalamineError, OSError, ValueError):
        raise FileUnreadable() from None
    raise HeaderMissing()


def _has_people(sheet: calamine.CalamineSheet) -> bool | None:
    """Tell whether there is anything below the headings of a sheet; None if it has none."""
    if sheet.width > MOST_COLUMNS:
        raise TooManyColumns(limit=MOST_COLUMNS)
    if sheet.height > _MOST_SHEET_ROWS:
        raise TooManyRows(limit=MOST_ROWS)
    first = [[cell_of(value) for value in row] for row in islice(sheet.iter_rows(), SEARCHED_ROWS + 1)]
    headings = find_columns(first)
    if headings is None:
        return None
    return any(sum(bool(cell.text) for cell in row) > 1 for row in first[headings[0] :])


def _rows(sheet: calamine.CalamineSheet) -> Iterator[list[Cell]]:
    for row in sheet.iter_rows():
        yield [cell_of(value) for value in row]
