"""Errands: what a web process does after it has answered, a few at a time; the line is bounded.

For what may get lost with the process: a text message that can be asked for again. What must not get lost
goes through the outbox.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.platform.errors import Busy

log = structlog.get_logger()
Errand = Callable[[], Awaitable[None]]


class Errands:
    """One line of errands and those who run them; lives in one event loop."""

    def __init__(self, *, runners: int = 4, most_waiting: int = 512) -> None:
        """Run `runners` errands at once; `most_waiting` more may stand in line."""
        self._waiting: asyncio.Queue[tuple[str, Errand]] = asyncio.Queue(most_waiting)
        self._runner_count = runners
        self._runners: list[asyncio.Task[None]] = []

    def check(self) -> None:
        """Raise Busy when the line is full: called before the work that ends with an errand."""
        if self._waiting.full():
            raise Busy(retry_after=2)

    def add(self, name: str, errand: Errand) -> None:
        """Put an errand in line; raises Busy when the line is full. `name` is for the log."""
        try:
            self._waiting.put_nowait((name, errand))
        except asyncio.QueueFull:
            raise Busy(retry_after=2) from None
        while len(self._runners) < self._runner_count:
            self._runners.append(asyncio.create_task(self._run()))

    async def settle(self) -> None:
        """Wait until every errand is done."""
        await self._waiting.join()

    async def close(self, *, seconds: float = 10) -> None:
        """Wait for the errands in line, at most this long, and stop."""
        try:
            await asyncio.wait_for(self.settle(), seconds)
        except TimeoutError:
            log.warning("errands.dropped", count=self._waiting.qsize())
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        self._runners.clear()

    async def _run(self) -> None:
        while True:
            name, errand = await self._waiting.get()
            try:
                await errand()
            except Exception as error:
                # The kind of the error only: its text may hold a number or an address.
                log.error("errand.failed", name=name, error=type(error).__name__)
            finally:
                self._waiting.task_done()
