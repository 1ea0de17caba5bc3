"""What happens without each safeguard: if no harm is done here, the tests of that safeguard prove nothing.

Every control works on a database of its own, takes safeguards away and repeats the race until the harm
shows. Where two walls stand behind each other, the second one is tried alone as well.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.orders import queries
from app.orders.actions import admit
from app.orders.rules.states import LIVE
from app.orders.tables import Order
from app.redemptions import queries as scanning
from app.redemptions.actions import redeem
from app.redemptions.tables import Redemption
from tests.factories.apps import Fleet, at_once, code_of, run_fleet
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street

ROUNDS = 25
Race = Callable[[], Awaitable[bool]]


def unlocked(statement: Any) -> Any:
    """Return a select without its FOR UPDATE."""
    copy = statement._generate()
    copy._for_update_arg = None
    return copy


async def first_harm(race: Race) -> int | None:
    """Repeat a race until it does harm; return in which round, or None if it never did."""
    for number in range(ROUNDS):
        if await race():
            return number
    return None


def slowly(read: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a read that takes its time, so that two transactions surely overlap."""

    async def late(*args: Any, **values: Any) -> Any:
        found = await read(*args, **values)
        await asyncio.sleep(0.02)
        return found

    return late


@pytest.fixture(autouse=True)
def overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Widen the gap between reading and writing on both desks: harm that can happen does happen."""
    monkeypatch.setattr(queries, "find_answers", slowly(queries.find_answers))
    monkeypatch.setattr(scanning, "find_details", slowly(scanning.find_details))


async def oversells(fleet: Fleet, here: Street, offer_id: Any) -> bool:
    """Four members ask for the one box of an offer; return whether more than one has it."""
    await at_once(fleet.order(who, offer_id, via=n) for n, who in enumerate(here.members))
    counters = await here.counters()
    return bool(counters["derived"][0][offer_id][0] > 1)


async def some_street(scratch: Scratch, **wanted: Any) -> Street:
    """Make a street in the scratch database."""
    return await make_street(scratch.database, **wanted)


async def test_without_the_offer_lock_a_box_is_promised_twice(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counters are added to, not written over: the CHECK is a wall of its own behind the lock."""
    async with run_fleet(scratch.settings) as fleet:

        async def race() -> bool:
            here = await some_street(scratch, members=4, quota=1)
            return await oversells(fleet, here, here.offers[0])

        monkeypatch.setattr(queries, "_OFFERS", unlocked(queries._OFFERS))
        assert await first_harm(race) is None, "the CHECK alone holds"
        await scratch.execute("ALTER TABLE offers DROP CONSTRAINT ck_offers_never_oversold")
        assert await first_harm(race) is not None


async def test_the_check_refuses_what_would_oversell(scratch: Scratch) -> None:
    here = await some_street(scratch, quota=1)
    too_many = f"UPDATE offers SET promised_count = quota + 1 WHERE id = '{here.offers[0]}'"
    with pytest.raises(Exception, match="ck_offers_never_oversold"):
        await scratch.execute(too_many)
    assert (await here.counters())["stored"][0] == {here.offers[0]: (0, 0)}
    await scratch.execute("ALTER TABLE offers DROP CONSTRAINT ck_offers_never_oversold", too_many)
    assert (await here.counters())["stored"][0] == {here.offers[0]: (2, 0)}


async def test_the_check_refuses_what_would_overbook(scratch: Scratch) -> None:
    here = await some_street(scratch, slots=1)
    too_many = f"UPDATE slots SET booked_count = capacity + 1 WHERE id = '{here.slots[0]}'"
    with pytest.raises(Exception, match="ck_slots_never_overbooked"):
        await scratch.execute(too_many)
    await scratch.execute("ALTER TABLE slots DROP CONSTRAINT ck_slots_never_overbooked", too_many)
    assert (await here.counters())["stored"][1] == {here.slots[0]: 6}


async def live_twice(fleet: Fleet, here: Street) -> bool:
    """One member orders on two phones; return whether it has two live orders."""
    who = here.members[0]
    await at_once(fleet.order(who, offer, via=phone) for phone, offer in enumerate(here.offers))
    live = select(func.count()).where(Order.member_id == who.id, Order.status.in_(LIVE))
    return bool((await here.read(live))[0][0] > 1)


async def test_without_lock_and_index_a_member_has_two_live_orders(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_fleet(scratch.settings) as fleet:

        async def race() -> bool:
            here = await some_street(scratch, members=1)
            here.offers *= 2
            return await live_twice(fleet, here)

        monkeypatch.setattr(queries, "_OFFERS", unlocked(queries._OFFERS))
        assert await first_harm(race) is None, "the index alone holds"
        await scratch.execute("DROP INDEX uq_orders_one_live_order")
        assert await first_harm(race) is not None


async def test_without_the_index_a_member_orders_at_two_points(scratch: Scratch) -> None:
    """Two offers have two locks: the index is the only wall, lock or not."""
    async with run_fleet(scratch.settings) as fleet:

        async def race() -> bool:
            return await live_twice(fleet, await some_street(scratch, members=1, points=2))

        assert await first_harm(race) is None
        await scratch.execute("DROP INDEX uq_orders_one_live_order")
        assert await first_harm(race) is not None


async def test_without_the_slot_lock_a_place_is_given_twice(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_fleet(scratch.settings) as fleet:

        async def race() -> bool:
            here = await some_street(scratch, members=2, boxes=2, slots=1, capacity=1)
            await at_once(
                fleet.order(who, here.offers[n], via=n, slot_id=here.slots[0])
                for n, who in enumerate(here.members)
            )
            return bool((await here.counters())["derived"][1][here.slots[0]] > 1)

        monkeypatch.setattr(queries, "_LOCKED_SLOTS", unlocked(queries._LOCKED_SLOTS))
        assert await first_harm(race) is None, "the CHECK alone holds"
        await scratch.execute("ALTER TABLE slots DROP CONSTRAINT ck_slots_never_overbooked")
        assert await first_harm(race) is not None


async def booked(fleet: Fleet, scratch: Scratch) -> tuple[Street, str, str]:
    """Return a street with one booked order: its id and its code."""
    here = await some_street(scratch, members=1)
    for _ in range(5):
        placed = await fleet.order(here.members[0], here.offers[0], key="kept", slot_id=here.slots[0])
        if placed.status_code != 503:
            break
    assert placed.status_code == 201, placed.text
    order_id = str(placed.json()["id"])
    return here, order_id, await fleet.code(here.members[0], order_id)


async def test_without_lock_and_index_a_box_is_handed_over_twice(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_fleet(scratch.settings) as fleet:

        async def race() -> bool:
            here, _, code = await booked(fleet, scratch)
            await at_once(fleet.scan(here, code, via=via) for via in (0, 1))
            handed = select(func.count()).where(
                Redemption.union_id == here.id, Redemption.result == "handed_over"
            )
            return bool((await here.read(handed))[0][0] > 1)

        monkeypatch.setattr(queries, "_LOCKED_ORDERS", unlocked(queries._LOCKED_ORDERS))
        # The balance of the boxes is locked too, and would keep the two apart.
        monkeypatch.setattr(redeem, "prepare_postings", no_postings)
        assert await first_harm(race) is None, "the index alone holds"
        await scratch.execute("DROP INDEX uq_redemptions_handed_over_once")
        assert await first_harm(race) is None, "the count and its CHECKs hold without it"
        await scratch.execute(
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_never_more_than_ordered",
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_collected_is_all",
        )
        assert await first_harm(race) is None, "what the hand-overs add up to holds alone"
        await scratch.execute("ALTER TABLE orders DISABLE TRIGGER USER")
        await scratch.execute("ALTER TABLE redemptions DISABLE TRIGGER USER")
        assert await first_harm(race) is not None


async def no_postings(*_: Any, **__: Any) -> list[Any]:
    """Post nothing."""
    return []


async def test_without_lock_and_checks_a_cancelled_order_is_handed_over(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_fleet(scratch.settings) as fleet:
        turn = Counter[str]()

        async def race() -> bool:
            here, order_id, code = await booked(fleet, scratch)
            turn["rounds"] += 1
            calls = [fleet.cancel(here.members[0], order_id, via=0), fleet.scan(here, code, via=1)]
            answers = await at_once(calls if turn["rounds"] % 2 else calls[::-1])
            cancelled, scanned = answers if turn["rounds"] % 2 else answers[::-1]
            both = cancelled.status_code == 200 and scanned.json().get("result") == "handed_over"
            handed = await here.read(
                select(Redemption.id)
                .join(Order, Order.id == Redemption.order_id)
                .where(Order.id == order_id, Order.cancelled_at.is_not(None))
                .where(Redemption.result == "handed_over")
            )
            assert both == bool(handed), "answers and rows tell the same"
            return both

        monkeypatch.setattr(queries, "_LOCKED_ORDERS", unlocked(queries._LOCKED_ORDERS))
        assert await first_harm(race) is None, "the CHECKs alone hold"
        await scratch.execute(
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_collected_has_a_time",
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_cancelled_has_a_time",
            "ALTER TABLE orders DROP CONSTRAINT ck_orders_no_slot_without_booking",
        )
        assert await first_harm(race) is not None


async def test_without_the_idempotency_record_a_repeated_call_orders_again(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order, cancel, and then the network delivers the first call once more."""
    here = await some_street(scratch)
    async with run_fleet(scratch.settings) as fleet:

        async def deliver_twice(position: int) -> tuple[str, str]:
            who = here.members[position]
            first = await fleet.order(who, here.offers[0], key="once")
            await fleet.cancel(who, first.json()["id"])
            again = await fleet.order(who, here.offers[0], via=1, key="once")
            assert code_of(again) == "201"
            return first.json()["id"], again.json()["id"]

        first, again = await deliver_twice(0)
        assert first == again
        assert await here.count(Order) == 1
        assert (await here.counters())["derived"][0] == {here.offers[0]: (0, 0)}

        monkeypatch.setattr(admit, "_answer_rows", lambda state, union_id: [])
        first, again = await deliver_twice(1)
        assert first != again
        assert await here.count(Order) == 3
        assert (await here.counters())["derived"][0] == {here.offers[0]: (1, 0)}
