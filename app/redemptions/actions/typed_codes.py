"""Short codes that were typed wrong: counted for each device, or clerk without one, by all workers."""

import math
from datetime import datetime, timedelta
from uuid import UUID

from app.access.actor import Actor
from app.platform.errors import TooManyRequests
from app.platform.limits import Limit, Limiter

WRONG_CODES = Limit("redemptions.wrong_code", 10, timedelta(minutes=5))
_MOST_REMEMBERED = 10_000


class TypedCodes:
    """Ten wrong codes in five minutes are a tired hand, more are guessing. One for each worker.

    Only wrong ones cost the shared counter a call, so a table whose camera is broken works on. The worker
    remembers who is over the limit; another worker finds out at the next wrong code.
    """

    def __init__(self, limiter: Limiter) -> None:
        """Count with `limiter`."""
        self._limiter = limiter
        self._closed_until: dict[UUID, datetime] = {}
        self._counted: set[UUID] = set()

    def check(self, actor: Actor, *, now: datetime) -> None:
        """Raise TooManyRequests when the device or the clerk has typed too many wrong codes."""
        until = self._closed_until.get(_subject(actor))
        if until is not None and until > now:
            raise TooManyRequests(retry_after=math.ceil((until - now).total_seconds()))

    async def count_wrong(self, actor: Actor, event_id: UUID, *, now: datetime) -> None:
        """Count a wrong code, once for its event; raise TooManyRequests when there were too many."""
        if event_id in self._counted:
            return
        if len(self._counted) >= _MOST_REMEMBERED:
            self._counted.clear()
        self._counted.add(event_id)
        subject = _subject(actor)
        try:
            await self._limiter.take(WRONG_CODES, str(subject), now=now)
        except TooManyRequests as refusal:
            if len(self._closed_until) >= _MOST_REMEMBERED:
                self._closed_until.clear()
            self._closed_until[subject] = now + timedelta(seconds=refusal.params["retry_after"])
            raise


def _subject(actor: Actor) -> UUID:
    return actor.device_id or actor.id
