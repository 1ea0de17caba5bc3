"""Putting events into the outbox, in the transaction of the change they tell of."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.tables import OutboxEvent
from app.platform.bulk import Part, insert_rows


def outbox_row(
    kind: str, subject_id: UUID, *, union_id: UUID, at: datetime, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an outbox row for a bulk insertion; `payload` holds ids only."""
    return {
        "union_id": union_id,
        "kind": kind,
        "subject_id": subject_id,
        "payload": json.dumps(payload, default=str),
        "occurred_at": at,
    }


def insert_events(rows: list[dict[str, Any]]) -> Part | None:
    """Return the insertion of many outbox rows, for `run_together`."""
    return insert_rows(OutboxEvent, rows)


def enqueue(session: AsyncSession, kind: str, subject_id: UUID, *, union_id: UUID, at: datetime) -> None:
    """Add one event to the outbox; it exists if and only if the transaction commits."""
    session.add(OutboxEvent(kind=kind, subject_id=subject_id, union_id=union_id, payload={}, occurred_at=at))
