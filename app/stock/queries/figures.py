"""What became of lots."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import String

from app.stock.rules.figures import LotFigures, figures_of
from app.stock.rules.ledger import AccountKind
from app.stock.tables import StockBalance, StockMovement


async def lot_figures(session: AsyncSession, lot_ids: Collection[UUID]) -> dict[UUID, LotFigures]:
    """Return the figures of each of these lots, of one moment; a lot without a movement has zeros."""
    movement, balance = StockMovement, StockBalance
    consigned = (
        select(movement.lot_id, null().cast(String()), func.sum(movement.boxes))
        .where(movement.lot_id.in_(lot_ids), movement.from_kind.is_(None))
        .group_by(movement.lot_id)
    )
    held = (
        select(balance.lot_id, balance.kind, func.sum(balance.boxes))
        .where(balance.lot_id.in_(lot_ids))
        .group_by(balance.lot_id, balance.kind)
    )
    from_nowhere: dict[UUID, int] = {}
    kinds: defaultdict[UUID, dict[AccountKind, int]] = defaultdict(dict)
    rows: Sequence[Any] = (await session.execute(union_all(consigned, held))).all()
    for lot_id, kind, boxes in rows:
        if kind is None:
            from_nowhere[lot_id] = boxes
        else:
            kinds[lot_id][AccountKind(kind)] = boxes
    return {lot_id: figures_of(from_nowhere.get(lot_id, 0), kinds[lot_id]) for lot_id in lot_ids}
