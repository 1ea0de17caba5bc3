"""Roster imports: files, comparisons, and how far they are.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

from app.platform.walls import tear_down, wall

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("roster_imports", "roster_files", "roster_rows")

_IMPORTS = """
CREATE TABLE roster_imports (
    id UUID NOT NULL,
    created_by UUID NOT NULL,
    mode VARCHAR NOT NULL,
    unit_ids UUID[],
    own_unit_ids UUID[],
    default_unit_id UUID,
    filename_sealed BYTEA,
    byte_count INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    failure VARCHAR,
    failure_params JSONB NOT NULL,
    lease_id UUID,
    leased_until TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    done_count INTEGER NOT NULL,
    total_count INTEGER NOT NULL,
    counts JSONB NOT NULL,
    roster_digest VARCHAR,
    comparison_hash VARCHAR,
    has_outrun BOOLEAN NOT NULL,
    needs_ranks BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    compared_at TIMESTAMP WITH TIME ZONE,
    committed_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    erased_at TIMESTAMP WITH TIME ZONE,
    union_id UUID NOT NULL,
    CONSTRAINT pk_roster_imports PRIMARY KEY (id),
    CONSTRAINT ck_roster_imports_mode_known CHECK (mode IN ('partial','full')),
    CONSTRAINT ck_roster_imports_status_known
        CHECK (status IN ('received','reading','compared','committing','committed','failed','abandoned')),
    CONSTRAINT ck_roster_imports_filename_is_sealed
        CHECK (octet_length(filename_sealed) BETWEEN 31 AND 900),
    CONSTRAINT ck_roster_imports_comparison_hash_form CHECK (comparison_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_roster_imports_compared_has_a_hash
        CHECK (status NOT IN ('compared','committing','committed') OR comparison_hash IS NOT NULL),
    CONSTRAINT ck_roster_imports_committed_has_a_time
        CHECK ((status = 'committed') = (committed_at IS NOT NULL)),
    CONSTRAINT ck_roster_imports_failed_says_why CHECK ((status = 'failed') = (failure IS NOT NULL)),
    CONSTRAINT ck_roster_imports_ended_has_a_time
        CHECK ((status IN ('committed','failed','abandoned')) = (ended_at IS NOT NULL)),
    CONSTRAINT ck_roster_imports_done_in_range CHECK (done_count BETWEEN 0 AND total_count),
    CONSTRAINT uq_roster_imports_union_id_id UNIQUE (union_id, id),
    CONSTRAINT fk_roster_imports_union_id_created_by
        FOREIGN KEY(union_id, created_by) REFERENCES staff_accounts (union_id, id),
    CONSTRAINT fk_roster_imports_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
)
"""

_FILES = """
CREATE TABLE roster_files (
    id UUID NOT NULL,
    import_id UUID NOT NULL,
    position INTEGER NOT NULL,
    content BYTEA NOT NULL,
    union_id UUID NOT NULL,
    CONSTRAINT pk_roster_files PRIMARY KEY (id),
    CONSTRAINT uq_roster_files_import_id_position UNIQUE (import_id, position),
    CONSTRAINT fk_roster_files_union_id_import_id
        FOREIGN KEY(union_id, import_id) REFERENCES roster_imports (union_id, id),
    CONSTRAINT fk_roster_files_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
)
"""

_ROWS = """
CREATE TABLE roster_rows (
    id UUID NOT NULL,
    import_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    member_id UUID,
    complaints JSONB NOT NULL,
    content BYTEA NOT NULL,
    union_id UUID NOT NULL,
    CONSTRAINT pk_roster_rows PRIMARY KEY (id),
    CONSTRAINT ck_roster_rows_kind_known
        CHECK (kind IN ('added','changed','moved','removed','protected','refused')),
    CONSTRAINT ck_roster_rows_names_a_member CHECK ((kind = 'refused') OR member_id IS NOT NULL),
    CONSTRAINT fk_roster_rows_union_id_import_id
        FOREIGN KEY(union_id, import_id) REFERENCES roster_imports (union_id, id),
    CONSTRAINT fk_roster_rows_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
)
"""
_INDEXES = (
    """
    CREATE INDEX ix_roster_imports_waiting ON roster_imports (id)
        WHERE status IN ('received','reading','committing') OR needs_ranks
    """,
    "CREATE UNIQUE INDEX ix_roster_rows_import_id_kind_position ON roster_rows (import_id, kind, position)",
)


def upgrade() -> None:
    for statement in (_IMPORTS, _FILES, _ROWS, *_INDEXES):
        op.execute(statement)
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        for statement in tear_down(table):
            op.execute(statement)
        op.drop_table(table)
