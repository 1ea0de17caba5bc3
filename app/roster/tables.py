"""Imports, the files that came, and the lines of their comparisons; what names people is sealed."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.rotation import declare_sealed
from app.access.scope import UnionOwned
from app.access.vault import Place, UnionKeys
from app.platform.database import Base
from app.roster.rules.comparing import Kind, Mode
from app.roster.rules.progress import ImportStatus
from app.unions.tables import one_of


class RosterImport(UnionOwned, Base):
    """One file on its way into the roster; `lease_id` is the worker that has it in hand until `leased_until`.

    `unit_ids` are the units that the file is about, `own_unit_ids` those that the sender looks after; NULL
    for all.
    `roster_digest` is what the roster was when it was compared, `comparison_hash` what was found.
    """

    __tablename__ = "roster_imports"
    __table_args__ = (
        CheckConstraint(one_of("mode", Mode), name="mode_known"),
        CheckConstraint(one_of("status", ImportStatus), name="status_known"),
        CheckConstraint("octet_length(filename_sealed) BETWEEN 31 AND 900", name="filename_is_sealed"),
        CheckConstraint("comparison_hash ~ '^[0-9a-f]{64}$'", name="comparison_hash_form"),
        CheckConstraint(
            "status NOT IN ('compared','committing','committed') OR comparison_hash IS NOT NULL",
            name="compared_has_a_hash",
        ),
        CheckConstraint("(status = 'committed') = (committed_at IS NOT NULL)", name="committed_has_a_time"),
        CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="failed_says_why"),
        CheckConstraint(
            "(status IN ('committed','failed','abandoned')) = (ended_at IS NOT NULL)", name="ended_has_a_time"
        ),
        CheckConstraint("done_count BETWEEN 0 AND total_count", name="done_in_range"),
        UniqueConstraint("union_id", "id"),
        Index(
            "ix_roster_imports_waiting",
            "id",
            postgresql_where=text("status IN ('received','reading','committing') OR needs_ranks"),
        ),
        ForeignKeyConstraint(["union_id", "created_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_by: Mapped[UUID]
    mode: Mapped[str]
    unit_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    own_unit_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    default_unit_id: Mapped[UUID | None]
    filename_sealed: Mapped[bytes | None]
    byte_count: Mapped[int]
    status: Mapped[str]
    failure: Mapped[str | None]
    failure_params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lease_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    total_count: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    roster_digest: Mapped[str | None]
    comparison_hash: Mapped[str | None]
    has_outrun: Mapped[bool] = mapped_column(default=False)
    needs_ranks: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    compared_at: Mapped[datetime | None]
    committed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class RosterFile(UnionOwned, Base):
    """A piece of an uploaded file, sealed; deleted when the import ends."""

    __tablename__ = "roster_files"
    __table_args__ = (
        UniqueConstraint("import_id", "position"),
        ForeignKeyConstraint(["union_id", "import_id"], ["roster_imports.union_id", "roster_imports.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID]
    position: Mapped[int]
    content: Mapped[bytes]


class RosterRow(UnionOwned, Base):
    """A line of a comparison; `content` is sealed: the member before and after, or the row as it was sent.

    `position` is the row in the file; members who are missing from it come after all rows.
    """

    __tablename__ = "roster_rows"
    __table_args__ = (
        CheckConstraint(one_of("kind", Kind), name="kind_known"),
        CheckConstraint("(kind = 'refused') OR member_id IS NOT NULL", name="names_a_member"),
        Index("ix_roster_rows_import_id_kind_position", "import_id", "kind", "position", unique=True),
        ForeignKeyConstraint(["union_id", "import_id"], ["roster_imports.union_id", "roster_imports.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    import_id: Mapped[UUID]
    kind: Mapped[str]
    position: Mapped[int]
    member_id: Mapped[UUID | None]
    complaints: Mapped[dict[str, Any]] = mapped_column(default=dict)
    content: Mapped[bytes]


def seal_content(keys: UnionKeys, row_id: UUID, *, content: Mapping[str, Any]) -> bytes:
    """Return what a line says of people, sealed for its place."""
    return keys.seal(_place(row_id), json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def open_content(keys: UnionKeys, row: RosterRow) -> dict[str, Any]:
    """Return what a line says of people: `old`, `new`, or `sent` of a refused one; raises Sealed."""
    content: dict[str, Any] = json.loads(keys.open(_place(row.id), row.content))
    return content


def _place(row_id: UUID) -> Place:
    return Place("roster_rows", "content", row_id)


declare_sealed(RosterImport, {"filename_sealed": "filename"})
declare_sealed(RosterFile, {"content": "content"})
declare_sealed(RosterRow, {"content": "content"})
