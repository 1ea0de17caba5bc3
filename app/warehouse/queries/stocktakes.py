"""Stocktakes, their counts, and what the books said at a given instant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import Page, PageRequest
from app.redemptions.tables import Redemption
from app.stock.rules.ledger import AccountKind, MovementKind
from app.stock.tables import Lot, StockBalance, StockMovement
from app.warehouse.errors import StocktakeNotFound
from app.warehouse.queries.papers import newest_first
from app.warehouse.rules.counting import Boxes
from app.warehouse.rules.states import UNDER_WAY, StocktakeStatus
from app.warehouse.tables.stocktakes import (
    Stocktake,
    StocktakeCount,
    StocktakeCountLine,
    StocktakeFinding,
    StocktakeLine,
)


async def get_stocktake(session: AsyncSession, stocktake_id: UUID, *, lock: bool = False) -> Stocktake:
    """Return a stocktake of the session's unions, locked if asked; or raise StocktakeNotFound."""
    wanted = select(Stocktake).where(Stocktake.id == stocktake_id)
    found = (await session.execute(wanted.with_for_update() if lock else wanted)).scalar_one_or_none()
    if found is None:
        raise StocktakeNotFound()
    return found


async def list_stocktakes(
    session: AsyncSession, *, page: PageRequest, status: StocktakeStatus | None, point_id: UUID | None
) -> Page[Stocktake]:
    """Return stocktakes, newest first: all, of one state, of one pickup point."""
    wanted = select(Stocktake)
    if status is not None:
        wanted = wanted.where(Stocktake.status == status)
    if point_id is not None:
        wanted = wanted.where(Stocktake.pickup_point_id == point_id)
    return await newest_first(session, wanted, page=page, column=Stocktake.id)


async def find_under_way(session: AsyncSession, point_id: UUID) -> UUID | None:
    """Return the stocktake of a pickup point that is not over, or None."""
    wanted = select(Stocktake.id).where(
        Stocktake.pickup_point_id == point_id, Stocktake.status.in_(sorted(UNDER_WAY))
    )
    return (await session.execute(wanted)).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that was counted in a stocktake, as it was written down."""

    lines: Sequence[StocktakeLine]
    counts: Sequence[StocktakeCount]
    numbers: dict[UUID, dict[UUID, Boxes]]
    """Counted boxes by count and lot."""

    @property
    def lot_ids(self) -> set[UUID]:
        """Every lot that was to be counted or was counted."""
        return {line.lot_id for line in self.lines} | {lot for one in self.numbers.values() for lot in one}


async def read_sheet(session: AsyncSession, stocktake_id: UUID) -> Sheet:
    """Return what a stocktake asked for and what was counted."""
    lines = select(StocktakeLine).where(StocktakeLine.stocktake_id == stocktake_id)
    counts = select(StocktakeCount).where(StocktakeCount.stocktake_id == stocktake_id)
    made = (await session.execute(counts.order_by(StocktakeCount.id))).scalars().all()
    numbers: dict[UUID, dict[UUID, Boxes]] = {count.id: {} for count in made}
    counted = select(StocktakeCountLine).where(StocktakeCountLine.count_id.in_(numbers))
    for line in (await session.execute(counted)).scalars():
        numbers[line.count_id][line.lot_id] = Boxes(line.good, line.damaged)
    asked = (await session.execute(lines.order_by(StocktakeLine.lot_id))).scalars().all()
    return Sheet(asked, made, numbers)


async def find_findings(session: AsyncSession, stocktake_id: UUID) -> Sequence[StocktakeFinding]:
    """Return what a closed stocktake found."""
    wanted = select(StocktakeFinding).where(StocktakeFinding.stocktake_id == stocktake_id)
    return (await session.execute(wanted.order_by(StocktakeFinding.lot_id))).scalars().all()


async def read_books(
    session: AsyncSession, point_id: UUID, lot_ids: Collection[UUID] | None = None
) -> dict[UUID, Boxes]:
    """Return what the books say of lots at a pickup point now; without ids, of every lot to be counted.

    That is every lot that was ever received there, and what else has boxes there: on a shelf may lie what
    the books believe to be gone.
    """
    good, damaged = (
        func.coalesce(func.sum(StockBalance.boxes).filter(StockBalance.kind == kind), 0)
        for kind in (AccountKind.PICKUP_POINT, AccountKind.QUARANTINE)
    )
    wanted = (
        select(StockBalance.lot_id, good.label("good"), damaged.label("damaged"))
        .where(
            StockBalance.pickup_point_id == point_id,
            StockBalance.kind.in_((AccountKind.PICKUP_POINT, AccountKind.QUARANTINE)),
        )
        .group_by(StockBalance.lot_id)
    )
    if lot_ids is not None:
        wanted = wanted.where(StockBalance.lot_id.in_(lot_ids))
    return {row.lot_id: Boxes(row.good, row.damaged) for row in await session.execute(wanted)}


async def read_later(
    session: AsyncSession, stocktake: Stocktake, lot_ids: Collection[UUID], *, after: datetime
) -> dict[UUID, Boxes]:
    """Return by how much the books of a pickup point have changed by what happened after an instant.

    A hand-over happened when the box was scanned, though a device without a connection tells of it later: a
    box that had left before the count is no difference. Devices whose clocks run ahead count from when we
    heard of it.
    """
    scanned = and_(
        StockMovement.kind == MovementKind.HANDED_OVER,
        Redemption.union_id == StockMovement.union_id,
        Redemption.event_id == StockMovement.event_id,
    )
    happened_at = func.least(StockMovement.posted_at, Redemption.scanned_at)
    point_id = stocktake.pickup_point_id
    wanted = (
        select(
            StockMovement.lot_id,
            func.sum(_change(AccountKind.PICKUP_POINT, point_id)).label("good"),
            func.sum(_change(AccountKind.QUARANTINE, point_id)).label("damaged"),
        )
        .outerjoin(Redemption, scanned)
        .where(
            StockMovement.lot_id.in_(lot_ids),
            StockMovement.posted_at > stocktake.opened_at,
            or_(StockMovement.from_point_id == point_id, StockMovement.to_point_id == point_id),
            happened_at > after,
        )
        .group_by(StockMovement.lot_id)
    )
    return {row.lot_id: Boxes(row.good, row.damaged) for row in await session.execute(wanted)}


def _change(kind: AccountKind, point_id: UUID) -> ColumnElement[Any]:
    came = and_(StockMovement.to_kind == kind, StockMovement.to_point_id == point_id)
    left = and_(StockMovement.from_kind == kind, StockMovement.from_point_id == point_id)
    return case((came, StockMovement.boxes), else_=0) - case((left, StockMovement.boxes), else_=0)


async def find_gift_boxes(session: AsyncSession, lot_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the gift box of each lot."""
    wanted = select(Lot.id, Lot.gift_box_id).where(Lot.id.in_(lot_ids))
    return {row.id: row.gift_box_id for row in await session.execute(wanted)}
