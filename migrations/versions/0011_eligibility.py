"""Rules of eligibility, corrections and exceptions.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.platform.walls import tear_down, wall

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RULE_COLUMNS = (
    "eligible_unit_ids",
    "not_received_months",
    "not_received_campaign_ids",
    "is_listed_only",
    "keeps_orders_of_leavers",
)
BY_UNIT = ("eligibility_exceptions", "correction_requests")
IDS = postgresql.ARRAY(sa.Uuid())
INSTANT = sa.DateTime(timezone=True)
OF_CAMPAIGN = (["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"])
OF_MEMBER = (["union_id", "member_id"], ["members.union_id", "members.id"])
OF_UNIT = (["union_id", "unit_id"], ["unions.street_id", "unions.id"])


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("eligible_unit_ids", IDS, server_default="{}", nullable=False))
    op.add_column("campaigns", sa.Column("not_received_months", sa.Integer(), nullable=True))
    op.add_column(
        "campaigns", sa.Column("not_received_campaign_ids", IDS, server_default="{}", nullable=False)
    )
    op.add_column(
        "campaigns", sa.Column("is_listed_only", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "campaigns", sa.Column("keeps_orders_of_leavers", sa.Boolean(), server_default="true", nullable=False)
    )
    for name, holds in {
        "months_in_range": "not_received_months BETWEEN 1 AND 36",
        "units_not_too_many": "cardinality(eligible_unit_ids) <= 200",
        "campaigns_not_too_many": "cardinality(not_received_campaign_ids) <= 50",
    }.items():
        op.create_check_constraint(op.f(f"ck_campaigns_{name}"), "campaigns", holds)
    _make_lists()
    _make_exceptions()
    _make_corrections()
    for statement in wall("campaign_list_entries"):
        op.execute(statement)
    for table in BY_UNIT:
        for statement in wall(table, by_unit=True):
            op.execute(statement)


def _make_lists() -> None:
    op.create_table(
        "campaign_list_entries",
        sa.Column("union_id", sa.Uuid(), sa.ForeignKey("unions.id"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), primary_key=True),
        sa.Column("member_id", sa.Uuid(), primary_key=True),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(*OF_CAMPAIGN),
        sa.ForeignKeyConstraint(*OF_MEMBER),
    )
    op.create_index("ix_campaign_list_entries_member_id", "campaign_list_entries", ["member_id"])


def _make_exceptions() -> None:
    op.create_table(
        "eligibility_exceptions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("union_id", sa.Uuid(), sa.ForeignKey("unions.id"), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("rules", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), sa.ForeignKey("staff_accounts.id"), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), sa.ForeignKey("staff_accounts.id"), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint("status IN ('pending','approved','declined','withdrawn')", name="status_known"),
        sa.CheckConstraint(
            "reason_code IN ('roster_late','recently_joined','hardship','box_damaged','other')",
            name="reason_known",
        ),
        sa.CheckConstraint(
            "rules <@ ARRAY['membership_status','not_received_within','on_list','unit']::varchar[]"
            " AND cardinality(rules) > 0",
            name="rules_waivable",
        ),
        sa.CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="two_people"),
        sa.CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided_has_a_time"),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by_somebody"),
        sa.ForeignKeyConstraint(*OF_CAMPAIGN),
        sa.ForeignKeyConstraint(*OF_MEMBER),
        sa.ForeignKeyConstraint(*OF_UNIT),
    )
    op.create_index(
        "uq_eligibility_exceptions_one_standing",
        "eligibility_exceptions",
        ["campaign_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('approved','pending')"),
    )
    op.create_index("ix_eligibility_exceptions_member_id", "eligibility_exceptions", ["member_id"])
    op.create_index("ix_eligibility_exceptions_union_id_id", "eligibility_exceptions", ["union_id", "id"])


def _make_corrections() -> None:
    op.create_table(
        "correction_requests",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("union_id", sa.Uuid(), sa.ForeignKey("unions.id"), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("wished", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("filed_at", INSTANT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), sa.ForeignKey("staff_accounts.id"), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint("field IN ('name','mobile','unit','status','other')", name="field_known"),
        sa.CheckConstraint("status IN ('open','accepted','declined')", name="status_known"),
        sa.CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided_has_a_time"),
        sa.CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by_somebody"),
        sa.ForeignKeyConstraint(*OF_CAMPAIGN),
        sa.ForeignKeyConstraint(*OF_MEMBER),
        sa.ForeignKeyConstraint(*OF_UNIT),
    )
    op.create_index("ix_correction_requests_member_id_id", "correction_requests", ["member_id", "id"])
    op.create_index(
        "ix_correction_requests_union_id_status_id", "correction_requests", ["union_id", "status", "id"]
    )


def downgrade() -> None:
    for table in (*BY_UNIT, "campaign_list_entries"):
        for statement in tear_down(table):
            op.execute(statement)
        op.drop_table(table)
    for name in RULE_COLUMNS:
        op.drop_column("campaigns", name)
