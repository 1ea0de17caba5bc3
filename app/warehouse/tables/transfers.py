"""Transfers between pickup points, and the numbers of all papers of the warehouse."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.unions.tables import one_of
from app.warehouse.rules.states import Series, TransferStatus


class WarehouseNumber(UnionOwned, Base):
    """The last number of a series in a year; who takes the next one holds the row until the commit."""

    __tablename__ = "warehouse_numbers"
    __table_args__ = (
        CheckConstraint(one_of("series", Series), name="series_known"),
        CheckConstraint("last >= 1", name="last_from_one"),
    )

    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"), primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Transfer(UnionOwned, Base):
    """Boxes on their way from one pickup point to another (调拨单).

    `dispatched_by` is who sends the boxes off; `decided_by` who granted or declined an exception from the
    rule that what is promised stays, `decision_reason` why.
    """

    __tablename__ = "stock_transfers"
    __table_args__ = (
        CheckConstraint(one_of("status", TransferStatus), name="status_known"),
        CheckConstraint("from_point_id <> to_point_id", name="two_points"),
        CheckConstraint("arrived_by <> dispatched_by", name="two_people"),
        CheckConstraint("decided_by <> dispatched_by", name="decided_by_another"),
        CheckConstraint("num_nonnulls(decided_by, decided_at, decision_reason) IN (0, 3)", name="decided"),
        CheckConstraint("(arrived_by IS NULL) = (arrived_at IS NULL)", name="arrived_has_a_time"),
        CheckConstraint("(status = 'arrived') = (arrived_at IS NOT NULL)", name="arrived_when_it_says_so"),
        CheckConstraint(
            "(status IN ('dispatched','arrived')) = (dispatched_at IS NOT NULL)", name="sent_when_it_says_so"
        ),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        ForeignKeyConstraint(["union_id", "from_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        ForeignKeyConstraint(["union_id", "to_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    from_point_id: Mapped[UUID]
    to_point_id: Mapped[UUID]
    status: Mapped[str]
    reason: Mapped[str]
    dispatched_by: Mapped[UUID] = mapped_column(ForeignKey("staff_accounts.id"))
    asked_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    arrived_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    arrived_at: Mapped[datetime | None]
    arrival_note: Mapped[str | None]


class TransferLine(UnionOwned, Base):
    """Boxes of one lot in a transfer, and how they arrived."""

    __tablename__ = "stock_transfer_lines"
    __table_args__ = (
        CheckConstraint("boxes BETWEEN 1 AND 1000000", name="boxes_in_range"),
        CheckConstraint("good >= 0 AND damaged >= 0 AND missing >= 0", name="not_below_zero"),
        CheckConstraint("good + damaged + missing = boxes", name="adds_up"),
        CheckConstraint("num_nonnulls(good, damaged, missing) IN (0, 3)", name="whole"),
        ForeignKeyConstraint(["union_id", "transfer_id"], ["stock_transfers.union_id", "stock_transfers.id"]),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    transfer_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    boxes: Mapped[int]
    good: Mapped[int | None]
    damaged: Mapped[int | None]
    missing: Mapped[int | None]
