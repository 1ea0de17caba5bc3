"""What a recall put into quarantine, and what has left it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.stock.rules.ledger import AccountKind, MovementKind
from app.stock.tables import StockMovement


async def count_recalled(session: AsyncSession, lot_id: UUID, *, at: datetime) -> dict[UUID, int]:
    """Return how many boxes of a lot the recall of that instant put into quarantine, by pickup point."""
    wanted = select(StockMovement.to_point_id, func.sum(StockMovement.boxes)).where(
        StockMovement.lot_id == lot_id,
        StockMovement.document_id == lot_id,
        StockMovement.kind == MovementKind.QUARANTINED.value,
        StockMovement.posted_at == at,
    )
    return await _by_point(session, wanted.group_by(StockMovement.to_point_id))


async def count_left_quarantine(session: AsyncSession, lot_id: UUID, *, since: datetime) -> dict[UUID, int]:
    """Return how many boxes of a lot have left quarantine since then, by pickup point."""
    wanted = select(StockMovement.from_point_id, func.sum(StockMovement.boxes)).where(
        StockMovement.lot_id == lot_id,
        StockMovement.from_kind == AccountKind.QUARANTINE.value,
        StockMovement.posted_at >= since,
    )
    return await _by_point(session, wanted.group_by(StockMovement.from_point_id))


async def _by_point(session: AsyncSession, wanted: Any) -> dict[UUID, int]:
    return {point_id: int(boxes) for point_id, boxes in await session.execute(wanted)}
