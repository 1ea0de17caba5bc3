"""The audit log, append-only and chained; staff accounts that somebody drafted and somebody else approved.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.platform.walls import APP_ROLE, append_only, tear_down, wall

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("audit_entries", "audit_seals", "audit_heads")
_CHECKS = {
    "two_people": "approved_by IS NULL OR approved_by <> drafted_by",
    "nobody_drafts_themselves": "drafted_by IS NULL OR drafted_by <> id",
    "nobody_approves_themselves": "approved_by IS NULL OR approved_by <> id",
    "approved_has_a_time": "approved_by IS NULL OR approved_at IS NOT NULL",
    "pending_role_known": "pending_role NOT IN ('member', 'pickup_device')",
}
_KEYS = {"drafted_by": "staff_accounts", "approved_by": "staff_accounts"}


def upgrade() -> None:
    _make_tables()
    for statement in wall("audit_entries"):
        op.execute(statement)
    for table in _TABLES:
        for statement in append_only(table):
            op.execute(statement)
    # What serves callers adds entries; only the sealer's role adds to the chain.
    op.execute(f"REVOKE INSERT ON audit_seals, audit_heads FROM {APP_ROLE}")
    for name in ("drafted_by", "approved_by"):
        op.add_column("staff_accounts", sa.Column(name, sa.Uuid(), nullable=True))
    op.add_column("staff_accounts", sa.Column("pending_role", sa.String(), nullable=True))
    # The accounts that are there count as approved: the default fills them, and is gone for later ones.
    op.execute("ALTER TABLE staff_accounts ADD COLUMN approved_at timestamptz DEFAULT now()")
    op.execute("ALTER TABLE staff_accounts ALTER COLUMN approved_at DROP DEFAULT")
    for name, condition in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_staff_accounts_{name}"), "staff_accounts", condition)
    for name, table in _KEYS.items():
        op.create_foreign_key(f"fk_staff_accounts_{name}", "staff_accounts", table, [name], ["id"])


def downgrade() -> None:
    for name in _KEYS:
        op.drop_constraint(f"fk_staff_accounts_{name}", "staff_accounts")
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_staff_accounts_{name}"), "staff_accounts")
    for name in ("approved_at", "pending_role", "approved_by", "drafted_by"):
        op.drop_column("staff_accounts", name)
    for statement in tear_down("audit_entries"):
        op.execute(statement)
    for table in ("audit_heads", "audit_seals", "audit_entries"):
        op.drop_table(table)


def _make_tables() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.CheckConstraint("char_length(action) BETWEEN 3 AND 80", name="ck_audit_entries_action_length"),
        sa.CheckConstraint("char_length(reason) <= 200", name="ck_audit_entries_reason_length"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_audit_entries_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_union_id_id", "audit_entries", ["union_id", "id"])
    op.create_index("ix_audit_entries_subject_id", "audit_entries", ["subject_id"])
    op.create_table(
        "audit_seals",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 1", name="ck_audit_seals_seq_from_one"),
        sa.CheckConstraint("octet_length(hash) = 32", name="ck_audit_seals_hash_is_sha256"),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entries.id"], name="fk_audit_seals_entry_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_seals"),
        sa.UniqueConstraint("entry_id", name="uq_audit_seals_entry_id"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(hash) = 32", name="ck_audit_heads_hash_is_sha256"),
        sa.CheckConstraint("octet_length(public_key) = 32", name="ck_audit_heads_public_key_is_ed25519"),
        sa.CheckConstraint("octet_length(signature) = 64", name="ck_audit_heads_signature_is_ed25519"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_heads"),
    )
