"""Posting movements: the one way boxes get from one account to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, String, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from app.platform.bulk import Part, insert_rows, run_together, update_rows
from app.platform.ids import new_id
from app.stock.errors import NotEnoughStock
from app.stock.queries.ledger import lock_sides
from app.stock.rules.changes import Side, changes_of, find_overdraft
from app.stock.rules.ledger import Line
from app.stock.tables import StockBalance, StockMovement

_NAMES = ("id", "union_id", "lot_id", "kind", "pickup_point_id", "boxes")
_ID = Uuid(as_uuid=True)
_KINDS: tuple[Any, ...] = (_ID, _ID, _ID, String(), _ID, Integer())


@dataclass(frozen=True, slots=True)
class Posting:
    """A movement, who posted it and when; None is the service itself."""

    line: Line
    posted_by: UUID | None
    posted_at: datetime


async def post_movements(
    session: AsyncSession, lines: Sequence[Line], *, union_id: UUID, posted_by: UUID | None, now: datetime
) -> None:
    """Post movements of one union, all or none, and keep the balances equal to them.

    Locks the balances concerned, in the order of `app/stock/queries/ledger.py`, until the transaction ends.
    Raises NotEnoughStock if an account but the variance account would fall below zero, and changes nothing.
    """
    postings = [Posting(line, posted_by, now) for line in lines]
    await run_together(session, await prepare_postings(session, postings, union_id=union_id))


async def prepare_postings(
    session: AsyncSession, postings: Sequence[Posting], *, union_id: UUID
) -> list[Part | None]:
    """Lock and check as `post_movements` does; return what is then to be run in the caller's own statement.

    The parts change balances by difference, and go to `run_together` once. Raises NotEnoughStock.
    """
    if not postings:
        return []
    changes = changes_of(posting.line for posting in postings)
    held = await lock_sides(session, sorted(changes), union_id=union_id)
    _refuse_overdraft(changes, {side: boxes for side, (_, boxes) in held.items()})
    known = [
        {"id": held[side][0], "boxes": change} for side, change in sorted(changes.items()) if side in held
    ]
    opened = {side: change for side, change in sorted(changes.items()) if side not in held}
    # Ids of one millisecond have no order of their own; the ledger shows movements as they were given.
    ids = sorted(new_id() for _ in postings)
    rows = [_movement_row(posting, union_id, id=id) for id, posting in zip(ids, postings, strict=True)]
    return [
        insert_rows(StockMovement, rows),
        update_rows(StockBalance, known, counters=("boxes",)),
        _open_accounts(opened, union_id),
    ]


def _movement_row(posting: Posting, union_id: UUID, *, id: UUID) -> dict[str, Any]:
    line = posting.line
    return {
        "id": id,
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
        "posted_by": posting.posted_by,
        "posted_at": posting.posted_at,
        "reason": line.reason,
    }


def _refuse_overdraft(changes: Mapping[Side, int], held: Mapping[Side, int]) -> None:
    side = find_overdraft(changes, held)
    if side is not None:
        raise NotEnoughStock(on_hand=held.get(side, 0), asked=-changes[side])


def _opening() -> Any:
    arrays: list[Any] = [
        cast(bindparam(f"opened_{name}", type_=ARRAY(kind)), ARRAY(kind))
        for name, kind in zip(_NAMES, _KINDS, strict=True)
    ]
    rows = func.unnest(*arrays).table_valued(*_NAMES, name="opened_rows").render_derived()
    opened = insert(StockBalance).from_select(list(_NAMES), select(*(rows.c[name] for name in _NAMES)))
    # Somebody may have opened the account since we looked: then what they hold is added to.
    return opened.on_conflict_do_update(
        constraint="uq_stock_balances_lot_id_kind_pickup_point_id",
        set_={"boxes": StockBalance.boxes + opened.excluded.boxes},
    )


_OPENING = _opening()


def _open_accounts(opened: Mapping[Side, int], union_id: UUID) -> Part | None:
    if not opened:
        return None
    rows = [
        (new_id(), union_id, lot_id, account.kind.value, account.point_id, boxes)
        for (lot_id, account), boxes in opened.items()
    ]
    return _OPENING, {f"opened_{name}": [row[n] for row in rows] for n, name in enumerate(_NAMES)}
