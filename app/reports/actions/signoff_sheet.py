"""Building the sign-off sheet of a campaign, a point, a unit; and of what came after its seal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import UnionKeys, keys_of
from app.campaigns.queries import get_campaign
from app.documents.rules.paper import Edition, Paper
from app.documents.tables import Document
from app.platform.clock import day_end, day_start, local_date
from app.reports.queries import signoff as queries
from app.reports.queries.signoff import SheetWanted
from app.reports.rules.signoff import OTHER_UNITS, SMALLEST_GROUP, SheetHead, SheetLine, sheet_of
from app.unions.queries import get_union
from app.unions.tables import open_particulars

_CATALOGUE_NOTE = "单价取自采购单;没有采购记录的批次按礼盒目录价计({count}行)。"
_PURCHASE_NOTE = "单价取自采购单。"


@dataclass(frozen=True, slots=True)
class Around:
    """What lines need beside their rows, by event, lot and gift box."""

    swaps: Mapping[UUID, int]
    contested: Mapping[UUID, str]
    lots: Mapping[UUID, Mapping[UUID, int]]
    prices: Mapping[UUID, int]
    contents: Mapping[UUID, str]


async def build_signoff_sheet(
    session: AsyncSession, document: Document, *, only: frozenset[UUID] | None = None
) -> Paper:
    """Return the sheet of the hand-overs that count by the time the document was asked for.

    `only`: these events and no others, for a sealed sheet and its supplements. Names are opened in one go,
    off the event loop. Raises CampaignNotFound.
    """
    assert document.campaign_id is not None  # noqa: S101 - a CHECK of the kind
    campaign = await get_campaign(session, document.campaign_id)
    rows = await queries.list_hand_overs(session, wanted_of(document, only))
    lots = await queries.find_lots_of(session, campaign.id)
    around = Around(
        await queries.find_swaps(session, campaign.id),
        await queries.find_contested(session, campaign.id),
        lots,
        await queries.find_prices(session, {lot_id for held in lots.values() for lot_id in held}),
        await queries.find_contents(session, {row.box_id for row in rows}),
    )
    keys = await keys_of(session, document.union_id)
    lines = await anyio.to_thread.run_sync(partial(_lines, rows, around, keys=keys))
    unpriced = sum(not _is_priced(row, around) for row in rows)
    head = SheetHead(
        union_name=(await get_union(session, document.union_id)).name,
        on=local_date(document.requested_at),
        edition=Edition(document.edition),
        is_supplement=document.supplement_to is not None,
        facts=[("活动", campaign.title), *await _where(session, document, count=len(lines))],
        notes=[_CATALOGUE_NOTE.format(count=unpriced) if unpriced else _PURCHASE_NOTE],
    )
    return sheet_of(lines, head)


def wanted_of(document: Document, only: frozenset[UUID] | None) -> SheetWanted:
    """Return which hand-overs a document asks for."""
    assert document.campaign_id is not None  # noqa: S101 - a CHECK of the kind
    return SheetWanted(
        campaign_id=document.campaign_id,
        pickup_point_id=document.pickup_point_id,
        unit_id=document.unit_id,
        first=day_start(document.from_on) if document.from_on else None,
        until=day_end(document.until_on) if document.until_on else None,
        heard_until=document.requested_at if only is None else None,
        only=only,
    )


async def _where(session: AsyncSession, document: Document, *, count: int) -> list[tuple[str, str]]:
    point, unit = document.pickup_point_id, document.unit_id
    found = [("领取点", await queries.get_point_name(session, point) if point else "全部领取点")]
    if unit is not None:
        is_small = document.edition == Edition.MASKED and count < SMALLEST_GROUP
        found.append(("所在工会", OTHER_UNITS if is_small else (await get_union(session, unit)).name))
    if document.from_on is not None or document.until_on is not None:
        found.append(("领取日期", f"{document.from_on or '…'} 至 {document.until_on or '…'}"))
    return found


def _lines(rows: Sequence[Any], around: Around, *, keys: UnionKeys) -> list[SheetLine]:
    return [_line(row, around, keys=keys) for row in rows]


def _line(row: Any, around: Around, *, keys: UnionKeys) -> SheetLine:
    particulars = open_particulars(keys, row.Member)
    remarks = _remarks(row, around)
    return SheetLine(
        event_id=row.event_id,
        unit_id=row.unit_id,
        unit=row.unit,
        unit_rank=row.unit_rank,
        name=particulars.name,
        number=row.Member.number,
        id_last4=particulars.id_last4,
        mobile=particulars.mobile,
        item=row.item,
        contents=around.contents.get(row.box_id, ""),
        measure=row.measure,
        quantity=row.quantity,
        amount_fen=_amount(row, around),
        at=row.at,
        clerk=row.clerk,
        remarks=tuple(words if detail is None else f"{words}:{detail}" for words, detail in remarks),
        public_remarks=tuple(words for words, _ in remarks),
    )


def _amount(row: Any, around: Around) -> int | None:
    """Return what the boxes cost: each by its lot's purchase, the others by the catalogue."""
    if row.quantity is None:
        return None
    left, amount = row.quantity, 0
    for lot_id, boxes in sorted(around.lots.get(row.event_id, {}).items()):
        if boxes > 0 and lot_id in around.prices:
            counted = min(boxes, left)
            amount, left = amount + counted * around.prices[lot_id], left - counted
    return int(amount + left * row.unit_price_fen)


def _is_priced(row: Any, around: Around) -> bool:
    lots = around.lots.get(row.event_id, {})
    return any(boxes > 0 for boxes in lots.values()) and all(
        lot_id in around.prices for lot_id, boxes in lots.items() if boxes > 0
    )


def _remarks(row: Any, around: Around) -> list[tuple[str, str | None]]:
    """Return what is out of the ordinary, each with what only an auditor reads."""
    found: list[tuple[str, str | None]] = []
    if row.result != "handed_over":
        found.append(("设备补报,待核实", None))
    elif row.event_id in around.contested:
        is_open = around.contested[row.event_id] == "open"
        found.append(("有争议,待核实" if is_open else "有争议,已核实", None))
    if row.quantity is not None and row.quantity < row.ordered:
        found.append(("分次领取", None))
    if row.event_id in around.swaps:
        found.append((f"换货{around.swaps[row.event_id]}份", None))
    if row.waived_reason or row.override_reason:
        found.append((_WAIVED.get(row.waived_reason, "现场放行"), row.override_reason))
    if row.is_offline:
        found.append(("离线补录", None))
    return found


_WAIVED = {"too_late": "超时领取", "too_early": "提前领取", "not_booked": "未预约现场领取"}
