"""Taking a hand-over back, or swapping its boxes: events of their own, that put the stock right at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.actions import enqueue
from app.orders.queries import hold_campaigns, lock_orders
from app.orders.rules.desk import OrderState
from app.orders.rules.states import OrderStatus
from app.orders.tables import Order
from app.platform.clock import local_date
from app.platform.errors import KeyReused
from app.platform.ids import new_id
from app.redemptions import queries
from app.redemptions.errors import LotWithheld, NoBoxes, NotHandedOver, WrongLot, WrongQuantity
from app.redemptions.rules.boxes import Asked, Shelf, is_withheld, take_boxes
from app.redemptions.rules.changes import (
    Asker,
    ChangeKind,
    HandedOver,
    Held,
    boxes_of,
    check_change,
    given_at,
    held_of,
    lines_of_undo,
    lines_out,
)
from app.redemptions.rules.table import OrderDetails
from app.redemptions.schemas import ChangedOrder, ChangeView, LotOfHandOver
from app.redemptions.tables import Redemption, RedemptionChange
from app.stock.actions.attributions import Nameless, name_scan
from app.stock.actions.posting import post_movements
from app.stock.errors import LotNotFound
from app.stock.queries.ledger import lock_on_hand
from app.stock.rules.ledger import Line, MovementKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAsked:
    """Who asks for a change of the hand-over `of_event_id`; `event_id` names the change."""

    of_event_id: UUID
    event_id: UUID
    reason: str
    fingerprint: bytes
    asker: Asker
    at: datetime
    quantity: int | None = None
    lot_id: UUID | None = None


@dataclass(slots=True)
class Locked:
    """A hand-over whose order is locked."""

    redemption: Redemption
    order: OrderState
    details: OrderDetails
    held: list[Held]


async def undo_hand_over(session: AsyncSession, asked: ChangeAsked) -> str:
    """Take a hand-over back: its boxes are where they were, its order is open and its code good again.

    Returns the JSON text of a ChangeView; the same event again gets the same text. The hand-over stays on
    record, marked. Raises RedemptionNotFound, KeyReused, NotHandedOver, OwnOrder, UndoneAlready,
    CampaignSealed, OverTheFreeMinutes; NotEnoughStock if somebody has moved the boxes on meanwhile.
    """
    found = await _lock(session, asked)
    if isinstance(found, str):
        return found
    point_id = found.redemption.pickup_point_id
    lots = await queries.find_lots(session, {one.lot_id for one in found.held})
    lines = lines_of_undo(
        found.held,
        point_id,
        withheld={lot.id for lot in lots.values() if lot.is_recalled},
        event_id=asked.event_id,
        reason=asked.reason,
    )
    await _post(session, asked, lines)
    found.redemption.undone_at = asked.at
    await _reopen(session, found)
    enqueue(session, "order.reopened", found.order.id, union_id=session.info["scope"].only_union, at=asked.at)
    return await _record(session, asked, found, kind=ChangeKind.UNDO, held=[])


async def swap_boxes(session: AsyncSession, asked: ChangeAsked) -> str:
    """Put boxes of a hand-over aside as damaged and hand over others; what the member has stays as many.

    Returns and raises as `undo_hand_over`, and WrongQuantity, NoBoxes, LotNotFound, WrongLot, LotWithheld.
    """
    found = await _lock(session, asked)
    if isinstance(found, str):
        return found
    wanted = asked.quantity or 1
    holding = sum(one.boxes for one in found.held)
    if not holding:
        raise NoBoxes()
    if wanted > holding:
        raise WrongQuantity(quantity=holding)
    point_id = found.redemption.pickup_point_id
    new = await _take_new(session, asked, found, boxes=wanted)
    old = boxes_of(found.held, wanted)
    lines = lines_out(old, point_id, event_id=asked.event_id, reason=asked.reason)
    await _post(session, asked, [*lines, *new])
    enqueue(
        session, "order.box_swapped", found.order.id, union_id=session.info["scope"].only_union, at=asked.at
    )
    held = await find_held(session, asked.of_event_id, point_id, also=asked.event_id)
    return await _record(session, asked, found, kind=ChangeKind.SWAP, held=held)


async def _lock(session: AsyncSession, asked: ChangeAsked) -> Locked | str:
    """Lock and check; return the first answer instead if the event was answered before."""
    seen = await queries.get_redemption(session, asked.of_event_id)
    order = await session.get(Order, seen.order_id) if seen.order_id else None
    if order is None:
        raise NotHandedOver()
    # Until the end nobody seals the campaign.
    await hold_campaigns(session, [order.campaign_id])
    locked = (await lock_orders(session, [order.id]))[order.id]
    known = await queries.find_change(session, asked.event_id)
    if known is not None:
        if known.fingerprint != asked.fingerprint:
            raise KeyReused()
        return known.answer
    if await queries.is_scan(session, asked.event_id):
        raise KeyReused()
    redemption = await queries.get_redemption(session, asked.of_event_id)
    details = (await queries.find_details(session, [order.id]))[order.id]
    handed_over = HandedOver(
        is_handed_over=redemption.result == "handed_over",
        is_undone=redemption.undone_at is not None,
        is_sealed=details.is_sealed,
        member_id=locked.member_id,
        received_at=redemption.received_at,
    )
    check_change(handed_over, asked.asker, at=asked.at)
    held = await find_held(session, asked.of_event_id, redemption.pickup_point_id)
    if await _name_scan(session, asked, details, held=held, point_id=redemption.pickup_point_id):
        held = await find_held(session, asked.of_event_id, redemption.pickup_point_id)
    return Locked(redemption, locked, details, held)


async def _name_scan(
    session: AsyncSession,
    asked: ChangeAsked,
    details: OrderDetails,
    *,
    held: Sequence[Held],
    point_id: UUID,
) -> bool:
    """Let boxes that were attributed without a scan be those of this one, where only they are left."""
    unrecorded = details.unrecorded_lot_id
    boxes = sum(one.boxes for one in held if one.lot_id == unrecorded)
    if unrecorded is None or not boxes:
        return False
    return await name_scan(
        session,
        Nameless(unrecorded, point_id, asked.of_event_id, boxes),
        union_id=session.info["scope"].only_union,
        posted_by=asked.asker.staff_id,
        now=asked.at,
    )


async def find_held(
    session: AsyncSession, event_id: UUID, point_id: UUID, *, also: UUID | None = None
) -> list[Held]:
    """Return what is with the member of a hand-over: after its swaps, and as its lots are known by now."""
    swaps = [change.event_id for change, _ in await queries.list_changes(session, event_id)]
    event_ids = [event_id, *swaps] + ([also] if also else [])
    return held_of(await queries.find_moved(session, event_ids), given_at(point_id))


async def _take_new(session: AsyncSession, asked: ChangeAsked, found: Locked, *, boxes: int) -> list[Line]:
    box, unrecorded = found.details.gift_box_id, found.details.unrecorded_lot_id
    if box is None or unrecorded is None:
        raise NoBoxes()
    point_id, on = found.redemption.pickup_point_id, local_date(asked.at)
    shelf = Shelf(lots=await queries.find_lots(session, [asked.lot_id] if asked.lot_id else []))
    if asked.lot_id is not None:
        lot = shelf.lots.get(asked.lot_id)
        if lot is None:
            raise LotNotFound()
        if lot.gift_box_id != box:
            raise WrongLot()
        if is_withheld(lot, on):
            raise LotWithheld()
    shelf.on_hand[point_id, box] = await lock_on_hand(session, [point_id], [box])
    terms: dict[str, Any] = {"event_id": asked.event_id, "lot_id": asked.lot_id}
    wanted = Asked(point_id, box, unrecorded, boxes, on, **terms, kind=MovementKind.SWAPPED_IN)
    return take_boxes(shelf, wanted)


async def _post(session: AsyncSession, asked: ChangeAsked, lines: Sequence[Line]) -> None:
    union_id = session.info["scope"].only_union
    await post_movements(session, lines, union_id=union_id, posted_by=asked.asker.staff_id, now=asked.at)


async def _reopen(session: AsyncSession, found: Locked) -> None:
    """Count what stands of the order's hand-overs, and open the order if that is less than all of it.

    Its boxes stay promised and its place stays taken, as they were before the hand-over.
    """
    order = (await session.execute(select(Order).where(Order.id == found.order.id))).scalar_one()
    await session.flush()
    standing = await queries.find_standing(session, order.id)
    order.collected_count = min(sum(boxes for boxes, _ in standing), order.quantity)
    order.collected_at = max((at for _, at in standing), default=None)
    if order.status == OrderStatus.COLLECTED and order.collected_count < order.quantity:
        order.status = OrderStatus.BOOKED if order.slot_id else OrderStatus.TO_BOOK
    order.version += 1
    await session.flush()
    found.order.status, found.order.collected_count = order.status, order.collected_count


async def _record(
    session: AsyncSession, asked: ChangeAsked, found: Locked, *, kind: ChangeKind, held: Sequence[Held]
) -> str:
    order, redemption = found.order, found.redemption
    quantity = asked.quantity or redemption.quantity or 1
    view = ChangeView(
        event_id=asked.event_id,
        kind=kind,
        of_event_id=asked.of_event_id,
        pickup_point_id=redemption.pickup_point_id,
        quantity=quantity,
        reason=asked.reason,
        at=asked.at,
        by=asked.asker.staff_name,
        order=order_after(order),
        lots=await lots_of(session, held),
    )
    answer = view.model_dump_json()
    session.add(
        RedemptionChange(
            id=new_id(),
            union_id=session.info["scope"].only_union,
            kind=kind.value,
            event_id=asked.event_id,
            of_event_id=asked.of_event_id,
            order_id=order.id,
            pickup_point_id=redemption.pickup_point_id,
            staff_id=asked.asker.staff_id,
            quantity=quantity,
            reason=asked.reason,
            fingerprint=asked.fingerprint,
            answer=answer,
            at=asked.at,
        )
    )
    await session.flush()
    return answer


def order_after(order: OrderState) -> ChangedOrder:
    """Return what is told of an order."""
    return ChangedOrder(
        id=order.id,
        number=order.number,
        status=OrderStatus(order.status),
        quantity=order.quantity,
        remaining_quantity=order.left_count,
    )


async def lots_of(session: AsyncSession, held: Sequence[Held]) -> list[LotOfHandOver]:
    """Return the lots that a member holds, with their numbers."""
    boxes: dict[UUID, int] = {}
    for one in held:
        boxes[one.lot_id] = boxes.get(one.lot_id, 0) + one.boxes
    numbers = await queries.find_lot_numbers(session, boxes.keys())
    return [LotOfHandOver(lot_id=id, number=numbers.get(id), boxes=count) for id, count in boxes.items()]
