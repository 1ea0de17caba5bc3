"""Waiting for a notification to arrive, for a second at most."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PROMISED_SECONDS = 1.0


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = PROMISED_SECONDS) -> None:
    """Return when `holds` does; fail when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.02)
