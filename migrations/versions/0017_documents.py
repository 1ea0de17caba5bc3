"""Documents, the series of their numbers, their sealed files; what is final stays as it is.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.platform.walls import APP_ROLE, JOBS_ROLE, append_only, tear_down, wall

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = ("documents", "document_series", "document_files", "document_pieces")
KINDS = (
    "signoff_sheet", "goods_receipt", "goods_issue", "stocktake", "uncollected", "aided_purchases", "campaign_summary",
)  # fmt: skip
REASONS = ("accounting", "audit", "closing", "reconciliation", "notice_board", "signing", "reporting")
INSTANT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())

# What a document is about never changes; what it says, not once it is ready. Final ones are never deleted,
# nor do their numbers become free.
KEEP_DOCUMENTS = """
CREATE FUNCTION keep_documents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.is_final THEN RAISE EXCEPTION 'final documents are kept' USING ERRCODE = '42501'; END IF;
    RETURN OLD;
  END IF;
  IF (OLD.id, OLD.union_id, OLD.kind, OLD.edition, OLD.number, OLD.is_final, OLD.supplement_to, OLD.campaign_id,
      OLD.pickup_point_id, OLD.unit_id, OLD.subject_id, OLD.from_on, OLD.until_on, OLD.params, OLD.reason,
      OLD.requested_by, OLD.requested_at)
    IS DISTINCT FROM
     (NEW.id, NEW.union_id, NEW.kind, NEW.edition, NEW.number, NEW.is_final, NEW.supplement_to, NEW.campaign_id,
      NEW.pickup_point_id, NEW.unit_id, NEW.subject_id, NEW.from_on, NEW.until_on, NEW.params, NEW.reason,
      NEW.requested_by, NEW.requested_at)
  THEN RAISE EXCEPTION 'what a document is about does not change' USING ERRCODE = '42501'; END IF;
  IF OLD.status IN ('ready', 'forgotten') AND (
      (OLD.title, OLD.paper_on, OLD.content_hash, OLD.row_count, OLD.amount_fen, OLD.ready_at)
        IS DISTINCT FROM
      (NEW.title, NEW.paper_on, NEW.content_hash, NEW.row_count, NEW.amount_fen, NEW.ready_at)
      OR NOT (NEW.status = OLD.status OR NEW.status = 'forgotten'))
  THEN RAISE EXCEPTION 'a document that is ready does not change' USING ERRCODE = '42501'; END IF;
  RETURN NEW;
END $$
"""

# Files and pieces come while the document is made, and pieces go when it is forgotten. A fresh seal of the
# same content is the one change that a piece knows; the file's hash says whether it is the same.
KEEP_FILES = """
CREATE FUNCTION keep_document_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_status text;
BEGIN
  IF TG_TABLE_NAME = 'document_files' THEN
    SELECT status INTO found_status FROM documents WHERE id = NEW.document_id;
    IF found_status IS DISTINCT FROM 'rendering' THEN
      RAISE EXCEPTION 'files come while a document is made' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.id, OLD.union_id, OLD.file_id, OLD.position) IS DISTINCT FROM (NEW.id, NEW.union_id, NEW.file_id, NEW.position)
    THEN RAISE EXCEPTION 'a piece stays where it is' USING ERRCODE = '42501'; END IF;
    RETURN NEW;
  END IF;
  SELECT d.status INTO found_status FROM documents d JOIN document_files f ON f.document_id = d.id
    WHERE f.id = CASE TG_OP WHEN 'DELETE' THEN OLD.file_id ELSE NEW.file_id END;
  IF found_status IS DISTINCT FROM (CASE TG_OP WHEN 'DELETE' THEN 'forgotten' ELSE 'rendering' END) THEN
    RAISE EXCEPTION 'the content of a document is kept' USING ERRCODE = '42501';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$
"""


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({','.join(repr(value) for value in values)})"


def upgrade() -> None:
    _documents()
    _series()
    _files()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in append_only("document_files"):
        op.execute(statement)
    _keep()


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("supplement_to", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("pickup_point_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("failure_params", JSONB, nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("total_count", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("paper_on", sa.Date(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("ready_at", INSTANT, nullable=True),
        sa.Column("forgotten_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        *_document_keys(),
        *_document_checks(),
        sa.UniqueConstraint("union_id", "id", name="uq_documents_union_id_id"),
        sa.UniqueConstraint("union_id", "number", name="uq_documents_union_id_number"),
    )
    op.create_index("ix_documents_union_id_campaign_id", "documents", ["union_id", "campaign_id"])
    op.create_index("ix_documents_supplement_to", "documents", ["supplement_to"])
    op.create_index("ix_documents_content_hash", "documents", ["content_hash"])
    op.create_index(
        "ix_documents_waiting",
        "documents",
        ["id"],
        postgresql_where=sa.text("status IN ('queued','rendering')"),
    )


def _document_keys() -> list[sa.Constraint]:
    keys = {
        "union_id": (["union_id"], ["unions.id"]),
        "requested_by": (["requested_by"], ["staff_accounts.id"]),
        "union_id_campaign_id": (["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        "union_id_pickup_point_id": (
            ["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]
        ),
        "union_id_unit_id": (["union_id", "unit_id"], ["unions.street_id", "unions.id"]),
        "union_id_supplement_to": (["union_id", "supplement_to"], ["documents.union_id", "documents.id"]),
    }  # fmt: skip
    return [sa.ForeignKeyConstraint(*key, name=f"fk_documents_{name}") for name, key in keys.items()]


def _document_checks() -> list[sa.Constraint]:
    checks = {
        "kind_known": _one_of("kind", KINDS),
        "edition_known": "edition IN ('full','masked')",
        "status_known": "status IN ('queued','rendering','ready','failed','forgotten')",
        "reason_known": _one_of("reason", REASONS),
        "final_has_a_number": "is_final = (number IS NOT NULL)",
        "number_form": "number ~ '^[A-Z]{2,3}-[0-9]{4}-[0-9]{4,6}(-B[0-9]{1,4})?$'",
        "supplement_is_final": "supplement_to IS NULL OR is_final",
        "supplement_has_its_number": "(supplement_to IS NOT NULL) = (coalesce(number, '') LIKE '%-B%')",
        "period_forwards": "until_on >= from_on",
        "content_hash_form": "content_hash ~ '^[0-9a-f]{64}$'",
        "ready_says_what_it_is": (
            "num_nonnulls(title, paper_on, content_hash, row_count, ready_at)"
            " = CASE WHEN status IN ('ready','forgotten') THEN 5 ELSE 0 END"
        ),
        "failed_says_why": "(status = 'failed') = (failure IS NOT NULL)",
        "forgotten_has_a_time": "(status = 'forgotten') = (forgotten_at IS NOT NULL)",
        "done_in_range": "done_count BETWEEN 0 AND total_count",
    }
    return [sa.CheckConstraint(text, name=name) for name, text in checks.items()]


def _series() -> None:
    op.create_table(
        "document_series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document_series"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_document_series_union_id"),
        sa.CheckConstraint("series ~ '^[A-Z]{2,3}$'", name="series_form"),
        sa.CheckConstraint("last_place BETWEEN 1 AND 999999", name="place_in_range"),
        sa.UniqueConstraint("union_id", "series", "year", name="uq_document_series_union_id_series_year"),
    )


def _files() -> None:
    op.create_table(
        "document_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("byte_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document_files"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_document_files_union_id"),
        sa.ForeignKeyConstraint(
            ["union_id", "document_id"],
            ["documents.union_id", "documents.id"],
            name="fk_document_files_union_id_document_id",
        ),
        sa.CheckConstraint("format IN ('xlsx','pdf')", name="format_known"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="sha256_length"),
        sa.CheckConstraint("byte_count > 0", name="not_empty"),
        sa.UniqueConstraint("document_id", "format", name="uq_document_files_document_id_format"),
        sa.UniqueConstraint("union_id", "id", name="uq_document_files_union_id_id"),
    )
    op.create_index("ix_document_files_sha256", "document_files", ["sha256"])
    op.create_table(
        "document_pieces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document_pieces"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_document_pieces_union_id"),
        sa.ForeignKeyConstraint(
            ["union_id", "file_id"],
            ["document_files.union_id", "document_files.id"],
            name="fk_document_pieces_union_id_file_id",
        ),
        sa.UniqueConstraint("file_id", "position", name="uq_document_pieces_file_id_position"),
    )


def _keep() -> None:
    op.execute(KEEP_DOCUMENTS)
    op.execute(KEEP_FILES)
    made = {
        "documents": ("UPDATE OR DELETE", "keep_documents"),
        "document_files": ("INSERT", "keep_document_files"),
        "document_pieces": ("INSERT OR UPDATE OR DELETE", "keep_document_files"),
    }
    for table, (events, function) in made.items():
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    for table in ("documents", "document_pieces", "document_series"):
        op.execute(f"REVOKE TRUNCATE ON {table} FROM {APP_ROLE}, {JOBS_ROLE}")
        op.execute(
            f"CREATE TRIGGER {table}_are_not_truncated BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in TABLES:
        for statement in tear_down(table):
            op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_document_files()")
    op.execute("DROP FUNCTION keep_documents()")
