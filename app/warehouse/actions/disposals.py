"""Disposals (报损, 退回, 捐赠, 转出): one person asks, another decides, and only then boxes move."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.campaigns.queries import get_campaign
from app.pickup.errors import PointNotFound
from app.pickup.queries import find_point_ids
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.stock.actions.posting import post_movements
from app.stock.queries.ledger import lock_sides
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.tables import Lot
from app.warehouse.actions.leaving import Leaving, counts_as_on_hand, find_gap, lock_leaving
from app.warehouse.actions.papers import next_number, refuse_same_person
from app.warehouse.errors import DisposalDecided, KindUnfit, LotHeldBack, NotThere, OwnStep
from app.warehouse.queries.papers import find_disposal_lines, find_lots, find_people, get_disposal
from app.warehouse.rules.states import DisposalKind, DisposalStatus, Series, StockPlace
from app.warehouse.schemas.papers import DisposalApproval, DisposalDraft
from app.warehouse.tables.disposals import Disposal, DisposalLine

ENDS = {
    DisposalKind.WRITE_OFF: (AccountKind.LOSS, MovementKind.WRITTEN_OFF),
    DisposalKind.RETURN: (AccountKind.RETURNED, MovementKind.RETURNED),
    DisposalKind.DONATION: (AccountKind.DONATED, MovementKind.DONATED),
}
"""Where disposed boxes go; released ones go back to their pickup point."""
FOR_PEOPLE = frozenset({DisposalKind.DONATION, DisposalKind.RELEASE})
"""What ends on somebody's table: no recalled or expired lot may."""


async def request_disposal(
    session: AsyncSession, draft: DisposalDraft, *, by: Actor, now: datetime
) -> Disposal:
    """Ask for a disposal; nothing moves before it is approved, and nothing is set aside for it.

    Raises LotNotFound, PointNotFound, CampaignNotFound, KindUnfit, LotHeldBack.
    """
    lots = await find_lots(session, {line.lot_id for line in draft.lines})
    points = {line.pickup_point_id for line in draft.lines}
    if points - await find_point_ids(session, points):
        raise PointNotFound()
    if draft.campaign_id is not None:
        await get_campaign(session, draft.campaign_id)
    wanted = Counter[tuple[UUID, UUID, StockPlace]]()
    for line in draft.lines:
        wanted[line.lot_id, line.pickup_point_id, line.place] += line.boxes
    _check_kind(draft.kind, {place for _, _, place in wanted}, lots=lots, now=now)
    disposal = Disposal(
        id=new_id(), union_id=by.union_id, kind=draft.kind.value, status=DisposalStatus.PENDING.value,
        number=await next_number(session, Series.DISPOSAL, union_id=by.union_id, now=now),
        campaign_id=draft.campaign_id, reason=draft.reason, party=draft.party,
        evidence_sha256=bytes.fromhex(draft.evidence_sha256) if draft.evidence_sha256 else None,
        requested_by=by.id, requested_at=now,
    )  # fmt: skip
    session.add(disposal)
    await session.flush()
    session.add_all(
        DisposalLine(union_id=by.union_id, disposal_id=disposal.id, lot_id=lot_id, pickup_point_id=point_id,
                     place=place.value, boxes=boxes)
        for (lot_id, point_id, place), boxes in sorted(wanted.items())
    )  # fmt: skip
    await session.flush()
    return disposal


async def approve_disposal(
    session: AsyncSession, disposal_id: UUID, approval: DisposalApproval, *, by: Actor, now: datetime
) -> Disposal:
    """Approve a disposal and move its boxes, by another person than who asked.

    What is no longer there is refused (NotThere), and so is giving away or back what is promised there,
    unless the approval says otherwise (CoverageBroken); boxes that are written off cannot be handed over
    anyway. Raises DisposalNotFound, DisposalDecided, OwnStep, LotHeldBack.
    """
    disposal = await _lock_pending(session, disposal_id)
    await refuse_same_person(session, by, [disposal.requested_by])
    lines = await find_disposal_lines(session, [disposal.id])
    kind = DisposalKind(disposal.kind)
    # What people are to get must not be recalled at the same moment.
    lots = await find_lots(session, {line.lot_id for line in lines}, hold=kind in FOR_PEOPLE)
    leaving = [
        Leaving(line.lot_id, line.pickup_point_id, lots[line.lot_id].gift_box_id, line.boxes,
                counts_as_on_hand(lots[line.lot_id], now))
        for line in lines
        if line.place == StockPlace.PICKUP_POINT
    ]  # fmt: skip
    wanted: dict[UUID, set[UUID]] = {}
    for one in leaving:
        wanted.setdefault(one.point_id, set()).add(one.gift_box_id)
    await lock_leaving(session, wanted)
    # Lots are looked at once more: one may have been recalled while we waited.
    _check_kind(kind, set(), lots=await find_lots(session, lots), now=now)
    moves = [_move(disposal, line) for line in lines]
    await _check_there(session, moves, union_id=disposal.union_id)
    keeps_promises = kind in {DisposalKind.DONATION, DisposalKind.RETURN} and not approval.despite_promises
    gap = await find_gap(session, leaving, on=local_date(now)) if keeps_promises else None
    if gap is not None:
        raise gap
    await post_movements(session, moves, union_id=disposal.union_id, posted_by=by.id, now=now)
    return await _decide(session, disposal, DisposalStatus.APPROVED, reason=approval.reason, by=by, now=now)


async def decline_disposal(
    session: AsyncSession, disposal_id: UUID, *, reason: str, by: Actor, now: datetime
) -> Disposal:
    """Decline it, by another person than who asked. Raises DisposalNotFound, DisposalDecided, OwnStep."""
    disposal = await _lock_pending(session, disposal_id)
    await refuse_same_person(session, by, [disposal.requested_by])
    return await _decide(session, disposal, DisposalStatus.DECLINED, reason=reason, by=by, now=now)


async def withdraw_disposal(
    session: AsyncSession, disposal_id: UUID, *, reason: str, by: Actor, now: datetime
) -> Disposal:
    """Withdraw what one has asked for oneself. Raises DisposalNotFound, DisposalDecided, OwnStep."""
    disposal = await _lock_pending(session, disposal_id)
    people = await find_people(session, {by.id, disposal.requested_by})
    if people[by.id] != people[disposal.requested_by]:
        raise OwnStep()
    return await _decide(session, disposal, DisposalStatus.WITHDRAWN, reason=reason, by=by, now=now)


def _check_kind(
    kind: DisposalKind, places: set[StockPlace], *, lots: Mapping[UUID, Lot], now: datetime
) -> None:
    if kind is DisposalKind.RELEASE and StockPlace.PICKUP_POINT in places:
        raise KindUnfit()
    held_back = sorted(lot.id for lot in lots.values() if not counts_as_on_hand(lot, now))
    if kind in FOR_PEOPLE and held_back:
        raise LotHeldBack(lot_id=held_back[0])


def _move(disposal: Disposal, line: DisposalLine) -> Line:
    kind = DisposalKind(disposal.kind)
    if kind is DisposalKind.RELEASE:
        target, movement = Account(AccountKind.PICKUP_POINT, line.pickup_point_id), MovementKind.RELEASED
    else:
        target, movement = Account(ENDS[kind][0]), ENDS[kind][1]
    source = Account(AccountKind(line.place), line.pickup_point_id)
    return Line(
        lot_id=line.lot_id, boxes=line.boxes, source=source, target=target, kind=movement,
        document_id=disposal.id, reason=disposal.reason,
    )  # fmt: skip


async def _check_there(session: AsyncSession, moves: Sequence[Line], *, union_id: UUID) -> None:
    sides = [(move.lot_id, account) for move in moves for account in (move.source, move.target) if account]
    held = await lock_sides(session, sorted(set(sides)), union_id=union_id)
    for move in moves:
        assert move.source is not None  # noqa: S101 - a disposal takes from somewhere
        _, on_hand = held.get((move.lot_id, move.source), (None, 0))
        if on_hand < move.boxes:
            raise NotThere(lot_id=move.lot_id, on_hand=on_hand, asked=move.boxes)


async def _lock_pending(session: AsyncSession, disposal_id: UUID) -> Disposal:
    disposal = await get_disposal(session, disposal_id, lock=True)
    if disposal.status != DisposalStatus.PENDING:
        raise DisposalDecided(state=disposal.status)
    return disposal


async def _decide(
    session: AsyncSession,
    disposal: Disposal,
    status: DisposalStatus,
    *,
    reason: str | None,
    by: Actor,
    now: datetime,
) -> Disposal:
    disposal.status, disposal.decision_reason = status.value, reason
    disposal.decided_by, disposal.decided_at = by.id, now
    await session.flush()
    return disposal
