"""The rule book of ordering: what may become of an order, decided for everybody who is waiting.

`admit` is the only place where these rules live; the desk, a single call, an import and the
waiting list all come through it. It does no I/O and reads no clock.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from app.campaigns.errors import (
    CampaignClosed,
    CampaignNotOpen,
    CampaignSealed,
    NotEligible,
    OfferNotFound,
    SoldOut,
)
from app.campaigns.rules import (
    CORRECTIONS_AT,
    LEAVING,
    Allocation,
    RuleResult,
    Stage,
    check_eligibility,
    is_eligible,
)
from app.orders.errors import (
    AlreadyOrdered,
    NotBookable,
    NotCancellable,
    OrderNotFound,
    QuantityOverLimit,
    QuotaBelowPromised,
    WaitlistClosed,
)
from app.orders.rules.commands import (
    BookSlot,
    CancelOrder,
    ChangeQuota,
    Command,
    Done,
    ExpireOrder,
    Outcome,
    PlaceOrder,
    ReleaseOrder,
    Replayed,
    ServeLine,
)
from app.orders.rules.desk import DeskState, Event, MemberState, OfferState, OrderState, SlotState
from app.orders.rules.states import (
    BOOKABLE,
    CANCELLABLE,
    EXPIRING,
    NEVER_SERVED,
    PROMISED,
    OrderStatus,
)
from app.pickup.errors import SlotFull, SlotNotFound, SlotPast
from app.platform.clock import local_date, shown
from app.platform.errors import DomainError, KeyReused, PreconditionFailed
from app.platform.idempotency import Answer

Render: TypeAlias = Callable[[Command, Done | DomainError], tuple[int, str]]


def admit(state: DeskState, commands: Sequence[Command], *, render: Render) -> list[Outcome]:
    """Decide the commands in order of arrival and bring `state` up to date.

    `render` turns an outcome into the answer to be kept for its idempotency key. A refused command
    changes nothing but its own stored answer.
    """
    return [_admit_one(state, command, render=render) for command in commands]


def _admit_one(state: DeskState, command: Command, *, render: Render) -> Outcome:
    claim = command.claim
    if claim is not None:
        known = state.answers.get((claim.actor_id, claim.key))
        if known is not None:
            return Replayed(known) if known.fingerprint == claim.fingerprint else KeyReused()
    try:
        outcome: Done | DomainError = _decide(state, command)
    except DomainError as refusal:
        outcome = refusal
    # Rendered at once: a later command of the batch may change the same order again.
    status, body = render(command, outcome)
    answer = Answer(status, body, claim.fingerprint if claim else b"")
    if claim is not None:
        state.answers[claim.actor_id, claim.key] = answer
        state.kept.append((claim, answer, command.at))
    return outcome if isinstance(outcome, DomainError) else answer


def _decide(state: DeskState, command: Command) -> Done:
    match command:
        case PlaceOrder():
            return _place(state, command)
        case BookSlot():
            return _book(state, command)
        case CancelOrder():
            return _cancel(state, command)
        case ExpireOrder():
            return _expire(state, command)
        case ReleaseOrder():
            return _release(state, command)
        case ServeLine():
            return _serve(state, command)
        case ChangeQuota():
            return _change_quota(state, command)


def _place(state: DeskState, wanted: PlaceOrder) -> Done:
    offer, member = _allowed(state, wanted)
    status = _standing(offer, wanted)
    slot = None
    if status is OrderStatus.TO_BOOK and wanted.slot_id is not None:
        slot = _free_slot(state, wanted.slot_id, offer=offer, at=wanted.at)
        status = OrderStatus.BOOKED
    order = OrderState(
        id=wanted.order_id,
        number=wanted.number,
        campaign_id=offer.campaign_id,
        offer_id=offer.id,
        pickup_point_id=offer.pickup_point_id,
        member_id=member.id,
        unit_id=member.unit_id,
        slot_id=slot.id if slot else None,
        quantity=wanted.quantity,
        status=status,
        channel=wanted.channel,
        placed_at=wanted.at,
        booked_at=wanted.at if slot else None,
    )
    if slot is not None:
        _take_place(state, slot)
    _count(state, order, sign=+1)
    state.live.add((offer.campaign_id, member.id))
    state.orders[order.id] = order
    state.placed.append(order)
    state.events.append(Event("order.placed", order, wanted.at))
    return Done(order=order, slot=slot)


def _allowed(state: DeskState, wanted: PlaceOrder) -> tuple[OfferState, MemberState]:
    """Return offer and member, or raise why this member may not order it now."""
    offer = state.offers.get(wanted.offer_id)
    member = state.members.get(wanted.member_id)
    if offer is None or offer.stage == Stage.DRAFT or member is None:
        raise OfferNotFound()
    check_window(offer, wanted.at)
    results = _eligibility(state, offer, member=member, at=wanted.at)
    if not is_eligible(results):
        shown_rules = [{"code": one.code, "passed": one.passed} for one in results]
        raise NotEligible(rules=shown_rules, correction=CORRECTIONS_AT)
    if (offer.campaign_id, member.id) in state.live:
        raise AlreadyOrdered(limit=offer.per_member_limit)
    if wanted.quantity > offer.per_member_limit:
        raise QuantityOverLimit(limit=offer.per_member_limit)
    return offer, member


def _eligibility(
    state: DeskState, offer: OfferState, *, member: MemberState, at: datetime
) -> tuple[RuleResult, ...]:
    rules = offer.rules
    facts = state.facts_of(offer.campaign_id, member, rules=rules)
    return check_eligibility(facts, rules, at=at)


def check_window(offer: OfferState, at: datetime) -> None:
    """Raise CampaignNotOpen before the order window, CampaignClosed after it or when cancelled."""
    if offer.stage == Stage.CANCELLED or at >= offer.order_closes_at:
        raise CampaignClosed()
    if at < offer.order_opens_at:
        raise CampaignNotOpen(opens_at=shown(offer.order_opens_at))


def _standing(offer: OfferState, wanted: PlaceOrder) -> OrderStatus:
    """Return the state in which an order begins; whoever waits already comes before newcomers."""
    if offer.allocation == Allocation.LOTTERY:
        return OrderStatus.PENDING_DRAW
    if offer.remaining >= wanted.quantity:
        return OrderStatus.TO_BOOK
    if not wanted.join_waitlist:
        raise SoldOut(has_waitlist=offer.has_waitlist)
    if not offer.has_waitlist:
        raise WaitlistClosed()
    return OrderStatus.WAITLISTED


def _free_slot(state: DeskState, slot_id: UUID, *, offer: OfferState, at: datetime) -> SlotState:
    slot = state.slots.get(slot_id)
    if slot is None or (slot.campaign_id, slot.pickup_point_id) != (offer.campaign_id, offer.pickup_point_id):
        raise SlotNotFound()
    if slot.ends_at <= at:
        raise SlotPast()
    if slot.booked_count >= slot.capacity:
        raise SlotFull()
    return slot


def _own_order(state: DeskState, order_id: UUID, *, member_id: UUID) -> OrderState:
    order = state.orders.get(order_id)
    if order is None or order.member_id != member_id:
        raise OrderNotFound()
    return order


def _book(state: DeskState, wanted: BookSlot) -> Done:
    order = _own_order(state, wanted.order_id, member_id=wanted.member_id)
    if order.status not in BOOKABLE:
        raise NotBookable(order_status=order.status)
    if order.slot_id == wanted.slot_id:
        return Done(order=order, slot=state.slots[wanted.slot_id])
    offer = state.offers[order.offer_id]
    if offer.stage == Stage.CANCELLED:
        raise CampaignClosed()
    slot = _free_slot(state, wanted.slot_id, offer=offer, at=wanted.at)
    _take_place(state, slot)
    if order.slot_id is not None:
        _give_place_back(state, order.slot_id)
    kind = "order.moved" if order.slot_id else "order.booked"
    order.slot_id, order.status, order.booked_at = slot.id, OrderStatus.BOOKED, wanted.at
    _changed(state, order, kind=kind, at=wanted.at)
    return Done(order=order, slot=slot)


def _cancel(state: DeskState, wanted: CancelOrder) -> Done:
    order = _own_order(state, wanted.order_id, member_id=wanted.member_id)
    if order.status == OrderStatus.CANCELLED:
        return Done(order=order)
    if order.status not in CANCELLABLE:
        raise NotCancellable(order_status=order.status)
    _call_off(state, order, kind="order.cancelled", at=wanted.at, reason=wanted.reason)
    _serve_waitlist(state, state.offers[order.offer_id], at=wanted.at)
    return Done(order=order)


def _call_off(state: DeskState, order: OrderState, *, kind: str, at: datetime, reason: str | None) -> None:
    """End an order: its boxes, its place and its place in the line are free.

    Of an order that is collected in part, only what is left is given up.
    """
    if order.collected_count:
        _give_up_rest(state, order, at=at)
        return
    if order.slot_id is not None:
        _give_place_back(state, order.slot_id)
    _count(state, order, sign=-1)
    order.status, order.slot_id = OrderStatus.CANCELLED, None
    order.cancelled_at, order.cancel_reason = at, reason
    state.live.discard((order.campaign_id, order.member_id))
    if order.id in state.waiting[order.offer_id]:
        state.waiting[order.offer_id].remove(order.id)
    _changed(state, order, kind=kind, at=at)


def _give_up_rest(state: DeskState, order: OrderState, *, at: datetime) -> None:
    """Close an order of which a part is collected: it is collected, and the boxes that are left are free.

    The place was used when the first part was collected.
    """
    _count(state, order, sign=-1)
    order.given_up_count += order.left_count
    order.quantity, order.status = order.collected_count, OrderStatus.COLLECTED
    _count(state, order, sign=+1)
    _changed(state, order, kind="order.rest_given_up", at=at)


def _release(state: DeskState, wanted: ReleaseOrder) -> Done:
    """Take back the order of a member who has left, unless it is over or the campaign keeps it.

    Whether they have left is decided here: the record may have been mended since the order was found.
    """
    order = state.orders.get(wanted.order_id)
    if order is None:
        raise OrderNotFound()
    offer, member = state.offers[order.offer_id], state.members[order.member_id]
    has_left = member.status in LEAVING and member.status not in offer.eligible_statuses
    if has_left and not offer.keeps_orders_of_leavers and order.status in EXPIRING:
        _call_off(state, order, kind="order.released", at=wanted.at, reason="left_union")
        _serve_waitlist(state, offer, at=wanted.at)
    return Done(order=order)


def _serve(state: DeskState, wanted: ServeLine) -> Done:
    offer = state.offers.get(wanted.offer_id)
    if offer is None:
        raise OfferNotFound()
    _serve_waitlist(state, offer, at=wanted.at)
    return Done(offer=offer)


def _expire(state: DeskState, wanted: ExpireOrder) -> Done:
    order = state.orders.get(wanted.order_id)
    if order is None:
        raise OrderNotFound()
    # The window as it is now: it may have been extended since the order was found overdue.
    is_over = local_date(wanted.at) > state.offers[order.offer_id].pickup_until
    if order.status not in EXPIRING or not is_over:
        return Done(order=order)
    if order.collected_count:
        _give_up_rest(state, order, at=wanted.at)
        return Done(order=order)
    if order.id in state.waiting[order.offer_id]:
        state.waiting[order.offer_id].remove(order.id)
    _count(state, order, sign=-1)
    if order.status not in PROMISED:
        order.cancel_reason = NEVER_SERVED
    order.status = OrderStatus.EXPIRED
    state.live.discard((order.campaign_id, order.member_id))
    _changed(state, order, kind="order.expired", at=wanted.at)
    return Done(order=order)


def _change_quota(state: DeskState, wanted: ChangeQuota) -> Done:
    offer = state.offers.get(wanted.offer_id)
    if offer is None:
        raise OfferNotFound()
    if offer.sealed_at is not None:
        raise CampaignSealed()
    if wanted.version not in {None, offer.version}:
        raise PreconditionFailed(version=offer.version)
    if wanted.quota < offer.promised_count:
        raise QuotaBelowPromised(promised=offer.promised_count)
    offer.quota = wanted.quota
    offer.version += 1
    state.touched_offers.add(offer.id)
    state.freed_offers.add(offer.id)
    _serve_waitlist(state, offer, at=wanted.at)
    return Done(offer=offer)


def _serve_waitlist(state: DeskState, offer: OfferState, *, at: datetime) -> None:
    """Give free boxes to those who wait, in their order; the first who does not fit stops it.

    Whoever may no longer order when a box would be theirs leaves the line instead, and is told.
    """
    waiting = state.waiting[offer.id]
    while waiting and offer.stage == Stage.PUBLISHED and offer.free > 0:
        order = state.orders[waiting[0]]
        member = state.members[order.member_id]
        if not is_eligible(_eligibility(state, offer, member=member, at=at)):
            _call_off(state, order, kind="order.passed_over", at=at, reason="not_eligible")
            continue
        if order.quantity > offer.free:
            return
        waiting.pop(0)
        _count(state, order, sign=-1)
        order.status = OrderStatus.TO_BOOK
        _count(state, order, sign=+1)
        _changed(state, order, kind="order.promoted", at=at)


def _count(state: DeskState, order: OrderState, *, sign: int) -> None:
    """Add an order to the counters of its offer (`sign` +1) or take it out (-1)."""
    offer = state.offers[order.offer_id]
    if order.status in PROMISED:
        offer.promised_count += sign * order.quantity
        if sign < 0:
            state.freed_offers.add(offer.id)
    elif order.status == OrderStatus.WAITLISTED:
        offer.waitlisted_count += sign
        if sign > 0:
            state.waiting[offer.id].append(order.id)
    else:
        return
    state.touched_offers.add(offer.id)


def _take_place(state: DeskState, slot: SlotState) -> None:
    slot.booked_count += 1
    state.touched_slots.add(slot.id)


def _give_place_back(state: DeskState, slot_id: UUID) -> None:
    state.slots[slot_id].booked_count -= 1
    state.touched_slots.add(slot_id)


def _changed(state: DeskState, order: OrderState, *, kind: str, at: datetime) -> None:
    order.version += 1
    state.changed[order.id] = order
    state.events.append(Event(kind, order, at))
