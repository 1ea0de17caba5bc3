"""Stocktakes: what the books said, what people counted, what came of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.unions.tables import one_of
from app.warehouse.rules.states import UNDER_WAY, StocktakeStatus

_UNDER_WAY = ",".join(f"'{status}'" for status in sorted(UNDER_WAY))


class Stocktake(UnionOwned, Base):
    """A count of the boxes at one pickup point (盘点单).

    `counter_ids` are the accounts that have counted; nobody of them decides. `recount_lot_ids` are the lots
    that a round after the first asks for.
    """

    __tablename__ = "stocktakes"
    __table_args__ = (
        CheckConstraint(one_of("status", StocktakeStatus), name="status_known"),
        CheckConstraint("round BETWEEN 1 AND 100", name="round_in_range"),
        CheckConstraint("decided_by <> ALL (counter_ids)", name="counters_do_not_decide"),
        CheckConstraint("num_nonnulls(decided_by, decided_at) IN (0, 2)", name="decided_has_a_time"),
        CheckConstraint(f"(status IN ({_UNDER_WAY})) = (closed_at IS NULL)", name="closed_when_it_is_over"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        Index(
            "uq_stocktakes_one_under_way",
            "pickup_point_id",
            unique=True,
            postgresql_where=text(f"status IN ({_UNDER_WAY})"),
        ),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    pickup_point_id: Mapped[UUID]
    status: Mapped[str]
    round: Mapped[int] = mapped_column(default=1)
    round_began_at: Mapped[datetime]
    counter_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    recount_lot_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    note: Mapped[str | None]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("staff_accounts.id"))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]


class StocktakeLine(UnionOwned, Base):
    """What the books said of a lot at the instant at which the stocktake was opened; never changed."""

    __tablename__ = "stocktake_lines"
    __table_args__ = (
        ForeignKeyConstraint(["union_id", "stocktake_id"], ["stocktakes.union_id", "stocktakes.id"]),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    stocktake_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    book_good: Mapped[int]
    book_damaged: Mapped[int]


class StocktakeCount(UnionOwned, Base):
    """One person's count in one round; never changed."""

    __tablename__ = "stocktake_counts"
    __table_args__ = (
        CheckConstraint("counted_at <= sent_at", name="counted_before_it_is_sent"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("stocktake_id", "round", "staff_id"),
        ForeignKeyConstraint(["union_id", "stocktake_id"], ["stocktakes.union_id", "stocktakes.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    stocktake_id: Mapped[UUID]
    round: Mapped[int]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff_accounts.id"))
    counted_at: Mapped[datetime]
    sent_at: Mapped[datetime]


class StocktakeCountLine(UnionOwned, Base):
    """The boxes of a lot that one person counted; never changed."""

    __tablename__ = "stocktake_count_lines"
    __table_args__ = (
        CheckConstraint(
            "good BETWEEN 0 AND 1000000 AND damaged BETWEEN 0 AND 1000000", name="boxes_in_range"
        ),
        ForeignKeyConstraint(["union_id", "count_id"], ["stocktake_counts.union_id", "stocktake_counts.id"]),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    count_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    good: Mapped[int]
    damaged: Mapped[int]


class StocktakeFinding(UnionOwned, Base):
    """What a closed stocktake found of a lot, and what was posted for it; never changed.

    `book_*` is what the books said at the time of the count that counts; `posted_*` is what was added to
    the balances (below zero: taken away), which is the difference unless boxes have left since.
    """

    __tablename__ = "stocktake_findings"
    __table_args__ = (
        CheckConstraint("counted_good >= 0 AND counted_damaged >= 0", name="not_below_zero"),
        ForeignKeyConstraint(["union_id", "stocktake_id"], ["stocktakes.union_id", "stocktakes.id"]),
        ForeignKeyConstraint(["union_id", "count_id"], ["stocktake_counts.union_id", "stocktake_counts.id"]),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    stocktake_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    count_id: Mapped[UUID]
    book_good: Mapped[int]
    book_damaged: Mapped[int]
    counted_good: Mapped[int]
    counted_damaged: Mapped[int]
    posted_good: Mapped[int]
    posted_damaged: Mapped[int]
