"""Cancelled tasks: no acknowledged row is lost, no transaction stays open, no scope reaches another borrower.

A client that goes away cancels its task wherever it is: between BEGIN and its answer, inside a statement,
while the commit is on its way. What a pooled connection is left with must then not be the next one's.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

from app.access import scope
from app.access.scope import every_union, one_union
from app.platform.database import Database, OpeningConnection, sqlstate
from app.platform.walls import opening, wall
from tests.factories.databases import Scratch, owner_of

ROWS, AT_ONCE, POOL, CANCELLED = 3_000, 8, 3, 0.4
_INSERT = text("INSERT INTO storm (id, union_id) VALUES (:id, :union_id)")
_SEEN = text("SELECT count(*) FILTER (WHERE union_id <> :own) AS foreign_count FROM storm")


@dataclass
class Storm:
    """What a storm saw."""

    database: Database
    unions: list[UUID]
    acknowledged: set[UUID] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    leaks: int = 0

    async def run(self, seed: int, rows: int = ROWS) -> None:
        """Insert `rows` rows, each in a task of its own; some of the tasks are cancelled at random."""
        chance, free = random.Random(seed), asyncio.Semaphore(AT_ONCE)

        async def one(patience: float | None, place: int) -> None:
            async with free:
                task = asyncio.create_task(self._borrow(place))
                _, late = await asyncio.wait({task}, timeout=patience)
                for one in late:
                    one.cancel()
                (result,) = await asyncio.gather(task, return_exceptions=True)
                self.outcomes[type(result).__name__] += 1

        await asyncio.gather(
            *(one(chance.uniform(0, 0.01) if chance.random() < CANCELLED else None, n) for n in range(rows))
        )

    async def _borrow(self, place: int) -> None:
        if place % 7 == 0:
            await self._look_without_scope()
            return
        id, own = uuid4(), self.unions[place % len(self.unions)]
        async with self.database.transaction(one_union(own)) as session:
            await session.execute(_INSERT, {"id": id, "union_id": own})
            if place % 5 == 0:
                savepoint = await session.begin_nested()
                await session.execute(_INSERT, {"id": uuid4(), "union_id": own})
                await savepoint.rollback()
            self.leaks += int(await session.scalar(_SEEN, {"own": own}) or 0)
        self.acknowledged.add(id)

    async def _look_without_scope(self) -> None:
        """Borrow a connection past the session: it must see nothing, whoever had it before."""
        async with self.database.engine.connect() as connection:
            try:
                self.leaks += int(await connection.scalar(text("SELECT count(*) FROM storm")) or 0)
            except Exception as error:
                if sqlstate(error) != "42501":
                    raise

    async def lost(self) -> int:
        """Return how many acknowledged rows are not there."""
        async with self.database.transaction(every_union("a test counts")) as session:
            there = set((await session.scalars(text("SELECT id FROM storm"))).all())
        return len(self.acknowledged - there)


@pytest.fixture
async def storm(scratch: Scratch) -> AsyncIterator[Storm]:
    """A walled table, and few connections."""
    await scratch.execute("CREATE TABLE storm (id uuid PRIMARY KEY, union_id uuid NOT NULL)", *wall("storm"))
    assert scratch.settings.database_url is not None
    database = Database(scratch.settings.database_url, pool_size=POOL)
    yield Storm(database, [uuid4() for _ in range(5)])
    await database.close()


async def left_open(scratch: Scratch) -> int:
    """Return how many backends sit in a transaction that nobody goes on with."""
    connection = await asyncpg.connect(owner_of(scratch.settings))
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
            )
        )
    finally:
        await connection.close()


async def test_a_storm_of_cancelled_tasks_loses_and_leaks_nothing(scratch: Scratch, storm: Storm) -> None:
    await storm.run(seed=9)
    assert await left_open(scratch) == 0
    assert (await storm.lost(), storm.leaks) == (0, 0)
    assert set(storm.outcomes) == {"NoneType", "CancelledError"}, "who was not cancelled was served"
    assert storm.outcomes["CancelledError"] > ROWS / 10
    assert len(storm.acknowledged) > ROWS / 3


async def test_a_scope_that_outlives_its_transaction_leaks(
    storm: Storm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: said for the session and not for the transaction, the scope is the next borrower's too."""
    local = opening

    def for_the_session(*args: Any, **values: Any) -> str:
        return local(*args, **values).replace("SET LOCAL", "SET")

    scope._opening_of.cache_clear()
    monkeypatch.setattr(scope, "opening", for_the_session)
    await storm.run(seed=9, rows=200)
    scope._opening_of.cache_clear()
    assert storm.leaks > 0


async def hide_transactions(database: Database) -> None:
    """Leave every pooled connection inside a transaction that the pool knows nothing of."""
    connections = [await database.engine.connect() for _ in range(POOL)]
    for connection in connections:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.transaction().start()
    for connection in connections:
        await connection.close()


async def acknowledge(storm: Storm, rows: int) -> None:
    """Insert rows one after the other; nobody is cancelled."""
    for _ in range(rows):
        task = asyncio.create_task(storm._borrow(1))
        (result,) = await asyncio.gather(task, return_exceptions=True)
        storm.outcomes[type(result).__name__] += 1


async def test_a_hidden_transaction_is_found_by_the_next_borrower(storm: Storm) -> None:
    """Where COMMIT would only release a savepoint, the beginning says so, and the connection is closed."""
    await hide_transactions(storm.database)
    await acknowledge(storm, 3 * POOL)
    await storm.database.close()
    # The pool drops its other connections with the one that was found.
    assert storm.outcomes == {"InterfaceError": 1, "NoneType": 3 * POOL - 1}
    assert (len(storm.acknowledged), await storm.lost()) == (3 * POOL - 1, 0)


async def test_unless_it_is_found_it_swallows_what_was_acknowledged(
    storm: Storm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: without that look, rows are acknowledged, and gone when the connection is."""
    plain = asyncpg.Connection.execute

    async def without_looking(self: OpeningConnection, query: str, *values: Any, timeout: Any = None) -> Any:
        words, self.opening = self.opening, ""
        return await plain(self, f"{query.rstrip(';')};{words}", *values, timeout=timeout)

    monkeypatch.setattr(OpeningConnection, "execute", without_looking)
    await hide_transactions(storm.database)
    await acknowledge(storm, 3 * POOL)
    await storm.database.close()
    assert storm.outcomes == {"NoneType": 3 * POOL}
    assert await storm.lost() == 3 * POOL


@pytest.mark.parametrize("is_closed", [True, False])
async def test_a_beginning_that_fails_half_way_leaves_nothing_in_the_pool(
    storm: Storm, monkeypatch: pytest.MonkeyPatch, is_closed: bool
) -> None:
    """BEGIN went well, the role did not: the connection is closed. Control: kept, it spoils the next ones."""
    if not is_closed:
        monkeypatch.setattr(OpeningConnection, "terminate", lambda self: None)
    with monkeypatch.context() as patched:
        scope._opening_of.cache_clear()
        patched.setattr(scope, "opening", lambda *_args, **_values: "SET LOCAL ROLE nobody_of_this_name")
        await acknowledge(storm, 1)
        scope._opening_of.cache_clear()
    await acknowledge(storm, 2)
    assert len(storm.acknowledged) == (2 if is_closed else 0), storm.outcomes
