"""Everybody at once, through two apps with desks of their own: what is scarce is given out exactly once."""

import asyncio
from collections import Counter

from sqlalchemy import func, select

from app.campaigns.tables import Offer
from app.orders.rules.states import LIVE
from app.orders.tables import Order
from app.platform.keeping import IdempotencyRecord
from tests.conftest import MakeStreet
from tests.factories.apps import Fleet, at_once, code_of
from tests.factories.street import Street


async def assert_counters_hold(here: Street) -> None:
    """Stored counters equal those of the rows; nothing is oversold or overbooked; one live order each."""
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    offers = await here.read(select(Offer.quota, Offer.promised_count).where(Offer.union_id == here.id))
    assert all(0 <= row.promised_count <= row.quota for row in offers)
    live = select(Order.member_id, func.count()).where(Order.union_id == here.id, Order.status.in_(LIVE))
    assert all(row[1] == 1 for row in await here.read(live.group_by(Order.member_id)))


async def test_200_members_for_the_last_box(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=200, quota=1)
    answers = await at_once(
        fleet.order(who, here.offers[0], via=position) for position, who in enumerate(here.members)
    )
    assert Counter(map(code_of, answers)) == {"201": 1, "campaigns.sold_out": 199}
    assert await here.count(Order) == 1
    assert (await here.counters())["stored"][0] == {here.offers[0]: (1, 0)}
    await assert_counters_hold(here)


async def test_200_members_for_one_box_and_the_waiting_list(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=200, quota=1)
    answers = await at_once(
        fleet.order(who, here.offers[0], via=position, join_waitlist=True)
        for position, who in enumerate(here.members)
    )
    assert {answer.status_code for answer in answers} == {201}
    assert Counter(answer.json()["status"] for answer in answers) == {"to_book": 1, "waitlisted": 199}
    assert (await here.counters())["stored"][0] == {here.offers[0]: (1, 199)}
    line = await here.read(
        select(Order.id)
        .where(Order.union_id == here.id, Order.status == "waitlisted")
        .order_by(Order.placed_at, Order.id)
    )
    winner = next(n for n, answer in enumerate(answers) if answer.json()["status"] == "to_book")
    await fleet.cancel(here.members[winner], answers[winner].json()["id"])
    promised = await here.read(select(Order.id).where(Order.union_id == here.id, Order.status == "to_book"))
    assert promised == [line[0]]
    await assert_counters_hold(here)


async def test_the_same_member_from_two_phones_at_once(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=60, quota=60)
    for who in here.members:
        answers = await at_once(fleet.order(who, here.offers[0], via=phone) for phone in (0, 1))
        assert sorted(map(code_of, answers)) == ["201", "orders.already_ordered"]
    assert await here.count(Order) == 60
    await assert_counters_hold(here)


async def test_the_same_member_at_two_pickup_points_at_once(fleet: Fleet, street: MakeStreet) -> None:
    """Two offers have two locks: here only the unique index stands between the member and two boxes."""
    here = await street(members=60, quota=60, points=2)
    for who in here.members:
        answers = await at_once(fleet.order(who, here.offers[phone], via=phone) for phone in (0, 1))
        assert sorted(map(code_of, answers)) == ["201", "orders.already_ordered"]
    assert await here.count(Order) == 60
    await assert_counters_hold(here)


async def test_the_same_key_fifty_times_in_parallel(fleet: Fleet, street: MakeStreet) -> None:
    here = await street()
    who = here.members[0]
    answers = await at_once(fleet.order(who, here.offers[0], via=n, key="tap") for n in range(50))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = Counter(answer.headers.get("Idempotency-Replayed") for answer in answers)
    assert replayed == {None: 1, "true": 49}
    assert await here.count(Order) == 1
    assert await here.count(IdempotencyRecord) == 1
    await assert_counters_hold(here)


async def test_the_same_key_for_what_is_not_there_in_parallel(fleet: Fleet, street: MakeStreet) -> None:
    """No offer means no lock: the two transactions meet at the unique index of the keys."""
    here = await street()
    for round_number in range(20):
        key = f"nothing-{round_number}"
        answers = await at_once(fleet.order(here.members[0], here.id, via=n, key=key) for n in range(2))
        assert [code_of(answer) for answer in answers] == ["campaigns.offer_not_found"] * 2
    assert await here.count(IdempotencyRecord) == 20
    assert await here.count(Order) == 0


async def test_a_replayed_refusal_says_so(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(quota=0)
    first = await fleet.order(here.members[0], here.offers[0], key="late")
    again = await fleet.order(here.members[0], here.offers[0], via=1, key="late")
    assert (code_of(first), code_of(again)) == ("campaigns.sold_out", "campaigns.sold_out")
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json() | {"request_id": again.json()["request_id"]}


async def test_the_last_place_in_a_slot(fleet: Fleet, street: MakeStreet) -> None:
    """Two gift boxes at one pickup point: two offers share the slots, so the slot has its own lock."""
    here = await street(members=40, quota=40, boxes=2, slots=2, capacity=1)
    answers = await at_once(
        fleet.order(who, here.offers[n % 2], via=n // 2, slot_id=here.slots[0])
        for n, who in enumerate(here.members)
    )
    assert Counter(map(code_of, answers)) == {"201": 1, "pickup.slot_full": 39}
    assert await here.count(Order) == 1
    assert (await here.counters())["stored"][1] == {here.slots[0]: 1, here.slots[1]: 0}
    await assert_counters_hold(here)


async def test_two_who_want_each_others_place(fleet: Fleet, street: MakeStreet) -> None:
    """The old place is freed only once the new one is held, so neither move is possible."""
    here = await street(members=2, boxes=2, slots=2, capacity=1)
    placed = [
        (await fleet.order(who, here.offers[n], slot_id=here.slots[n])).json()["id"]
        for n, who in enumerate(here.members)
    ]
    for _ in range(20):
        answers = await at_once(
            fleet.book(who, placed[n], here.slots[1 - n], via=n) for n, who in enumerate(here.members)
        )
        assert [code_of(answer) for answer in answers] == ["pickup.slot_full"] * 2
        assert (await here.counters())["stored"][1] == {here.slots[0]: 1, here.slots[1]: 1}
    await assert_counters_hold(here)


async def test_move_against_move(fleet: Fleet, street: MakeStreet) -> None:
    """Two orders for one free place: one gets it, the other keeps the place it had."""
    here = await street(members=2, boxes=2, slots=3, capacity=1)
    own, free = list(here.slots[:2]), here.slots[2]
    placed = [
        (await fleet.order(who, here.offers[n], slot_id=own[n])).json()["id"]
        for n, who in enumerate(here.members)
    ]
    winners = set()
    for round_number in range(40):
        answers = await at_once(
            fleet.book(here.members[n], placed[n], free, via=n + round_number) for n in (0, 1)
        )
        assert sorted(map(code_of, answers)) == ["200", "pickup.slot_full"]
        winner = [answer.status_code for answer in answers].index(200)
        winners.add(winner)
        own[winner], free = free, own[winner]
        rows = {str(row.id): row.slot_id for row in await here.read(select(Order.id, Order.slot_id))}
        assert [rows[order_id] for order_id in placed] == own
        await assert_counters_hold(here)
    assert winners, "somebody won each round"


async def test_one_order_moved_from_two_phones(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=1, slots=3, capacity=1)
    who = here.members[0]
    order = (await fleet.order(who, here.offers[0], slot_id=here.slots[0])).json()["id"]
    for _ in range(30):
        answers = await at_once(fleet.book(who, order, here.slots[n], via=n) for n in (1, 2))
        assert [answer.status_code for answer in answers] == [200, 200]
        booked = (await here.counters())["stored"][1]
        assert sorted(booked.values()) == [0, 0, 1], "exactly one place is held"
        await assert_counters_hold(here)
        await fleet.book(who, order, here.slots[0])


async def test_quota_changes_against_orders(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=120, quota=0)
    refused: Counter[str] = Counter()

    async def change() -> None:
        version = 1
        for step in range(60):
            quota = (step * 7) % 50
            answer = await fleet.change_quota(here, quota, version=version, via=step)
            refused[code_of(answer)] += 1
            version += answer.status_code == 200
            if step % 10 == 0:
                assert code_of(await fleet.change_quota(here, 5, version=version + 1)) == (
                    "platform.precondition_failed"
                )

    async def order(position: int) -> str:
        await asyncio.sleep(0.004 * position)
        who = here.members[position]
        return code_of(await fleet.order(who, here.offers[0], via=position, join_waitlist=position % 2 == 0))

    results = await asyncio.gather(change(), *(order(n) for n in range(120)))
    orders = Counter(results[1:])
    assert set(orders) == {"201", "campaigns.sold_out"}
    assert set(refused) == {"200", "orders.quota_below_promised"}
    assert await here.count(Order) == orders["201"]
    await assert_counters_hold(here)
