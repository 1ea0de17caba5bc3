"""What a worker remembers is dropped when it is no longer true: tokens, and offers that were empty."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.reader import TokenReader
from app.access.scope import every_union
from app.access.tokens import AccessToken, digest_of, revoke_token
from app.campaigns.errors import SoldOut
from app.campaigns.tables import Offer
from app.orders.actions import sold_out
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.errors import Unauthenticated
from app.platform.keeping import IdempotencyRecord
from tests.actions.eventually import eventually
from tests.conftest import MakeStreet
from tests.factories.apps import API, Fleet, code_of
from tests.factories.street import Person, Street


async def test_a_revoked_token_is_refused_by_every_app_within_a_second(
    fleet: Fleet, street: MakeStreet, database: Database
) -> None:
    here = await street()
    revoked, other = here.members[0], here.members[1]

    async def answers(who: Person = revoked) -> list[int]:
        headers = who.headers()
        return [(await client.get(f"{API}/me", headers=headers)).status_code for client in fleet.clients]

    assert await answers() == [200, 200]
    now = utc_now()
    async with database.transaction(every_union("the operator")) as session:
        await revoke_token(session, digest_of(revoked.token), now=now)

    async def is_refused() -> bool:
        return await answers() == [401, 401]

    await eventually(is_refused)
    assert await answers(other) == [200, 200]
    async with database.transaction(every_union("the operator")) as session:
        await revoke_token(session, digest_of(revoked.token), now=now + timedelta(days=1))
    rows = await here.read(
        select(AccessToken.revoked_at).where(AccessToken.digest == digest_of(revoked.token))
    )
    assert [row.revoked_at for row in rows] == [now], "the first revocation stays"


async def test_a_token_looked_up_while_it_is_revoked_is_not_remembered(
    street: MakeStreet, database: Database
) -> None:
    here = await street()
    reader = TokenReader(database)
    asked = asyncio.create_task(reader.actor_of(here.members[0].token, now=utc_now()))
    await asyncio.sleep(0)
    reader.forget()
    assert (await asked).id == here.members[0].id
    async with database.transaction(every_union("the operator")) as session:
        await revoke_token(session, digest_of(here.members[0].token), now=utc_now())
    with pytest.raises(Unauthenticated):
        await reader.actor_of(here.members[0].token, now=utc_now())


def is_shut(gate: sold_out.SoldOutGate, here: Street, who: Person) -> bool:
    """Return whether a gate turns somebody away from the first offer."""
    try:
        gate.check(here.offers[0], who.id, union_id=here.id, now=utc_now())
    except SoldOut:
        return True
    return False


async def close_gates(fleet: Fleet, here: Street) -> None:
    """Sell the offer out and wait until both apps turn newcomers away without the database."""
    for via, app in enumerate(fleet.apps):
        gate = app.state.sold_out

        async def is_closed(via: int = via, gate: sold_out.SoldOutGate = gate) -> bool:
            await fleet.order(here.members[-1], here.offers[0], via=via)
            return is_shut(gate, here, here.members[-1])

        await eventually(is_closed)


async def test_a_closed_gate_asks_no_database(
    fleet: Fleet, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold_out, "_REMEMBERED_SECONDS", 30.0)
    here = await street(quota=1)
    await fleet.order(here.members[0], here.offers[0])
    await close_gates(fleet, here)
    records = await here.count(IdempotencyRecord)
    assert code_of(await fleet.order(here.members[2], here.offers[0])) == "campaigns.sold_out"
    assert await here.count(IdempotencyRecord) == records, "nothing was written"
    waits = await fleet.order(here.members[1], here.offers[0], join_waitlist=True)
    assert waits.json()["status"] == "waitlisted", "the waiting list is always open"


async def test_a_freed_box_opens_the_gates_by_notification(
    fleet: Fleet, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold_out, "_REMEMBERED_SECONDS", 30.0)
    here = await street(quota=1)
    placed = await fleet.order(here.members[0], here.offers[0])
    await close_gates(fleet, here)
    await fleet.cancel(here.members[0], placed.json()["id"])

    async def gets_it() -> bool:
        return code_of(await fleet.order(here.members[1], here.offers[0], via=1)) == "201"

    await eventually(gets_it)
    assert await here.count(Order) == 2


async def test_a_gate_opens_by_itself_within_a_second(fleet: Fleet, street: MakeStreet) -> None:
    """Behind everybody's back, without a notification."""
    here = await street(quota=1)
    await fleet.order(here.members[0], here.offers[0])
    await close_gates(fleet, here)
    await here.set(Offer, here.offers[0], quota=2)

    async def gets_it() -> bool:
        return code_of(await fleet.order(here.members[1], here.offers[0], via=1)) == "201"

    await eventually(gets_it, seconds=1.5)


async def test_a_repeated_call_passes_a_closed_gate(
    fleet: Fleet, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold_out, "_REMEMBERED_SECONDS", 30.0)
    here = await street(quota=1)
    first = await fleet.order(here.members[0], here.offers[0], key="mine")
    await close_gates(fleet, here)
    for via in (0, 1):
        again = await fleet.order(here.members[0], here.offers[0], via=via, key="mine")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotency-Replayed"] == "true"
    another = await fleet.order(here.members[0], here.offers[0], key="other")
    assert code_of(another) == "orders.already_ordered"


async def test_who_has_another_box_of_the_campaign_is_told_so_at_a_closed_gate(
    fleet: Fleet, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold_out, "_REMEMBERED_SECONDS", 30.0)
    here = await street(quota=1, boxes=2)
    await fleet.order(here.members[0], here.offers[0])
    await fleet.order(here.members[1], here.offers[1])
    await close_gates(fleet, here)
    assert code_of(await fleet.order(here.members[1], here.offers[0])) == "orders.already_ordered"


async def test_a_closed_gate_says_nothing_to_other_unions(
    fleet: Fleet, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold_out, "_REMEMBERED_SECONDS", 30.0)
    here, there = await street(quota=1), await street()
    await fleet.order(here.members[0], here.offers[0])
    await close_gates(fleet, here)
    foreign = await fleet.order(there.members[0], here.offers[0])
    assert code_of(foreign) == "campaigns.offer_not_found"


@pytest.mark.parametrize("everything", [True, False])
async def test_a_look_that_was_overtaken_is_not_remembered(
    street: MakeStreet, database: Database, monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    here = await street(quota=0)
    gate, who = sold_out.SoldOutGate(database), here.members[0]
    began, may_end, look = asyncio.Event(), asyncio.Event(), sold_out.look_at_offer

    async def slowly(session: AsyncSession, offer_id: UUID) -> object:
        found = await look(session, offer_id)
        began.set()
        await may_end.wait()
        return found

    monkeypatch.setattr(sold_out, "look_at_offer", slowly)
    gate.noticed_empty(here.offers[0], here.id)
    overtaken = gate._looking[here.offers[0]]
    await began.wait()
    gate.drop(None if everything else here.offers[0])
    may_end.set()
    await overtaken
    assert not is_shut(gate, here, who)
    gate.noticed_empty(here.offers[0], here.id)
    await gate._looking[here.offers[0]]
    assert is_shut(gate, here, who), "one that was not overtaken is"
