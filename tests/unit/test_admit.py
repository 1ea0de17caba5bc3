"""The rule book of ordering, rule by rule; a refused command changes nothing."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.campaigns.rules import EligibilityFacts
from app.orders.rules.commands import (
    BookSlot,
    CancelOrder,
    ChangeQuota,
    Command,
    ExpireOrder,
    ReleaseOrder,
    ServeLine,
)
from app.orders.rules.desk import OrderState
from app.orders.rules.line import line_needed
from app.orders.rules.states import BOOKABLE, CANCELLABLE, EXPIRING, LIVE, PROMISED, OrderStatus
from app.platform.errors import DomainError
from app.platform.i18n import LANGUAGES, text
from tests.factories.desk import HOUR, NOW, OVER, Desk, claim_of, said


def refused(desk: Desk, command: Command, *, code: str) -> Any:
    """Assert that a command is refused with a code and changes nothing; return the refusal."""
    before = deepcopy(desk.state)
    (outcome,) = desk.admit(command)
    assert said(outcome) == code
    assert desk.state == before
    return outcome


def cancel(order: OrderState, **other: Any) -> CancelOrder:
    terms: dict[str, Any] = {"at": NOW, "claim": None, "member_id": order.member_id}
    return CancelOrder(order_id=order.id, **(terms | other))


def book(order: OrderState, slot_id: Any, **other: Any) -> BookSlot:
    terms: dict[str, Any] = {"at": NOW, "claim": None, "member_id": order.member_id}
    return BookSlot(order_id=order.id, slot_id=slot_id, **(terms | other))


def kinds(desk: Desk) -> list[str]:
    return [event.kind for event in desk.state.events]


# --- Placing -------------------------------------------------------------------------------------


def test_an_order_holds_its_boxes() -> None:
    desk = Desk()
    offer, member = desk.offer(quota=5), desk.member()
    command = desk.place(offer, member, quantity=2)
    assert desk.do(command) == "to_book"
    assert (offer.promised_count, offer.remaining, offer.waitlisted_count) == (2, 3, 0)
    order = desk.state.orders[command.order_id]
    assert (order.member_id, order.unit_id, order.quantity) == (member.id, member.unit_id, 2)
    assert (order.slot_id, order.booked_at, order.placed_at, order.version) == (None, None, NOW, 1)
    assert desk.state.placed == [order]
    assert desk.state.live == {(desk.campaign_id, member.id)}
    assert desk.state.touched_offers == {offer.id}
    assert kinds(desk) == ["order.placed"]


def test_an_order_with_a_slot_is_booked_in_the_same_step() -> None:
    desk = Desk()
    offer, slot = desk.offer(), desk.slot()
    order = desk.holding(offer, slot_id=slot.id)
    assert (order.status, order.slot_id, order.booked_at) == ("booked", slot.id, NOW)
    assert (slot.booked_count, offer.promised_count) == (1, 1)
    assert desk.state.touched_slots == {slot.id}


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"stage": "draft"}, "campaigns.offer_not_found"),
        ({"stage": "cancelled"}, "campaigns.closed"),
        ({"order_opens_at": NOW + timedelta(microseconds=1)}, "campaigns.not_open"),
        ({"order_closes_at": NOW}, "campaigns.closed"),
        ({"eligible_statuses": ("retained",)}, "campaigns.not_eligible"),
        ({"per_member_limit": 0}, "orders.quantity_over_limit"),
        ({"quota": 0}, "campaigns.sold_out"),
    ],
)
def test_who_may_not_order(terms: dict[str, Any], code: str) -> None:
    desk = Desk()
    refused(desk, desk.place(desk.offer(**terms)), code=code)


def test_the_window_includes_its_beginning() -> None:
    desk = Desk()
    offer = desk.offer(order_opens_at=NOW, order_closes_at=NOW + timedelta(microseconds=1))
    assert desk.do(desk.place(offer)) == "to_book"


def test_an_offer_or_a_member_of_somebody_else_is_not_there() -> None:
    desk = Desk()
    offer = desk.offer()
    refused(desk, Desk().place(Desk().offer()), code="campaigns.offer_not_found")
    stranger = desk.member()
    del desk.state.members[stranger.id]
    refused(desk, desk.place(offer, stranger), code="campaigns.offer_not_found")


@pytest.mark.parametrize("has_waitlist", [True, False])
def test_who_is_refused_is_told_of_the_waiting_list_only_where_there_is_one(has_waitlist: bool) -> None:
    desk = Desk()
    refusal = refused(
        desk, desk.place(desk.offer(quota=0, has_waitlist=has_waitlist)), code="campaigns.sold_out"
    )
    assert isinstance(refusal, DomainError)
    assert refusal.params == {"has_waitlist": has_waitlist}
    details = {language: text(language, refusal.detail_key, part="detail") for language in LANGUAGES}
    assert ("候补" in details["zh-CN"]) == has_waitlist
    assert ("waiting list" in details["en"]) == has_waitlist


def test_a_refusal_of_eligibility_names_every_rule() -> None:
    desk = Desk()
    offer, member = desk.offer(), desk.member("retained")
    refusal = refused(desk, desk.place(offer, member), code="campaigns.not_eligible")
    assert refusal.params["rules"] == [
        {"code": "in_union", "passed": True},
        {"code": "membership_status", "passed": False},
    ]


def test_one_live_order_for_each_member_and_campaign() -> None:
    desk = Desk()
    offer, other, member = desk.offer(quota=5), desk.offer(quota=5), desk.member()
    command = desk.place(offer, member)
    desk.do(command)
    refused(desk, desk.place(offer, member), code="orders.already_ordered")
    refused(desk, desk.place(other, member), code="orders.already_ordered")
    elsewhere = desk.offer(campaign_id=uuid4())
    assert desk.do(desk.place(elsewhere, member)) == "to_book"
    desk.do(cancel(desk.state.orders[command.order_id]))
    assert desk.do(desk.place(other, member)) == "to_book"


def test_the_limit_is_allowed_and_one_more_is_not() -> None:
    desk = Desk()
    offer = desk.offer(quota=9, per_member_limit=2)
    assert desk.do(desk.place(offer, quantity=2)) == "to_book"
    refused(desk, desk.place(offer, quantity=3), code="orders.quantity_over_limit")


def test_the_last_box_is_given_and_the_next_is_sold_out() -> None:
    desk = Desk()
    offer = desk.offer(quota=2)
    assert [said(o) for o in desk.admit(*(desk.place(offer) for _ in range(3)))] == [
        "to_book",
        "to_book",
        "campaigns.sold_out",
    ]
    assert (offer.promised_count, offer.waitlisted_count) == (2, 0)


def test_an_order_that_does_not_fit_as_a_whole_is_sold_out() -> None:
    desk = Desk()
    offer = desk.offer(quota=1)
    refused(desk, desk.place(offer, quantity=2), code="campaigns.sold_out")


def test_who_waits_holds_nothing() -> None:
    desk = Desk()
    offer, slot = desk.offer(quota=0), desk.slot()
    order = desk.holding(offer, join_waitlist=True, slot_id=slot.id)
    assert (order.status, order.slot_id) == ("waitlisted", None)
    assert (offer.promised_count, offer.waitlisted_count, slot.booked_count) == (0, 1, 0)


def test_whoever_waits_comes_before_newcomers() -> None:
    desk = Desk()
    offer = desk.offer(quota=1)
    first = desk.holding(offer, quantity=2, join_waitlist=True)
    assert (first.status, offer.free, offer.remaining) == ("waitlisted", 1, 0)
    refused(desk, desk.place(offer), code="campaigns.sold_out")
    assert desk.do(desk.place(offer, join_waitlist=True)) == "waitlisted"


def test_without_a_waiting_list_nobody_waits() -> None:
    desk = Desk()
    offer = desk.offer(quota=0, has_waitlist=False)
    refused(desk, desk.place(offer, join_waitlist=True), code="orders.no_waitlist")


def test_in_a_lottery_everybody_waits_for_the_draw() -> None:
    desk = Desk()
    offer, slot = desk.offer(quota=0, allocation="lottery"), desk.slot()
    order = desk.holding(offer, slot_id=slot.id)
    assert (order.status, order.slot_id) == ("pending_draw", None)
    assert (offer.promised_count, offer.waitlisted_count, slot.booked_count) == (0, 0, 0)
    assert desk.do(cancel(order)) == "cancelled"
    assert (offer.promised_count, offer.waitlisted_count) == (0, 0)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"campaign_id": uuid4()}, "pickup.slot_not_found"),
        ({"pickup_point_id": uuid4()}, "pickup.slot_not_found"),
        ({"starts_at": NOW - HOUR}, "pickup.slot_past"),
        ({"capacity": 0}, "pickup.slot_full"),
        ({"booked_count": 1}, "pickup.slot_full"),
    ],
)
def test_a_slot_that_cannot_be_had(values: dict[str, Any], code: str) -> None:
    desk = Desk()
    offer, slot = desk.offer(), desk.slot(**values)
    refused(desk, desk.place(offer, slot_id=slot.id), code=code)
    order = desk.holding(offer)
    refused(desk, book(order, slot.id), code=code)


def test_a_slot_that_is_nowhere() -> None:
    desk = Desk()
    refused(desk, desk.place(desk.offer(), slot_id=uuid4()), code="pickup.slot_not_found")


# --- Booking and moving --------------------------------------------------------------------------


def test_a_move_frees_the_old_place_once_the_new_one_is_held() -> None:
    desk = Desk()
    offer, first, second = desk.offer(), desk.slot(), desk.slot(starts_at=NOW + HOUR)
    order = desk.holding(offer, slot_id=first.id)
    later = NOW + timedelta(minutes=1)
    assert desk.do(book(order, second.id, at=later)) == "booked"
    assert (first.booked_count, second.booked_count) == (0, 1)
    assert (order.slot_id, order.booked_at, order.version) == (second.id, later, 2)
    assert kinds(desk) == ["order.placed", "order.moved"]


def test_a_move_to_a_full_slot_keeps_the_old_place() -> None:
    desk = Desk()
    offer, first, full = desk.offer(), desk.slot(), desk.slot(booked_count=1)
    order = desk.holding(offer, slot_id=first.id)
    refused(desk, book(order, full.id), code="pickup.slot_full")
    assert (order.slot_id, first.booked_count, full.booked_count) == (first.id, 1, 1)


def test_booking_the_same_slot_again_changes_nothing() -> None:
    desk = Desk()
    offer, slot = desk.offer(), desk.slot()
    order = desk.holding(offer, slot_id=slot.id)
    before = deepcopy(desk.state)
    assert desk.do(book(order, slot.id)) == "booked"
    assert desk.state == before


def test_a_first_booking_is_no_move() -> None:
    desk = Desk()
    offer, slot = desk.offer(), desk.slot()
    order = desk.holding(offer)
    assert desk.do(book(order, slot.id)) == "booked"
    assert kinds(desk) == ["order.placed", "order.booked"]


@pytest.mark.parametrize(
    "status", ["pending_draw", "unselected", "waitlisted", "collected", "cancelled", "expired", "on_hold"]
)
def test_what_cannot_be_booked(status: str) -> None:
    desk = Desk()
    slot, order = desk.slot(), desk.holding(desk.offer())
    order.status = status
    refusal = refused(desk, book(order, slot.id), code="orders.not_bookable")
    assert refusal.params == {"order_status": status}


def test_nobody_books_after_the_campaign_was_cancelled() -> None:
    desk = Desk()
    offer, slot = desk.offer(), desk.slot()
    order = desk.holding(offer)
    offer.stage = "cancelled"
    refused(desk, book(order, slot.id), code="campaigns.closed")


@pytest.mark.parametrize(
    "asks",
    [
        lambda order, slot: book(order, slot, member_id=uuid4()),
        lambda order, _: cancel(order, member_id=uuid4()),
    ],
)
def test_an_order_of_somebody_else_is_not_there(asks: Callable[..., Command]) -> None:
    desk = Desk()
    slot, order = desk.slot(), desk.holding(desk.offer())
    refused(desk, asks(order, slot.id), code="orders.not_found")


# --- Cancelling, expiring ------------------------------------------------------------------------


def test_a_cancelled_order_gives_boxes_and_place_back() -> None:
    desk = Desk()
    offer, slot = desk.offer(quota=3), desk.slot()
    order = desk.holding(offer, quantity=2, slot_id=slot.id)
    assert desk.do(cancel(order, reason="出差")) == "cancelled"
    assert (offer.promised_count, slot.booked_count, order.slot_id) == (0, 0, None)
    assert (order.cancelled_at, order.cancel_reason) == (NOW, "出差")
    assert desk.state.live == set()
    assert desk.state.freed_offers == {offer.id}
    assert kinds(desk) == ["order.placed", "order.cancelled"]


def test_cancelling_what_its_owner_has_cancelled_changes_nothing() -> None:
    desk = Desk()
    offer, slot = desk.offer(quota=1), desk.slot()
    order = desk.holding(offer, slot_id=slot.id)
    desk.do(cancel(order, reason="出差"))
    before = deepcopy(desk.state)
    assert desk.do(cancel(order, at=NOW + HOUR, reason="生病")) == "cancelled"
    assert desk.state == before
    refused(desk, cancel(order, member_id=uuid4()), code="orders.not_found")


@pytest.mark.parametrize("status", ["collected", "expired", "unselected"])
def test_what_cannot_be_cancelled(status: str) -> None:
    desk = Desk()
    order = desk.holding(desk.offer())
    order.status = status
    refusal = refused(desk, cancel(order), code="orders.not_cancellable")
    assert refusal.params == {"order_status": status}


def test_a_freed_box_goes_to_the_first_who_waits() -> None:
    desk = Desk()
    offer = desk.offer(quota=1)
    holder = desk.holding(offer)
    line = [desk.holding(offer, join_waitlist=True) for _ in range(3)]
    desk.do(cancel(holder))
    assert [order.status for order in line] == ["to_book", "waitlisted", "waitlisted"]
    assert (offer.promised_count, offer.waitlisted_count) == (1, 2)
    assert desk.state.waiting[offer.id] == [line[1].id, line[2].id]
    assert kinds(desk)[-2:] == ["order.cancelled", "order.promoted"]


def test_the_first_who_does_not_fit_is_not_passed() -> None:
    desk = Desk()
    offer = desk.offer(quota=2)
    holders = [desk.holding(offer), desk.holding(offer)]
    line = [desk.holding(offer, quantity=2, join_waitlist=True), desk.holding(offer, join_waitlist=True)]
    desk.do(cancel(holders[0]))
    assert [order.status for order in line] == ["waitlisted", "waitlisted"]
    desk.do(cancel(holders[1]))
    assert [order.status for order in line] == ["to_book", "waitlisted"]
    desk.do(cancel(line[0]))
    assert [order.status for order in line] == ["cancelled", "to_book"]
    assert (offer.promised_count, offer.waitlisted_count) == (1, 0)


def test_who_leaves_the_line_lets_the_next_one_through() -> None:
    desk = Desk()
    offer = desk.offer(quota=1)
    line = [desk.holding(offer, quantity=2, join_waitlist=True), desk.holding(offer, join_waitlist=True)]
    desk.do(cancel(line[0]))
    assert [order.status for order in line] == ["cancelled", "to_book"]
    assert (offer.promised_count, offer.waitlisted_count) == (1, 0)


@pytest.mark.parametrize("status", ["to_book", "booked", "waitlisted", "pending_draw"])
def test_what_was_not_collected_expires(status: str) -> None:
    desk = Desk()
    slot = desk.slot()
    allocation = "lottery" if status == "pending_draw" else "first_come"
    offer = desk.offer(quota=0 if status == "waitlisted" else 1, allocation=allocation)
    order = desk.holding(offer, join_waitlist=True, slot_id=slot.id if status == "booked" else None)
    assert order.status == status
    places = slot.booked_count
    expire = ExpireOrder(at=OVER, order_id=order.id)
    assert desk.do(expire) == "expired"
    assert (offer.promised_count, offer.waitlisted_count) == (0, 0)
    assert slot.booked_count == places, "the place was held until its time was over"
    assert desk.state.live == set()
    assert kinds(desk) == ["order.placed", "order.expired"]
    before = deepcopy(desk.state)
    assert desk.do(expire) == "expired"
    assert desk.state == before, "twice does nothing twice"


def test_nothing_expires_before_the_last_pickup_day_has_ended() -> None:
    """It was found overdue, and then somebody extended the window."""
    desk = Desk()
    order = desk.holding(desk.offer())
    before = deepcopy(desk.state)
    assert desk.do(ExpireOrder(at=OVER - timedelta(microseconds=1), order_id=order.id)) == "to_book"
    assert desk.state == before


@pytest.mark.parametrize("status", ["collected", "cancelled", "on_hold"])
def test_what_is_over_does_not_expire(status: str) -> None:
    desk = Desk()
    order = desk.holding(desk.offer())
    order.status = status
    before = deepcopy(desk.state)
    assert desk.do(ExpireOrder(at=OVER, order_id=order.id)) == status
    assert desk.state == before


def test_an_order_that_is_not_there_cannot_expire() -> None:
    refused(Desk(), ExpireOrder(at=OVER, order_id=uuid4()), code="orders.not_found")


# --- Quota ---------------------------------------------------------------------------------------


def quota(offer_id: Any, number: int, *, version: int | None = 1) -> ChangeQuota:
    return ChangeQuota(at=NOW, claim=None, offer_id=offer_id, quota=number, version=version)


def test_more_boxes_go_to_those_who_wait_in_their_order() -> None:
    desk = Desk()
    offer = desk.offer(quota=0)
    line = [desk.holding(offer, join_waitlist=True) for _ in range(3)]
    assert desk.do(quota(offer.id, 2)) == "2 v2"
    assert [order.status for order in line] == ["to_book", "to_book", "waitlisted"]
    assert (offer.quota, offer.promised_count, offer.waitlisted_count, offer.version) == (2, 2, 1, 2)


def test_the_quota_never_goes_below_what_is_promised() -> None:
    desk = Desk()
    offer = desk.offer(quota=5)
    desk.holding(offer, quantity=2)
    refusal = refused(desk, quota(offer.id, 1), code="orders.quota_below_promised")
    assert refusal.params == {"promised": 2}
    assert desk.do(quota(offer.id, 2)) == "2 v2"


def test_a_quota_seen_at_another_version_is_not_changed() -> None:
    desk = Desk()
    offer = desk.offer()
    refusal = refused(desk, quota(offer.id, 9, version=2), code="platform.precondition_failed")
    assert refusal.params == {"version": 1}
    refused(desk, quota(uuid4(), 9), code="campaigns.offer_not_found")
    assert desk.do(quota(offer.id, 9, version=None)) == "9 v2"


# --- How much of the waiting list is needed ------------------------------------------------------


def test_of_the_line_no_more_is_read_than_the_batch_can_get() -> None:
    desk = Desk()
    offer = desk.offer(quota=3)
    holders = [desk.holding(offer, quantity=2), desk.holding(offer)]
    line = [desk.holding(offer, join_waitlist=True) for _ in range(20)]

    def needed(*commands: Command) -> dict[Any, int]:
        return line_needed(commands, desk.state.offers, orders=desk.state.orders)

    assert needed(desk.place(offer, join_waitlist=True), book(holders[0], uuid4())) == {}
    assert needed(ExpireOrder(at=OVER, order_id=holders[0].id)) == {}, "what expires serves nobody"
    assert needed(cancel(holders[0])) == {offer.id: 2}
    assert needed(cancel(holders[0]), cancel(holders[0])) == {offer.id: 2}
    assert needed(cancel(line[9])) == {offer.id: 1}
    assert needed(quota(offer.id, 2)) == {offer.id: 0}
    assert needed(quota(offer.id, 8), cancel(holders[1])) == {offer.id: 5 + 1}
    assert needed(quota(offer.id, 900_000)) == {offer.id: 20}, "there are no more"
    assert (
        needed(quota(uuid4(), 9), CancelOrder(at=NOW, claim=None, order_id=uuid4(), member_id=uuid4())) == {}
    )


# --- The same call twice -------------------------------------------------------------------------


def test_the_same_key_and_body_answer_as_the_first_time() -> None:
    desk = Desk()
    offer, member = desk.offer(), desk.member()
    claim = claim_of(member.id, "key")
    commands = [desk.place(offer, member, claim=claim) for _ in range(3)]
    assert [said(o) for o in desk.admit(*commands)] == ["to_book", "replayed:to_book", "replayed:to_book"]
    assert len(desk.state.orders) == 1
    assert [kept[0] for kept in desk.state.kept] == [claim]
    desk.do(cancel(desk.state.orders[commands[0].order_id]))
    before = deepcopy(desk.state)
    assert desk.do(commands[1]) == "replayed:to_book"
    assert desk.state == before


def test_a_refusal_is_kept_with_its_key_too() -> None:
    desk = Desk()
    offer, member = desk.offer(quota=0), desk.member()
    command = desk.place(offer, member, claim=claim_of(member.id, "key"))
    assert desk.do(command) == "campaigns.sold_out"
    offer.quota = 9
    assert desk.do(command) == "replayed:campaigns.sold_out"
    assert desk.state.orders == {}


def test_the_same_key_with_another_body_is_refused() -> None:
    desk = Desk()
    offer, member = desk.offer(), desk.member()
    desk.do(desk.place(offer, member, claim=claim_of(member.id, "key")))
    other = desk.place(offer, member, claim=claim_of(member.id, "key", body="other"))
    refused(desk, other, code="idempotency.key_reused")


def test_the_same_key_of_another_member_is_another_key() -> None:
    desk = Desk()
    offer, one, two = desk.offer(), desk.member(), desk.member()
    assert desk.do(desk.place(offer, one, claim=claim_of(one.id, "key"))) == "to_book"
    assert desk.do(desk.place(offer, two, claim=claim_of(two.id, "key"))) == "to_book"


def test_every_state_is_covered_by_the_tables() -> None:
    assert set(OrderStatus) - LIVE == {"unselected", "cancelled", "expired"}
    assert {"to_book", "booked", "collected", "on_hold"} == PROMISED
    assert LIVE - {"collected"} == CANCELLABLE
    assert {"to_book", "booked"} == BOOKABLE
    assert {"pending_draw", "waitlisted", "to_book", "booked"} == EXPIRING


# --- Who may still order ---------------------------------------------------------------------------


def test_rules_that_ask_more_are_never_decided_without_the_facts() -> None:
    desk = Desk()
    member = desk.member()
    offer = desk.offer(is_listed_only=True)
    with pytest.raises(LookupError):
        desk.do(desk.place(offer, member))
    desk.state.facts[offer.campaign_id, member.id] = EligibilityFacts("active")
    refusal = refused(desk, desk.place(offer, member), code="campaigns.not_eligible")
    assert [rule["code"] for rule in refusal.params["rules"] if not rule["passed"]] == ["on_list"]
    desk.state.facts[offer.campaign_id, member.id] = EligibilityFacts("active", is_listed=True)
    assert desk.do(desk.place(offer, member)) == "to_book"


def test_who_waits_and_may_no_longer_order_is_passed_over() -> None:
    desk = Desk()
    offer, leaver, next_one = desk.offer(quota=0), desk.member(), desk.member()
    first = desk.holding(offer, member=leaver, join_waitlist=True)
    second = desk.holding(offer, member=next_one, join_waitlist=True)
    desk.state.members[leaver.id] = replace(leaver, status="left")
    desk.do(ChangeQuota(at=NOW, claim=None, offer_id=offer.id, quota=1, version=1))
    assert (first.status, first.cancel_reason, second.status) == ("cancelled", "not_eligible", "to_book")
    assert kinds(desk)[-2:] == ["order.passed_over", "order.promoted"]
    assert (offer.promised_count, offer.waitlisted_count, desk.state.waiting[offer.id]) == (1, 0, [])


def test_nobody_is_passed_over_while_there_is_no_box() -> None:
    desk = Desk()
    offer, leaver = desk.offer(quota=0), desk.member()
    waiting = desk.holding(offer, member=leaver, join_waitlist=True)
    desk.state.members[leaver.id] = replace(leaver, status="left")
    desk.do(ServeLine(at=NOW, offer_id=offer.id))
    assert waiting.status == "waitlisted", "the record may be mended before a box is free"


@pytest.mark.parametrize(
    ("terms", "status", "then"),
    [
        ({"keeps_orders_of_leavers": False}, "left", "cancelled"),
        ({"keeps_orders_of_leavers": False}, "transferred_out", "cancelled"),
        ({"keeps_orders_of_leavers": False}, "retained", "to_book"),
        ({"keeps_orders_of_leavers": False}, "active", "to_book"),
        ({"keeps_orders_of_leavers": True}, "left", "to_book"),
        ({"keeps_orders_of_leavers": False, "eligible_statuses": ("active", "left")}, "left", "to_book"),
    ],
)
def test_the_order_of_who_left(terms: dict[str, Any], status: str, then: str) -> None:
    desk = Desk()
    offer, member = desk.offer(quota=1, **terms), desk.member()
    order = desk.holding(offer, member=member)
    desk.state.members[member.id] = replace(member, status=status)
    assert desk.do(ReleaseOrder(at=NOW, order_id=order.id)) == then
    assert offer.promised_count == (0 if then == "cancelled" else 1)
    assert desk.do(ReleaseOrder(at=NOW, order_id=order.id)) == then, "twice does nothing twice"


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - EXPIRING))
def test_an_order_that_is_over_or_on_hold_is_not_taken_back(status: OrderStatus) -> None:
    desk = Desk()
    offer, member = desk.offer(keeps_orders_of_leavers=False), desk.member()
    order = desk.holding(offer, member=member)
    order.status = status
    desk.state.members[member.id] = replace(member, status="left")
    assert desk.do(ReleaseOrder(at=NOW, order_id=order.id)) == status


def test_a_line_is_read_as_far_as_its_boxes_go() -> None:
    desk = Desk()
    offer = desk.offer(quota=3, promised_count=1, waitlisted_count=9)
    assert line_needed([ServeLine(at=NOW, offer_id=offer.id)], {offer.id: offer}, orders={}) == {offer.id: 2}
