"""The lines of a delivery: looked at against the purchase, then each with the lot it is of."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.ids import new_id
from app.procurement.errors import (
    BatchNeeded,
    GoodsExpired,
    LineNotFound,
    LotRecalled,
    MoreThanOrdered,
    ShelfLifeShort,
)
from app.procurement.queries.receipts import sum_expected
from app.procurement.rules.receiving import Arrived, days_left, is_too_short
from app.procurement.rules.states import ReceiptUnit
from app.procurement.schemas.receipts import ArrivalDraft, ReceiptDraft
from app.procurement.tables import Purchase, PurchaseLine, Receipt, ReceiptLine
from app.stock.actions.lots import LotDraft, find_or_add_lot
from app.stock.tables import Lot

Lines = Mapping[UUID, PurchaseLine]


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that was written down; `arrived` is what it posts, None for goods on paper only."""

    line: ReceiptLine
    arrived: Arrived | None


async def check_arrivals(
    session: AsyncSession, purchase: Purchase, draft: ReceiptDraft, *, lines: Lines
) -> None:
    """Raise LineNotFound, BatchNeeded, or MoreThanOrdered unless the line that goes over says why."""
    received = defaultdict(int, await sum_expected(session, purchase.id))
    for position, arrival in enumerate(draft.lines, start=1):
        line = lines.get(arrival.purchase_line_id)
        if line is None:
            raise LineNotFound()
        if line.gift_box_id is not None and (arrival.batch is None or arrival.unit is not ReceiptUnit.BOXES):
            raise BatchNeeded(line=position)
        ordered = (line.boxes if arrival.unit is ReceiptUnit.BOXES else line.grams) or 0
        received[line.id, arrival.unit.value] += arrival.expected
        so_far = received[line.id, arrival.unit.value]
        if so_far > ordered and arrival.override_reason is None:
            raise MoreThanOrdered(line=position, ordered=ordered, received=so_far)


async def take_in(
    session: AsyncSession, receipt: Receipt, draft: ReceiptDraft, *, lines: Lines, purchase: Purchase
) -> list[Taken]:
    """Write the lines of a delivery down; lots are found or made in one order, whoever receives them.

    Raises ShelfLifeShort unless the line says why, GoodsExpired, LotRecalled, OriginNotFound, LotContradicts.
    """
    lots = await _lots(session, receipt, draft, lines=lines)
    taken = []
    for position, arrival in enumerate(draft.lines, start=1):
        lot = lots.get(position)
        best_before_on = lot.best_before_on if lot is not None else arrival.best_before_on
        if lot is not None and lot.recalled_at is not None:
            raise LotRecalled(line=position)
        left = days_left(best_before_on, receipt.received_on)
        if left is not None and left < 0 and arrival.good > 0:
            raise GoodsExpired(line=position)
        # Of loose goods on paper nobody need know when they go off; of a lot somebody must.
        is_asked = arrival.good > 0 and (lot is not None or left is not None)
        if is_asked and arrival.override_reason is None and is_too_short(left, purchase.least_days_left):
            raise ShelfLifeShort(line=position, days_left=left, least_days=purchase.least_days_left)
        taken.append(_taken(receipt, arrival, lot=lot, position=position))
    session.add_all(one.line for one in taken)
    await session.flush()
    return taken


async def _lots(
    session: AsyncSession, receipt: Receipt, draft: ReceiptDraft, *, lines: Lines
) -> dict[int, Lot]:
    wanted = []
    for position, arrival in enumerate(draft.lines, start=1):
        box_id = lines[arrival.purchase_line_id].gift_box_id
        if box_id is not None and arrival.batch is not None:
            wanted.append((box_id, arrival.batch, position, arrival))
    found = {}
    for box_id, batch, position, arrival in sorted(wanted, key=lambda one: one[:3]):
        lot_draft = LotDraft(
            gift_box_id=box_id,
            number=batch,
            produced_on=arrival.produced_on,
            best_before_on=arrival.best_before_on,
            origin_code=arrival.origin_code,
            origin_note=arrival.origin_note,
        )
        found[position] = await find_or_add_lot(
            session, lot_draft, union_id=receipt.union_id, now=receipt.posted_at
        )
    return found


def _taken(receipt: Receipt, arrival: ArrivalDraft, *, lot: Lot | None, position: int) -> Taken:
    line = ReceiptLine(
        id=new_id(),
        union_id=receipt.union_id,
        receipt_id=receipt.id,
        position=position,
        lot_id=lot.id if lot is not None else None,
        unit=arrival.unit.value,
        produced_on=lot.produced_on if lot is not None else arrival.produced_on,
        best_before_on=lot.best_before_on if lot is not None else arrival.best_before_on,
        **arrival.model_dump(exclude={"produced_on", "best_before_on", "origin_code", "origin_note", "unit"}),
    )
    if lot is None:
        return Taken(line, None)
    arrived = Arrived(
        lot_id=lot.id,
        point_id=receipt.pickup_point_id,
        receipt_id=receipt.id,
        good=arrival.good,
        damaged=arrival.damaged,
        missing=arrival.missing,
    )
    return Taken(line, arrived)
