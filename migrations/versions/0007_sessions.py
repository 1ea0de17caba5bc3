"""Sessions, second factors and one-time codes of staff accounts.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.platform.walls import tear_down, wall

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STAFF_ROLES = (
    "'group_leader','grassroots_admin','union_officer','station_clerk','warehouse_keeper','finance','chair',"
    "'auditor','district_viewer','sys_admin','sec_admin','audit_admin'"
)
KNOWN_BEFORE = (
    "'member', 'station_clerk', 'union_officer', 'warehouse_keeper', 'chair', 'auditor', 'district_viewer',"
    " 'group_leader', 'grassroots_admin', 'finance', 'sys_admin', 'sec_admin', 'audit_admin', 'pickup_device'"
)
TABLES = ("staff_credentials", "staff_recovery_codes", "staff_challenges")
NEW_COLUMNS = (
    "id", "kind", "device_id", "scope_unit_ids", "label", "last_used_at", "idle_seconds", "stepped_up_until"
)  # fmt: skip


def upgrade() -> None:
    _sessions()
    _accounts()
    _credentials()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    _triggers()


def _sessions() -> None:
    # Defaults fill the rows that are there, whoever may see them; then they go.
    op.execute("ALTER TABLE access_tokens ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid()")
    op.execute("ALTER TABLE access_tokens ALTER COLUMN id DROP DEFAULT")
    op.execute("ALTER TABLE access_tokens ADD COLUMN kind varchar NOT NULL DEFAULT 'script'")
    op.execute("ALTER TABLE access_tokens ALTER COLUMN kind DROP DEFAULT")
    for column in (
        sa.Column("device_id", sa.Uuid()),
        sa.Column("scope_unit_ids", postgresql.ARRAY(sa.Uuid())),
        sa.Column("label", sa.String()),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("idle_seconds", sa.Integer()),
        sa.Column("stepped_up_until", sa.DateTime(timezone=True)),
    ):
        op.add_column("access_tokens", column)
    op.create_unique_constraint(op.f("uq_access_tokens_id"), "access_tokens", ["id"])
    op.create_index(op.f("ix_access_tokens_device_id"), "access_tokens", ["device_id"])
    op.drop_constraint(op.f("ck_access_tokens_one_owner"), "access_tokens")
    op.drop_constraint(op.f("ck_access_tokens_role_fits_the_owner"), "access_tokens")
    checks = {
        "one_owner": "num_nonnulls(member_id, staff_id) <= 1 AND num_nonnulls(member_id, staff_id, device_id) >= 1"
        " AND num_nonnulls(member_id, device_id) <= 1",
        "role_fits_the_owner": "(role = 'member') = (member_id IS NOT NULL)"
        " AND (role = 'pickup_device') = (num_nonnulls(member_id, staff_id) = 0)",
        "idle_time_is_some": "idle_seconds > 0",
        "label_length": "char_length(label) <= 40",
        "kind_known": "kind IN ('cookie', 'bearer', 'script')",
    }
    for name, check in checks.items():
        op.create_check_constraint(op.f(f"ck_access_tokens_{name}"), "access_tokens", check)


def _accounts() -> None:
    op.add_column("staff_accounts", sa.Column("unit_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_staff_accounts_union_id_unit_id"), "staff_accounts", "unions",
        ["union_id", "unit_id"], ["street_id", "id"],
    )  # fmt: skip
    op.drop_constraint(op.f("ck_staff_accounts_role_known"), "staff_accounts")
    op.create_check_constraint(
        op.f("ck_staff_accounts_role_known"), "staff_accounts", f"role IN ({STAFF_ROLES})"
    )
    op.create_check_constraint(
        op.f("ck_staff_accounts_unit_roles_have_a_unit"),
        "staff_accounts",
        "(role IN ('grassroots_admin','group_leader')) = (unit_id IS NOT NULL)",
    )


def _credentials() -> None:
    op.create_table(
        "staff_credentials",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.String()),
        sa.Column("password_changed_at", sa.DateTime(timezone=True)),
        sa.Column("totp", sa.LargeBinary()),
        sa.Column("totp_last_step", sa.Integer()),
        sa.Column("activation_digest", sa.LargeBinary()),
        sa.Column("activation_expires_at", sa.DateTime(timezone=True)),
        *_of_an_account("staff_credentials"),
        sa.CheckConstraint(
            "password_hash LIKE '$argon2id$%'", name=op.f("ck_staff_credentials_password_is_hashed")
        ),
        sa.CheckConstraint(
            "(password_hash IS NULL) = (password_changed_at IS NULL)",
            name=op.f("ck_staff_credentials_password_has_a_time"),
        ),
        sa.CheckConstraint(
            "(totp IS NULL) = (totp_last_step IS NULL)", name=op.f("ck_staff_credentials_totp_was_confirmed")
        ),
        sa.CheckConstraint(
            "octet_length(activation_digest) = 32", name=op.f("ck_staff_credentials_activation_is_sha256")
        ),
        sa.CheckConstraint(
            "(activation_digest IS NULL) = (activation_expires_at IS NULL)",
            name=op.f("ck_staff_credentials_activation_ends"),
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_credentials")),
    )
    op.create_table(
        "staff_recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        *_of_an_account("staff_recovery_codes"),
        sa.CheckConstraint("octet_length(digest) = 16", name=op.f("ck_staff_recovery_codes_digest_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_codes")),
        sa.UniqueConstraint("staff_id", "digest", name=op.f("uq_staff_recovery_codes_staff_id_digest")),
    )
    op.create_table(
        "staff_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("totp", sa.LargeBinary()),
        sa.Column("tried_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        *_of_an_account("staff_challenges"),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_staff_challenges_digest_is_sha256")),
        sa.CheckConstraint("tried_count BETWEEN 0 AND 5", name=op.f("ck_staff_challenges_tries_are_few")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_staff_challenges_expires_later")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_challenges")),
        sa.UniqueConstraint("digest", name=op.f("uq_staff_challenges_digest")),
    )
    op.create_index(op.f("ix_staff_challenges_staff_id"), "staff_challenges", ["staff_id"])


def _of_an_account(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f(f"fk_{table}_union_id")),
        sa.ForeignKeyConstraint(
            ["union_id", "staff_id"],
            ["staff_accounts.union_id", "staff_accounts.id"],
            name=op.f(f"fk_{table}_union_id_staff_id"),
            onupdate="CASCADE",
        ),
    ]


def _triggers() -> None:
    """Whoever changes what a session stands on ends it, on every worker, at the commit."""
    op.execute(
        """
        CREATE FUNCTION end_sessions_of_staff() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE access_tokens SET revoked_at = now() WHERE staff_id = NEW.id AND revoked_at IS NULL;
            PERFORM pg_notify('grainline', 'tokens:' || NEW.id);
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER sessions_end_with_the_account AFTER UPDATE OF role, union_id, unit_id, disabled_at
        ON staff_accounts FOR EACH ROW
        WHEN ((OLD.role, OLD.union_id, OLD.unit_id, OLD.disabled_at)
            IS DISTINCT FROM (NEW.role, NEW.union_id, NEW.unit_id, NEW.disabled_at))
        EXECUTE FUNCTION end_sessions_of_staff()
        """
    )
    op.execute(
        """
        CREATE FUNCTION tell_of_members() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('grainline', 'tokens:');
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER sessions_end_with_the_membership AFTER UPDATE OF status ON members FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('left', 'transferred_out'))
        EXECUTE FUNCTION tell_of_members()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER sessions_end_with_the_membership ON members")
    op.execute("DROP FUNCTION tell_of_members()")
    op.execute("DROP TRIGGER sessions_end_with_the_account ON staff_accounts")
    op.execute("DROP FUNCTION end_sessions_of_staff()")
    for table in reversed(TABLES):
        for statement in tear_down(table):
            op.execute(statement)
        op.drop_table(table)
    op.drop_constraint(op.f("ck_staff_accounts_unit_roles_have_a_unit"), "staff_accounts")
    op.drop_constraint(op.f("ck_staff_accounts_role_known"), "staff_accounts")
    op.drop_column("staff_accounts", "unit_id")
    op.create_check_constraint(
        op.f("ck_staff_accounts_role_known"),
        "staff_accounts",
        f"role IN ({KNOWN_BEFORE}) AND role <> 'member'",
    )
    op.drop_constraint(op.f("ck_access_tokens_one_owner"), "access_tokens")
    op.drop_constraint(op.f("ck_access_tokens_role_fits_the_owner"), "access_tokens")
    # A device's own session has no owner that the table knew before.
    op.execute("ALTER TABLE access_tokens NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM access_tokens WHERE num_nonnulls(member_id, staff_id) = 0")
    op.execute("ALTER TABLE access_tokens FORCE ROW LEVEL SECURITY")
    for column in reversed(NEW_COLUMNS):
        op.drop_column("access_tokens", column)
    op.create_check_constraint(
        op.f("ck_access_tokens_one_owner"), "access_tokens", "num_nonnulls(member_id, staff_id) = 1"
    )
    op.create_check_constraint(
        op.f("ck_access_tokens_role_fits_the_owner"),
        "access_tokens",
        "(role = 'member') = (member_id IS NOT NULL)",
    )
