"""Consents, looks at personal data, erasure and retention.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.platform.walls import APP_ROLE, JOBS_ROLE, append_only, wall

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("reveals", "consents", "erasure_requests", "deletion_receipts")


def _owned(name: str, *columns: sa.Column, rules: tuple[sa.Constraint, ...], of_member: bool = True) -> None:
    keys = []
    if of_member:
        columns = (sa.Column("member_id", sa.Uuid(), nullable=False), *columns)
        keys.append(sa.ForeignKeyConstraint(
            ["union_id", "member_id"], ["members.union_id", "members.id"],
            name=f"fk_{name}_union_id_member_id",
        ))  # fmt: skip
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=f"fk_{name}_union_id"),
        *keys,
        *rules,
    )


def _at(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _members_may_be_erased()
    op.add_column("campaigns", sa.Column("retention_days", sa.Integer(), nullable=False, server_default="90"))
    op.add_column("campaigns", _at("personal_data_ended_at", nullable=True))
    op.create_check_constraint("retention_in_range", "campaigns", "retention_days BETWEEN 30 AND 1095")
    _reveals_and_consents()
    _erasures_and_receipts()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in append_only("deletion_receipts"):
        op.execute(statement)
    # A look stays as it is; only its note may go, when the member is erased.
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON reveals FROM {APP_ROLE}, {JOBS_ROLE}")
    op.execute(f"GRANT UPDATE (note_sealed) ON reveals TO {APP_ROLE}, {JOBS_ROLE}")


def _members_may_be_erased() -> None:
    op.add_column("members", _at("erased_at", nullable=True))
    op.create_check_constraint(
        "erased_is_empty",
        "members",
        "erased_at IS NULL OR (status = 'left' AND mobile_sealed IS NULL AND id_last4_sealed IS NULL)",
    )


def _reveals_and_consents() -> None:
    _owned(
        "reveals",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("fields", ARRAY(sa.String()), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary()),
        _at("revealed_at"),
        rules=(
            sa.CheckConstraint(
                "reason IN ('identify_at_desk','contact_member','correct_record','answer_complaint','audit')",
                name="ck_reveals_reason_known",
            ),
            sa.CheckConstraint("cardinality(fields) > 0", name="ck_reveals_something_was_seen"),
        ),
    )
    op.create_index("ix_reveals_member_id_id", "reveals", ["member_id", "id"])
    _owned(
        "consents",
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text_digest", sa.String(), nullable=False),
        _at("given_at"),
        _at("withdrawn_at", nullable=True),
        rules=(
            sa.CheckConstraint(
                "purpose IN ('pickup','reminders','proxy_contact')", name="ck_consents_purpose_known"
            ),
            sa.CheckConstraint("version >= 1", name="ck_consents_version_positive"),
            sa.CheckConstraint("char_length(text_digest) = 64", name="ck_consents_digest_is_sha256"),
            sa.CheckConstraint("withdrawn_at >= given_at", name="ck_consents_withdrawn_later"),
        ),
    )
    op.create_index(
        "uq_consents_one_in_force",
        "consents",
        ["member_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def _erasures_and_receipts() -> None:
    _owned(
        "erasure_requests",
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("decline_reason", sa.String()),
        _at("asked_at"),
        _at("due_at"),
        _at("decided_at", nullable=True),
        sa.Column("decided_by", sa.Uuid()),
        rules=(
            sa.CheckConstraint(
                "status IN ('open','carried_out','declined','withdrawn')",
                name="ck_erasure_requests_status_known",
            ),
            sa.CheckConstraint(
                "decline_reason IN ('legal_term','open_conflict','not_the_person')",
                name="ck_erasure_requests_decline_reason_known",
            ),
            sa.CheckConstraint(
                "(status = 'declined') = (decline_reason IS NOT NULL)",
                name="ck_erasure_requests_declined_why",
            ),
            sa.CheckConstraint(
                "(status = 'open') = (decided_at IS NULL)", name="ck_erasure_requests_decided_has_a_time"
            ),
            sa.UniqueConstraint("union_id", "id", name="uq_erasure_requests_union_id_id"),
        ),
    )
    op.create_index(
        "uq_erasure_requests_one_open",
        "erasure_requests",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_erasure_requests_union_id_id", "erasure_requests", ["union_id", "id"])
    _owned(
        "deletion_receipts",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        _at("carried_out_at"),
        sa.Column("carried_out_by", sa.Uuid()),
        sa.Column("counts", JSONB(), nullable=False),
        sa.Column("kept", JSONB(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        rules=(
            sa.CheckConstraint("kind IN ('campaign','member')", name="ck_deletion_receipts_kind_known"),
            sa.CheckConstraint("octet_length(digest) = 32", name="ck_deletion_receipts_digest_is_sha256"),
        ),
        of_member=False,
    )
    op.create_index("ix_deletion_receipts_union_id_id", "deletion_receipts", ["union_id", "id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_constraint("retention_in_range", "campaigns", type_="check")
    op.drop_column("campaigns", "personal_data_ended_at")
    op.drop_column("campaigns", "retention_days")
    op.drop_constraint("erased_is_empty", "members", type_="check")
    op.drop_column("members", "erased_at")
