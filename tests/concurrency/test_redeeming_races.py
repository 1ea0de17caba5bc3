"""At the pickup table, through two apps at once: a box changes hands once, and never after a cancellation."""

from collections import Counter
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from app.orders.tables import Order
from app.redemptions.actions.typed_codes import WRONG_CODES
from app.redemptions.tables import Redemption
from tests.conftest import MakeStreet
from tests.factories.apps import Fleet, at_once, code_of
from tests.factories.street import Street


async def booked_codes(fleet: Fleet, here: Street) -> list[tuple[str, str]]:
    """Let every member order and book; return (order id, code) of each."""
    placed = await at_once(
        fleet.order(who, here.offers[0], via=n, slot_id=here.slots[0]) for n, who in enumerate(here.members)
    )
    assert {answer.status_code for answer in placed} == {201}
    ids = [str(answer.json()["id"]) for answer in placed]
    codes = await at_once(fleet.code(who, ids[n], via=n) for n, who in enumerate(here.members))
    return list(zip(ids, codes, strict=True))


def verdict(answer: Any) -> str:
    """Return what the pickup table said."""
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return str(said["reason"] or said["result"])


async def hand_overs(here: Street) -> Counter[str]:
    """Return how often each order was handed over."""
    rows = await here.read(
        select(Redemption.order_id).where(Redemption.union_id == here.id, Redemption.result == "handed_over")
    )
    return Counter(str(row.order_id) for row in rows)


async def test_two_scanners_on_one_code_200_times(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=200, quota=200, capacity=200)
    codes = await booked_codes(fleet, here)
    answers = await at_once(fleet.scan(here, code, via=via) for _, code in codes for via in (0, 1))
    for position, (order_id, _) in enumerate(codes):
        pair = answers[2 * position : 2 * position + 2]
        assert sorted(map(verdict, pair)) == ["already_collected", "handed_over"]
        first, second = sorted((answer.json() for answer in pair), key=lambda said: said["result"])
        assert first["order"]["id"] == second["order"]["id"] == order_id
        assert first["first_event_id"] == second["first_event_id"]
        assert first["redeemed_at"] == second["redeemed_at"]
    assert await hand_overs(here) == Counter(order_id for order_id, _ in codes)
    assert await here.count(Redemption) == 400
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]


async def test_one_event_sent_to_two_apps_at_once(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=30, quota=30, capacity=30)
    for _, code in await booked_codes(fleet, here):
        event_id = str(uuid4())
        one, two = await at_once(fleet.scan(here, code, via=via, event_id=event_id) for via in (0, 1))
        assert (verdict(one), one.json()) == ("handed_over", two.json())
    assert await here.count(Redemption) == 30


async def test_one_event_of_an_unknown_code_sent_to_two_apps_at_once(
    fleet: Fleet, street: MakeStreet
) -> None:
    """No order means no lock: the two transactions meet at the unique index of the events."""
    here = await street()
    for _ in range(20):
        event_id = str(uuid4())
        one, two = await at_once(fleet.scan(here, "0000000000", via=via, event_id=event_id) for via in (0, 1))
        assert (verdict(one), one.json()) == ("unknown", two.json())
        # Twenty wrong codes would be guessing; here they are twenty rounds.
        await fleet.apps[0].state.limiter.give_back(WRONG_CODES, str(here.clerk.id))
    assert await here.count(Redemption) == 20


async def test_cancel_against_redeem(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=100, quota=100, capacity=100)
    codes = await booked_codes(fleet, here)
    outcomes: Counter[str] = Counter()
    for position, (order_id, code) in enumerate(codes):
        calls = [
            fleet.cancel(here.members[position], order_id, via=position),
            fleet.scan(here, code, via=position + 1),
        ]
        # Who goes first changes from round to round, so that both sides win sometimes.
        answers = await at_once(calls if position % 4 < 2 else calls[::-1])
        cancelled, scanned = answers if position % 4 < 2 else answers[::-1]
        pair = (code_of(cancelled), verdict(scanned))
        assert pair in {("200", "cancelled"), ("orders.not_cancellable", "handed_over")}
        outcomes[pair[1]] += 1
        (row,) = await here.read(
            select(Order.status, Order.collected_at, Order.cancelled_at, Order.slot_id).where(
                Order.id == order_id
            )
        )
        if pair[1] == "cancelled":
            assert (row.status, row.collected_at, row.slot_id) == ("cancelled", None, None)
        else:
            assert (row.status, row.cancelled_at, row.slot_id) == ("collected", None, here.slots[0])
        assert (await hand_overs(here))[order_id] == (pair[1] == "handed_over")
    assert set(outcomes) == {"cancelled", "handed_over"}, "both sides win sometimes"
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    assert counters["stored"][0][here.offers[0]] == (outcomes["handed_over"], 0)


async def test_move_against_redeem(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=60, quota=60, capacity=60)
    for position, (order_id, code) in enumerate(await booked_codes(fleet, here)):
        moved, scanned = await at_once(
            [
                fleet.book(here.members[position], order_id, here.slots[2], via=position),
                fleet.scan(here, code, via=position + 1),
            ]
        )
        pair = (code_of(moved), verdict(scanned))
        assert pair in {("200", "too_early"), ("orders.not_bookable", "handed_over")}
        (row,) = await here.read(select(Order.status, Order.slot_id).where(Order.id == order_id))
        assert row == (("booked", here.slots[2]) if pair[0] == "200" else ("collected", here.slots[0]))
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
