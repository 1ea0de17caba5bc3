"""Recalls: a lot is held back at once wherever it is, and given free again."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.stock.actions.posting import post_movements
from app.stock.errors import LotUnrecorded, NotRecalled, RecalledAlready
from app.stock.queries.ledger import lock_balances
from app.stock.queries.lots import lock_lot
from app.stock.queries.quarantine import count_left_quarantine, count_recalled
from app.stock.rules.ledger import Account, AccountKind, Line, LotKind, MovementKind
from app.stock.rules.release import boxes_to_release
from app.stock.tables import Lot


async def recall_lot(session: AsyncSession, lot_id: UUID, reason: str, *, by: Actor, now: datetime) -> Lot:
    """Hold a lot back: it is picked no more, and what pickup points have of it goes to their quarantine.

    What is on its way stays so until it arrives; hand-overs stand (食品安全法 article 63: unsafe food is
    stopped, recalled, and that is recorded). Raises LotNotFound, LotUnrecorded, RecalledAlready.
    """
    lot = await lock_lot(session, lot_id)
    if lot.kind == LotKind.UNRECORDED:
        raise LotUnrecorded()
    if lot.recalled_at is not None:
        raise RecalledAlready()
    lot.recalled_at, lot.recalled_by, lot.recall_reason = now, by.id, reason
    held = await lock_balances(session, [lot.id])
    points = {
        account.point_id: row.boxes
        for (_, account), row in held.items()
        if account.kind is AccountKind.PICKUP_POINT and account.point_id and row.boxes > 0
    }
    lines = [
        _line(lot, point_id, boxes=boxes, is_recall=True, reason=reason) for point_id, boxes in points.items()
    ]
    await session.flush()
    await post_movements(session, lines, union_id=lot.union_id, posted_by=by.id, now=now)
    record(session, _trace("lot_recalled", lot, by=by, reason=reason, boxes=points), now=now)
    return lot


async def lift_recall(session: AsyncSession, lot_id: UUID, reason: str, *, by: Actor, now: datetime) -> Lot:
    """Give a lot free: what the recall put into quarantine and nobody has taken out goes back on hand.

    Raises LotNotFound, NotRecalled.
    """
    lot = await lock_lot(session, lot_id)
    if lot.recalled_at is None:
        raise NotRecalled()
    await lock_balances(session, [lot.id])
    free = boxes_to_release(
        await count_recalled(session, lot.id, at=lot.recalled_at),
        await count_left_quarantine(session, lot.id, since=lot.recalled_at),
    )
    lot.recalled_at, lot.recalled_by, lot.recall_reason = None, None, None
    lines = [
        _line(lot, point_id, boxes=boxes, is_recall=False, reason=reason) for point_id, boxes in free.items()
    ]
    await session.flush()
    await post_movements(session, lines, union_id=lot.union_id, posted_by=by.id, now=now)
    record(session, _trace("recall_lifted", lot, by=by, reason=reason, boxes=free), now=now)
    return lot


def _line(lot: Lot, point_id: UUID, *, boxes: int, is_recall: bool, reason: str) -> Line:
    on_hand, held_back = (
        Account(AccountKind.PICKUP_POINT, point_id),
        Account(AccountKind.QUARANTINE, point_id),
    )
    return Line(
        lot_id=lot.id,
        boxes=boxes,
        source=on_hand if is_recall else held_back,
        target=held_back if is_recall else on_hand,
        kind=MovementKind.QUARANTINED if is_recall else MovementKind.RELEASED,
        document_id=lot.id,
        reason=reason,
    )


def _trace(what: str, lot: Lot, *, by: Actor, reason: str, boxes: Mapping[UUID, int]) -> Trace:
    details = {str(point_id): count for point_id, count in boxes.items()}
    return Trace(f"stock.{what}", lot.union_id, by, ("lot", lot.id), reason, details)
