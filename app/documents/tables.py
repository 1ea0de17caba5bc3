"""Documents, the series of their numbers, and their sealed files.

What a final document says is never changed and never deleted, by anybody: triggers refuse it.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from app.access.rotation import declare_sealed
from app.access.scope import UnionOwned
from app.documents.rules.issuing import DocumentReason, DocumentStatus, FileFormat
from app.documents.rules.paper import DocumentKind, Edition
from app.platform.database import Base
from app.unions.tables import one_of


class Document(UnionOwned, Base):
    """A paper that was asked for; `lease_id` is the worker that has it in hand until `leased_until`.

    A draft has no number. `subject_id` is the receipt, dispatch or stocktake that it is about, if it is about
    one; `content_hash` is over what it says (`rules.content`), not over a file. `done_count` of `total_count`
    rows are written, over both formats.
    """

    __tablename__ = "documents"
    __table_args__ = (
        CheckConstraint(one_of("kind", DocumentKind), name="kind_known"),
        CheckConstraint(one_of("edition", Edition), name="edition_known"),
        CheckConstraint(one_of("status", DocumentStatus), name="status_known"),
        CheckConstraint(one_of("reason", DocumentReason), name="reason_known"),
        CheckConstraint("is_final = (number IS NOT NULL)", name="final_has_a_number"),
        CheckConstraint("number ~ '^[A-Z]{2,3}-[0-9]{4}-[0-9]{4,6}(-B[0-9]{1,4})?$'", name="number_form"),
        CheckConstraint("supplement_to IS NULL OR is_final", name="supplement_is_final"),
        CheckConstraint(
            "(supplement_to IS NOT NULL) = (coalesce(number, '') LIKE '%-B%')",
            name="supplement_has_its_number",
        ),
        CheckConstraint("until_on >= from_on", name="period_forwards"),
        CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="content_hash_form"),
        CheckConstraint(
            "num_nonnulls(title, paper_on, content_hash, row_count, ready_at)"
            " = CASE WHEN status IN ('ready','forgotten') THEN 5 ELSE 0 END",
            name="ready_says_what_it_is",
        ),
        CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="failed_says_why"),
        CheckConstraint("(status = 'forgotten') = (forgotten_at IS NOT NULL)", name="forgotten_has_a_time"),
        CheckConstraint("done_count BETWEEN 0 AND total_count", name="done_in_range"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        Index("ix_documents_union_id_campaign_id", "union_id", "campaign_id"),
        Index("ix_documents_supplement_to", "supplement_to"),
        Index("ix_documents_content_hash", "content_hash"),
        Index("ix_documents_waiting", "id", postgresql_where=sql("status IN ('queued','rendering')")),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        ForeignKeyConstraint(["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
        ForeignKeyConstraint(["union_id", "supplement_to"], ["documents.union_id", "documents.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    edition: Mapped[str]
    number: Mapped[str | None]
    is_final: Mapped[bool]
    supplement_to: Mapped[UUID | None]
    campaign_id: Mapped[UUID | None]
    pickup_point_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    subject_id: Mapped[UUID | None]
    from_on: Mapped[date | None]
    until_on: Mapped[date | None]
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str]
    requested_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    requested_at: Mapped[datetime]
    status: Mapped[str]
    failure: Mapped[str | None]
    failure_params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lease_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    total_count: Mapped[int] = mapped_column(default=0)
    title: Mapped[str | None]
    paper_on: Mapped[date | None]
    content_hash: Mapped[str | None]
    row_count: Mapped[int | None]
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    ready_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]


class DocumentSeries(UnionOwned, Base):
    """The last number that was given out in a series of a union and year."""

    __tablename__ = "document_series"
    __table_args__ = (
        CheckConstraint("series ~ '^[A-Z]{2,3}$'", name="series_form"),
        CheckConstraint("last_place BETWEEN 1 AND 999999", name="place_in_range"),
        UniqueConstraint("union_id", "series", "year"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    series: Mapped[str]
    year: Mapped[int]
    last_place: Mapped[int]


class DocumentFile(UnionOwned, Base):
    """One format of a document; it stays when its content is forgotten, so that a copy can be verified."""

    __tablename__ = "document_files"
    __table_args__ = (
        CheckConstraint(one_of("format", FileFormat), name="format_known"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_length"),
        CheckConstraint("byte_count > 0", name="not_empty"),
        UniqueConstraint("document_id", "format"),
        UniqueConstraint("union_id", "id"),
        Index("ix_document_files_sha256", "sha256"),
        ForeignKeyConstraint(["union_id", "document_id"], ["documents.union_id", "documents.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    document_id: Mapped[UUID]
    format: Mapped[str]
    sha256: Mapped[bytes]
    byte_count: Mapped[int]


class DocumentPiece(UnionOwned, Base):
    """A piece of a file, sealed."""

    __tablename__ = "document_pieces"
    __table_args__ = (
        UniqueConstraint("file_id", "position"),
        ForeignKeyConstraint(["union_id", "file_id"], ["document_files.union_id", "document_files.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    file_id: Mapped[UUID]
    position: Mapped[int]
    content: Mapped[bytes]


declare_sealed(DocumentPiece, {"content": "content"})
