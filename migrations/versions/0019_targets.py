"""Targets for purchases from partner regions.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from app.platform.walls import tear_down, wall

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "aided_targets",
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("percent_basis_points", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), nullable=False, server_default="false"),
        sa.PrimaryKeyConstraint("union_id", "year", name="pk_aided_targets"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_aided_targets_union_id"),
        sa.ForeignKeyConstraint(["set_by"], ["staff_accounts.id"], name="fk_aided_targets_set_by"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name="year_in_range"),
        sa.CheckConstraint("percent_basis_points BETWEEN 0 AND 10000", name="percent_in_range"),
        sa.CheckConstraint("char_length(basis) BETWEEN 1 AND 200", name="basis_length"),
    )
    for statement in wall("aided_targets"):
        op.execute(statement)


def downgrade() -> None:
    for statement in tear_down("aided_targets"):
        op.execute(statement)
    op.drop_table("aided_targets")
