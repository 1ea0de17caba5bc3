"""Slow hashes of what people remember: argon2id, beside the event loop, few at a time.

Each takes 46 MiB and a core for about 50 ms. Two at once and a short line keep a flood of sign-ins from being
an attack on memory and processor (ASVS 5.0 11.4.2 and appendix C: m = 47,104 KiB, t = 1, p = 1).
"""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.platform.errors import Busy

AT_ONCE = 2
MOST_WAITING = 16
DUMMY = "$argon2id$v=19$m=47104,t=1,p=1$gexJuOEmIX+MaCTbvtDVfw$cRJUdpFu6x+69Xo8GW09CxFV5LuEUE0hdSCKbfXjEu8"
"""The hash of 32 random bytes that nobody kept: whoever has no password is asked for this one."""


class SlowHasher:
    """Hashes and checks in threads; one of it in each process."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
        self._places, self._waiting = asyncio.Semaphore(AT_ONCE), 0

    async def hash(self, secret: str) -> str:
        """Return the argon2id hash of a secret; raises Busy when the line is too long."""
        return await self._run(secret, None)

    async def verify(self, secret: str, known: str | None) -> bool:
        """Return whether a secret fits a hash; None takes the same time and never fits. Raises Busy."""
        fits = await self._run(secret, known or DUMMY)
        return fits == "yes" and known is not None

    async def _run(self, secret: str, known: str | None) -> str:
        if self._waiting >= MOST_WAITING:
            raise Busy(retry_after=2)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        work = asyncio.create_task(asyncio.to_thread(self._work, secret, known))
        # A caller that goes away does not free the place: its thread still works.
        work.add_done_callback(lambda _: self._places.release())
        return await asyncio.shield(work)

    def _work(self, secret: str, known: str | None) -> str:
        if known is None:
            return self._hasher.hash(secret)
        try:
            self._hasher.verify(known, secret)
        except (VerificationError, InvalidHashError):
            return "no"
        return "yes"
