"""Balances and movements, to be looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, case, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.platform.paging import Page, instant_key, page_of, seek
from app.stock.queries.lots import After
from app.stock.rules.ledger import AccountKind, LotKind, MovementKind
from app.stock.tables import Lot, StockBalance, StockMovement


@dataclass(frozen=True, slots=True)
class BalancesWanted:
    """Which balances; None means all."""

    pickup_point_id: UUID | None = None
    gift_box_id: UUID | None = None
    kind: AccountKind | None = None


@dataclass(frozen=True, slots=True)
class MovementsWanted:
    """Which movements: posted at or after `since` and before `until`; None means all."""

    lot_id: UUID | None = None
    kind: MovementKind | None = None
    document_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_balances(
    session: AsyncSession, wanted: BalancesWanted, *, limit: int, after: After
) -> Page[tuple[StockBalance, Lot]]:
    """Return balances that are not empty, each with its lot."""
    found = (
        select(StockBalance, Lot)
        .join(Lot, and_(Lot.union_id == StockBalance.union_id, Lot.id == StockBalance.lot_id))
        .where(StockBalance.boxes != 0)
    )
    if wanted.pickup_point_id is not None:
        found = found.where(StockBalance.pickup_point_id == wanted.pickup_point_id)
    if wanted.gift_box_id is not None:
        found = found.where(Lot.gift_box_id == wanted.gift_box_id)
    if wanted.kind is not None:
        found = found.where(StockBalance.kind == wanted.kind.value)
    if after is not None:
        found = found.where(tuple_(StockBalance.lot_id, StockBalance.id) > seek(after, UUID, UUID))
    found = found.order_by(StockBalance.lot_id, StockBalance.id).limit(limit + 1)
    rows = [(row[0], row[1]) for row in await session.execute(found)]
    return page_of(rows, limit=limit, key=lambda row: (str(row[0].lot_id), str(row[0].id)))


async def find_balances(session: AsyncSession, lot_id: UUID) -> list[Row[Any]]:
    """Return `kind`, `pickup_point_id` and `boxes` of every account that holds boxes of a lot."""
    wanted = select(StockBalance.kind, StockBalance.pickup_point_id, StockBalance.boxes)
    wanted = wanted.where(StockBalance.lot_id == lot_id, StockBalance.boxes != 0)
    return list(await session.execute(wanted.order_by(StockBalance.kind, StockBalance.pickup_point_id)))


async def count_given(session: AsyncSession, lot_id: UUID, *, point_id: UUID, event_id: UUID) -> int:
    """Return how many boxes of a lot a scan handed over at a point, less those that came back in its name."""
    account = (AccountKind.HANDED_OVER.value, point_id)
    is_given = tuple_(StockMovement.to_kind, StockMovement.to_point_id) == account
    is_back = tuple_(StockMovement.from_kind, StockMovement.from_point_id) == account
    signed = case((is_given, StockMovement.boxes), (is_back, -StockMovement.boxes), else_=0)
    wanted = select(func.coalesce(func.sum(signed), 0)).where(
        StockMovement.lot_id == lot_id, StockMovement.event_id == event_id
    )
    return int((await session.execute(wanted)).scalar_one())


async def count_attributed(
    session: AsyncSession, unrecorded_id: UUID, *, point_id: UUID
) -> list[tuple[UUID, int]]:
    """Return how many boxes of each lot were attributed at a point and name no scan; latest lot first."""
    unrecorded, account = aliased(Lot), (AccountKind.HANDED_OVER.value, point_id)
    is_given = tuple_(StockMovement.to_kind, StockMovement.to_point_id) == account
    is_back = tuple_(StockMovement.from_kind, StockMovement.from_point_id) == account
    left = func.sum(case((is_given, StockMovement.boxes), else_=-StockMovement.boxes))
    wanted = (
        select(StockMovement.lot_id, left)
        .join(Lot, and_(Lot.union_id == StockMovement.union_id, Lot.id == StockMovement.lot_id))
        .join(unrecorded, unrecorded.gift_box_id == Lot.gift_box_id)
        .where(
            unrecorded.id == unrecorded_id,
            Lot.kind == LotKind.RECEIVED.value,
            StockMovement.kind == MovementKind.ATTRIBUTED.value,
            StockMovement.event_id.is_(None),
            or_(is_given, is_back),
        )
        .group_by(StockMovement.lot_id)
        .having(left > 0)
    )
    rows = await session.execute(wanted.order_by(StockMovement.lot_id.desc()))
    return [(row[0], int(row[1])) for row in rows]


async def list_movements(
    session: AsyncSession, wanted: MovementsWanted, *, limit: int, after: After
) -> Page[StockMovement]:
    """Return movements, newest first."""
    found = select(StockMovement).where(*_criteria(wanted))
    if after is not None:
        found = found.where(
            tuple_(StockMovement.posted_at, StockMovement.id) < seek(after, instant_key, UUID)
        )
    found = found.order_by(StockMovement.posted_at.desc(), StockMovement.id.desc()).limit(limit + 1)
    rows = list((await session.execute(found)).scalars())
    return page_of(rows, limit=limit, key=lambda row: (row.posted_at.isoformat(), str(row.id)))


def _criteria(wanted: MovementsWanted) -> list[Any]:
    movement, criteria = StockMovement, []
    if wanted.lot_id is not None:
        criteria.append(movement.lot_id == wanted.lot_id)
    if wanted.kind is not None:
        criteria.append(movement.kind == wanted.kind.value)
    if wanted.document_id is not None:
        criteria.append(movement.document_id == wanted.document_id)
    if wanted.since is not None:
        criteria.append(movement.posted_at >= wanted.since)
    if wanted.until is not None:
        criteria.append(movement.posted_at < wanted.until)
    return criteria
