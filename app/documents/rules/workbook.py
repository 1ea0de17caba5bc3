"""A paper as a workbook: texts are texts, figures are figures, and nothing is ever a formula."""

import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter

from app.documents.rules.capitals import MOST_FEN, amount_in_capitals
from app.documents.rules.cells import written
from app.documents.rules.content import sums_of
from app.documents.rules.paper import Shape
from app.documents.rules.printing import Imprint, facts_of, heading_of

_OPTIONS: dict[str, Any] = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_A4 = 9
_MOST_CHARACTERS = 32_767
_MOST_SHEET_NAME = 31
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\']")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Signs that turn what stands behind them: in one line with a number, the number would read backwards."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FORMATS = {Shape.COUNT: "#,##0", Shape.FEN: "#,##0.00", Shape.GRAMS: "#,##0.000"}
_IN_A_UNIT = {Shape.COUNT: 1, Shape.FEN: 100, Shape.GRAMS: 1000}
_EVERY = 200

Progress = Callable[[int], None]


def write_workbook(content: dict[str, Any], imprint: Imprint, *, progress: Progress) -> bytes:
    """Return the .xlsx of a paper, one sheet a table; `progress` hears how many rows are written.

    The same paper gives the same bytes: the time of making in it is the paper's day. Its properties name
    nobody. Money is in yuan and weights in kg, as numbers; a sum is a number too.
    """
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, _OPTIONS) as workbook:
        day = date.fromisoformat(content["on"])
        created = datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None)
        workbook.set_properties({"title": heading_of(content)[:200], "created": created})
        tables = content["tables"] or [{"caption": "", "columns": [], "rows": []}]
        names: set[str] = set()
        done = 0
        for place, table in enumerate(tables):
            title = table["caption"] or (content["title"] if place == 0 else f"表{place + 1}")
            sheet = workbook.add_worksheet(_sheet_name(title, names))
            writer = _Sheet(workbook, sheet, content=content, imprint=imprint)
            writer.write(table, is_last=place == len(tables) - 1, before=done, progress=progress)
            done += len(table["rows"])
    progress(done)
    return target.getvalue()


def _sheet_name(title: str, taken: set[str]) -> str:
    """Return a name that a workbook takes: short, without its forbidden signs, and no other sheet's."""
    plain = _NOT_IN_A_NAME.sub(" ", "".join(char for char in title if char.isprintable())).strip()
    name = (plain or "表")[:_MOST_SHEET_NAME]
    place = 1
    while name.casefold() in taken or name.casefold() == "history":
        place += 1
        end = f" {place}"
        name = (plain or "表")[: _MOST_SHEET_NAME - len(end)] + end
    taken.add(name.casefold())
    return name


class _Sheet:
    """A sheet that is being written, from above."""

    def __init__(self, workbook: Any, sheet: Any, *, content: dict[str, Any], imprint: Imprint) -> None:
        self._sheet, self._content, self._imprint = sheet, content, imprint
        self._line = 0
        edge = {"border": 1, "valign": "vcenter", "font_name": "宋体", "font_size": 10}
        plain = {"font_name": "宋体", "font_size": 10, "num_format": "@", "quote_prefix": True}
        add = workbook.add_format
        self._plain = add(plain)
        self._title = add(plain | {"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
        self._heading = add(
            edge | {"bold": True, "align": "center", "text_wrap": True, "bg_color": "#ECECEC"}
        )
        self._text = add(edge | {"num_format": "@", "text_wrap": True, "quote_prefix": True})
        self._day = add(edge | {"num_format": "yyyy-mm-dd", "align": "center"})
        self._figures = {shape: add(edge | {"num_format": form}) for shape, form in _FORMATS.items()}
        self._sum = {
            shape: add(edge | {"num_format": form, "bold": True}) for shape, form in _FORMATS.items()
        }
        self._label = add(edge | {"bold": True, "align": "center"})

    def write(self, table: dict[str, Any], *, is_last: bool, before: int, progress: Progress) -> None:
        """Write everything of the sheet; `before` rows are on other sheets already."""
        columns = table["columns"]
        self._set_up(columns)
        self._above(table, width=max(len(columns), 1))
        if columns:
            self._table(table, before=before, progress=progress)
        if is_last:
            self._below()

    def _set_up(self, columns: list[dict[str, Any]]) -> None:
        sheet, imprint = self._sheet, self._imprint
        if self._content["is_landscape"]:
            sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.set_header(f"&L{_plain_text(self._content['union'])}&R{_plain_text(imprint.number)}")
        sheet.set_footer(f"&L{_plain_text(imprint.mark)}&R第 &P 页 / 共 &N 页")
        for place, column in enumerate(columns):
            # Half-width characters: a Chinese one takes two.
            sheet.set_column(place, place, max(column["width"] * 1.2, 2 * min(len(column["heading"]), 4) + 1))

    def _above(self, table: dict[str, Any], *, width: int) -> None:
        title = heading_of(self._content) + ("（草稿）" if self._imprint.is_draft else "")
        if width > 1:
            self._sheet.merge_range(0, 0, 0, width - 1, "", self._title)
        self._sheet.write_string(0, 0, title[:_MOST_CHARACTERS], self._title)
        self._sheet.set_row(0, 28)
        self._line = 1
        self._say(f"{self._content['union']}    单据编号：{self._imprint.number}")
        for heading, text in facts_of(self._content):
            self._say(f"{heading}：{text}")
        if table["caption"]:
            self._say(table["caption"])

    def _say(self, text: str) -> None:
        self._sheet.write_string(self._line, 0, _TURNING.sub("", text)[:_MOST_CHARACTERS], self._plain)
        self._line += 1

    def _table(self, table: dict[str, Any], *, before: int, progress: Progress) -> None:
        columns = table["columns"]
        for place, column in enumerate(columns):
            self._sheet.write_string(self._line, place, column["heading"], self._heading)
        self._sheet.set_row(self._line, 30)
        self._sheet.repeat_rows(self._line)
        self._sheet.freeze_panes(self._line + 1, 0)
        self._line += 1
        for count, row in enumerate(table["rows"], start=1):
            for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
                self._cell(place, cell, shape=column["shape"])
            self._line += 1
            if count % _EVERY == 0:
                progress(before + count)
        if any(one["is_summed"] for one in columns):
            self._sums(table)

    def _cell(self, place: int, cell: str | int | None, *, shape: str) -> None:
        if cell is None:
            self._sheet.write_blank(self._line, place, None, self._text)
        elif isinstance(cell, int):
            self._sheet.write_number(
                self._line, place, cell / _IN_A_UNIT[Shape(shape)], self._figures[Shape(shape)]
            )
        elif shape == Shape.DATE and _DAY.fullmatch(cell):
            self._sheet.write_datetime(self._line, place, datetime.fromisoformat(cell), self._day)
        else:
            self._sheet.write_string(self._line, place, cell[:_MOST_CHARACTERS], self._text)

    def _sums(self, table: dict[str, Any]) -> None:
        sums = sums_of(table, table["rows"])
        for place, (total, column) in enumerate(zip(sums, table["columns"], strict=True)):
            if total is not None:
                shape = Shape(column["shape"])
                self._sheet.write_number(self._line, place, total / _IN_A_UNIT[shape], self._sum[shape])
            else:
                self._sheet.write_string(self._line, place, "合计" if place == 0 else "", self._label)
        self._line += 1

    def _below(self) -> None:
        content, fen = self._content, self._content["amount_fen"]
        if fen is not None:
            capitals = f"    （大写）：{amount_in_capitals(fen)}" if abs(fen) <= MOST_FEN else ""
            self._say(f"合计金额（小写）：¥ {written(fen, Shape.FEN)}{capitals}")
        for note in content["notes"]:
            self._say(f"注：{note}")
        if content["signatures"]:
            self._line += 1
            self._say("        ".join(f"{role}：____________" for role in content["signatures"]))
        self._line += 1
        for line in self._imprint.seal:
            self._say(line)


def _plain_text(text: str) -> str:
    """Return a text for a header or footer, in which `&` would begin a code."""
    return "".join(char for char in text if char.isprintable())[:60].replace("&", "&&")
