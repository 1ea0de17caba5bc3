"""Limits of calls, shared by all workers.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limit_records",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("whole_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("octet_length(subject) = 32", name="ck_limit_records_subject_is_hashed"),
        sa.CheckConstraint("taken_count >= 1", name="ck_limit_records_something_was_taken"),
        sa.PrimaryKeyConstraint("name", "subject", name="pk_limit_records"),
    )
    op.create_index("ix_limit_records_whole_at", "limit_records", ["whole_at"])


def downgrade() -> None:
    op.drop_table("limit_records")
