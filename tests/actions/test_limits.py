"""Limits: what they let through, for whom, and when again; one count for all processes."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.access.scope import Scope
from app.platform.database import Database
from app.platform.errors import TooManyRequests
from app.platform.limits import Limit, Limiter, LimitRecord, tidy_limits
from app.platform.secrets_kept import kept_secret
from tests.factories.apps import Fleet, at_once

NOW = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
FIVE = Limit("test.five", 5, timedelta(minutes=5))
GROWING = Limit("test.growing", 10, timedelta(minutes=15), grows=True)


@pytest.fixture
def limiter(database: Database) -> Limiter:
    """A limiter of a test."""
    return Limiter(database, secret=b"s" * 32, scope=Scope())


async def _takes(limiter: Limiter, limit: Limit, subject: str, *, now: datetime) -> int:
    """Return 0 when a call passes, else the seconds to wait."""
    try:
        await limiter.take(limit, subject, now=now)
    except TooManyRequests as refused:
        return int(refused.params["retry_after"])
    return 0


async def test_the_allowance_may_be_taken_at_once_and_fills_up_again(limiter: Limiter) -> None:
    subject = uuid4().hex
    assert [await _takes(limiter, FIVE, subject, now=NOW) for _ in range(7)] == [0] * 5 + [60, 60]
    assert await _takes(limiter, FIVE, subject, now=NOW + timedelta(seconds=59)) == 1
    later = NOW + timedelta(seconds=60)
    assert [await _takes(limiter, FIVE, subject, now=later) for _ in range(2)] == [0, 60]
    much_later = NOW + timedelta(hours=1)
    assert [await _takes(limiter, FIVE, subject, now=much_later) for _ in range(6)] == [0] * 5 + [60]


async def test_subjects_and_limits_are_counted_apart_and_can_be_given_back(limiter: Limiter) -> None:
    one, other = uuid4().hex, uuid4().hex
    once, again = Limit("test.once", 1, timedelta(hours=1)), Limit("test.again", 1, timedelta(hours=1))
    assert [await _takes(limiter, once, who, now=NOW) for who in (one, one, other)] == [0, 3600, 0]
    assert await _takes(limiter, again, one, now=NOW) == 0
    await limiter.give_back(once, one)
    assert [await _takes(limiter, limit, one, now=NOW) for limit in (once, again)] == [0, 3600]


async def test_a_growing_limit_makes_guessing_slower_and_never_locks_out(limiter: Limiter) -> None:
    subject, now, passed, waits = uuid4().hex, NOW, [], []
    for _ in range(20):
        while wait := await _takes(limiter, GROWING, subject, now=now):
            waits.append(wait)
            now += timedelta(seconds=wait)
        passed.append(now)
    assert waits == [30, 59, 117, 233, 465, *[465] * 10]
    windows = [sum(begin <= at < begin + GROWING.per for at in passed) for begin in passed]
    assert max(windows) <= GROWING.calls
    rested = passed[-1] + GROWING.per
    assert [await _takes(limiter, GROWING, subject, now=rested) for _ in range(6)] == [0] * 5 + [30]


async def test_trying_on_while_refused_changes_nothing(limiter: Limiter) -> None:
    for limit in (FIVE, GROWING):
        subject = uuid4().hex
        for _ in range(5):
            assert await _takes(limiter, limit, subject, now=NOW) == 0
        first = await _takes(limiter, limit, subject, now=NOW)
        assert {await _takes(limiter, limit, subject, now=NOW) for _ in range(10)} == {first}
        assert await _takes(limiter, limit, subject, now=NOW + timedelta(seconds=first)) == 0


@pytest.mark.parametrize("limit", [FIVE, Limit("test.ten", 10, timedelta(minutes=5), grows=True)])
async def test_two_processes_share_a_limit(fleet: Fleet, limit: Limit) -> None:
    subject = uuid4().hex
    limiters = [app.state.limiter for app in fleet.apps]
    results = await at_once(_takes(limiters[call % 2], limit, subject, now=NOW) for call in range(50))
    assert results.count(0) == 5


async def test_control_a_memory_in_each_process_would_let_twice_as_many_pass(fleet: Fleet) -> None:
    class Memory(Limiter):
        def __init__(self) -> None:
            self.taken = 0

        async def take(self, limit: Limit, subject: str, *, now: datetime) -> None:
            await asyncio.sleep(0)
            if self.taken == limit.calls:
                raise TooManyRequests(retry_after=60)
            self.taken += 1

    memories = [Memory() for _ in fleet.apps]
    results = await at_once(_takes(memories[call % 2], FIVE, "x", now=NOW) for call in range(50))
    assert results.count(0) == 10


async def test_a_refusal_that_rolls_back_still_counts(database: Database, limiter: Limiter) -> None:
    subject = uuid4().hex
    once = Limit("test.rolled-back", 1, timedelta(hours=1))
    async with database.transaction(Scope()) as session:
        await limiter.take(once, subject, now=NOW)
        await session.rollback()
    assert await _takes(limiter, once, subject, now=NOW) == 3600


async def test_subjects_are_hashed_with_a_key_and_whole_allowances_are_tidied(database: Database) -> None:
    name, subject = f"test.{uuid4().hex}", "13800138000"
    limit = Limit(name, 1, timedelta(hours=1))
    one, other = (Limiter(database, secret=secret * 32, scope=Scope()) for secret in (b"a", b"b"))
    assert [await _takes(used, limit, subject, now=NOW) for used in (one, other)] == [0, 0]

    async def subjects() -> list[bytes]:
        async with database.transaction(Scope()) as session:
            return list(await session.scalars(select(LimitRecord.subject).where(LimitRecord.name == name)))

    found = await subjects()
    assert len(set(found)) == 2
    assert all(len(hashed) == 32 and subject.encode() not in hashed for hashed in found)
    await tidy_limits(database, Scope(), now=NOW + timedelta(hours=25))
    assert len(await subjects()) == 2
    assert await tidy_limits(database, Scope(), now=NOW + timedelta(hours=25, seconds=1)) >= 2
    assert await subjects() == []


async def test_an_installation_has_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "limits" / "subjects.secret"
    made = await asyncio.gather(*(asyncio.to_thread(kept_secret, path) for _ in range(8)))
    assert set(made) == {path.read_bytes()}
    assert (len(made[0]), path.stat().st_mode & 0o777) == (32, 0o600)
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="does not hold 32 bytes"):
        kept_secret(path)


def test_a_limit_lets_something_through() -> None:
    for calls, per in ((0, timedelta(1)), (1, timedelta())):
        with pytest.raises(ValueError, match="one call"):
            Limit("test.none", calls, per)
