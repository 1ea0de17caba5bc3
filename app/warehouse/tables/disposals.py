"""Disposals of leftovers, damaged boxes and boxes in quarantine."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.unions.tables import one_of
from app.warehouse.rules.states import DisposalKind, DisposalStatus, StockPlace


class Disposal(UnionOwned, Base):
    """Boxes that are to be written off, returned, donated or released (处置单): one asks, another decides.

    `party` is the organisation that gets them, `evidence_sha256` the hash of a file kept elsewhere.
    """

    __tablename__ = "disposals"
    __table_args__ = (
        CheckConstraint(one_of("kind", DisposalKind), name="kind_known"),
        CheckConstraint(one_of("status", DisposalStatus), name="status_known"),
        CheckConstraint("octet_length(evidence_sha256) = 32", name="evidence_is_sha256"),
        CheckConstraint("decided_by <> requested_by OR status = 'withdrawn'", name="two_people"),
        CheckConstraint("num_nonnulls(decided_by, decided_at) IN (0, 2)", name="decided_has_a_time"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided_when_it_says_so"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        Index("ix_disposals_campaign_id", "campaign_id"),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    campaign_id: Mapped[UUID | None]
    reason: Mapped[str]
    party: Mapped[str | None]
    evidence_sha256: Mapped[bytes | None]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("staff_accounts.id"))
    requested_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]


class DisposalLine(UnionOwned, Base):
    """Boxes of one lot at one place; never changed."""

    __tablename__ = "disposal_lines"
    __table_args__ = (
        CheckConstraint("boxes BETWEEN 1 AND 1000000", name="boxes_in_range"),
        CheckConstraint(one_of("place", StockPlace), name="place_known"),
        ForeignKeyConstraint(["union_id", "disposal_id"], ["disposals.union_id", "disposals.id"]),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
    )

    disposal_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    pickup_point_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    boxes: Mapped[int]
