"""Lots that somebody should look at; names of gift boxes and pickup points."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.tables import GiftBox
from app.pickup.tables import PickupPoint
from app.stock.rules.ledger import AccountKind, LotKind
from app.stock.tables import Lot, StockBalance
from app.warehouse.tables.watch import StockShortage


@dataclass(frozen=True, slots=True)
class HeldLot:
    """Boxes of a lot in one account, above zero."""

    kind: AccountKind
    point_id: UUID | None
    boxes: int
    lot_id: UUID
    lot_number: str
    gift_box_id: UUID
    best_before_on: date | None
    is_recalled: bool


async def find_lots_to_look_at(session: AsyncSession, *, until: date) -> list[HeldLot]:
    """Return lots that are recalled and not set aside, that go off by a day, that nobody recorded when they
    were handed over, and that a supplier still owes.
    """
    shelf = StockBalance.kind == AccountKind.PICKUP_POINT
    moving = StockBalance.kind.in_((AccountKind.PICKUP_POINT, AccountKind.IN_TRANSIT))
    nameless = and_(StockBalance.kind == AccountKind.HANDED_OVER, Lot.kind == LotKind.UNRECORDED)
    wanted = (
        select(
            StockBalance.kind,
            StockBalance.pickup_point_id,
            StockBalance.boxes,
            Lot.id,
            Lot.number,
            Lot.gift_box_id,
            Lot.best_before_on,
            Lot.recalled_at.is_not(None),
        )
        .join(Lot, Lot.id == StockBalance.lot_id)
        .where(
            StockBalance.boxes > 0,
            or_(
                and_(moving, Lot.recalled_at.is_not(None)),
                and_(shelf, Lot.best_before_on <= until),
                nameless,
                StockBalance.kind == AccountKind.SUPPLIER,
            ),
        )
    )
    return [HeldLot(AccountKind(row[0]), *row[1:]) for row in await session.execute(wanted)]


async def find_names(
    session: AsyncSession, point_ids: Collection[UUID], gift_box_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the names of pickup points and gift boxes."""
    points = select(PickupPoint.id, PickupPoint.name).where(PickupPoint.id.in_(point_ids))
    boxes = select(GiftBox.id, GiftBox.name).where(GiftBox.id.in_(gift_box_ids))
    names = {row.id: row.name for row in await session.execute(points)}
    return names | {row.id: row.name for row in await session.execute(boxes)}


async def find_open_shortages(session: AsyncSession) -> Sequence[StockShortage]:
    """Return the shortages that were noticed and are not over."""
    wanted = select(StockShortage).where(StockShortage.resolved_at.is_(None))
    return (await session.execute(wanted.order_by(StockShortage.id))).scalars().all()
