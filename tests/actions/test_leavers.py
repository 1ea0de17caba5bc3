"""Members who leave the union after ordering: their orders are kept, or taken back and given to the next."""

import httpx
import pytest
from sqlalchemy import select

from app.access.scope import one_union
from app.campaigns.tables import Campaign
from app.notifications.tables import OutboxEvent
from app.orders.actions.admit import admit_orders
from app.orders.actions.release import release_orders_of
from app.orders.jobs import release_orders_of_leavers
from app.orders.rules.commands import ReleaseOrder
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import order, unchanged
from tests.factories.street import Street

GIVES_BACK = {"keeps_orders_of_leavers": False}


async def _statuses(here: Street) -> list[str]:
    rows = await here.read(select(Order.status).where(Order.union_id == here.id).order_by(Order.id))
    return [row.status for row in rows]


@pytest.mark.parametrize("status", ["left", "transferred_out"])
async def test_an_order_of_who_left_is_taken_back_and_the_next_gets_its_box(
    client: httpx.AsyncClient, street: MakeStreet, status: str
) -> None:
    here = await street(quota=1, campaign=GIVES_BACK)
    placed = await order(client, here.members[0], here.offers[0], slot_id=here.slots[0])
    await order(client, here.members[1], here.offers[0], join_waitlist=True)
    await here.set(Member, here.members[0].id, status=status)
    async with here.database.transaction(one_union(here.id)) as session:
        assert await release_orders_of(session, [here.members[0].id], now=utc_now()) == 1
    assert await _statuses(here) == ["cancelled", "to_book"]
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    kinds = await here.read(
        select(OutboxEvent.kind).where(OutboxEvent.subject_id == placed["id"]).order_by(OutboxEvent.id)
    )
    assert [row.kind for row in kinds] == ["order.placed", "order.released"]
    async with unchanged(here):
        await release_orders_of_leavers(here.database.transaction, now=utc_now())


async def test_the_job_takes_them_back_whoever_changed_the_record(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(campaign=GIVES_BACK)
    for who in here.members:
        await order(client, who, here.offers[0])
    await here.set(Member, here.members[1].id, status="left")
    assert await release_orders_of_leavers(here.database.transaction, now=utc_now()) >= 1
    assert await _statuses(here) == ["to_book", "cancelled", "to_book"]


@pytest.mark.parametrize(
    "campaign",
    [{}, {"keeps_orders_of_leavers": True}, GIVES_BACK | {"eligible_statuses": ["active", "left"]}],
)
async def test_a_campaign_keeps_them_unless_it_says_otherwise(
    client: httpx.AsyncClient, street: MakeStreet, campaign: dict[str, object]
) -> None:
    here = await street(campaign=campaign)
    await order(client, here.members[0], here.offers[0])
    await here.set(Member, here.members[0].id, status="left")
    async with unchanged(here):
        await release_orders_of_leavers(here.database.transaction, now=utc_now())
        async with here.database.transaction(one_union(here.id)) as session:
            assert await release_orders_of(session, [here.members[0].id], now=utc_now()) == 0


async def test_whether_somebody_left_is_decided_under_the_lock(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """The record was mended, or the rule changed, after the order was found; collected is collected."""
    here = await street(campaign=GIVES_BACK)
    placed = [await order(client, who, here.offers[0]) for who in here.members]
    for who in here.members[1:]:
        await here.set(Member, who.id, status="left")
    await here.hand_over(placed[1]["id"], at=utc_now())
    rows = await here.read(select(Order.id).where(Order.union_id == here.id).order_by(Order.id))
    commands = [ReleaseOrder(order_id=row.id, at=utc_now()) for row in rows]
    async with unchanged(here):
        async with here.database.transaction(one_union(here.id)) as session:
            await admit_orders(session, here.id, commands[:2])
        await here.set(Campaign, here.campaign_id, keeps_orders_of_leavers=True)
        async with here.database.transaction(one_union(here.id)) as session:
            await admit_orders(session, here.id, commands)
        await here.set(Campaign, here.campaign_id, keeps_orders_of_leavers=False)
    async with here.database.transaction(one_union(here.id)) as session:
        await admit_orders(session, here.id, commands)
    assert await _statuses(here) == ["to_book", "collected", "cancelled"]
