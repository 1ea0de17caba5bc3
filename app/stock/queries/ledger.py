"""Balances, under lock and as a proof."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.stock.rules.ledger import Account, AccountKind
from app.stock.tables import StockBalance


async def lock_balances(
    session: AsyncSession, lot_ids: Collection[UUID]
) -> dict[tuple[UUID, Account], StockBalance]:
    """Lock and return every balance of these lots, by rising id."""
    wanted = select(StockBalance).where(StockBalance.lot_id.in_(lot_ids)).order_by(StockBalance.id)
    rows = (
        await session.execute(wanted.with_for_update().execution_options(populate_existing=True))
    ).scalars()
    return {(row.lot_id, Account(AccountKind(row.kind), row.pickup_point_id)): row for row in rows}
