"""Pickup codes and the keys that sign them, through two apps."""

import asyncio
from uuid import UUID

import pytest

from app.access.scope import every_union, one_union
from app.platform.clock import utc_now
from app.platform.settings import Settings
from app.platform.signing import KeyStore
from app.redemptions.actions.codes import get_or_make_code
from app.redemptions.actions.keys import KeyRing, change_key, ensure_key, make_key
from app.redemptions.errors import KeyStepRefused
from app.redemptions.rules.keys import KeyState
from app.redemptions.tables import PickupCode
from tests.actions.eventually import eventually
from tests.conftest import MakeStreet
from tests.factories.apps import Fleet, at_once, run_fleet
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street


async def booked(fleet: Fleet, here: Street, position: int = 0) -> str:
    """Let a member order and book; return the order's id."""
    placed = await fleet.order(here.members[position], here.offers[0], slot_id=here.slots[0])
    return str(placed.json()["id"])


async def test_the_code_of_an_order_stays_the_same(fleet: Fleet, street: MakeStreet) -> None:
    here = await street()
    order_id = await booked(fleet, here)
    codes = [await fleet.code(here.members[0], order_id, via=n) for n in range(3)]
    assert len(set(codes)) == 1
    await fleet.book(here.members[0], order_id, here.slots[1])
    assert await fleet.code(here.members[0], order_id) == codes[0], "a moved order keeps its code"
    assert await here.count(PickupCode) == 1


async def test_the_first_requests_at_once_get_one_code(fleet: Fleet, street: MakeStreet) -> None:
    here = await street(members=10, capacity=10)
    for position, who in enumerate(here.members):
        order_id = await booked(fleet, here, position)
        codes = await at_once(fleet.code(who, order_id, via=n) for n in range(6))
        assert len(set(codes)) == 1
    assert await here.count(PickupCode) == 10


async def test_a_code_of_somebody_else_is_not_there(fleet: Fleet, street: MakeStreet) -> None:
    here = await street()
    order_id = await booked(fleet, here)
    answer = await fleet.clients[0].get(f"/api/v1/orders/{order_id}/code", headers=here.members[1].headers())
    assert (answer.status_code, answer.json()["code"]) == (404, "orders.not_found")
    assert await here.count(PickupCode) == 0


async def change(scratch: Scratch, key_id: int, wanted: KeyState) -> None:
    async with scratch.database.transaction(every_union("a test changes a key")) as session:
        await change_key(session, key_id, wanted, now=utc_now())


async def new_key(scratch: Scratch, settings: Settings) -> int:
    async with scratch.database.transaction(every_union("a test makes a key")) as session:
        return (await make_key(session, KeyStore(settings.keys_dir), now=utc_now())).id


async def test_a_retired_key_still_opens_and_a_withdrawn_one_does_not(scratch: Scratch) -> None:
    here = await make_street(scratch.database, members=4, capacity=10)
    async with run_fleet(scratch.settings) as fleet:
        orders = [await booked(fleet, here, n) for n in range(4)]
        old = [await fleet.code(here.members[n], orders[n]) for n in range(3)]
        second = await new_key(scratch, scratch.settings)
        await change(scratch, second, KeyState.ACTIVE)

        async def reads_the_new_key() -> bool:
            code = await fleet.code(here.members[3], orders[3])
            answers = [(await fleet.scan(here, code, via=via)).json() for via in (0, 1)]
            return all(answer["reason"] in {None, "already_collected"} for answer in answers)

        await eventually(reads_the_new_key)
        for via in (0, 1):
            assert (await fleet.scan(here, old[via], via=via)).json()["result"] == "handed_over"

        await change(scratch, 1, KeyState.WITHDRAWN)

        async def refuses_the_old_key() -> bool:
            answers = [(await fleet.scan(here, old[0], via=via)).json() for via in (0, 1)]
            return [answer["reason"] for answer in answers] == ["revoked", "revoked"]

        await eventually(refuses_the_old_key)
        fresh = await fleet.code(here.members[2], orders[2])
        assert fresh != old[2]
        assert (await fleet.scan(here, old[2])).json()["reason"] == "revoked"
        assert (await fleet.scan(here, fresh)).json()["result"] == "handed_over"


async def test_a_key_goes_one_way(scratch: Scratch) -> None:
    await change(scratch, 1, KeyState.WITHDRAWN)
    for wanted in (KeyState.NEXT, KeyState.ACTIVE, KeyState.VERIFY_ONLY):
        with pytest.raises(KeyStepRefused):
            await change(scratch, 1, wanted)
    with pytest.raises(KeyStepRefused):
        await change(scratch, 9, KeyState.ACTIVE)


async def test_there_is_one_active_key(scratch: Scratch) -> None:
    store = KeyStore(scratch.settings.keys_dir)
    async with scratch.database.transaction(every_union("a test looks")) as session:
        assert (await ensure_key(session, store, now=utc_now())).id == 1
    second = await new_key(scratch, scratch.settings)
    await change(scratch, second, KeyState.ACTIVE)
    async with scratch.database.transaction(every_union("a test looks")) as session:
        assert (await ensure_key(session, store, now=utc_now())).id == second


async def test_an_action_gives_the_same_code_twice(scratch: Scratch) -> None:
    here = await make_street(scratch.database)
    store = KeyStore(scratch.settings.keys_dir)
    async with run_fleet(scratch.settings, 1) as fleet:
        order_id = await booked(fleet, here)
    texts = []
    for _ in range(2):
        async with scratch.database.transaction(one_union(here.id)) as session:
            code = await get_or_make_code(
                session, UUID(order_id), member_id=here.members[0].id, store=store, now=utc_now()
            )
            texts.append((code.qr_text, code.short_code, code.unit_ref))
    assert texts[0] == texts[1]


async def test_keys_read_while_one_is_withdrawn_are_not_remembered(scratch: Scratch) -> None:
    ring = KeyRing(scratch.database)
    read = asyncio.create_task(ring.keys())
    await asyncio.sleep(0)
    ring.forget()
    assert (await read)[1].state is KeyState.ACTIVE
    await change(scratch, 1, KeyState.WITHDRAWN)
    assert (await ring.keys())[1].state is KeyState.WITHDRAWN
