"""Shortages that the worker has noticed, and who was told of a recall."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base


class StockShortage(UnionOwned, Base):
    """A gift box of which a pickup point has fewer than are booked soon; one open row at most for each."""

    __tablename__ = "stock_shortages"
    __table_args__ = (
        CheckConstraint("short_by >= 1", name="short_by_one_at_least"),
        Index(
            "uq_stock_shortages_one_open",
            "gift_box_id",
            "pickup_point_id",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        ForeignKeyConstraint(["union_id", "gift_box_id"], ["gift_boxes.union_id", "gift_boxes.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_box_id: Mapped[UUID]
    pickup_point_id: Mapped[UUID]
    short_by: Mapped[int]
    """The most that was told."""
    first_short_at: Mapped[datetime]
    noticed_at: Mapped[datetime]
    grown_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]


class RecallNotice(UnionOwned, Base):
    """The holder of an order was told that a lot is recalled: once for each lot and order."""

    __tablename__ = "recall_notices"
    __table_args__ = (
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
        ForeignKeyConstraint(["union_id", "order_id"], ["orders.union_id", "orders.id"]),
    )

    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_possible: Mapped[bool]
    """Only that the box may have been of the lot is known."""
    told_at: Mapped[datetime]
