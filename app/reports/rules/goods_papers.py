"""Columns of the papers about goods: 入库单, 出库单, 盘点表, 未领取处置单, 采购统计表."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.documents.rules.paper import Cell, Column, DocumentKind, Edition, Paper, Shape, Table

RECEIPT = (
    Column("单号", width=12),
    Column("日期", Shape.DATE, 8),
    Column("供应商", width=14),
    Column("合同号", width=9),
    Column("品名", width=12),
    Column("规格", width=12),
    Column("批号", width=9),
    Column("生产日期", Shape.DATE, 8),
    Column("保质期至", Shape.DATE, 8),
    Column("单位", width=4),
    Column("应收", Shape.COUNT, 5, is_summed=True),
    Column("实收", Shape.COUNT, 5, is_summed=True),
    Column("破损", Shape.COUNT, 5, is_summed=True),
    Column("短少", Shape.COUNT, 5, is_summed=True),
    Column("单价", Shape.FEN, 7),
    Column("金额", Shape.FEN, 9, is_summed=True),
    Column("送货人", width=8),
    Column("验收人", width=7),
    Column("保管人", width=7),
    Column("备注", width=8),
)
ISSUE = (
    Column("序号", Shape.COUNT, 4),
    Column("日期", Shape.DATE, 8),
    Column("活动", width=14),
    Column("站点", width=12),
    Column("领用人", width=10),
    Column("品名", width=12),
    Column("批号", width=9),
    Column("单位", width=4),
    Column("数量", Shape.COUNT, 5, is_summed=True),
    Column("退回", Shape.COUNT, 5, is_summed=True),
    Column("实发", Shape.COUNT, 5, is_summed=True),
    Column("保管人", Shape.BLANK, 8),
    Column("审批人", Shape.BLANK, 8),
)
STOCKTAKE = (
    Column("序号", Shape.COUNT, 4),
    Column("品名", width=14),
    Column("批号", width=10),
    Column("保质期至", Shape.DATE, 9),
    Column("单位", width=4),
    Column("账面完好", Shape.COUNT, 7, is_summed=True),
    Column("账面隔离", Shape.COUNT, 7, is_summed=True),
    Column("实盘完好", Shape.COUNT, 7, is_summed=True),
    Column("实盘隔离", Shape.COUNT, 7, is_summed=True),
    Column("盈亏", Shape.COUNT, 6, is_summed=True),
    Column("已调整", Shape.COUNT, 6, is_summed=True),
    Column("备注", width=10),
)
UNCOLLECTED = (
    Column("序号", Shape.COUNT, 4),
    Column("所在工会", width=14),
    Column("姓名", width=8),
    Column("会员号", width=11),
    Column("手机(脱敏)", width=10),
    Column("订单号", width=12),
    Column("领取点", width=12),
    Column("物品名称", width=12),
    Column("单位", width=4),
    Column("未领数量", Shape.COUNT, 6, is_summed=True),
    Column("情形", width=10),
)
UNCOLLECTED_MASKED = (
    Column("序号", Shape.COUNT, 4),
    Column("所在工会", width=16),
    Column("姓名", width=8),
    Column("领取点", width=14),
    Column("物品名称", width=14),
    Column("单位", width=4),
    Column("未领数量", Shape.COUNT, 6, is_summed=True),
    Column("情形", width=10),
)
DISPOSALS = (
    Column("处置单号", width=12),
    Column("方式", width=6),
    Column("状态", width=6),
    Column("品名", width=12),
    Column("批号", width=9),
    Column("地点", width=12),
    Column("份数", Shape.COUNT, 5, is_summed=True),
    Column("接收单位", width=14),
    Column("事由", width=14),
    Column("申请人", width=7),
    Column("审批人", width=7),
    Column("审批日期", Shape.DATE, 8),
)
PURCHASES = (
    Column("单位", width=12),
    Column("年月", width=7),
    Column("地区", width=11),
    Column("区划代码", width=7),
    Column("产品", width=12),
    Column("认定编号", width=10),
    Column("供应商", width=13),
    Column("渠道", width=7),
    Column("规格", width=10),
    Column("数量", Shape.COUNT, 6, is_summed=True),
    Column("计量单位", width=4),
    Column("重量(kg)", Shape.GRAMS, 8, is_summed=True),
    Column("金额", Shape.FEN, 10, is_summed=True),
    Column("受益会员数", Shape.COUNT, 6),
    Column("合同号", width=9),
    Column("发票号", width=10),
    Column("凭证号", width=8),
    Column("备注", width=8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsHead:
    """What stands above and below a paper about goods."""

    kind: DocumentKind
    edition: Edition
    title: str
    union_name: str
    on: date
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    signatures: Sequence[str] = ()


def goods_paper(head: GoodsHead, tables: Sequence[Table], *, amount_fen: int | None = None) -> Paper:
    """Return a paper about goods: its tables under one head."""
    return Paper(
        kind=head.kind,
        edition=head.edition,
        title=head.title,
        union_name=head.union_name,
        on=head.on,
        facts=tuple(head.facts),
        tables=tuple(tables),
        notes=tuple(head.notes),
        amount_fen=amount_fen,
        signatures=tuple(head.signatures),
    )


def day(value: date | None) -> str | None:
    """Return a day as cells have it."""
    return value.isoformat() if value is not None else None


def numbered(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Return rows with their number, from 1, before them."""
    return [[place, *row] for place, row in enumerate(rows, start=1)]


def share_text(part: int, whole: int) -> str:
    """Return a share with its two sides, which are fen: 35.2%(352.00元/1000.00元); no share of nothing."""
    sides = f"{yuan(part)}/{yuan(whole)}"
    if whole <= 0:
        return f"—({sides})"
    tenths = (part * 2_000 + whole) // (whole * 2)
    return f"{tenths // 10}.{tenths % 10}%({sides})"


def yuan(fen: int) -> str:
    """Return an amount for words: 1234.50元."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02}元"
