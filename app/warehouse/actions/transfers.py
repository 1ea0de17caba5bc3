"""Transfers (调拨): boxes leave one pickup point and arrive at another."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.pickup.queries import get_point
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.stock.actions.posting import post_movements
from app.stock.queries.ledger import find_on_hand
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.rules.picking import pick_lots
from app.stock.tables import Lot
from app.warehouse.actions.leaving import (
    Leaving,
    check_there,
    counts_as_on_hand,
    find_gap,
    lock_leaving,
)
from app.warehouse.actions.papers import next_number, refuse_same_person
from app.warehouse.errors import LinesContradict, NotThere, SamePoint, TransferSettled
from app.warehouse.queries.papers import find_lots, find_transfer_lines, get_transfer
from app.warehouse.rules.states import Series, TransferStatus
from app.warehouse.schemas.papers import Arrival, TransferDraft, TransferWanted
from app.warehouse.tables.transfers import Transfer, TransferLine

IN_TRANSIT = Account(AccountKind.IN_TRANSIT)


async def send_transfer(session: AsyncSession, draft: TransferDraft, *, by: Actor, now: datetime) -> Transfer:
    """Send boxes to another pickup point: they are in transit from now on.

    Of a gift box without a lot, the lots that go off first are taken. Too few left for what is promised:
    refused (CoverageBroken), or with `asks_exception` kept waiting for somebody else's decision, and nothing
    moves.
    Raises SamePoint, PointNotFound, LotNotFound, NotThere.
    """
    if draft.from_point_id == draft.to_point_id:
        raise SamePoint()
    for point_id in (draft.from_point_id, draft.to_point_id):
        await get_point(session, point_id)
    lots = await find_lots(session, {line.lot_id for line in draft.lines if line.lot_id})
    gift_boxes = {lot.gift_box_id for lot in lots.values()}
    gift_boxes |= {line.gift_box_id for line in draft.lines if line.gift_box_id}
    held = await lock_leaving(session, {draft.from_point_id: gift_boxes})
    picked = await _picked(session, draft, now=now)
    leaving = _leaving(picked, await find_lots(session, picked), point_id=draft.from_point_id, now=now)
    check_there(leaving, held)
    gap = await find_gap(session, leaving, on=local_date(now))
    if gap is not None and not draft.asks_exception:
        raise gap
    transfer = await _add(session, draft, picked, by=by, now=now)
    if gap is None:
        await _dispatch(session, transfer, picked, now=now)
    return transfer


async def approve_transfer(
    session: AsyncSession, transfer_id: UUID, *, reason: str, by: Actor, now: datetime
) -> Transfer:
    """Let a waiting transfer go although too few boxes stay for what is promised, and say why.

    By another person than who asked. Raises TransferNotFound, TransferSettled, OwnStep, NotThere.
    """
    transfer, lines = await _decide(session, transfer_id, reason=reason, by=by, now=now)
    picked = {line.lot_id: line.boxes for line in lines}
    lots = await find_lots(session, picked)
    boxes = {lot.gift_box_id for lot in lots.values()}
    held = await lock_leaving(session, {transfer.from_point_id: boxes})
    check_there(_leaving(picked, lots, point_id=transfer.from_point_id, now=now), held)
    await _dispatch(session, transfer, picked, now=now)
    return transfer


async def decline_transfer(
    session: AsyncSession, transfer_id: UUID, *, reason: str, by: Actor, now: datetime
) -> Transfer:
    """Decline a waiting transfer: nothing moves. Raises TransferNotFound, TransferSettled, OwnStep."""
    transfer, _ = await _decide(session, transfer_id, reason=reason, by=by, now=now)
    transfer.status = TransferStatus.DECLINED.value
    await session.flush()
    return transfer


async def receive_transfer(
    session: AsyncSession, transfer_id: UUID, arrival: Arrival, *, by: Actor, now: datetime
) -> Transfer:
    """Take in what arrived: good boxes may be handed over, damaged ones are set aside, missing ones are
    variance. By another person than who sent it.

    Raises TransferNotFound, TransferSettled, OwnStep, LinesContradict.
    """
    transfer = await get_transfer(session, transfer_id, lock=True)
    if transfer.status != TransferStatus.DISPATCHED:
        raise TransferSettled(state=transfer.status)
    await refuse_same_person(session, by, [transfer.dispatched_by])
    lines = {line.lot_id: line for line in await find_transfer_lines(session, [transfer.id])}
    arrived = {one.lot_id: one for one in arrival.lines}
    if arrived.keys() != lines.keys() or len(arrived) < len(arrival.lines):
        raise LinesContradict()
    for lot_id, line in lines.items():
        one = arrived[lot_id]
        if one.good + one.damaged + one.missing != line.boxes:
            raise LinesContradict()
        line.good, line.damaged, line.missing = one.good, one.damaged, one.missing
    transfer.status, transfer.arrival_note = TransferStatus.ARRIVED.value, arrival.note
    transfer.arrived_by, transfer.arrived_at = by.id, now
    await session.flush()
    lots = await find_lots(session, lines, hold=True)
    moves = [
        move
        for line in lines.values()
        for move in _arrivals(transfer, line, is_recalled=lots[line.lot_id].recalled_at is not None)
    ]
    await post_movements(session, moves, union_id=transfer.union_id, posted_by=by.id, now=now)
    return transfer


async def _picked(session: AsyncSession, draft: TransferDraft, *, now: datetime) -> dict[UUID, int]:
    """Return the boxes of each lot; what is asked for by lot is not picked a second time for a gift box."""
    picked: defaultdict[UUID, int] = defaultdict(int)
    for line in draft.lines:
        if line.lot_id is not None:
            picked[line.lot_id] += line.boxes
    for line in draft.lines:
        if line.gift_box_id is not None:
            await _pick(session, draft.from_point_id, line, picked=picked, now=now)
    return dict(picked)


async def _pick(
    session: AsyncSession,
    point_id: UUID,
    line: TransferWanted,
    *,
    picked: defaultdict[UUID, int],
    now: datetime,
) -> None:
    assert line.gift_box_id is not None  # noqa: S101 - the caller asks for gift boxes only
    there = await find_on_hand(session, [point_id], [line.gift_box_id])
    free = [replace(held, boxes=held.boxes - picked.get(held.lot_id, 0)) for held in there]
    picks = pick_lots(free, line.boxes, on=local_date(now))
    if (found := sum(pick.boxes for pick in picks)) < line.boxes:
        raise NotThere(on_hand=found, asked=line.boxes)
    for pick in picks:
        picked[pick.lot_id] += pick.boxes


def _leaving(
    picked: dict[UUID, int], lots: dict[UUID, Lot], *, point_id: UUID, now: datetime
) -> list[Leaving]:
    return [
        Leaving(lot_id, point_id, lots[lot_id].gift_box_id, boxes, counts_as_on_hand(lots[lot_id], now))
        for lot_id, boxes in sorted(picked.items())
    ]


async def _add(
    session: AsyncSession, draft: TransferDraft, picked: dict[UUID, int], *, by: Actor, now: datetime
) -> Transfer:
    transfer = Transfer(
        id=new_id(),
        union_id=by.union_id,
        number=await next_number(session, Series.TRANSFER, union_id=by.union_id, now=now),
        from_point_id=draft.from_point_id,
        to_point_id=draft.to_point_id,
        status=TransferStatus.WAITING.value,
        reason=draft.reason,
        dispatched_by=by.id,
        asked_at=now,
    )
    session.add(transfer)
    await session.flush()
    session.add_all(
        TransferLine(union_id=by.union_id, transfer_id=transfer.id, lot_id=lot_id, boxes=boxes)
        for lot_id, boxes in sorted(picked.items())
    )
    await session.flush()
    return transfer


async def _dispatch(
    session: AsyncSession, transfer: Transfer, picked: dict[UUID, int], *, now: datetime
) -> None:
    source = Account(AccountKind.PICKUP_POINT, transfer.from_point_id)
    lines = [
        Line(lot_id=lot_id, boxes=boxes, source=source, target=IN_TRANSIT, kind=MovementKind.DISPATCHED,
             document_id=transfer.id, reason=transfer.reason)
        for lot_id, boxes in sorted(picked.items())
    ]  # fmt: skip
    transfer.status, transfer.dispatched_at = TransferStatus.DISPATCHED.value, now
    await session.flush()
    await post_movements(
        session, lines, union_id=transfer.union_id, posted_by=transfer.dispatched_by, now=now
    )


async def _decide(
    session: AsyncSession, transfer_id: UUID, *, reason: str, by: Actor, now: datetime
) -> tuple[Transfer, Sequence[TransferLine]]:
    transfer = await get_transfer(session, transfer_id, lock=True)
    await refuse_same_person(session, by, [transfer.dispatched_by])
    if transfer.status != TransferStatus.WAITING:
        raise TransferSettled(state=transfer.status)
    transfer.decided_by, transfer.decided_at, transfer.decision_reason = by.id, now, reason
    return transfer, await find_transfer_lines(session, [transfer.id])


def _arrivals(transfer: Transfer, line: TransferLine, *, is_recalled: bool) -> list[Line]:
    """Return the movements of what arrived; boxes of a lot that was recalled on its way are set aside."""
    aside = Account(AccountKind.QUARANTINE, transfer.to_point_id)
    shelf = aside if is_recalled else Account(AccountKind.PICKUP_POINT, transfer.to_point_id)
    targets = (
        (line.good, shelf),
        (line.damaged, aside),
        (line.missing, Account(AccountKind.VARIANCE)),
    )
    return [
        Line(lot_id=line.lot_id, boxes=boxes, source=IN_TRANSIT, target=target, kind=MovementKind.ARRIVED,
             document_id=transfer.id, reason=transfer.arrival_note)
        for boxes, target in targets
        if boxes
    ]  # fmt: skip
