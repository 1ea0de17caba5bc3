"""Who counts as what, and which rows contradict each other."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.closing.rules.agreement import CounterFacts, HandOverFacts, Ledger, find_changes, find_contradictions
from app.closing.rules.blockers import BlockerCode
from app.closing.rules.partition import (
    Counted,
    OrderFacts,
    Outcome,
    Shade,
    count_members,
    figures_by_unit,
    outcome_of,
)

UNIT, OFFER = uuid4(), uuid4()


def order(status: str, **more: Any) -> OrderFacts:
    values: dict[str, Any] = {
        "id": uuid4(), "number": "T1", "member_id": uuid4(), "unit_id": UNIT, "offer_id": OFFER,
        "slot_id": None, "quantity": 1, "collected_count": int(status == "collected"),
    }  # fmt: skip
    return OrderFacts(status=status, **(values | more))


@pytest.mark.parametrize(
    ("one", "outcome", "shade"),
    [
        (order("collected"), Outcome.COLLECTED, None),
        (order("collected", given_up_count=1), Outcome.COLLECTED, Shade.REST_GIVEN_UP),
        (order("collected", is_by_proxy=True), Outcome.PROXY, None),
        (order("booked"), Outcome.OPEN, None),
        (order("booked", quantity=2, collected_count=1), Outcome.OPEN, None),
        (order("to_book"), Outcome.OPEN, None),
        (order("on_hold"), Outcome.OPEN, None),
        (order("pending_draw"), Outcome.OPEN, None),
        (order("waitlisted"), Outcome.OPEN, None),
        (order("expired"), Outcome.GIVEN_UP, None),
        (order("expired", cancel_reason="never_served"), Outcome.NOT_COLLECTED, Shade.NEVER_SERVED),
        (order("unselected"), Outcome.NOT_COLLECTED, Shade.UNSELECTED),
        (order("cancelled"), Outcome.CANCELLED, None),
    ],
)
def test_an_order_comes_to_one_outcome(one: OrderFacts, outcome: Outcome, shade: Shade | None) -> None:
    assert outcome_of(one) == (outcome, shade)


def test_the_best_order_of_a_member_counts() -> None:
    who, other_unit = uuid4(), uuid4()
    first = order("cancelled", member_id=who, unit_id=other_unit)
    second = order("collected", member_id=who, quantity=2, collected_count=2)
    (counted,) = count_members({who: other_unit}, [first, second])
    assert counted == Counted(who, UNIT, Outcome.COLLECTED, None, second.id, 2)


def test_who_never_ordered_counts_in_their_unit_and_who_ordered_counts_without_passing_the_rules() -> None:
    passes, ordered = uuid4(), uuid4()
    counted = count_members({passes: UNIT}, [order("expired", member_id=ordered)])
    figures = figures_by_unit({passes: UNIT}, counted)[UNIT]
    assert (figures.eligible, figures.adds_up) == (2, True)
    assert figures.outcomes[Outcome.GIVEN_UP] == figures.outcomes[Outcome.NOT_COLLECTED] == 1
    assert figures.shades[Shade.NEVER_ORDERED] == 1


def test_a_dropped_member_is_noticed() -> None:
    members = {uuid4(): UNIT for _ in range(3)}
    counted = count_members(members, [])
    assert figures_by_unit(members, counted)[UNIT].adds_up
    assert not figures_by_unit(members, [*counted, counted[0]])[UNIT].adds_up


def ledger(orders: list[OrderFacts], hand_overs: list[HandOverFacts], **more: Any) -> Ledger:
    promised = sum(o.quantity for o in orders if o.status in {"collected", "booked", "to_book", "on_hold"})
    offers = [CounterFacts(id=OFFER, stored=promised)]
    values: dict[str, Any] = {"offers": offers, "slots": [], "per_member_limit": 2}
    return Ledger(orders=orders, hand_overs=hand_overs, **(values | more))


def handed(one: OrderFacts, quantity: int = 1, **more: Any) -> HandOverFacts:
    values: dict[str, Any] = {"posted": quantity, "has_movements": True}
    return HandOverFacts(event_id=uuid4(), order_id=one.id, quantity=quantity, **(values | more))


def codes(found: Ledger) -> list[tuple[BlockerCode, UUID | None]]:
    return [(one.code, one.member_id) for one in find_contradictions(found)]


def test_rows_that_tell_one_story_are_no_blockers() -> None:
    whole, parts, waits = (
        order("collected"),
        order("collected", quantity=2, collected_count=2),
        order("to_book"),
    )
    undone = handed(whole, is_undone=True, posted=0)
    story = ledger([whole, parts, waits], [handed(whole), undone, handed(parts), handed(parts)])
    assert codes(story) == []


@pytest.mark.parametrize(
    ("changed", "parts", "code"),
    [
        ({}, [], BlockerCode.COLLECTED_WITHOUT_HAND_OVER),
        ({}, [{"quantity": 2}], BlockerCode.COUNT_DIFFERS),
        ({}, [{"posted": 0, "has_movements": False}], BlockerCode.HAND_OVER_WITHOUT_MOVEMENT),
        ({}, [{"posted": 2}], BlockerCode.MOVEMENT_DIFFERS),
        ({}, [{}, {"is_undone": True, "posted": 1}], BlockerCode.MOVEMENT_DIFFERS),
        ({"status": "expired", "collected_count": 0}, [{}], BlockerCode.HAND_OVER_NOT_COUNTED),
        ({"status": "expired"}, [{}], BlockerCode.STATUS_CONTRADICTS),
        ({"status": "booked"}, [{}], BlockerCode.STATUS_CONTRADICTS),
        ({"quantity": 2}, [{}], BlockerCode.STATUS_CONTRADICTS),
        ({"quantity": 3, "collected_count": 3}, [{"quantity": 3}], BlockerCode.OVER_LIMIT),
    ],
)
def test_a_row_that_was_altered_names_its_member(
    changed: dict[str, Any], parts: list[dict[str, Any]], code: BlockerCode
) -> None:
    one = order("collected", **{k: v for k, v in changed.items() if k != "status"})
    if "status" in changed:
        values = {name: getattr(one, name) for name in OrderFacts.__slots__} | {"status": changed["status"]}
        one = OrderFacts(**values)
    found = codes(ledger([one], [handed(one, **part) for part in parts]))
    assert (code, one.member_id) in found


def test_two_collected_orders_of_one_member_are_counted_twice() -> None:
    who = uuid4()
    first, second = order("collected", member_id=who), order("collected", member_id=who)
    assert codes(ledger([first, second], [handed(first), handed(second)])) == [
        (BlockerCode.COUNTED_TWICE, who)
    ]


def test_counters_and_strays_are_compared() -> None:
    one, slot, stray = order("booked", slot_id=uuid4()), uuid4(), uuid4()
    found = ledger(
        [one],
        [],
        offers=[CounterFacts(id=OFFER, stored=0)],
        slots=[CounterFacts(id=slot, stored=1), CounterFacts(id=one.slot_id or slot, stored=1)],
        strays={stray: 1},
    )
    assert [(b.code, b.id) for b in find_contradictions(found)] == [
        (BlockerCode.PROMISED_DIFFERS, OFFER),
        (BlockerCode.BOOKED_DIFFERS, slot),
        (BlockerCode.MOVEMENT_WITHOUT_HAND_OVER, stray),
    ]


def test_places_on_a_visit_have_no_movements() -> None:
    one = order("collected")
    bare = handed(one, posted=0, has_movements=False)
    assert codes(ledger([one], [bare], places=frozenset({OFFER}))) == []
    assert codes(ledger([one], [bare])) == [(BlockerCode.HAND_OVER_WITHOUT_MOVEMENT, one.member_id)]


def test_a_contested_report_counts_for_what_was_left() -> None:
    one = order("collected", quantity=1)
    assert codes(ledger([one], [handed(one, 2, is_contested=True)])) == []
    assert (BlockerCode.COUNT_DIFFERS, one.member_id) in codes(ledger([one], [handed(one, 2)]))


def test_who_counts_otherwise_than_before_is_named() -> None:
    same, more, gone, fresh = (uuid4() for _ in range(4))
    before = {same: ("collected", 1), more: ("collected", 1), gone: ("cancelled", 0)}
    now = [
        Counted(same, UNIT, Outcome.COLLECTED, None, None, 1),
        Counted(more, UNIT, Outcome.COLLECTED, None, None, 2),
        Counted(fresh, UNIT, Outcome.OPEN, None, None, 0),
    ]
    assert {one.member_id for one in find_changes(before, now, orders=[])} == {more, gone, fresh}
