"""The proof that balances are what movements add up to."""

from typing import Any
from uuid import UUID

from sqlalchemy import Integer, String, Uuid, func, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.stock.rules.ledger import Account, AccountKind
from app.stock.rules.proof import Difference, Flow, find_differences
from app.stock.tables import StockBalance, StockMovement


async def prove_balances(
    session: AsyncSession, union_id: UUID | None = None, *, lot_id: UUID | None = None
) -> list[Difference]:
    """Compare all movements with all balances, of one union or all that the session sees; none is good.

    One statement, and so one moment: what is posted meanwhile is seen wholly or not at all. It reads every
    movement once and hands over one row for each pair of accounts.
    """
    movement, balance = StockMovement, StockBalance
    nobody, nowhere = null().cast(String()), null().cast(Uuid(as_uuid=True))
    groups = (
        movement.lot_id, movement.from_kind, movement.from_point_id, movement.to_kind, movement.to_point_id,
    )  # fmt: skip
    flows: Any = select(literal(0, Integer()), *groups, func.sum(movement.boxes)).group_by(*groups)
    held: Any = select(
        literal(1, Integer()), balance.lot_id, nobody, nowhere, balance.kind, balance.pickup_point_id,
        balance.boxes,
    )  # fmt: skip
    if union_id is not None:
        flows, held = flows.where(movement.union_id == union_id), held.where(balance.union_id == union_id)
    if lot_id is not None:
        flows, held = flows.where(movement.lot_id == lot_id), held.where(balance.lot_id == lot_id)
    rows = (await session.execute(union_all(flows, held))).all()
    return find_differences(
        {(row[1], _account(row[4], row[5])): row[6] for row in rows if row[0] == 1},
        [
            Flow(row[1], _account(row[2], row[3]) if row[2] else None, _account(row[4], row[5]), row[6])
            for row in rows
            if row[0] == 0
        ],
    )


def _account(kind: str, point_id: UUID | None) -> Account:
    return Account(AccountKind(kind), point_id)
