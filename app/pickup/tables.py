"""Pickup points and slots."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base


class PickupPoint(UnionOwned, Base):
    """A place where boxes are handed over (领取点)."""

    __tablename__ = "pickup_points"
    __table_args__ = (
        CheckConstraint("desk_count BETWEEN 1 AND 50", name="desks_in_range"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "name"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str]
    place: Mapped[str | None]
    phone: Mapped[str | None]
    division_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))
    is_outdoor: Mapped[bool]
    desk_count: Mapped[int]
    is_sample: Mapped[bool] = mapped_column(default=False)


class Slot(UnionOwned, Base):
    """A stretch of time at a pickup point with a number of places, for one campaign."""

    __tablename__ = "slots"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_later"),
        CheckConstraint("capacity BETWEEN 0 AND 10000", name="capacity_in_range"),
        CheckConstraint("booked_count BETWEEN 0 AND capacity", name="never_overbooked"),
        UniqueConstraint("campaign_id", "pickup_point_id", "starts_at"),
        UniqueConstraint("union_id", "campaign_id", "pickup_point_id", "id"),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        Index("ix_slots_campaign_id_starts_at", "campaign_id", "starts_at"),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    pickup_point_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    capacity: Mapped[int]
    booked_count: Mapped[int] = mapped_column(default=0)
