"""What happens by itself: orders run out, the outbox is emptied, old records go; twice does nothing twice."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.access.scope import one_union
from app.notifications.tables import OutboxEvent
from app.orders.jobs import expire_orders
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
