"""Papers to print: a sign-off sheet with the columns of the trade, and names that tempt a renderer."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.documents.rules.content import Identity, content_of, hash_of
from app.documents.rules.paper import Column, DocumentKind, Edition, Paper, Shape, Table
from app.documents.rules.printing import Imprint
from app.documents.tables import Document

TEMPTING = (
    "张三丰", "李𬱖", "王䶮", "阿依古丽·买买提江", "欧阳静怡", "=cmd|'/c calc'!A1", "+1", "-1", "@x", "\t=1",
    '#image("/etc/passwd")', "*_$\\]", "#read(\"/etc/hostname\")", "某\ue123", "<b>&amp;", "01",
)  # fmt: skip
"""Names as a roster may bring them."""

LONG_DIGITS = "110105194912310021"
COLUMNS = (
    Column("序号", Shape.COUNT, 5),
    Column("所在工会", Shape.TEXT, 16),
    Column("姓名", Shape.TEXT, 9),
    Column("会员号", Shape.TEXT, 13),
    Column("证件后四位", Shape.TEXT, 7),
    Column("手机", Shape.TEXT, 12),
    Column("物品名称", Shape.TEXT, 12),
    Column("规格", Shape.TEXT, 9),
    Column("单位", Shape.TEXT, 5),
    Column("数量", Shape.COUNT, 6, is_summed=True),
    Column("单价", Shape.FEN, 8),
    Column("金额", Shape.FEN, 10, is_summed=True),
    Column("领取时间", Shape.TEXT, 12),
    Column("领取方式", Shape.TEXT, 7),
    Column("领取人签字", Shape.BLANK, 14),
    Column("代领人及证件后四位", Shape.TEXT, 12),
    Column("核销员", Shape.TEXT, 8),
    Column("备注", Shape.TEXT, 9),
)
"""签领表."""


def sheet_row(place: int) -> tuple[str | int | None, ...]:
    """Return a row; the quantity and the price differ from row to row, so that a sum over others shows."""
    boxes = 1 + place % 3
    unit = "示例·西城区德胜街道某某科技发展有限公司工会委员会" if place % 3 else "示例·德胜联合工会"
    return (
        place + 1, unit, TEMPTING[place % len(TEMPTING)], LONG_DIGITS, "002X", "138****8000", "示例·杂粮礼盒",
        "2.5kg×1", "份", boxes, 8_800, 8_800 * boxes, f"2020-10-12 09:{place % 60:02}",
        "代领" if place % 5 == 0 else "本人", None, "王某某 0017" if place % 5 == 0 else "", "示例·专干", "",
    )  # fmt: skip


def sign_off_sheet(count: int, **changes: Any) -> Paper:
    """Return a 签领表 with so many rows."""
    rows = [sheet_row(place) for place in range(count)]
    amount = sum(row[11] for row in rows if isinstance(row[11], int))
    wanted: dict[str, Any] = {
        "kind": DocumentKind.SIGNOFF_SHEET,
        "edition": Edition.FULL,
        "title": "示例·国庆慰问品签领表",
        "union_name": "示例·德胜街道总工会",
        "on": date(2020, 10, 20),
        "facts": (
            ("活动", "示例·国庆慰问"),
            ("领取点", "示例·服务站"),
            ("领取日期", "2020-10-12 至 2020-10-16"),
        ),
        "tables": (Table(COLUMNS, rows),),
        "notes": ("本表依据系统领取记录生成。",),
        "amount_fen": amount,
        "signatures": ("制表人", "经手人", "证明人", "审核人", "主席", "日期"),
    }
    return Paper(**(wanted | changes))


UNION_ID = UUID("01890000-0000-7000-8000-000000000001")


def content(paper: Paper, number: str | None = "QL-2020-0001") -> dict[str, Any]:
    """Return what a paper says under a number."""
    return content_of(paper, Identity(UNION_ID, number))


def imprint(content: dict[str, Any], *, is_draft: bool = False) -> Imprint:
    """Return what is printed around a content."""
    number = content["number"] or "草稿 01234567"
    return Imprint(
        number,
        is_draft,
        f"t-officer · 2026-01-02 03:04 · {number}",
        hash_of(content),
        "https://gl.test/verify",
    )


def fonts(folder: Path) -> Path:
    """Return the font, unpacked below a folder."""
    from app.documents.actions.press import unpack_font

    return unpack_font(folder)


async def build_sheet(_session: AsyncSession, document: Document) -> Paper:
    """A builder: the number of rows is in the document's parameters."""
    return sign_off_sheet(int(document.params.get("rows", 3)), edition=Edition(document.edition))
