"""What the warehouse does by itself: it looks ahead, and tells of what will be short."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import Scope, every_union
from app.warehouse.actions.watch import note_shortages

AHEAD = timedelta(hours=48)
"""How far a shortage is told of: what is booked later may well be delivered until then."""
Open = Callable[[Scope], AbstractAsyncContextManager[AsyncSession]]


async def watch_stock(transaction: Open, *, now: datetime) -> int:
    """Tell of shortages in the slots of the next 48 hours, in every union; return how many there are."""
    async with transaction(every_union("stock of every union is looked at")) as session:
        return await note_shortages(session, now=now, until=now + AHEAD)
