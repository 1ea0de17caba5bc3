"""Notifications between processes: one connection of each worker listens (LISTEN/NOTIFY).

Only rare things are sent (a box became free, an offer was edited, a token was revoked): sending
takes a lock that all committing transactions share, so the hot path does not send.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

CHANNEL = "grainline"
log = structlog.get_logger()


class Listener:
    """Calls `heard(topic, subject)` for each notification; `lost()` when some may have been missed."""

    def __init__(self, url: str, *, heard: Callable[[str, str], None], lost: Callable[[], None]) -> None:
        """Listen on the database of `url` (`postgresql+asyncpg://…`)."""
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._heard, self._lost = heard, lost
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen in the background; reconnects by itself."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("listener.disconnected", error=type(error).__name__)
            self._lost()
            await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=5)
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        try:
            await connection.add_listener(CHANNEL, self._receive)
            self._lost()
            await ended.wait()
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)

    def _receive(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        topic, _, subject = str(payload).partition(":")
        self._heard(topic, subject)
