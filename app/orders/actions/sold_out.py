"""The sold-out gate: an offer known to be empty turns requests away without the database.

It is only ever a memory of "empty a moment ago": dropped when a notification says that a box became
free, forgotten after one second in any case, and it never says that something is available. Whoever
has ever ordered the offer passes, so that a repeated call gets its first answer, not "sold out".
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.scope import one_union
from app.orders.queries import find_order_owners
from app.platform.database import Database

_REMEMBERED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Empty:
    union_id: UUID
    owners: frozenset[UUID]
    closes_at: datetime
    until: float


class SoldOutGate:
    """One for each worker."""

    def __init__(self, database: Database) -> None:
        """Look owners up in `database` when an offer turns out to be empty."""
        self._database = database
        self._empty: dict[UUID, _Empty] = {}
        self._looking: dict[UUID, asyncio.Task[None]] = {}

    def is_closed(self, offer_id: UUID, member_id: UUID, *, union_id: UUID, now: datetime) -> bool:
        """Return whether this member's order can be refused as sold out without asking the database."""
        known = self._empty.get(offer_id)
        return (
            known is not None
            and known.until > time.monotonic()
            and known.union_id == union_id
            and now < known.closes_at
            and member_id not in known.owners
        )

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
                found = await find_order_owners(session, offer_id)
            if found is not None and found[0] and self._looking.get(offer_id) is task:
                until = time.monotonic() + _REMEMBERED_SECONDS
                self._empty[offer_id] = _Empty(union_id, frozenset(found[2]), found[1], until)
        finally:
            if self._looking.get(offer_id) is task:
                del self._looking[offer_id]
