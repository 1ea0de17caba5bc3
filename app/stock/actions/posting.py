"""Posting movements: the one way boxes get from one account to another."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.ids import new_id
from app.stock.errors import NotEnoughStock
from app.stock.queries.ledger import lock_balances
from app.stock.rules.ledger import Account, AccountKind, Line, LotKind
from app.stock.tables import Lot, StockBalance, StockMovement

Side = tuple[UUID, Account]


async def post_movements(
    session: AsyncSession, lines: Sequence[Line], *, union_id: UUID, posted_by: UUID | None, now: datetime
) -> None:
    """Post movements of one union, all or none, and keep the balances equal to them.

    Locks the balances of the lots concerned, by rising id, until the transaction ends. Raises NotEnoughStock
    if an account but the variance account would fall below zero, and changes nothing then.
    """
    if not lines:
        return
    changes = changes_of(lines)
    held = await lock_balances(session, {lot_id for lot_id, _ in changes})
    _refuse_overdraft(changes, {side: balance.boxes for side, balance in held.items()})
    await session.execute(
        insert(StockMovement), [movement_row(line, union_id, posted_by=posted_by, at=now) for line in lines]
    )
    for side, change in sorted(changes.items()):
        await _add(session, side, change, held=held, union_id=union_id)


async def add_unrecorded_lot(
    session: AsyncSession, *, union_id: UUID, gift_box_id: UUID, now: datetime, is_sample: bool = False
) -> None:
    """Make the lot that stands for boxes of this kind whose lot nobody recorded; every gift box has one."""
    values = {"id": new_id(), "union_id": union_id, "gift_box_id": gift_box_id, "number": "-"}
    session.add(Lot(kind=LotKind.UNRECORDED, created_at=now, is_sample=is_sample, **values))
    await session.flush()


def changes_of(lines: Iterable[Line]) -> dict[Side, int]:
    """Return by how many boxes each account of each lot changes; accounts that stay as they are left out."""
    changes: defaultdict[Side, int] = defaultdict(int)
    for line in lines:
        if line.source is not None:
            changes[line.lot_id, line.source] -= line.boxes
        changes[line.lot_id, line.target] += line.boxes
    return {side: change for side, change in changes.items() if change}


def movement_row(line: Line, union_id: UUID, *, posted_by: UUID | None, at: datetime) -> dict[str, Any]:
    """Return the row of a movement."""
    return {
        "id": new_id(),
        "union_id": union_id,
        "lot_id": line.lot_id,
        "boxes": line.boxes,
        "from_kind": line.source.kind.value if line.source else None,
        "from_point_id": line.source.point_id if line.source else None,
        "to_kind": line.target.kind.value,
        "to_point_id": line.target.point_id,
        "kind": line.kind.value,
        "document_id": line.document_id,
        "event_id": line.event_id,
        "posted_by": posted_by,
        "posted_at": at,
        "reason": line.reason,
    }


def _refuse_overdraft(changes: Mapping[Side, int], held: Mapping[Side, int]) -> None:
    for side, change in changes.items():
        on_hand = held.get(side, 0)
        if side[1].kind is not AccountKind.VARIANCE and on_hand + change < 0:
            raise NotEnoughStock(on_hand=on_hand, asked=-change)


async def _add(
    session: AsyncSession, side: Side, change: int, *, held: Mapping[Side, StockBalance], union_id: UUID
) -> None:
    lot_id, account = side
    if side in held:
        changed = update(StockBalance).where(StockBalance.id == held[side].id)
        await session.execute(changed.values(boxes=StockBalance.boxes + change))
        return
    row = {
        "id": new_id(),
        "union_id": union_id,
        "lot_id": lot_id,
        "kind": account.kind.value,
        "pickup_point_id": account.point_id,
        "boxes": change,
    }
    # Somebody may have opened the account since we looked: then what they hold is added to.
    opened = upsert(StockBalance).values(row)
    added = {"boxes": StockBalance.boxes + opened.excluded.boxes}
    await session.execute(
        opened.on_conflict_do_update(constraint="uq_stock_balances_lot_id_kind_pickup_point_id", set_=added)
    )
