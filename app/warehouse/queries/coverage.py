"""Offers, bookings and boxes on hand, side by side; and the locks under which they are compared."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox
from app.orders.rules.states import OrderStatus
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.stock.rules.ledger import AccountKind
from app.stock.tables import Lot, StockBalance
from app.warehouse.rules.coverage import Booked, Shelf
from app.warehouse.rules.states import TransferStatus
from app.warehouse.tables.transfers import Transfer, TransferLine

OPEN = (OrderStatus.TO_BOOK, OrderStatus.BOOKED, OrderStatus.ON_HOLD)
"""Orders in these states may still ask for boxes; of a part that was collected, for the rest."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison needs, by gift box and pickup point."""

    union_ids: dict[Shelf, UUID] = field(default_factory=dict)
    on_hand: defaultdict[Shelf, int] = field(default_factory=lambda: defaultdict(int))
    booked: defaultdict[Shelf, list[Booked]] = field(default_factory=lambda: defaultdict(list))
    arriving: defaultdict[Shelf, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def shelves(self) -> list[Shelf]:
        """Every gift box and pickup point of which there is something to say."""
        return sorted({*self.on_hand, *self.booked, *self.arriving})


async def hold_offers(session: AsyncSession, point_id: UUID, gift_box_ids: Collection[UUID]) -> None:
    """Let nobody order or book these gift boxes at a pickup point until the transaction ends.

    Whoever is ordering holds the offer's row and is waited for: their order is seen afterwards. Before the
    locks of balances.
    """
    wanted = select(Offer.id).where(Offer.pickup_point_id == point_id, Offer.gift_box_id.in_(gift_box_ids))
    await session.execute(wanted.order_by(Offer.id).with_for_update(read=True))


async def lock_shelves(
    session: AsyncSession, point_ids: Collection[UUID], gift_box_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], int]:
    """Lock all lots of these gift boxes at these points; return the boxes by lot and point.

    Recalled and expired ones too, by rising id: what is locked afterwards comes later in the ledger's order.
    """
    wanted = (
        select(StockBalance.lot_id, StockBalance.pickup_point_id, StockBalance.boxes)
        .join(Lot, Lot.id == StockBalance.lot_id)
        .where(
            StockBalance.kind == AccountKind.PICKUP_POINT,
            StockBalance.pickup_point_id.in_(point_ids),
            Lot.gift_box_id.in_(gift_box_ids),
        )
        .order_by(StockBalance.id)
        .with_for_update(of=StockBalance)
    )
    rows = await session.execute(wanted)
    return {(row.lot_id, row.pickup_point_id): row.boxes for row in rows}


async def compare_stock(
    session: AsyncSession,
    *,
    on: date,
    point_ids: Collection[UUID] | None = None,
    gift_box_ids: Collection[UUID] | None = None,
) -> Compared:
    """Return what is on hand, booked and on its way, of all or some gift boxes at all or some points.

    On hand is what may be handed over on that day: of no recalled lot, and not past its best-before day.
    Places on a visit have no stock and are left out.
    """
    found = Compared()
    narrowed = partial(_narrowed, point_ids=point_ids, gift_box_ids=gift_box_ids)
    for row in await session.execute(narrowed(_on_hand(on), StockBalance.pickup_point_id)):
        shelf = Shelf(row.point_id, row.gift_box_id)
        found.union_ids[shelf] = row.union_id
        found.on_hand[shelf] += row.boxes
    for row in await session.execute(narrowed(_open(), Offer.pickup_point_id)):
        shelf = Shelf(row.point_id, row.gift_box_id)
        found.union_ids[shelf] = row.union_id
        slot = None if row.starts_at is None else (row.starts_at, row.ends_at)
        found.booked[shelf].append(Booked(slot, row.boxes))
    for row in await session.execute(narrowed(_arriving(), Transfer.to_point_id)):
        shelf = Shelf(row.point_id, row.gift_box_id)
        found.union_ids[shelf] = row.union_id
        found.arriving[shelf] += row.boxes
    return found


def may_be_given(on: date) -> ColumnElement[bool]:
    """Return the criterion of lots that may be handed over on a day (食品安全法 articles 34 (10), 63)."""
    return Lot.recalled_at.is_(None) & or_(Lot.best_before_on.is_(None), Lot.best_before_on >= on)


def _narrowed(
    wanted: Any,
    point: Any,
    *,
    point_ids: Collection[UUID] | None,
    gift_box_ids: Collection[UUID] | None,
) -> Any:
    if point_ids is not None:
        wanted = wanted.where(point.in_(point_ids))
    return wanted if gift_box_ids is None else wanted.where(GiftBox.id.in_(gift_box_ids))


def _on_hand(on: date) -> Any:
    boxes = func.sum(StockBalance.boxes).label("boxes")
    point = StockBalance.pickup_point_id.label("point_id")
    return (
        select(GiftBox.union_id, point, GiftBox.id.label("gift_box_id"), boxes)
        .join(Lot, Lot.id == StockBalance.lot_id)
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .where(StockBalance.kind == AccountKind.PICKUP_POINT, StockBalance.boxes > 0, may_be_given(on))
        .group_by(GiftBox.union_id, GiftBox.id, StockBalance.pickup_point_id)
    )


def _open() -> Any:
    # Counted by offer and slot first: what is joined to the counts is small, the orders are not. A sealed
    # campaign has nothing left to hand over, and the orders of years need not be read.
    boxes = func.sum(Order.quantity - Order.collected_count).label("boxes")
    counts = (
        select(Order.offer_id, Order.slot_id, boxes)
        .where(
            Order.status.in_(OPEN),
            Order.campaign_id.in_(select(Campaign.id).where(Campaign.sealed_at.is_(None))),
        )
        .group_by(Order.offer_id, Order.slot_id)
        .subquery("counts")
    )
    point, gift_box = Offer.pickup_point_id.label("point_id"), GiftBox.id.label("gift_box_id")
    return (
        select(GiftBox.union_id, point, gift_box, Slot.starts_at, Slot.ends_at, counts.c.boxes)
        .select_from(counts)
        .join(Offer, Offer.id == counts.c.offer_id)
        .join(GiftBox, GiftBox.id == Offer.gift_box_id)
        .outerjoin(Slot, Slot.id == counts.c.slot_id)
        .where(GiftBox.kind == "box", counts.c.boxes > 0)
    )


def _arriving() -> Any:
    boxes = func.sum(TransferLine.boxes).label("boxes")
    point = Transfer.to_point_id.label("point_id")
    return (
        select(GiftBox.union_id, point, GiftBox.id.label("gift_box_id"), boxes)
        .join(TransferLine, TransferLine.transfer_id == Transfer.id)
        .join(Lot, Lot.id == TransferLine.lot_id)
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .where(Transfer.status == TransferStatus.DISPATCHED)
        .group_by(GiftBox.union_id, GiftBox.id, Transfer.to_point_id)
    )
