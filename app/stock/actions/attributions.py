"""Attributions: hand-overs whose lot nobody recorded turn out to be of this one."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.pickup.queries import get_point
from app.platform.ids import new_id
from app.stock.actions.posting import post_movements
from app.stock.errors import LotUnrecorded, TooFewUnrecorded
from app.stock.queries.ledger import lock_sides
from app.stock.queries.lots import get_lot, get_unrecorded_lot
from app.stock.queries.movements import count_attributed, count_given, find_balances
from app.stock.rules.attribution import attribution_lines
from app.stock.rules.ledger import Account, AccountKind, Line, LotKind


@dataclass(frozen=True, slots=True)
class Attribution:
    """So many boxes that were handed over at a pickup point without a recorded lot were of this lot."""

    lot_id: UUID
    pickup_point_id: UUID
    boxes: int
    reason: str
    event_id: UUID | None = None
    """The scan that handed them over, if somebody knows."""


async def attribute_boxes(
    session: AsyncSession, wanted: Attribution, *, by: Actor, now: datetime
) -> tuple[UUID, int]:
    """Post that boxes handed over without a lot were of this one, and take them off its stock at that point.

    Both lots change in one transaction. Returns the id that all movements carry, and how many boxes without a
    lot are left there. Raises LotNotFound, LotUnrecorded, PointNotFound, TooFewUnrecorded, NotEnoughStock.
    """
    lot = await get_lot(session, wanted.lot_id)
    if lot.kind == LotKind.UNRECORDED:
        raise LotUnrecorded()
    point = await get_point(session, wanted.pickup_point_id)
    unrecorded = await get_unrecorded_lot(session, lot.gift_box_id)
    on_hand, handed = Account(AccountKind.PICKUP_POINT, point.id), Account(AccountKind.HANDED_OVER, point.id)
    # In one statement, as all locks of a posting: on hand first.
    sides = [(lot.id, on_hand), (lot.id, handed), (unrecorded.id, handed)]
    held = await lock_sides(session, sides, union_id=lot.union_id)
    _, left = held.get((unrecorded.id, handed), (None, 0))
    free = left
    if wanted.event_id is not None:
        of_scan = await count_given(session, unrecorded.id, point_id=point.id, event_id=wanted.event_id)
        free = min(left, of_scan)
    if free < wanted.boxes:
        raise TooFewUnrecorded(left=free, asked=wanted.boxes)
    id = new_id()
    lines = [
        replace(line, document_id=id, event_id=wanted.event_id, reason=wanted.reason)
        for line in attribution_lines(lot.id, unrecorded.id, point_id=point.id, boxes=wanted.boxes)
    ]
    await post_movements(session, lines, union_id=lot.union_id, posted_by=by.id, now=now)
    return id, left - wanted.boxes


@dataclass(frozen=True, slots=True)
class Nameless:
    """Boxes that a scan handed over at a pickup point without a recorded lot, as far as the books name it."""

    unrecorded_id: UUID
    pickup_point_id: UUID
    event_id: UUID
    boxes: int


async def name_scan(
    session: AsyncSession, scan: Nameless, *, union_id: UUID, posted_by: UUID | None, now: datetime
) -> bool:
    """Let an attribution that named no scan name this one, as far as it took the scan's boxes; tell whether.

    Boxes that were attributed without a scan are no longer among the unrecorded ones, so that the scan could
    not be undone or swapped. Its attribution is taken back and posted again with its name: no balance
    changes.
    """
    held = await find_balances(session, scan.unrecorded_id)
    here = (AccountKind.HANDED_OVER.value, scan.pickup_point_id)
    short = scan.boxes - sum(row.boxes for row in held if (row.kind, row.pickup_point_id) == here)
    lines: list[Line] = []
    for lot_id, attributed in await count_attributed(session, scan.unrecorded_id, point_id=here[1]):
        if (boxes := min(short, attributed)) > 0:
            known = attribution_lines(lot_id, scan.unrecorded_id, point_id=here[1], boxes=boxes)
            for line in known:
                assert line.source is not None  # noqa: S101 - an attribution takes from somewhere
                lines.append(replace(line, source=line.target, target=line.source))
            lines += [replace(line, event_id=scan.event_id) for line in known]
            short -= boxes
    await post_movements(session, lines, union_id=union_id, posted_by=posted_by, now=now)
    return bool(lines)
