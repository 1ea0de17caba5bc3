"""Admission, not contention: all requests that wait for one hot row go into the next transaction.

While one transaction of a desk is in flight, new commands gather; when it ends, all of them form
the next. A lone command is a batch of one, and no timer waits for company (ADR 0003). The
transaction runs in the desk's own task, so a request that goes away can never interrupt a COMMIT.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from app.platform.database import is_torn, refusal_of
from app.platform.errors import Busy, Conflict, StorageFull, Unavailable

log = structlog.get_logger()
Command = TypeVar("Command")
Outcome = TypeVar("Outcome")


class AdmissionDesk(Generic[Command, Outcome]):
    """One queue, one transaction at a time."""

    def __init__(
        self,
        work: Callable[[list[Command]], Awaitable[Sequence[Outcome]]],
        *,
        batch_limit: int,
        queue_limit: int,
    ) -> None:
        """`work` decides a batch in one transaction and answers in the same order."""
        self._work, self._batch_limit, self._queue_limit = work, batch_limit, queue_limit
        self._waiting: list[tuple[Command, asyncio.Future[Outcome]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, command: Command) -> Outcome:
        """Put a command on the desk and wait for its own outcome.

        Raises Busy when the queue is full, and whatever `work` raised for this command alone.
        """
        if len(self._waiting) >= self._queue_limit:
            raise Busy(retry_after=1)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._task is None:
            self._task = asyncio.create_task(self._serve())
        return await future

    async def drain(self) -> None:
        """Wait until everything that was put on the desk has its outcome."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _serve(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._batch_limit]
                del self._waiting[: self._batch_limit]
                await self._settle(batch)
        finally:
            self._task = None

    async def _settle(
        self, batch: list[tuple[Command, asyncio.Future[Outcome]]], *, may_try_again: bool = True
    ) -> None:
        try:
            outcomes = await self._work([command for command, _ in batch])
        except Exception as error:
            refusal = refusal_of(error)
            lost_race = len(batch) == 1 and isinstance(refusal, Conflict)
            if may_try_again and (lost_race or is_torn(error)):
                # Another process came first; the second time they see who won, and why they lost.
                await self._settle(batch, may_try_again=False)
                return
            # One by one, a busy or absent database would make the last of them wait for hours.
            if len(batch) == 1 or isinstance(refusal, Busy | Unavailable | StorageFull):
                for _, future in batch:
                    with suppress(asyncio.InvalidStateError):
                        future.set_exception(error)
                return
            # A poisoned command must hurt nobody else: each one gets a transaction of its own.
            log.warning("admission.batch_failed", size=len(batch), error=type(error).__name__)
            for single in batch:
                await self._settle([single])
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)


class AdmissionDesks(Generic[Command, Outcome]):
    """One desk for each union, made when it is first needed."""

    def __init__(
        self,
        work: Callable[[UUID, list[Command]], Awaitable[Sequence[Outcome]]],
        *,
        batch_limit: int,
        queue_limit: int,
    ) -> None:
        """`work(union_id, commands)` decides a batch of one union in one transaction."""
        self._work, self._limits = work, {"batch_limit": batch_limit, "queue_limit": queue_limit}
        self._desks: dict[UUID, AdmissionDesk[Command, Outcome]] = {}

    async def submit(self, union_id: UUID, command: Command) -> Outcome:
        """Put a command on the union's desk; see `AdmissionDesk.submit`."""
        desk = self._desks.get(union_id)
        if desk is None:

            async def work(commands: list[Command]) -> Sequence[Outcome]:
                return await self._work(union_id, commands)

            desk = self._desks[union_id] = AdmissionDesk(work, **self._limits)
        return await desk.submit(command)

    async def drain(self) -> None:
        """Wait until every desk is empty."""
        await asyncio.gather(*(desk.drain() for desk in self._desks.values()))
