"""Building 消费帮扶采购统计表 (until 2020: 消费扶贫), with the words of its year."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.documents.rules.paper import Cell, DocumentKind, Edition, Paper, Table
from app.documents.tables import Document
from app.platform.clock import local_date
from app.procurement.rules.states import Channel
from app.regions.rules.terms import terms_of
from app.reports.actions.warehouse_papers import facts_of
from app.reports.queries import campaign_papers as queries
from app.reports.queries.signoff import find_contents
from app.reports.rules.goods_papers import PURCHASES, GoodsHead, goods_paper, share_text
from app.reports.rules.signoff import weight_text
from app.unions.queries import get_union

_CHANNELS = {
    Channel.PLATFORM_832: "832平台",
    Channel.COUNTER: "专柜专馆",
    Channel.DIRECT: "直采",
    Channel.ON_SITE_VISIT: "现场采购",
}


async def build_aided_purchases(session: AsyncSession, document: Document) -> Paper:
    """Return what was bought from partner regions, line by line, and its share in everything bought.

    A line without an amount counts on neither side of the share; notes say how many there are.
    """
    rows = await queries.list_purchases(
        session, campaign_id=document.campaign_id, first=document.from_on, until=document.until_on
    )
    aided = [row for row in rows if row.PartnerRegion is not None]
    boxes = {row.GiftBox.id for row in aided if row.GiftBox is not None}
    contents, grams = await find_contents(session, boxes), await queries.find_net_grams(session, boxes)
    campaigns = {row.Purchase.campaign_id for row in aided if row.Purchase.campaign_id is not None}
    receivers = await queries.count_receivers(session, campaigns)
    cells = [_row(row, contents=contents, grams=grams, receivers=receivers) for row in aided]
    terms = terms_of(_year_of(document, rows))
    part, whole = (sum(one.PurchaseLine.amount_fen or 0 for one in some) for some in (aided, rows))
    head = GoodsHead(
        kind=DocumentKind.AIDED_PURCHASES,
        edition=Edition(document.edition),
        title=terms.statistics,
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        facts=[*await facts_of(session, document), (terms.ratio, share_text(part, whole))],
        notes=_notes(rows),
        signatures=("制表人", "经手人", "审核人", "主席"),
    )
    return goods_paper(head, [Table(PURCHASES, cells)], amount_fen=part)


def _year_of(document: Document, rows: Sequence[Any]) -> int:
    """Return the year whose words are used: that of the time asked for, else of the newest purchase."""
    if (day := document.until_on or document.from_on) is not None:
        return day.year
    return max((row.Purchase.purchased_year for row in rows), default=local_date(document.requested_at).year)


def _row(
    row: Any, *, contents: Mapping[UUID, str], grams: Mapping[UUID, int], receivers: Mapping[UUID, int]
) -> list[Cell]:
    bought, line, region = row.Purchase, row.PurchaseLine, row.PartnerRegion
    item, measure, contained = _item(row, contents)
    count = line.boxes if line.boxes is not None else None
    month = f"{bought.purchased_month:02}" if bought.purchased_month else "??"
    return [
        row.union_name, f"{bought.purchased_year}-{month}", f"{region.province}{region.name}",
        region.division_code, item, row.certificate, row.supplier, _CHANNELS[Channel(bought.channel)],
        contained, count, measure if count is not None else None, _grams(row, grams), line.amount_fen,
        receivers.get(bought.campaign_id) if bought.campaign_id else None, bought.contract_no,
        bought.invoice_no, bought.voucher_no, _remark(bought),
    ]  # fmt: skip


def _item(row: Any, contents: Mapping[UUID, str]) -> tuple[str, str, str]:
    if row.GiftBox is not None:
        return row.GiftBox.name, row.GiftBox.unit, contents.get(row.GiftBox.id, "")
    if row.Product is not None:
        net = row.Product.net_content_grams
        return row.Product.name, row.Product.unit, weight_text(net) if net else ""
    return row.PurchaseLine.description, "件", ""


def _grams(row: Any, grams: Mapping[UUID, int]) -> int | None:
    """Return the weight of a line: as it was recorded, else boxes by their net content, if that is known."""
    line = row.PurchaseLine
    if line.grams is not None:
        return int(line.grams)
    net = grams.get(row.GiftBox.id) if row.GiftBox is not None else None
    if row.Product is not None:
        net = row.Product.net_content_grams
    return line.boxes * net if net is not None and line.boxes is not None else None


def _remark(bought: Any) -> str:
    words = []
    if bought.is_approximate:
        words.append("约数,以下限计")
    if bought.is_year_inferred:
        words.append("年份为推定")
    return ";".join(words)


def _notes(rows: Sequence[Any]) -> list[str]:
    unpriced = sum(row.PurchaseLine.amount_fen is None for row in rows)
    found = ["占比为帮扶地区采购额与采购总额之比,均为已审批采购单。"]
    if unpriced:
        found.append(f"有{unpriced}行没有金额记录,不计入占比。")
    if any(row.Purchase.is_approximate for row in rows):
        found.append("约数按原文所述下限列出,不作推算。")
    return found
