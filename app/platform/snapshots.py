"""Hot reads: answers that are the same for many callers are made once and kept for a second at most.

What they show is a hint; the transaction decides. A notification drops them earlier.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

_KEPT_SECONDS = 1.0
_MOST = 256


class Snapshots:
    """One for each worker: key -> bytes, each made by one caller while the others wait for it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept: dict[Hashable, tuple[float, asyncio.Future[bytes]]] = {}

    def drop(self) -> None:
        """Forget everything."""
        self._kept.clear()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the bytes for `key`, at most one second old; `make` is called when there are none."""
        known = self._kept.get(key)
        if known is not None and known[0] > time.monotonic():
            return await asyncio.shield(known[1])
        now = time.monotonic()
        self._kept = {known: kept for known, kept in self._kept.items() if kept[0] > now}
        if len(self._kept) >= _MOST:
            return await make()
        future = asyncio.ensure_future(make())
        self._kept[key] = (time.monotonic() + _KEPT_SECONDS, future)
        try:
            return await asyncio.shield(future)
        except BaseException:
            self._kept.pop(key, None)
            raise
