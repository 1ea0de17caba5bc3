"""Roles that own nothing, and row-level security on every table of a union.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

from app.platform.walls import APP_ROLE, JOBS_ROLE, make_roles, tear_down, wall

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIRST_ROLES = (
    "'member', 'station_clerk', 'union_officer', 'warehouse_keeper', 'chair', 'auditor', 'district_viewer'"
)
ROLES = (
    f"{FIRST_ROLES}, 'group_leader', 'grassroots_admin', 'finance', 'sys_admin', 'sec_admin', 'audit_admin',"
    " 'pickup_device'"
)
BY_UNIT = ("members", "orders")
BY_UNION = (
    "campaigns", "offers", "gift_boxes", "gift_box_components", "products", "pickup_points", "slots",
    "outbox_events", "pickup_codes", "redemptions", "redemption_conflicts", "quarantined_events",
    "staff_accounts", "access_tokens", "idempotency_records",
)  # fmt: skip


def _know_roles(roles: str, *, check: str = "") -> None:
    for table, more in (("staff_accounts", " AND role <> 'member'"), ("access_tokens", "")):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_role_known")
        known = f"CHECK (role IN ({roles}){more}) {check}"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_role_known {known}")


def upgrade() -> None:
    _know_roles(ROLES)
    for statement in make_roles():
        op.execute(statement)
    # A session that has not taken a role yet asks this much: how far the database is.
    op.execute("GRANT SELECT ON alembic_version TO PUBLIC")
    for role in (APP_ROLE, JOBS_ROLE):
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        op.execute(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
            f" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
        )
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}")
        op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}")
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are added and read, never changed', TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    for table in (*BY_UNIT, *BY_UNION):
        for statement in wall(table, by_unit=table in BY_UNIT):
            op.execute(statement)


def downgrade() -> None:
    # Accounts of the other roles stay; none can be added.
    _know_roles(FIRST_ROLES, check="NOT VALID")
    for table in (*BY_UNIT, *BY_UNION):
        for statement in tear_down(table):
            op.execute(statement)
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("REVOKE SELECT ON alembic_version FROM PUBLIC")
    for role in (APP_ROLE, JOBS_ROLE):
        # The roles belong to the server and stay: another database of it may use them.
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {role}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {role}")
        op.execute(f"REVOKE USAGE ON SCHEMA public FROM {role}")
