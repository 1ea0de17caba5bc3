"""Keeping what a device reported and nobody can place."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.ids import new_id
from app.redemptions.rules.quarantine import UnplacedEvent
from app.redemptions.tables import QuarantinedEvent


async def quarantine_events(
    session: AsyncSession,
    events: Sequence[UnplacedEvent],
    *,
    device_id: str,
    staff_id: UUID | None,
    now: datetime,
) -> None:
    """Keep events of one device in the one union of the session; each only once, however often it is sent.

    `staff_id` is who handed them in; None for a device that did it by itself.
    """
    rows = [
        {
            "id": new_id(),
            "union_id": session.info["scope"].only_union,
            "device_id": device_id,
            "staff_id": staff_id,
            "event_id": event.event_id,
            "reason": event.reason,
            "body": event.kept_body,
            "body_sha256": event.body_sha256,
            "received_at": now,
        }
        for event in events
    ]
    await session.execute(insert(QuarantinedEvent).on_conflict_do_nothing(), rows)
