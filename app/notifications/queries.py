"""Every `select` about the outbox and heartbeats."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.tables import Heartbeat, OutboxEvent


async def find_heartbeat(session: AsyncSession, name: str) -> datetime | None:
    """Return when a background process last said that it is alive."""
    found = await session.execute(select(Heartbeat.beat_at).where(Heartbeat.name == name))
    return found.scalar_one_or_none()


async def lock_undelivered(session: AsyncSession, *, limit: int) -> Sequence[OutboxEvent]:
    """Lock and return the oldest undelivered events that no other relay is working on."""
    wanted = (
        select(OutboxEvent)
        .where(OutboxEvent.delivered_at.is_(None))
        .order_by(OutboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list((await session.execute(wanted)).scalars())
