"""Taking the list of members out of the service: masked, and marked with who took it, when and why."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO

import xlsxwriter
from anyio import to_thread
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.vault import UnionKeys, vault_of
from app.platform.clock import SHANGHAI
from app.platform.i18n import Language, text
from app.platform.ids import new_id
from app.platform.limits import Limit
from app.privacy.schemas import ExportRequest
from app.unions.queries import find_union_names, get_staff
from app.unions.rules import Audience, mask_mobile, mask_name
from app.unions.tables import Member, open_particulars

EXPORTS = Limit("privacy.export", 10, timedelta(hours=1))
_COLUMNS = ("number", "name", "mobile", "unit", "status")
_WIDTHS = (16, 16, 16, 40, 14)


async def export_members(
    session: AsyncSession, actor: Actor, *, wanted: ExportRequest, language: Language, now: datetime
) -> bytes:
    """Return the members of the caller's scope as an .xlsx workbook, in the order of their names.

    Every cell is text, so that no name runs as a formula and no number loses its zeros. The first row, and
    the file's properties, name the account, the time and the number of this export; the audit log has the
    same number with the count of rows and the SHA-256 of the file.
    """
    found = await session.execute(
        select(Member).where(Member.erased_at.is_(None)).order_by(Member.name_rank, Member.id)
    )
    members = list(found.scalars())
    keys = await vault_of(session).keys_of_many(session, {member.union_id for member in members})
    units = await find_union_names(session, {member.unit_id for member in members})
    taker = await get_staff(session, actor.id)
    export_id = new_id()
    mark = f"{taker.login} · {now.astimezone(SHANGHAI):%Y-%m-%d %H:%M} · {export_id}"
    rows = await to_thread.run_sync(
        lambda: [_row(keys[one.union_id], one, unit=units[one.unit_id]) for one in members]
    )
    content = await to_thread.run_sync(lambda: _workbook(rows, mark=mark, language=language))
    details = {
        "export_id": str(export_id),
        "rows": len(members),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    trace = Trace("privacy.export", actor.union_id, actor, reason=wanted.reason.value, details=details)
    record(session, trace, now=now)
    return content


def _row(keys: UnionKeys, member: Member, *, unit: str) -> tuple[str, ...]:
    person = open_particulars(keys, member)
    mobile = mask_mobile(person.mobile) or ""
    return member.number, mask_name(person.name, Audience.PUBLIC), mobile, unit, member.status


def _workbook(rows: Sequence[tuple[str, ...]], *, mark: str, language: Language) -> bytes:
    target = BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"comments": mark})
    sheet = book.add_worksheet()
    sheet.write_string(0, 0, mark)
    for column, (name, width) in enumerate(zip(_COLUMNS, _WIDTHS, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(1, column, text(language, f"message.column_{name}", part="text"))
    for position, row in enumerate(rows, start=2):
        for column, value in enumerate(row):
            sheet.write_string(position, column, value)
    sheet.set_footer(f"&L{mark}&R&P/&N")
    sheet.freeze_panes(2, 0)
    book.close()
    return target.getvalue()
