"""Building 入库单, 出库单 and 盘点表."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.queries import get_campaign
from app.documents.errors import SubjectNotFound
from app.documents.rules.paper import Cell, DocumentKind, Edition, Paper, Table
from app.documents.tables import Document
from app.platform.clock import SHANGHAI, day_end, day_start, local_date
from app.procurement.rules.states import ReceiptKind, ReceiptUnit
from app.reports.queries import goods_papers as queries
from app.reports.queries.signoff import find_contents, get_point_name
from app.reports.rules.goods_papers import ISSUE, RECEIPT, STOCKTAKE, GoodsHead, day, goods_paper, numbered
from app.reports.rules.signoff import weight_text
from app.unions.queries import get_union
from app.unions.rules.masks import Audience, mask_name

_KINDS = {ReceiptKind.REVERSAL: "冲销", ReceiptKind.LATE_DELIVERY: "补到"}
_STATES = {
    "counting": "盘点中",
    "to_approve": "待审批",
    "closed": "已完成",
    "declined": "未通过",
    "cancelled": "已取消",
}


async def build_goods_receipt(session: AsyncSession, document: Document) -> Paper:
    """Return the paper of one receipt, or of all of a campaign, point or time; reversals count below zero."""
    rows = await queries.list_receipt_lines(session, document)
    if document.subject_id is not None and not rows:
        raise SubjectNotFound()
    contents = await find_contents(session, {row.box_id for row in rows if row.box_id is not None})
    edition = Edition(document.edition)
    cells = [_receipt_row(row, contents.get(row.box_id, ""), edition=edition) for row in rows]
    head = GoodsHead(
        kind=DocumentKind.GOODS_RECEIPT,
        edition=edition,
        title="入库单",
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        facts=await facts_of(session, document),
        notes=("金额按实收完好份数计;散装货物以千克计的,数量为克。",),
        signatures=("送货人", "验收人", "保管人", "经手人", "审核人"),
    )
    amounts = [_amount(row) for row in rows]
    return goods_paper(head, [Table(RECEIPT, cells)], amount_fen=sum(one or 0 for one in amounts))


def _sign(row: Any) -> int:
    return -1 if row.kind == ReceiptKind.REVERSAL else 1


def _amount(row: Any) -> int | None:
    if row.unit_price_fen is None or row.ReceiptLine.unit != ReceiptUnit.BOXES:
        return None
    return int(_sign(row) * row.ReceiptLine.good * row.unit_price_fen)


def _person(name: str | None, edition: str) -> str | None:
    """Return the name of somebody who worked on it: masked on a notice board, as those of members are."""
    return mask_name(name, Audience.PUBLIC) if name and edition == Edition.MASKED else name


def _receipt_row(row: Any, contents: str, *, edition: Edition) -> list[Cell]:
    line, sign = row.ReceiptLine, _sign(row)
    if not contents and row.net_content_grams is not None:
        contents = weight_text(row.net_content_grams)
    measure = "克" if line.unit == ReceiptUnit.GRAMS else row.measure
    # What somebody wrote may name somebody.
    free = [] if edition is Edition.MASKED else [line.override_reason, line.note]
    notes = [_KINDS.get(row.kind), *free]
    return [
        row.number, day(row.received_on), row.supplier, row.contract_no, row.item, contents,
        line.batch or row.lot, day(line.produced_on), day(line.best_before_on), measure,
        sign * line.expected, sign * line.good, sign * line.damaged, sign * line.missing,
        row.unit_price_fen, _amount(row),
        *(_person(name, edition) for name in (row.delivered_by, row.inspector, row.keeper)),
        ";".join(note for note in notes if note),
    ]  # fmt: skip


async def build_goods_issue(session: AsyncSession, document: Document) -> Paper:
    """Return what went to the table at each point and day, lot by lot, and what came back."""
    first = day_start(document.from_on) if document.from_on else None
    until = day_end(document.until_on) if document.until_on else None
    rows = await queries.list_issued(session, document, first=first, until=until)
    staff = {id for row in rows for id in row.staff_ids if id is not None}
    names = await queries.find_staff_names(session, staff)
    names = {id: _person(name, document.edition) or "" for id, name in names.items()}
    campaign = await get_campaign(session, document.campaign_id) if document.campaign_id else None
    title = campaign.title if campaign else ""
    cells = [
        [
            day(row.on), title, row.point,
            "、".join(sorted(names[id] for id in row.staff_ids if id in names)), row.GiftBox.name,
            "未记批号" if row.lot_kind == "unrecorded" else row.number, row.GiftBox.unit,
            int(row.out), int(row.back), int(row.out - row.back), None, None,
        ]
        for row in rows
    ]  # fmt: skip
    head = GoodsHead(
        kind=DocumentKind.GOODS_ISSUE,
        edition=Edition(document.edition),
        title="出库单",
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        facts=await facts_of(session, document),
        notes=("数量为交到会员手中的份数,退回为撤销或换货收回的份数,均取自库存台账。",),
        signatures=("领用人", "保管人", "经手人", "审批人"),
    )
    return goods_paper(head, [Table(ISSUE, numbered(cells))])


async def build_stocktake(session: AsyncSession, document: Document) -> Paper:
    """Return what the books said and what was counted; raises SubjectNotFound."""
    found = await queries.find_stocktake(session, document.subject_id) if document.subject_id else None
    if found is None:
        raise SubjectNotFound()
    stocktake = found.Stocktake
    rows = await queries.list_stocktake_lines(session, stocktake.id)
    names = await queries.find_staff_names(
        session,
        {*stocktake.counter_ids, *(id for id in (stocktake.opened_by, stocktake.decided_by) if id)},
    )
    names = {id: _person(name, document.edition) or "" for id, name in names.items()}
    counters = "、".join(sorted(names[id] for id in stocktake.counter_ids if id in names))
    opened = stocktake.opened_at.astimezone(SHANGHAI)
    head = GoodsHead(
        kind=DocumentKind.STOCKTAKE,
        edition=Edition(document.edition),
        title="盘点表",
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        facts=(
            ("盘点单号", stocktake.number),
            ("领取点", found.point),
            ("开始时间", f"{opened:%Y-%m-%d %H:%M}"),
            ("轮次", str(stocktake.round)),
            ("状态", _STATES[stocktake.status]),
            ("盘点人", counters),
            ("审批人", names.get(stocktake.decided_by, "")),
        ),
        notes=(stocktake.note,) if stocktake.note and document.edition == Edition.FULL else (),
        signatures=("盘点人", "监盘人", "保管人", "审批人"),
    )
    return goods_paper(head, [Table(STOCKTAKE, numbered([_stocktake_row(row) for row in rows]))])


def _stocktake_row(row: Any) -> list[Cell]:
    line, found, lot = row.StocktakeLine, row.StocktakeFinding, row.Lot
    batch = "未记批号" if lot.kind == "unrecorded" else lot.number
    shown: list[Cell] = [row.GiftBox.name, batch, day(lot.best_before_on), row.GiftBox.unit]
    if found is None:
        return [*shown, line.book_good, line.book_damaged, None, None, None, None, "未完成"]
    difference = found.counted_good + found.counted_damaged - found.book_good - found.book_damaged
    return [
        *shown, found.book_good, found.book_damaged, found.counted_good, found.counted_damaged, difference,
        found.posted_good + found.posted_damaged, "",
    ]  # fmt: skip


async def facts_of(session: AsyncSession, document: Document) -> list[tuple[str, str]]:
    """Return what a document about goods was asked for: campaign, point, days."""
    found = []
    if document.campaign_id is not None:
        found.append(("活动", (await get_campaign(session, document.campaign_id)).title))
    if document.pickup_point_id is not None:
        found.append(("领取点", await get_point_name(session, document.pickup_point_id)))
    if document.from_on is not None or document.until_on is not None:
        found.append(("期间", f"{document.from_on or '…'} 至 {document.until_on or '…'}"))
    return found
