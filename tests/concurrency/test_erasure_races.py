"""Erasing a member and that member's next order: one waits for the other, and no order is left nameless."""

import asyncio

from app.access.actor import Actor
from app.access.policy import Role
from app.access.scope import one_union
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.privacy.actions.erase import ask_for_erasure, carry_out_erasure
from tests.conftest import MakeStreet
from tests.factories.apps import Fleet


async def test_an_order_waits_for_the_erasure_of_its_member(fleet: Fleet, street: MakeStreet) -> None:
    here = await street()
    who, scope = here.members[0], one_union(here.id)
    mine = Actor(who.id, Role.MEMBER, here.id, scope, utc_now())
    theirs = Actor(here.officer.id, Role.UNION_OFFICER, here.id, scope, utc_now())
    async with here.database.transaction(scope) as session:
        request = await ask_for_erasure(session, mine, now=utc_now())
    async with here.database.transaction(scope) as session:
        await carry_out_erasure(session, request.id, actor=theirs, now=utc_now())
        await session.flush()
        ordering = asyncio.create_task(fleet.order(who, here.offers[0]))
        await asyncio.sleep(0.4)
        assert not ordering.done()
    answer = await ordering
    assert (answer.status_code, answer.json()["code"]) == (403, "campaigns.not_eligible")
    assert await here.count(Order) == 0
