"""Closings; what is sealed stays as it is.

Triggers refuse changes of a sealed closing and of a sealed campaign, its quotas and its slots, by whatever
way they come. Their conditions keep them out of the way of orders: counters are no change of a plan.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.platform.walls import tear_down, wall

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
CHECKS = {
    "status_known": "status IN ('prepared','withdrawn','sealed')",
    "digest_is_sha256": "octet_length(digest) = 32",
    "note_length": "char_length(note) <= 500",
    "two_people": "sealed_by <> prepared_by",
    "sealed_has_a_time": "num_nonnulls(sealed_by, sealed_at) IN (0, 2)",
    "sealed_when_it_says_so": "(status = 'sealed') = (sealed_at IS NOT NULL)",
    "withdrawn_has_a_time": "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)",
    "people_until_the_seal": "(status = 'prepared') = (people IS NOT NULL)",
}
KEYS = {
    ("union_id", "campaign_id"): "campaigns",
    ("union_id", "prepared_by"): "staff_accounts",
    ("union_id", "withdrawn_by"): "staff_accounts",
    ("union_id", "sealed_by"): "staff_accounts",
}
REFUSE = """
CREATE FUNCTION refuse_when_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM campaigns WHERE id = NEW.campaign_id AND sealed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the campaign is sealed' USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_is_final';
    END IF;
    RETURN NEW;
END $$
"""
REFUSE_CAMPAIGN = """
CREATE FUNCTION refuse_sealed_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(OLD) - 'personal_data_ended_at' IS DISTINCT FROM to_jsonb(NEW) - 'personal_data_ended_at' THEN
        RAISE EXCEPTION 'the campaign is sealed' USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_is_final';
    END IF;
    RETURN NEW;
END $$
"""
TRIGGERS = {
    "sealed_campaigns_are_final": (
        "campaigns",
        "BEFORE UPDATE",
        "WHEN (OLD.sealed_at IS NOT NULL) EXECUTE FUNCTION refuse_sealed_campaign()",
    ),
    "sealed_closings_are_final": (
        "closings",
        "BEFORE UPDATE OR DELETE",
        "WHEN (OLD.status = 'sealed') EXECUTE FUNCTION refuse_change()",
    ),
    "no_offers_after_the_seal": ("offers", "BEFORE INSERT", "EXECUTE FUNCTION refuse_when_sealed()"),
    "no_quota_after_the_seal": (
        "offers",
        "BEFORE UPDATE",
        "WHEN (OLD.quota <> NEW.quota) EXECUTE FUNCTION refuse_when_sealed()",
    ),
    "no_slots_after_the_seal": ("slots", "BEFORE INSERT", "EXECUTE FUNCTION refuse_when_sealed()"),
    "no_capacity_after_the_seal": (
        "slots",
        "BEFORE UPDATE",
        "WHEN (OLD.capacity <> NEW.capacity) EXECUTE FUNCTION refuse_when_sealed()",
    ),
}


def upgrade() -> None:
    op.create_table(
        "closings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("figures", JSONB(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("people", JSONB(), nullable=True),
        sa.Column("event_ids", ARRAY(sa.Uuid()), nullable=False, server_default="{}"),
        sa.Column("acknowledged_event_ids", ARRAY(sa.Uuid()), nullable=False, server_default="{}"),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("prepared_by", sa.Uuid(), nullable=False),
        sa.Column("prepared_at", INSTANT, nullable=False),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("sealed_by", sa.Uuid(), nullable=True),
        sa.Column("sealed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_closings"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_closings_union_id"),
        sa.UniqueConstraint("union_id", "id", name="uq_closings_union_id_id"),
        *(sa.CheckConstraint(check, name=op.f(f"ck_closings_{name}")) for name, check in CHECKS.items()),
        *(
            sa.ForeignKeyConstraint(
                columns, [f"{table}.union_id", f"{table}.id"], name=f"fk_closings_{'_'.join(columns)}"
            )
            for columns, table in KEYS.items()
        ),
    )
    op.create_index(
        "uq_closings_one_standing",
        "closings",
        ["campaign_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('prepared','sealed')"),
    )
    for statement in (*wall("closings"), REFUSE, REFUSE_CAMPAIGN):
        op.execute(statement)
    for name, (table, when, what) in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW {what}")


def downgrade() -> None:
    for name, (table, _, _) in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for function in ("refuse_sealed_campaign", "refuse_when_sealed"):
        op.execute(f"DROP FUNCTION {function}()")
    for statement in tear_down("closings"):
        op.execute(statement)
    op.drop_table("closings")
