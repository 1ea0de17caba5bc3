"""Building 未领取处置单 and 活动小结."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import UnionKeys, keys_of
from app.campaigns.queries import get_campaign
from app.campaigns.tables import Campaign
from app.documents.rules.paper import Cell, Column, DocumentKind, Edition, Paper, Shape, Table
from app.documents.tables import Document
from app.platform.clock import local_date
from app.regions.rules.terms import terms_of
from app.reports.queries import campaign_papers as queries
from app.reports.queries.goods_papers import list_disposals
from app.reports.rules.goods_papers import (
    DISPOSALS,
    UNCOLLECTED,
    UNCOLLECTED_MASKED,
    GoodsHead,
    day,
    goods_paper,
    numbered,
    share_text,
)
from app.reports.rules.signoff import OTHER_UNITS, fold_small_units, shown_units
from app.reports.rules.summary import SummaryFacts, summary_text
from app.stock.queries.figures import lot_figures
from app.stock.rules.figures import LotFigures
from app.unions.queries import get_union
from app.unions.rules.masks import Audience, mask_mobile, mask_name
from app.unions.tables import open_particulars

_DISPOSALS = {"write_off": "报损", "return": "退回", "donation": "捐赠", "release": "放行"}
_STATES = {"pending": "待审批", "approved": "已批准", "declined": "未批准", "withdrawn": "已撤回"}
_UNITS = (
    Column("所在工会", width=18),
    Column("订单", Shape.COUNT, is_summed=True),
    Column("领取人数", Shape.COUNT, is_summed=True),
    Column("领取份数", Shape.COUNT, is_summed=True),
    Column("逾期未领", Shape.COUNT, is_summed=True),
    Column("已取消", Shape.COUNT, is_summed=True),
)
_LOTS = (
    Column("品名", width=14),
    Column("批号", width=12),
    Column("收到", Shape.COUNT, is_summed=True),
    Column("发放", Shape.COUNT, is_summed=True),
    Column("退回", Shape.COUNT, is_summed=True),
    Column("损坏", Shape.COUNT, is_summed=True),
    Column("捐赠", Shape.COUNT, is_summed=True),
    Column("在库", Shape.COUNT, is_summed=True),
    Column("在途", Shape.COUNT, is_summed=True),
    Column("差异", Shape.COUNT, is_summed=True),
)
_REGIONS = (Column("地区", width=16), Column("金额", Shape.FEN, 12, is_summed=True))


async def build_uncollected(session: AsyncSession, document: Document) -> Paper:
    """Return who did not collect what was kept for them, by unit, and what became of the boxes."""
    assert document.campaign_id is not None  # noqa: S101 - a CHECK of the kind
    campaign = await get_campaign(session, document.campaign_id)
    rows = await queries.list_uncollected(session, campaign.id)
    keys = await keys_of(session, document.union_id)
    is_full = document.edition == Edition.FULL
    cells = await anyio.to_thread.run_sync(_full_rows if is_full else _masked_rows, rows, keys)
    disposals = await list_disposals(session, campaign.id, asked_until=document.requested_at)
    columns = UNCOLLECTED if is_full else UNCOLLECTED_MASKED
    head = GoodsHead(
        kind=DocumentKind.UNCOLLECTED,
        edition=Edition(document.edition),
        title="未领取处置单",
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        facts=(("活动", campaign.title), ("领取截止", campaign.pickup_until.isoformat())),
        notes=("逾期未领视为放弃;金额按礼盒目录价计。",),
        signatures=("制表人", "经手人", "保管人", "审批人", "主席") if is_full else (),
    )
    tables = [Table(columns, numbered(cells), "未领取名单")]
    if is_full:
        tables.append(Table(DISPOSALS, [_disposal_row(row) for row in disposals], "处置情况"))
    return goods_paper(head, tables, amount_fen=sum(row.boxes * row.unit_price_fen for row in rows))


def _why(row: Any) -> str:
    return "部分未领" if row.collected_count else "逾期未领"


def _full_rows(rows: Sequence[Any], keys: UnionKeys) -> list[list[Cell]]:
    found: list[list[Cell]] = []
    for row in rows:
        who = open_particulars(keys, row.Member)
        found.append(
            [
                row.unit,
                who.name,
                row.Member.number,
                mask_mobile(who.mobile),
                row.number,
                row.point,
                row.item,
                row.measure,
                row.boxes,
                _why(row),
            ]
        )
    return found


def _masked_rows(rows: Sequence[Any], keys: UnionKeys) -> list[list[Cell]]:
    shown = shown_units([(row.unit_id, row.unit) for row in rows])
    found: list[list[Cell]] = []
    for row in sorted(rows, key=lambda row: shown[row.unit_id] == OTHER_UNITS):
        name = mask_name(open_particulars(keys, row.Member).name, Audience.PUBLIC)
        found.append([shown[row.unit_id], name, row.point, row.item, row.measure, row.boxes, _why(row)])
    others = [one for one in found if one[0] == OTHER_UNITS]
    return [one for one in found if one[0] != OTHER_UNITS] + sorted(others, key=lambda one: str(one[1:]))


def _disposal_row(row: Any) -> list[Cell]:
    one = row.Disposal
    place = "隔离" if row.place == "quarantine" else "在库"
    return [
        one.number, _DISPOSALS[one.kind], _STATES[one.status], row.item, row.lot, f"{row.point}({place})",
        row.boxes, one.party, one.reason, row.asker, row.decider,
        day(local_date(one.decided_at)) if one.decided_at else None,
    ]  # fmt: skip


async def build_campaign_summary(
    session: AsyncSession, document: Document, *, sealed: Mapping[UUID, LotFigures] | None = None
) -> Paper:
    """Return the summary of a campaign: 500 characters of text at most, and the tables behind them.

    `sealed` are the lots of a sealed campaign as they stood at the seal; else they are as they stand.
    """
    assert document.campaign_id is not None  # noqa: S101 - a CHECK of the kind
    campaign = await get_campaign(session, document.campaign_id)
    units = await queries.count_by_unit(session, campaign.id)
    lots = await queries.list_lots_of(session, campaign.id)
    figures = sealed
    if figures is None:
        figures = await lot_figures(session, [lot.id for lot in lots])
    lots = [lot for lot in lots if lot.id in figures]
    bought = await queries.list_purchases(session, campaign_id=campaign.id)
    facts = _summary_facts(campaign, units, figures=figures.values(), bought=bought)
    unit_rows = [_unit_row(row) for row in units]
    if document.edition == Edition.MASKED:
        unit_rows = fold_small_units(unit_rows)
    head = GoodsHead(
        kind=DocumentKind.CAMPAIGN_SUMMARY,
        edition=Edition(document.edition),
        title="活动小结",
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        facts=(
            ("活动", campaign.title),
            (terms_of(campaign.pickup_from.year).ratio, share_text(facts.aided_fen, facts.spent_fen)),
        ),
        notes=(summary_text(facts),),
        signatures=("制表人", "经手人", "主席"),
    )
    tables = [
        Table(_UNITS, unit_rows, "各单位领取情况"),
        Table(_LOTS, [_lot_row(lot, figures) for lot in lots], "物资收发"),
        Table(_REGIONS, _region_rows(bought), "采购来源"),
    ]
    return goods_paper(head, tables, amount_fen=facts.spent_fen)


def _summary_facts(
    campaign: Campaign, units: Sequence[Any], *, figures: Any, bought: Sequence[Any]
) -> SummaryFacts:
    lots: list[LotFigures] = list(figures)
    return SummaryFacts(
        title=campaign.title,
        pickup_from=campaign.pickup_from,
        pickup_until=campaign.pickup_until,
        units=len(units),
        orders=sum(row.orders for row in units),
        collected=sum(row.collected for row in units),
        boxes=int(sum(row.boxes for row in units)),
        expired=sum(row.expired for row in units),
        cancelled=sum(row.cancelled for row in units),
        received=sum(lot.received for lot in lots),
        on_hand=sum(lot.on_hand + lot.in_transit for lot in lots),
        spent_fen=sum(row.PurchaseLine.amount_fen or 0 for row in bought),
        aided_fen=sum(row.PurchaseLine.amount_fen or 0 for row in bought if row.PartnerRegion is not None),
        region=terms_of(campaign.pickup_from.year).region,
    )


def _unit_row(row: Any) -> list[Cell]:
    return [row.unit, row.orders, row.collected, int(row.boxes), row.expired, row.cancelled]


def _lot_row(lot: Any, figures: Mapping[UUID, LotFigures]) -> list[Cell]:
    one = figures[lot.id]
    return [
        lot.item, "未记批号" if lot.kind == "unrecorded" else lot.number, one.received, one.handed_over,
        one.returned, one.damaged, one.donated, one.on_hand, one.in_transit, one.variance,
    ]  # fmt: skip


def _region_rows(bought: Sequence[Any]) -> list[list[Cell]]:
    amounts: dict[str, int] = {}
    for row in bought:
        region = row.PartnerRegion
        name = f"{region.province}{region.name}" if region is not None else "其他"
        amounts[name] = amounts.get(name, 0) + (row.PurchaseLine.amount_fen or 0)
    return [[name, amount] for name, amount in sorted(amounts.items(), key=lambda one: (-one[1], one[0]))]
