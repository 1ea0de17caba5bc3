"""Boxes that leave a pickup point: what is promised there stays, under the locks of offers and balances."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.clock import local_date
from app.stock.tables import Lot
from app.warehouse.errors import CoverageBroken, NotThere
from app.warehouse.queries.coverage import compare_stock, hold_offers, lock_shelves
from app.warehouse.rules.coverage import Shelf, left_after


@dataclass(frozen=True, slots=True)
class Leaving:
    """Boxes to be taken from those that may be handed over: lot, pickup point, gift box and how many.

    `counts` tells whether they are among those that count as on hand (not recalled, not expired).
    """

    lot_id: UUID
    point_id: UUID
    gift_box_id: UUID
    boxes: int
    counts: bool


async def lock_leaving(
    session: AsyncSession, wanted: Mapping[UUID, set[UUID]]
) -> dict[tuple[UUID, UUID], int]:
    """Hold offers and lock balances of gift boxes, given by pickup point; return boxes by lot and point."""
    for point_id in sorted(wanted):
        await hold_offers(session, point_id, wanted[point_id])
    gift_boxes = {gift_box for boxes in wanted.values() for gift_box in boxes}
    return await lock_shelves(session, wanted.keys(), gift_boxes)


def check_there(leaving: list[Leaving], held: Mapping[tuple[UUID, UUID], int]) -> None:
    """Raise NotThere if a lot has fewer boxes at the point than are to leave."""
    for one in leaving:
        on_hand = held.get((one.lot_id, one.point_id), 0)
        if on_hand < one.boxes:
            raise NotThere(lot_id=one.lot_id, on_hand=on_hand, asked=one.boxes)


async def find_gap(session: AsyncSession, leaving: list[Leaving], *, on: date) -> CoverageBroken | None:
    """Return why boxes may not leave: fewer would stay than are promised; None if enough stay.

    Call it under the locks of `lock_leaving`. What is short already may not become shorter. One statement
    reads each side, and nobody can change either in between: who hands over waits for the balances, who
    orders for the offers.
    """
    taken: dict[Shelf, int] = {}
    for one in leaving:
        if one.counts:
            shelf = Shelf(one.point_id, one.gift_box_id)
            taken[shelf] = taken.get(shelf, 0) + one.boxes
    if not taken:
        return None
    found = await compare_stock(
        session,
        on=on,
        point_ids={shelf.pickup_point_id for shelf in taken},
        gift_box_ids={shelf.gift_box_id for shelf in taken},
    )
    for shelf, boxes in sorted(taken.items()):
        promised, on_hand = sum(one.boxes for one in found.booked[shelf]), found.on_hand[shelf]
        left = left_after(on_hand, promised, taken=boxes)
        if left < 0 and promised:
            return CoverageBroken(
                gift_box_id=shelf.gift_box_id, on_hand=on_hand, promised=promised, asked=boxes, short_by=-left
            )
    return None


def counts_as_on_hand(lot: Lot, now: datetime) -> bool:
    """Return whether boxes of a lot may be handed over: not recalled, not past its best-before day."""
    return lot.recalled_at is None and (lot.best_before_on is None or lot.best_before_on >= local_date(now))
