"""Row-level security, PostgreSQL's own: the second wall behind `app/access/scope.py`, for migrations.

Two roles own nothing and are no superusers: `grainline_app` sees the rows of the unions in the setting
`gl.unions` (and, where a table knows units, of the units in `gl.units`), `grainline_jobs` sees all. A
transaction takes one of them as it begins, see `app.access.scope`. The service signs in as a
third role, which owns nothing either, inherits nothing, and so can do nothing before it has taken one.
"""

from collections.abc import Iterable
from uuid import UUID

APP_ROLE = "grainline_app"
JOBS_ROLE = "grainline_jobs"
PRIVATE_LOGIN = "grainline_web"
"""Whom the service signs in as on the private PostgreSQL."""


_UNIONS = "string_to_array(nullif(current_setting('gl.unions', true), ''), ',')::uuid[]"
_UNITS = "string_to_array(nullif(current_setting('gl.units', true), ''), ',')::uuid[]"


def opening(role: str, unions: Iterable[UUID], *, units: Iterable[UUID]) -> str:
    """Return what a transaction begins with: its role, and the unions and units whose rows it may see.

    Text and no parameters, so that it travels with BEGIN. Raises AttributeError for what is no UUID.
    """
    lists = [",".join(sorted(f"{id.hex}" for id in ids)) for ids in (unions, units)]
    return f"SET LOCAL ROLE {role};SET LOCAL gl.unions='{lists[0]}';SET LOCAL gl.units='{lists[1]}'"


def make_roles() -> list[str]:
    """Return the statements that make both roles if they are missing; whoever runs them may take both."""
    statements = []
    for role in (APP_ROLE, JOBS_ROLE):
        statements.append(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN "
            f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS; END IF;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        statements.append(
            f"DO $$ BEGIN GRANT {role} TO CURRENT_USER;"
            " EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
        )
    return statements


def make_login(name: str) -> str:
    """Return the statement that makes a role to sign in as; it may take both roles and has neither's rights.

    `name` comes quoted where it has to be.
    """
    return (
        f"CREATE ROLE {name} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        f" IN ROLE {APP_ROLE}, {JOBS_ROLE}"
    )


def wall(table: str, *, by_unit: bool = False, union_column: str = "union_id") -> list[str]:
    """Return the statements that put a table of a union behind its wall.

    `by_unit` adds the narrower one of accounts that see some units only (`gl.units` set); the table then
    has a column `unit_id`.
    """
    seen = f"{union_column} = ANY ({_UNIONS})"
    if by_unit:
        seen += f" AND (nullif(current_setting('gl.units', true), '') IS NULL OR unit_id = ANY ({_UNITS}))"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own_unions ON {table} TO {APP_ROLE} USING ({seen}) WITH CHECK ({seen})",
        f"CREATE POLICY every_union ON {table} TO {JOBS_ROLE} USING (true) WITH CHECK (true)",
    ]


def tear_down(table: str) -> list[str]:
    """Return the statements that take a table's wall away."""
    return [
        f"DROP POLICY IF EXISTS every_union ON {table}",
        f"DROP POLICY IF EXISTS own_unions ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]


def append_only(table: str) -> list[str]:
    """Return the statements after which rows of a table are added and read, and nothing else."""
    return [
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}, {JOBS_ROLE}",
        (
            f"CREATE TRIGGER {table}_are_kept BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        ),
        (
            f"CREATE TRIGGER {table}_are_not_truncated BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ),
    ]
