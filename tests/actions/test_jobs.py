"""What happens by itself: orders run out, the outbox is emptied, old records go; twice does nothing twice."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import Scope, every_union, one_union
from app.campaigns.tables import Campaign, Offer
from app.notifications.tables import OutboxEvent
from app.orders import jobs, queries
from app.orders.actions.admit import admit_orders
from app.orders.jobs import expire_orders
from app.orders.rules.commands import CancelOrder, ExpireOrder
from app.orders.rules.desk import OrderState
from app.orders.tables import Order
from app.platform.clock import day_end, local_date, utc_now
from app.platform.database import Database
from app.platform.keeping import KEPT_FOR, IdempotencyRecord
from app.platform.senders import FileSender
from app.worker import Worker
from tests.factories.apps import run_fleet
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street


class Sender:
    """Remembers what it was given; fails when told to."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.fails_after = fails_after

    async def send(self, message: dict[str, Any]) -> None:
        if self.fails_after is not None and len(self.sent) >= self.fails_after:
            raise ConnectionError
        self.sent.append(message)


async def ordered(scratch: Scratch, *, members: int = 3) -> Street:
    """Return a street in which everybody has ordered: the first has booked, the last waits."""
    here = await make_street(scratch.database, members=members, quota=members - 1)
    async with run_fleet(scratch.settings, 1) as fleet:
        for position, who in enumerate(here.members):
            slot_id = here.slots[0] if position == 0 else None
            placed = await fleet.order(who, here.offers[0], join_waitlist=True, slot_id=slot_id)
            assert placed.status_code == 201
    return here


async def statuses(here: Street) -> list[str]:
    rows = await here.read(select(Order.status).where(Order.union_id == here.id).order_by(Order.placed_at))
    return [row.status for row in rows]


async def test_what_was_not_collected_expires_once(scratch: Scratch) -> None:
    here = await ordered(scratch)
    open_transaction = scratch.database.transaction
    last_day = local_date(utc_now()) + timedelta(days=5)
    over = day_end(last_day)
    assert await expire_orders(open_transaction, now=over - timedelta(microseconds=1)) == 0
    assert await statuses(here) == ["booked", "to_book", "waitlisted"]
    assert await expire_orders(open_transaction, now=over) == 3
    assert await statuses(here) == ["expired"] * 3
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    assert counters["stored"][0] == {here.offers[0]: (0, 0)}
    assert await expire_orders(open_transaction, now=over + timedelta(days=1)) == 0
    events = await here.read(select(OutboxEvent.kind).where(OutboxEvent.union_id == here.id))
    assert sorted(row.kind for row in events) == ["order.expired"] * 3 + ["order.placed"] * 3


async def test_what_was_collected_does_not_expire(scratch: Scratch) -> None:
    here = await ordered(scratch)
    now = utc_now()
    (first,) = await here.read(select(Order.id).where(Order.status == "booked"))
    await here.hand_over(first.id, at=now)
    assert await expire_orders(scratch.database.transaction, now=now + timedelta(days=30)) == 2
    assert await statuses(here) == ["collected", "expired", "expired"]


async def test_an_order_waiting_for_a_draw_that_never_came_expires(scratch: Scratch) -> None:
    here = await ordered(scratch)
    (first,) = await here.read(select(Order.id).where(Order.status == "waitlisted"))
    await here.set(Order, first.id, status="pending_draw")
    await here.set(Offer, here.offers[0], waitlisted_count=0)
    assert await expire_orders(scratch.database.transaction, now=utc_now() + timedelta(days=30)) == 3
    assert await statuses(here) == ["expired"] * 3


async def test_an_extension_that_was_confirmed_comes_before_expiry(scratch: Scratch) -> None:
    """The orders were found overdue; before their turn comes, the pickup window is extended."""
    here = await ordered(scratch)
    today = local_date(utc_now())
    await here.set(
        Campaign, here.campaign_id, pickup_from=today - timedelta(5), pickup_until=today - timedelta(1)
    )
    is_extended = False

    @asynccontextmanager
    async def transaction(scope: Scope) -> AsyncIterator[AsyncSession]:
        nonlocal is_extended
        if scope == one_union(here.id):
            await here.set(Campaign, here.campaign_id, pickup_until=today)
            is_extended = True
        async with scratch.database.transaction(scope) as session:
            yield session

    await expire_orders(transaction, now=utc_now())
    assert is_extended
    assert await statuses(here) == ["booked", "to_book", "waitlisted"]


async def test_while_orders_expire_nobody_extends_the_pickup_window(scratch: Scratch) -> None:
    here = await ordered(scratch)
    (first,) = await here.read(select(Order.id).where(Order.status == "booked"))
    expire = ExpireOrder(order_id=first.id, at=utc_now() + timedelta(days=30))
    extend = select(Campaign.id).where(Campaign.id == here.campaign_id).with_for_update(nowait=True)
    async with scratch.database.transaction(one_union(here.id)) as session:
        await admit_orders(session, here.id, [expire])
        with pytest.raises(DBAPIError, match="could not obtain lock"):
            await here.read(extend)
    assert len(await here.read(extend)) == 1


@pytest.mark.parametrize("batch", [1, 2, 100])
async def test_an_order_that_cannot_expire_holds_nobody_up(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(jobs, "BATCH", batch)
    here, there = await ordered(scratch), await ordered(scratch)
    (first,) = await here.read(select(Order.id).where(Order.union_id == here.id, Order.status == "booked"))
    poison = f"ALTER TABLE orders ADD CONSTRAINT poison CHECK (id <> '{first.id}' OR status = 'booked')"
    await scratch.execute(poison)
    now = utc_now() + timedelta(days=30)
    for count in (5, 0):
        assert await expire_orders(scratch.database.transaction, now=now) == count
        assert await statuses(here) == ["booked", "expired", "expired"]
        assert await statuses(there) == ["expired"] * 3
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    await scratch.execute("ALTER TABLE orders DROP CONSTRAINT poison")
    assert await expire_orders(scratch.database.transaction, now=now) == 1
    assert await statuses(here) == ["expired"] * 3


async def test_a_cancelled_order_locks_no_more_of_the_line_than_it_can_serve(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await ordered(scratch, members=12)
    rows = select(Order.id, Order.member_id).where(Order.union_id == here.id).order_by(Order.placed_at)
    placed = await here.read(rows)
    locked: list[set[UUID]] = []
    lock_orders = queries.lock_orders

    async def counting(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, OrderState]:
        locked.append(set(ids))
        return await lock_orders(session, ids)

    monkeypatch.setattr(queries, "lock_orders", counting)
    # Everybody but the first eleven waits; after this, all but the first two do.
    await here.set(Offer, here.offers[0], quota=11, promised_count=2, waitlisted_count=10)
    async with scratch.database.transaction(every_union("a test arranges")) as session:
        await session.execute(
            update(Order).where(Order.id.in_([row.id for row in placed[2:]])).values(status="waitlisted")
        )
        await session.execute(update(Offer).where(Offer.id == here.offers[0]).values(quota=2))
    now = utc_now()
    cancel = CancelOrder(at=now, claim=None, order_id=placed[1].id, member_id=placed[1].member_id)
    async with scratch.database.transaction(one_union(here.id)) as session:
        await admit_orders(session, here.id, [cancel])
    assert locked == [{row.id for row in placed[1:3]}], "the one itself and the first of the line"
    assert await statuses(here) == ["booked", "cancelled", "to_book"] + ["waitlisted"] * 9
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]


async def test_every_event_is_sent_once_and_in_order(scratch: Scratch, tmp_path: Path) -> None:
    here = await ordered(scratch)
    file = tmp_path / "folder" / "outbox.jsonl"
    worker = Worker(scratch.database, FileSender(file))
    await worker.relay()
    await worker.relay()
    messages = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [message["kind"] for message in messages] == ["order.placed"] * 3
    assert [message["id"] for message in messages] == sorted(message["id"] for message in messages)
    assert [message["member_id"] for message in messages] == [str(who.id) for who in here.members]
    assert set(messages[0]) == {"id", "kind", "subject_id", "occurred_at", "campaign_id", "member_id"}


async def test_an_event_that_was_not_taken_is_sent_again(scratch: Scratch) -> None:
    await ordered(scratch)
    failing = Sender(fails_after=2)
    with pytest.raises(ConnectionError):
        await Worker(scratch.database, failing).relay()
    good = Sender()
    await Worker(scratch.database, good).relay()
    assert len(good.sent) == 3
    assert failing.sent == good.sent[:2], "at least once: the same ids come again"
    await Worker(scratch.database, good).relay()
    assert len(good.sent) == 3


async def test_many_events_are_sent_in_one_go(scratch: Scratch) -> None:
    here = await make_street(scratch.database)
    now = utc_now()
    async with scratch.database.transaction(one_union(here.id)) as session:
        session.add_all(
            OutboxEvent(kind="test", subject_id=here.id, union_id=here.id, payload={"n": n}, occurred_at=now)
            for n in range(450)
        )
    sender = Sender()
    await Worker(scratch.database, sender).relay()
    assert sorted(message["n"] for message in sender.sent) == list(range(450))


async def kept(database: Database, here: Street) -> list[str]:
    rows = await here.read(select(IdempotencyRecord.key).order_by(IdempotencyRecord.key))
    return [row.key for row in rows]


async def test_old_records_of_keys_are_tidied_away(scratch: Scratch) -> None:
    here = await make_street(scratch.database)
    now = utc_now()
    ages = {
        "fresh": timedelta(),
        "young": KEPT_FOR - timedelta(minutes=1),
        "old": KEPT_FOR + timedelta(minutes=1),
    }
    async with scratch.database.transaction(one_union(here.id)) as session:
        session.add_all(
            IdempotencyRecord(
                actor_id=here.members[0].id, key=key, union_id=here.id, fingerprint=b"x" * 32, status=201,
                body="{}", created_at=now - age,
            )
            for key, age in ages.items()
        )  # fmt: skip
    worker = Worker(scratch.database, Sender())
    await worker.tidy()
    assert await kept(scratch.database, here) == ["fresh", "young"]
    await worker.tidy()
    assert await kept(scratch.database, here) == ["fresh", "young"]
