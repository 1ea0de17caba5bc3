"""The admission desk: who comes while a batch is in flight goes into the next one; nobody is forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.platform.admission import AdmissionDesk, AdmissionDesks
from app.platform.errors import Busy
from app.platform.ids import new_id

Result = TypeVar("Result")


class Driver(Exception):
    """An error of the database driver, as the engine passes it on."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def failed(sqlstate: str, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
    return kind("SELECT 1", {}, Driver(sqlstate))


class Work:
    """A transaction that waits until it is let go, and remembers its batches."""

    def __init__(self, refuse: Callable[[list[Any]], Exception | None] = lambda batch: None) -> None:
        self.batches: list[list[Any]] = []
        self.gate = asyncio.Event()
        self.refuse = refuse

    async def __call__(self, commands: list[Any]) -> list[str]:
        self.batches.append(commands)
        await self.gate.wait()
        error = self.refuse(commands)
        if error is not None:
            raise error
        return [f"done {command}" for command in commands]


def make_desk(work: Any, *, batch_limit: int = 100, queue_limit: int = 100) -> AdmissionDesk[Any, str]:
    return AdmissionDesk(work, batch_limit=batch_limit, queue_limit=queue_limit)


async def submitted(desk: AdmissionDesk[Any, str], *commands: Any) -> list[asyncio.Task[str]]:
    """Put commands on the desk and let them get there."""
    tasks = [asyncio.create_task(desk.submit(command)) for command in commands]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def outcomes(tasks: list[asyncio.Task[str]]) -> list[Any]:
    return list(await within(asyncio.gather(*tasks, return_exceptions=True)))


async def within(work: Awaitable[Result]) -> Result:
    """Wait for at most two seconds: a desk that forgets somebody must fail a test, not stop it."""
    return await asyncio.wait_for(work, 2)


async def test_a_lone_command_is_a_batch_of_one_and_waits_for_no_company() -> None:
    work = Work()
    work.gate.set()
    assert await asyncio.wait_for(make_desk(work).submit("a"), 1) == "done a"
    assert work.batches == [["a"]]


async def test_commands_gather_while_one_batch_is_in_flight_in_their_order() -> None:
    work = Work()
    desk = make_desk(work)
    first = await submitted(desk, "a")
    rest = await submitted(desk, "b", "c", "d")
    assert work.batches == [["a"]], "one transaction at a time"
    work.gate.set()
    assert await outcomes(first + rest) == ["done a", "done b", "done c", "done d"]
    assert work.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_has_its_limit() -> None:
    work = Work()
    desk = make_desk(work, batch_limit=2)
    tasks = await submitted(desk, "a")
    tasks += await submitted(desk, "b", "c", "d", "e", "f")
    work.gate.set()
    assert await outcomes(tasks) == [f"done {letter}" for letter in "abcdef"]
    assert work.batches == [["a"], ["b", "c"], ["d", "e"], ["f"]]


async def test_a_poisoned_command_hurts_nobody_else() -> None:
    work = Work(lambda batch: RuntimeError("poison") if "bad" in batch else None)
    desk = make_desk(work)
    tasks = await submitted(desk, "a")
    tasks += await submitted(desk, "b", "bad", "c")
    work.gate.set()
    first, second, bad, third = await outcomes(tasks)
    assert (first, second, third) == ("done a", "done b", "done c")
    assert isinstance(bad, RuntimeError)
    assert work.batches == [["a"], ["b", "bad", "c"], ["b"], ["bad"], ["c"]]


async def test_a_lone_poisoned_command_is_not_tried_again() -> None:
    work = Work(lambda batch: RuntimeError("poison"))
    work.gate.set()
    with pytest.raises(RuntimeError, match="poison"):
        await make_desk(work).submit("bad")
    assert work.batches == [["bad"]]


async def test_a_command_that_lost_a_race_is_decided_once_more() -> None:
    lost = [failed("23505", IntegrityError)]
    work = Work(lambda batch: lost.pop() if lost else None)
    work.gate.set()
    assert await make_desk(work).submit("a") == "done a"
    assert work.batches == [["a"], ["a"]]


async def test_a_command_that_always_conflicts_is_refused_after_the_second_time() -> None:
    work = Work(lambda batch: failed("23505", IntegrityError))
    work.gate.set()
    with pytest.raises(IntegrityError):
        await make_desk(work).submit("a")
    assert work.batches == [["a"], ["a"]]


@pytest.mark.parametrize(
    "error",
    [
        failed("57P01", OperationalError),
        failed("08006"),
        failed("53100"),
        failed("55P03"),
        failed("57014"),
        OSError("connection refused"),
        TimeoutError(),
    ],
    ids=[
        "shut down",
        "connection lost",
        "disk full",
        "lock time-out",
        "statement time-out",
        "refused",
        "slow",
    ],
)
async def test_when_the_database_is_away_all_fail_at_once(error: Exception) -> None:
    work = Work(lambda batch: error if "b" in batch else None)
    desk = make_desk(work)
    first = await submitted(desk, "a")
    rest = await submitted(desk, "b", "c", "d")
    work.gate.set()
    assert await outcomes(first + rest) == ["done a", error, error, error]
    assert work.batches == [["a"], ["b", "c", "d"]], "nobody is tried one by one"
    assert await within(desk.submit("e")) == "done e", "the desk goes on"


async def test_who_went_away_is_still_decided_and_disturbs_nobody() -> None:
    work = Work()
    desk = make_desk(work)
    in_flight = await submitted(desk, "a")
    waiting = await submitted(desk, "b", "c")
    in_flight[0].cancel()
    waiting[0].cancel()
    work.gate.set()
    await within(desk.drain())
    assert work.batches == [["a"], ["b", "c"]]
    assert await within(waiting[1]) == "done c"
    assert in_flight[0].cancelled()
    assert waiting[0].cancelled()


async def test_who_went_away_does_not_hide_a_failure_from_the_others() -> None:
    work = Work(lambda batch: ConnectionError() if "b" in batch else None)
    desk = make_desk(work)
    await submitted(desk, "a")
    gone, there = await submitted(desk, "b", "c")
    gone.cancel()
    work.gate.set()
    with pytest.raises(ConnectionError):
        await within(there)


async def test_beyond_the_queue_limit_a_caller_is_told_to_come_back() -> None:
    work = Work()
    desk = make_desk(work, queue_limit=2)
    tasks = await submitted(desk, "a")
    tasks += await submitted(desk, "b", "c")
    with pytest.raises(Busy) as refused:
        await within(desk.submit("d"))
    assert refused.value.headers == {"Retry-After": "1"}
    work.gate.set()
    assert await outcomes(tasks) == ["done a", "done b", "done c"]
    assert work.batches == [["a"], ["b", "c"]], "the one turned away was never decided"
    assert await within(desk.submit("e")) == "done e"


async def test_drain_waits_for_everything_that_was_put_on_the_desk() -> None:
    work = Work()
    desk = make_desk(work, batch_limit=1)
    await desk.drain()
    tasks = await submitted(desk, "a", "b", "c")
    drained = asyncio.create_task(desk.drain())
    await asyncio.sleep(0.01)
    assert not drained.done()
    work.gate.set()
    await asyncio.wait_for(drained, 1)
    assert all(task.done() for task in tasks) or await outcomes(tasks) == ["done a", "done b", "done c"]
    assert work.batches == [["a"], ["b"], ["c"]]


async def test_each_union_has_a_desk_of_its_own() -> None:
    one, two = new_id(), new_id()
    gates = {one: asyncio.Event(), two: asyncio.Event()}
    batches: list[tuple[Any, list[str]]] = []

    async def work(union_id: Any, commands: list[str]) -> list[str]:
        batches.append((union_id, commands))
        await gates[union_id].wait()
        return [f"{command}!" for command in commands]

    desks: AdmissionDesks[str, str] = AdmissionDesks(work, batch_limit=10, queue_limit=1)
    slow = asyncio.create_task(desks.submit(one, "a"))
    await asyncio.sleep(0)
    gates[two].set()
    assert await asyncio.wait_for(desks.submit(two, "b"), 1) == "b!", "one union never waits for another"
    assert not slow.done()
    later = asyncio.create_task(desks.submit(one, "c"))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await within(desks.submit(one, "d"))
    gates[one].set()
    await within(desks.drain())
    assert [await within(task) for task in (slow, later)] == ["a!", "c!"]
    assert batches == [(one, ["a"]), (two, ["b"]), (one, ["c"])]
