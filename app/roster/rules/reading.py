"""From a file to rows that say who is meant; identity numbers are cut here and go no further."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice

from app.roster.errors import HeaderMissing, TooManyRows
from app.roster.rules.cells import EMPTY, Cell, Mark
from app.roster.rules.formats import Format, check_file
from app.roster.rules.headings import SEARCHED_ROWS, Field, find_columns, meaning_of
from app.roster.rules.identity import IdentityFault, last_four, without_long_numbers
from app.roster.rules.texts import text_rows
from app.roster.rules.unpacking import check_parts
from app.roster.rules.workbooks import MOST_ROWS, workbook_rows

_FOOTER = re.compile(r"(合计|总计|小计|共计|制表|填表|审核人|经办人|负责人|填报|备注:|注:)")
_EXAMPLE = re.compile(r"\(?(示例|样例|例:|example)", re.IGNORECASE)
_MARKS = {mark.value: mark for mark in Mark}


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One row of people: its number in the file, and the cells of the fields that the file has.

    The texts are as they were sent, long numbers covered. `last4` is what is left of an identity number: four
    characters, nothing, or the code of a fault behind a `!`.
    """

    row: int
    cells: dict[Field, Cell]
    last4: str = ""

    def to_line(self) -> str:
        """Return the row as a line of JSON."""
        cells = {field: [cell.text, cell.mark] for field, cell in self.cells.items()}
        return json.dumps([self.row, cells, self.last4], ensure_ascii=True, separators=(",", ":"))


def row_of_line(line: bytes) -> ReadRow:
    """Return the row that a line says."""
    row, cells, last4 = json.loads(line)
    return ReadRow(
        row, {Field(name): Cell(text, _MARKS[mark]) for name, (text, mark) in cells.items()}, last4
    )


@dataclass(frozen=True, slots=True)
class RowLines:
    """Rows that are kept as their lines, a fifth of the memory, and read anew each time."""

    lines: list[bytes]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.lines)

    def __iter__(self) -> Iterator[ReadRow]:
        """Go through them."""
        return map(row_of_line, self.lines)


def read_file(content: bytes, filename: str, *, today: date) -> Iterator[ReadRow]:
    """Yield the people of a file. Raises what `app.roster.errors` has for files; nothing else."""
    found = check_file(content, filename)
    if found in {Format.XLSX, Format.ODS}:
        check_parts(content)
    rows = text_rows(content) if found is Format.TEXT else workbook_rows(content)
    return people_of(rows, today=today)


def people_of(rows: Iterable[Sequence[Cell]], *, today: date) -> Iterator[ReadRow]:
    """Yield the people in the rows of a table; raises HeaderMissing, TooManyRows.

    Left out: titles, headings (repeated ones too), empty rows, examples of the template, totals, signatures.
    """
    source = iter(rows)
    first = list(islice(source, SEARCHED_ROWS + 1))
    headings = find_columns(first)
    if headings is None:
        raise HeaderMissing()
    begin, columns = headings
    count = 0
    for number, row in enumerate(chain(first[begin:], source), start=begin + 1):
        if not _is_person(row, columns):
            continue
        count += 1
        if count > MOST_ROWS:
            raise TooManyRows(limit=MOST_ROWS)
        yield _read_row(number, row, columns=columns, today=today)


def _is_person(row: Sequence[Cell], columns: dict[Field, list[int]]) -> bool:
    first = next((cell.text for cell in row if cell.text), None)
    if first is None:
        return False
    known = {field: _pick(row, places).text for field, places in columns.items()}
    if not any(known.values()) or _EXAMPLE.match(_bare(known.get(Field.NUMBER, ""))):
        return False
    who = (known[Field.NAME], known.get(Field.NUMBER, ""))
    is_unit = all(who) and first not in who  # one may be called 制表厂
    if _FOOTER.match(_bare(first)) and not is_unit:
        return False
    meaning = meaning_of(known[Field.NAME])
    return not _FOOTER.match(_bare(known[Field.NAME])) and (meaning is None or meaning[0] is not Field.NAME)


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text[:40]).split())


def _pick(row: Sequence[Cell], places: Sequence[int]) -> Cell:
    """Return the first cell that says something, of the columns of one field."""
    filled = (row[place] for place in places if place < len(row) and row[place].text)
    return next(filled, EMPTY)


def _read_row(number: int, row: Sequence[Cell], *, columns: dict[Field, list[int]], today: date) -> ReadRow:
    cells, last4 = {}, ""
    for field, places in columns.items():
        cell = _pick(row, places)
        if field is Field.LAST4:
            last4 = _cut(cell, today=today)
        cells[field] = Cell(without_long_numbers(cell.text), cell.mark)
    return ReadRow(number, cells, last4)


def _cut(cell: Cell, *, today: date) -> str:
    if not cell.text or cell.mark in {Mark.LOST, Mark.DATE}:
        return ""
    found = last_four(cell.text, today=today)
    return f"!{found}" if isinstance(found, IdentityFault) else found
