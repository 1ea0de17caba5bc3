"""Workbooks that we write: the template, and the refused rows to be mended; every cell is a text."""

import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.vault import UnionKeys
from app.platform.i18n import Language, text
from app.roster import queries
from app.roster.errors import ImportEnded, NotCompared
from app.roster.rules.comparing import Kind
from app.roster.rules.headings import HEADINGS, Field
from app.roster.rules.progress import UNDER_WAY
from app.roster.schemas import reasons_of
from app.roster.tables import RosterImport, RosterRow, open_content

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_AT_ONCE = 5_000
_STATUSES = ("在籍", "保留会籍", "会籍转出", "离会")
_COLUMNS = (Field.NUMBER, Field.NAME, Field.MOBILE, Field.LAST4, Field.UNIT, Field.GROUP, Field.STATUS)
_EXAMPLE = ("示例00012345", "张三丰", "13800138000", "002X", "示例单位工会", "第一小组", "在籍")
_WIDTHS = (18, 20, 16, 14, 32, 20, 12)
_LAST_ROW = 1_048_575
# A name is never a formula, a number never loses its zeros, an address never becomes a link.
_OPTIONS: dict[str, Any] = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def write_template(language: Language) -> bytes:
    """Return the workbook to fill in: headings, a row that the import passes over, notes."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, _OPTIONS) as workbook:
        sheet = workbook.add_worksheet("会员名册")
        plain, bold = workbook.add_format({"num_format": "@"}), workbook.add_format({"bold": True})
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width, plain)
        for column, field in enumerate(_COLUMNS):
            sheet.write_string(0, column, HEADINGS[field], bold)
            sheet.write_string(1, column, _EXAMPLE[column], plain)
        place = _COLUMNS.index(Field.STATUS)
        sheet.data_validation(1, place, _LAST_ROW, place, {"validate": "list", "source": list(_STATUSES)})
        sheet.freeze_panes(1, 0)
        notes = workbook.add_worksheet("填写说明" if language == "zh-CN" else "Notes")
        notes.set_column(0, 0, 100)
        for row, line in enumerate(text(language, "message.roster_template", part="detail").split("\n")):
            notes.write_string(row, 0, line)
    return target.getvalue()


async def open_refused(
    session: AsyncSession, one: RosterImport, *, actor: Actor, now: Any
) -> list[RosterRow]:
    """Return the refused rows of an import; that they were taken out is recorded.

    Raises NotCompared while there is no comparison, ImportEnded when its rows are deleted.
    """
    if one.status in UNDER_WAY:
        raise NotCompared()
    if one.erased_at is not None or not one.counts:
        raise ImportEnded()
    rows: list[RosterRow] = []
    last = -1
    while found := await queries.find_rows(
        session, one.id, kind=Kind.REFUSED.value, after=last, limit=_AT_ONCE
    ):
        rows += found
        last = found[-1].position
    details = {"rows": len(rows)}
    trace = Trace("roster.errors_taken", one.union_id, actor, ("roster_import", one.id), details=details)
    record(session, trace, now=now)
    return rows


def write_refused(rows: Sequence[RosterRow], keys: UnionKeys, *, language: Language) -> bytes:
    """Return the workbook of refused rows: as they were sent, with their numbers and why; for a thread.

    Its headings are those of the template, so that it can be mended and sent again as it is.
    """
    target = io.BytesIO()
    headings = [text(language, f"message.roster_{name}", part="detail") for name in ("row_number", "why")]
    with xlsxwriter.Workbook(target, _OPTIONS) as workbook:
        sheet = workbook.add_worksheet("会员名册")
        plain, bold = workbook.add_format({"num_format": "@"}), workbook.add_format({"bold": True})
        for column, width in enumerate((8, 60, *_WIDTHS)):
            sheet.set_column(column, column, width, plain)
        for column, heading in enumerate((*headings, *(HEADINGS[field] for field in _COLUMNS))):
            sheet.write_string(0, column, heading, bold)
        for line, row in enumerate(rows, start=1):
            sent = open_content(keys, row)["sent"]
            reasons = "\n".join(reason.detail for reason in reasons_of(row, language))
            cells = (str(row.position), reasons, *(sent.get(field.value, "") for field in _COLUMNS))
            for column, cell in enumerate(cells):
                sheet.write_string(line, column, cell, plain)
        sheet.freeze_panes(1, 0)
    return target.getvalue()
