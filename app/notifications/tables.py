"""Outbox events and the heartbeat of the background worker."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base


class OutboxEvent(UnionOwned, Base):
    """Something that happened, to be told outside after the commit."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index("ix_outbox_events_undelivered", "id", postgresql_where=text("delivered_at IS NULL")),
    )

    # Written in the transaction of a row that has the union's key; one check less on the hot path.
    union_id: Mapped[UUID] = mapped_column()
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class Heartbeat(Base):
    """When a background process last said that it is alive."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]
