"""Retention: a campaign whose time is over gives its members up, keeps its figures, and says so."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select

from app.access.scope import every_union, one_union
from app.campaigns.tables import Campaign, CorrectionRequest
from app.notifications.tables import OutboxEvent
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.privacy.actions import erase
from app.privacy.jobs import end_retention
from app.privacy.rules import retention_ends
from app.privacy.tables import DeletionReceipt
from app.redemptions.tables import PickupCode, Redemption, RedemptionConflict
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, order
from tests.factories.street import Street

ROWS = select(Order.unit_id, Order.status, Order.number).order_by(Order.number)


async def over(here: Street, *, days: int = 91) -> None:
    """Let the campaign have ended so many days ago."""
    now = utc_now()
    ended = (now - timedelta(days=days)).date()
    await here.set(
        Campaign,
        here.campaign_id,
        is_sample=False,
        pickup_from=ended - timedelta(days=2),
        pickup_until=ended,
        order_opens_at=now - timedelta(days=days + 9),
        order_closes_at=now - timedelta(days=days + 1),
    )


async def holders(here: Street) -> set[object]:
    rows = await here.read(select(Order.member_id).where(Order.campaign_id == here.campaign_id))
    return {row.member_id for row in rows}


async def receipts(here: Street) -> list[DeletionReceipt]:
    wanted = select(DeletionReceipt).where(DeletionReceipt.union_id == here.id).order_by(DeletionReceipt.id)
    return [row[0] for row in await here.read(wanted)]


async def collected(client: httpx.AsyncClient, here: Street) -> None:
    """Everybody orders; all but the last have collected."""
    for who in here.members:
        placed = await order(client, who, here.offers[0])
        await client.get(f"{API}/orders/{placed['id']}/code", headers=who.headers())
        if who is not here.members[-1]:
            await here.hand_over(placed["id"], at=utc_now())


async def test_a_campaign_gives_its_members_up_and_keeps_its_figures(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street(members=4)
    await collected(client, here)
    before, units = await here.counters(), await here.read(ROWS)
    await over(here)
    await end_retention(database.transaction, now=utc_now())
    assert not await holders(here) & {who.id for who in here.members}
    assert await here.counters() == before
    assert await here.read(ROWS) == units
    assert (await here.count(PickupCode), await here.count(Redemption)) == (0, 3)
    (receipt,) = await receipts(here)
    assert (receipt.kind, receipt.subject_id) == ("campaign", here.campaign_id)
    assert (receipt.counts["orders_unlinked"], receipt.kept) == (4, {})
    ids = sorted(str(row.id) for row in await here.read(select(Order.id).where(Order.union_id == here.id)))
    assert receipt.digest == hashlib.sha256("\n".join(ids).encode()).digest()
    # The members themselves are still members.
    named = (
        select(func.count()).select_from(Member).where(Member.union_id == here.id, Member.erased_at.is_(None))
    )
    assert (await here.read(named))[0][0] == 4


async def test_it_happens_once_and_not_a_day_early(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street()
    await collected(client, here)
    mine = await holders(here)
    await over(here, days=89)
    await end_retention(database.transaction, now=utc_now())
    assert (await holders(here), await receipts(here)) == (mine, [])
    ((campaign,),) = await here.read(select(Campaign).where(Campaign.id == here.campaign_id))
    due = retention_ends(campaign.pickup_until, retention_days=campaign.retention_days)
    await end_retention(database.transaction, now=due - timedelta(seconds=1))
    assert await holders(here) == mine
    await end_retention(database.transaction, now=due)
    gone = await holders(here)
    assert not gone & mine
    await end_retention(database.transaction, now=due + timedelta(days=1))
    assert (await holders(here), len(await receipts(here))) == (gone, 1)


async def test_a_disputed_hand_over_keeps_its_member_until_it_is_settled(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street()
    await collected(client, here)
    disputed = (await here.read(select(Redemption).where(Redemption.union_id == here.id).limit(1)))[0][0]
    second, conflict_id = uuid4(), new_id()
    async with database.transaction(every_union("a test disputes")) as session:
        session.add(
            Redemption(
                id=new_id(),
                union_id=here.id,
                event_id=second,
                order_id=disputed.order_id,
                pickup_point_id=here.points[0],
                staff_id=here.clerk.id,
                result="refused",
                reason="already_collected",
                is_offline=True,
                fingerprint=b"0" * 32,
                answer="{}",
                scanned_at=utc_now(),
                received_at=utc_now(),
            )
        )
        await session.flush()
        session.add(
            RedemptionConflict(
                id=conflict_id,
                union_id=here.id,
                order_id=disputed.order_id,
                first_event_id=disputed.event_id,
                second_event_id=second,
                status="open",
                noticed_at=utc_now(),
                reason="already_collected",
            )
        )
    await over(here)
    for _ in range(2):
        await end_retention(database.transaction, now=utc_now())
    ((kept,),) = await here.read(select(Order.member_id).where(Order.id == disputed.order_id))
    assert kept in {who.id for who in here.members}
    (receipt,) = await receipts(here)
    assert (receipt.counts["orders_unlinked"], receipt.kept) == (2, {"disputed_orders": 1})
    await here.set(RedemptionConflict, conflict_id, status="resolved")
    await end_retention(database.transaction, now=utc_now())
    assert [(one.counts["orders_unlinked"], one.kept) for one in await receipts(here)][1:] == [(3, {})]


async def test_a_run_that_was_broken_off_goes_on(
    client: httpx.AsyncClient, street: MakeStreet, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street(members=5)
    await collected(client, here)
    await over(here)
    async with database.transaction(one_union(here.id)) as session:
        found = await erase.queries.lock_orders_to_unlink(session, here.campaign_id, limit=2)
        assert len(found) == 2
    monkeypatch.setattr(erase, "BATCH", 2)
    async with database.transaction(one_union(here.id)) as session:
        assert await erase.unlink_orders(session, here.campaign_id, union_id=here.id, now=utc_now()) == 2
    monkeypatch.undo()
    await end_retention(database.transaction, now=utc_now())
    (receipt,) = await receipts(here)
    assert receipt.counts["orders_unlinked"] == 5
    payloads = await here.read(select(OutboxEvent.payload).where(OutboxEvent.union_id == here.id))
    assert payloads


async def test_samples_keep_their_invented_people(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street()
    await collected(client, here)
    await over(here)
    await here.set(Campaign, here.campaign_id, is_sample=True)
    mine = await holders(here)
    await end_retention(database.transaction, now=utc_now())
    assert (await holders(here), await receipts(here)) == (mine, [])


async def test_decided_corrections_lose_their_words(
    client: httpx.AsyncClient, street: MakeStreet, database: Database
) -> None:
    here = await street()
    said = {"field": "other", "message": "示例·信息有误"}
    for who in here.members[:2]:
        await client.post(f"{API}/me/corrections", json=said, headers=who.headers("new"))
    mine = select(CorrectionRequest).where(CorrectionRequest.union_id == here.id)
    first, second = (row[0] for row in await here.read(mine.order_by(CorrectionRequest.id)))
    answer = {"reason": "示例·与登记一致"}
    path = f"{API}/corrections/{first.id}/decline"
    assert (await client.post(path, json=answer, headers=here.officer.headers("new"))).status_code == 200
    await end_retention(database.transaction, now=utc_now() + timedelta(days=89))
    kept = [row[0] for row in await here.read(mine)]
    assert all(one.message is not None for one in kept)
    await end_retention(database.transaction, now=utc_now() + timedelta(days=91))
    words = {row[0].id: (row[0].message, row[0].answer) for row in await here.read(mine)}
    assert words[first.id] == (None, None)
    assert words[second.id][0] is not None
