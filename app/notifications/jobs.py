"""What happens by itself: the relay that empties the outbox, the heartbeat."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.queries import lock_undelivered
from app.notifications.tables import Heartbeat, OutboxEvent
from app.platform.senders import Sender

BATCH = 200


async def beat(session: AsyncSession, name: str, *, now: datetime) -> None:
    """Say that a background process is alive."""
    row = insert(Heartbeat).values(name=name, beat_at=now)
    await session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"beat_at": now}))


async def relay_events(session: AsyncSession, sender: Sender, *, now: datetime) -> int:
    """Hand the oldest undelivered events to the sender and return how many.

    At least once: if the process dies between sending and the commit, they are sent again with the
    same ids. Several relays do not get in each other's way.
    """
    events = await lock_undelivered(session, limit=BATCH)
    for event in events:
        await sender.send(
            {
                "id": event.id,
                "kind": event.kind,
                "subject_id": str(event.subject_id),
                "occurred_at": event.occurred_at.isoformat(),
                **event.payload,
            }
        )
    if events:
        delivered = update(OutboxEvent).where(OutboxEvent.id.in_([event.id for event in events]))
        await session.execute(delivered.values(delivered_at=now))
    return len(events)
