"""What stands on a paper that was made: the cells of its workbook and the text of its pages."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import python_calamine
from pypdf import PdfReader


@dataclass
class Printed:
    """A paper as somebody reads it: its tables by caption, first row of headings; the words around them."""

    words: str = ""
    pages: list[str] = field(default_factory=list)
    sheets: dict[str, list[list[Any]]] = field(default_factory=dict)

    def table(self, heading: str) -> list[dict[str, Any]]:
        """Return the rows of the table that has this heading, each by its headings, without the sums."""
        return self._read(heading)[0]

    def sums(self, heading: str) -> dict[str, Any]:
        """Return the row of sums of the table that has this heading."""
        return self._read(heading)[1]

    def _read(self, heading: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        for lines in self.sheets.values():
            for place, line in enumerate(lines):
                if heading not in line:
                    continue
                rows: list[dict[str, Any]] = []
                for cells in lines[place + 1 :]:
                    row = dict(zip(line, cells, strict=True))
                    if cells[0] == "合计":
                        return rows, row
                    rows.append(row)
        raise AssertionError(f"no table with {heading}")


def read_printed(workbook: bytes, pdf: bytes) -> Printed:
    """Read a paper back from both of its files."""
    book = python_calamine.load_workbook(BytesIO(workbook))
    sheets = {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names
    }
    words = "\n".join(str(line[0]) for lines in sheets.values() for line in lines if line)
    pages = [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]
    return Printed(words, pages, sheets)
