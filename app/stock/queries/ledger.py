"""Balances, under lock.

Every transaction locks balances in one order, or two of them could wait for each other for ever: those of
pickup points first, then the others, variance last (everybody's account), each by rising id. That is why a
hand-over may lock what is on hand at its points, decide, and only then lock what it posts to.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, and_, any_, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from app.access.scope import in_scope, read_scoped
from app.platform.compiled import run_compiled
from app.stock.rules.changes import Side
from app.stock.rules.ledger import Account, AccountKind
from app.stock.rules.picking import OnHand
from app.stock.tables import Lot, StockBalance

_UUIDS = ARRAY(Uuid(as_uuid=True))
_TURN = case(
    (StockBalance.kind == AccountKind.PICKUP_POINT.value, 0),
    (StockBalance.kind == AccountKind.VARIANCE.value, 2),
    else_=1,
)
_ON_HAND = (
    select(
        StockBalance.id,
        StockBalance.lot_id,
        Lot.gift_box_id,
        StockBalance.pickup_point_id,
        StockBalance.boxes,
        Lot.best_before_on,
    )
    .join(Lot, and_(Lot.union_id == StockBalance.union_id, Lot.id == StockBalance.lot_id))
    .where(
        StockBalance.kind == AccountKind.PICKUP_POINT.value,
        StockBalance.boxes > 0,
        Lot.recalled_at.is_(None),
    )
    .order_by(StockBalance.id)
)
_LOCKED_ON_HAND = _ON_HAND.where(
    in_scope(StockBalance),
    in_scope(Lot),
    StockBalance.pickup_point_id == any_(cast(bindparam("points", type_=_UUIDS), _UUIDS)),
    Lot.gift_box_id == any_(cast(bindparam("boxes", type_=_UUIDS), _UUIDS)),
).with_for_update(of=StockBalance)

_WANTED: Any = (
    func.unnest(
        cast(bindparam("lots", type_=_UUIDS), _UUIDS),
        cast(bindparam("kinds", type_=ARRAY(String)), ARRAY(String)),
        cast(bindparam("points", type_=_UUIDS), _UUIDS),
    )
    .table_valued("lot_id", "kind", "point_id", name="wanted")
    .render_derived()
)
_SIDES = (
    select(
        StockBalance.id,
        StockBalance.lot_id,
        StockBalance.kind,
        StockBalance.pickup_point_id,
        StockBalance.boxes,
    )
    .join(
        _WANTED,
        and_(
            StockBalance.lot_id == _WANTED.c.lot_id,
            StockBalance.kind == _WANTED.c.kind,
            StockBalance.pickup_point_id.is_not_distinct_from(_WANTED.c.point_id),
        ),
    )
    .where(StockBalance.union_id == cast(bindparam("union_id", type_=Uuid(as_uuid=True)), Uuid(as_uuid=True)))
    .order_by(_TURN, StockBalance.id)
    .with_for_update(of=StockBalance)
)


async def find_on_hand(
    session: AsyncSession, point_ids: Collection[UUID], gift_box_ids: Collection[UUID]
) -> list[OnHand]:
    """Return what may be handed over of these gift boxes at these points: of no recalled lot, above zero."""
    wanted = _ON_HAND.where(StockBalance.pickup_point_id.in_(point_ids), Lot.gift_box_id.in_(gift_box_ids))
    rows: Sequence[Any] = (await session.execute(wanted)).all()
    return [OnHand(*row) for row in rows]


async def lock_on_hand(
    session: AsyncSession, point_ids: Collection[UUID], gift_box_ids: Collection[UUID]
) -> list[OnHand]:
    """Lock and return the same, in one statement; lock orders before, and no balance before.

    Needs a session in the scope of some unions (`read_scoped`).
    """
    if not point_ids or not gift_box_ids:
        return []
    values = {"points": sorted(point_ids), "boxes": sorted(gift_box_ids)}
    return [OnHand(*row) for row in await read_scoped(session, _LOCKED_ON_HAND, values)]


async def lock_sides(
    session: AsyncSession, sides: Sequence[Side], *, union_id: UUID
) -> dict[Side, tuple[UUID, int]]:
    """Lock these accounts of lots as far as they were opened; return the id and the boxes of each."""
    values = {
        "lots": [lot_id for lot_id, _ in sides],
        "kinds": [account.kind.value for _, account in sides],
        "points": [account.point_id for _, account in sides],
        "union_id": union_id,
    }
    rows: Sequence[Any] = (await run_compiled(session, _SIDES, values)).all()
    return {(row[1], Account(AccountKind(row[2]), row[3])): (row[0], row[4]) for row in rows}


async def lock_balances(
    session: AsyncSession, lot_ids: Collection[UUID]
) -> dict[tuple[UUID, Account], StockBalance]:
    """Lock and return every balance of these lots."""
    wanted = select(StockBalance).where(StockBalance.lot_id.in_(lot_ids)).order_by(_TURN, StockBalance.id)
    rows = (
        await session.execute(wanted.with_for_update().execution_options(populate_existing=True))
    ).scalars()
    return {(row.lot_id, Account(AccountKind(row.kind), row.pickup_point_id)): row for row in rows}
