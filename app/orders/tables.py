"""Orders."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnitOwned
from app.orders.rules.states import LIVE, Channel, OrderStatus
from app.platform.database import Base
from app.unions.tables import one_of

_LIVE = ",".join(f"'{status}'" for status in sorted(LIVE))


class Order(UnitOwned, Base):
    """A member's claim to a gift box, from the order to the hand-over."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(one_of("status", OrderStatus), name="status_known"),
        CheckConstraint(one_of("channel", Channel), name="channel_known"),
        CheckConstraint("quantity BETWEEN 1 AND 20", name="quantity_in_range"),
        CheckConstraint("status <> 'booked' OR slot_id IS NOT NULL", name="booked_has_a_slot"),
        CheckConstraint(
            "slot_id IS NULL OR status IN ('booked','collected','expired','on_hold')",
            name="no_slot_without_booking",
        ),
        CheckConstraint("collected_count BETWEEN 0 AND quantity", name="never_more_than_ordered"),
        CheckConstraint("(status = 'collected') = (collected_count = quantity)", name="collected_is_all"),
        CheckConstraint(
            "collected_count = 0 OR status IN ('to_book','booked','collected','on_hold')",
            name="part_stays_collected",
        ),
        CheckConstraint("(collected_count > 0) = (collected_at IS NOT NULL)", name="collected_has_a_time"),
        CheckConstraint("given_up_count >= 0 AND quantity + given_up_count <= 20", name="given_up_in_range"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_has_a_time"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        Index(
            "uq_orders_one_live_order",
            "campaign_id",
            "member_id",
            unique=True,
            postgresql_where=text(f"status IN ({_LIVE})"),
        ),
        Index("ix_orders_member_id_placed_at", "member_id", "placed_at"),
        Index("ix_orders_campaign_id_placed_at", "campaign_id", "placed_at", "id"),
        Index("ix_orders_slot_id", "slot_id", postgresql_where=text("slot_id IS NOT NULL")),
        Index(
            "ix_orders_waiting",
            "offer_id",
            "placed_at",
            "id",
            postgresql_where=text("status = 'waitlisted'"),
        ),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
        ForeignKeyConstraint(
            ["union_id", "campaign_id", "pickup_point_id", "offer_id"],
            ["offers.union_id", "offers.campaign_id", "offers.pickup_point_id", "offers.id"],
        ),
        ForeignKeyConstraint(
            ["union_id", "campaign_id", "pickup_point_id", "slot_id"],
            ["slots.union_id", "slots.campaign_id", "slots.pickup_point_id", "slots.id"],
        ),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    # That the union exists follows from the member's key below; one check less on the hot path.
    union_id: Mapped[UUID] = mapped_column()
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    campaign_id: Mapped[UUID]
    offer_id: Mapped[UUID]
    pickup_point_id: Mapped[UUID]
    member_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    slot_id: Mapped[UUID | None]
    quantity: Mapped[int]
    status: Mapped[str]
    channel: Mapped[str]
    placed_at: Mapped[datetime]
    booked_at: Mapped[datetime | None]
    collected_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    collected_count: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many of its boxes were handed over and not taken back, the last of them at `collected_at`."""
    given_up_count: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many boxes it lost when it ended with a part collected; they no longer count in `quantity`."""
    version: Mapped[int] = mapped_column(default=1)
