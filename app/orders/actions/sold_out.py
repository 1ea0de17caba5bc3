"""The sold-out gate: an offer known to be empty turns requests away without the database.

It is only ever a memory of "empty a moment ago": dropped when a notification says that a box became
free, forgotten after one second in any case, and it never says that something is available. Whoever
has ever ordered in the campaign passes: a repeated call gets its first answer, not "sold out", and a
member who has another box is told so.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.scope import one_union
from app.campaigns.errors import SoldOut
from app.orders.queries import OfferLook, look_at_offer
from app.platform.database import Database

_REMEMBERED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Empty:
    union_id: UUID
    seen: OfferLook
    until: float


class SoldOutGate:
    """One for each worker."""

    def __init__(self, database: Database) -> None:
        """Look owners up in `database` when an offer turns out to be empty."""
        self._database = database
        self._empty: dict[UUID, _Empty] = {}
        self._looking: dict[UUID, asyncio.Task[None]] = {}

    def check(self, offer_id: UUID, member_id: UUID, *, union_id: UUID, now: datetime) -> None:
        """Raise SoldOut if that is known to be the answer to this member, without asking the database."""
        known = self._empty.get(offer_id)
        if (
            known is not None
            and known.until > time.monotonic()
            and known.union_id == union_id
            and now < known.seen.closes_at
            and member_id not in known.seen.owners
        ):
            raise SoldOut(has_waitlist=known.seen.has_waitlist)

    def noticed_empty(self, offer_id: UUID, union_id: UUID) -> None:
        """Remember, after a look at the database, that the offer is empty."""
        if offer_id not in self._looking:
            self._looking[offer_id] = asyncio.create_task(self._look(offer_id, union_id))

    def drop(self, offer_id: UUID | None = None) -> None:
        """Forget one offer, or everything; a look under way is forgotten too."""
        if offer_id is None:
            self._empty.clear()
            self._looking.clear()
        else:
            self._empty.pop(offer_id, None)
            self._looking.pop(offer_id, None)

    async def _look(self, offer_id: UUID, union_id: UUID) -> None:
        task = asyncio.current_task()
        try:
            async with self._database.transaction(one_union(union_id)) as session:
                seen = await look_at_offer(session, offer_id)
            if seen is not None and seen.is_empty and self._looking.get(offer_id) is task:
                self._empty[offer_id] = _Empty(union_id, seen, time.monotonic() + _REMEMBERED_SECONDS)
        finally:
            if self._looking.get(offer_id) is task:
                del self._looking[offer_id]
