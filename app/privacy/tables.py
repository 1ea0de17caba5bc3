"""Consents, requests for erasure, deletion receipts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.privacy.rules import DeclineReason, ErasureStatus, Purpose
from app.unions.tables import one_of


class Consent(UnionOwned, Base):
    """A member's consent to one purpose in one version of its text."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint(one_of("purpose", Purpose), name="purpose_known"),
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("char_length(text_digest) = 64", name="digest_is_sha256"),
        CheckConstraint("withdrawn_at >= given_at", name="withdrawn_later"),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        Index(
            "uq_consents_one_in_force",
            "member_id",
            "purpose",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    purpose: Mapped[str]
    version: Mapped[int]
    text_digest: Mapped[str]
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class ErasureRequest(UnionOwned, Base):
    """A member's wish that their data be erased, and what became of it."""

    __tablename__ = "erasure_requests"
    __table_args__ = (
        CheckConstraint(one_of("status", ErasureStatus), name="status_known"),
        CheckConstraint(one_of("decline_reason", DeclineReason), name="decline_reason_known"),
        CheckConstraint("(status = 'declined') = (decline_reason IS NOT NULL)", name="declined_why"),
        CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided_has_a_time"),
        UniqueConstraint("union_id", "id"),
        ForeignKeyConstraint(["union_id", "member_id"], ["members.union_id", "members.id"]),
        Index(
            "uq_erasure_requests_one_open",
            "member_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_erasure_requests_union_id_id", "union_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    status: Mapped[str]
    decline_reason: Mapped[str | None]
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]


class DeletionReceipt(UnionOwned, Base):
    """What was erased, how much, and what had to stay and why; ids of nobody, never changed."""

    __tablename__ = "deletion_receipts"
    __table_args__ = (
        CheckConstraint("kind IN ('campaign','member')", name="kind_known"),
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        Index("ix_deletion_receipts_union_id_id", "union_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    carried_out_at: Mapped[datetime]
    carried_out_by: Mapped[UUID | None]
    counts: Mapped[dict[str, Any]]
    kept: Mapped[dict[str, Any]]
    digest: Mapped[bytes]
