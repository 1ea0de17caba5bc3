"""Lots, movements and balances."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.stock.rules.ledger import AT_A_POINT, AccountKind, LotKind, MovementKind
from app.unions.tables import one_of

_POINTED = ",".join(f"'{kind}'" for kind in sorted(AT_A_POINT))


class Lot(UnionOwned, Base):
    """Boxes of one kind and one batch (批次): they were made, and go off, together."""

    __tablename__ = "lots"
    __table_args__ = (
        CheckConstraint(one_of("kind", LotKind), name="kind_known"),
        CheckConstraint("char_length(number) BETWEEN 1 AND 50", name="number_length"),
        CheckConstraint("best_before_on >= produced_on", name="goes_off_later"),
        CheckConstraint("(recalled_at IS NULL) = (recall_reason IS NULL)", name="recall_has_a_reason"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "gift_box_id", "number"),
        Index(
            "uq_lots_one_unrecorded",
            "gift_box_id",
            unique=True,
            postgresql_where=text("kind = 'unrecorded'"),
        ),
        ForeignKeyConstraint(["union_id", "gift_box_id"], ["gift_boxes.union_id", "gift_boxes.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gift_box_id: Mapped[UUID]
    kind: Mapped[str]
    number: Mapped[str]
    produced_on: Mapped[date | None]
    best_before_on: Mapped[date | None]
    origin_code: Mapped[str | None] = mapped_column(ForeignKey("divisions.code"))
    """County, township or village (6, 9 or 12 digits), as far as it is known."""
    origin_note: Mapped[str | None]
    """The village's name where the table of divisions has none, the cooperative."""
    recalled_at: Mapped[datetime | None]
    recalled_by: Mapped[UUID | None]
    recall_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")


class StockMovement(UnionOwned, Base):
    """Boxes of a lot that went from one account to another: both sides in one row, and never changed."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        CheckConstraint(one_of("kind", MovementKind), name="kind_known"),
        CheckConstraint("boxes BETWEEN 1 AND 10000000", name="boxes_in_range"),
        CheckConstraint(one_of("from_kind", AccountKind), name="from_known"),
        CheckConstraint(one_of("to_kind", AccountKind), name="to_known"),
        CheckConstraint("(from_kind IS NULL) = (kind = 'consigned')", name="comes_from_somewhere"),
        CheckConstraint(
            f"coalesce(from_kind IN ({_POINTED}), false) = (from_point_id IS NOT NULL)", name="from_a_place"
        ),
        CheckConstraint(f"(to_kind IN ({_POINTED})) = (to_point_id IS NOT NULL)", name="to_a_place"),
        CheckConstraint(
            "from_kind IS DISTINCT FROM to_kind OR from_point_id IS DISTINCT FROM to_point_id", name="moves"
        ),
        Index("ix_stock_movements_union_id_posted_at", "union_id", "posted_at", "id"),
        Index("ix_stock_movements_lot_id_id", "lot_id", "id"),
        Index("ix_stock_movements_event_id", "event_id", postgresql_where=text("event_id IS NOT NULL")),
        Index(
            "ix_stock_movements_document_id", "document_id", postgresql_where=text("document_id IS NOT NULL")
        ),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    # That the union and the points exist follows from the lot's key and the balances'; no check twice.
    union_id: Mapped[UUID] = mapped_column()
    id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID]
    boxes: Mapped[int]
    from_kind: Mapped[str | None]
    from_point_id: Mapped[UUID | None]
    to_kind: Mapped[str]
    to_point_id: Mapped[UUID | None]
    kind: Mapped[str]
    document_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    posted_by: Mapped[UUID | None]
    posted_at: Mapped[datetime]
    reason: Mapped[str | None]


class StockBalance(UnionOwned, Base):
    """How many boxes of a lot an account holds now: what its movements add up to, kept at hand."""

    __tablename__ = "stock_balances"
    __table_args__ = (
        CheckConstraint(one_of("kind", AccountKind), name="kind_known"),
        CheckConstraint(f"(kind IN ({_POINTED})) = (pickup_point_id IS NOT NULL)", name="at_a_place"),
        CheckConstraint("boxes >= 0 OR kind = 'variance'", name="not_below_zero"),
        UniqueConstraint("lot_id", "kind", "pickup_point_id", postgresql_nulls_not_distinct=True),
        Index("ix_stock_balances_pickup_point_id", "pickup_point_id", "kind"),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        {"postgresql_with": {"fillfactor": "50"}},
    )

    union_id: Mapped[UUID] = mapped_column()
    id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID]
    kind: Mapped[str]
    pickup_point_id: Mapped[UUID | None]
    boxes: Mapped[int]
