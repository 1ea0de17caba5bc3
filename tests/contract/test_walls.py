"""The second wall, read from PostgreSQL's catalogue: no table of a union stands outside it by oversight."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import inspect

import app
from app.access.scope import UnionOwned, UnitOwned
from app.platform.database import Base
from app.platform.settings import Settings
from app.platform.walls import APP_ROLE, JOBS_ROLE, PRIVATE_LOGIN
from tests.factories.databases import owner_of

OUTSIDE = {
    "alembic_version": "how far the migrations are; read before a role is taken",
    "unions": "the tree of unions itself: names and levels, which every member may read",
    "divisions": "administrative divisions, public",
    "partner_regions": "regions that goods come from, public",
    "places": "townships and villages of partner regions, public",
    "cooperatives": "cooperatives of partner regions, which all unions share; no person is in it",
    "code_keys": "public keys of the installation",
    "heartbeats": "when the worker was last alive",
    "limit_records": "counts by a keyed hash, before anybody is known",
    "audit_heads": "signed heads of the whole installation's chain: hashes and times",
    "audit_seals": "hashes and places in the chain of the whole installation",
    "sign_in_codes": "keyed hashes, of numbers of any union: before it is known who signs in",
    "link_tickets": "keyed hashes of host identities that belong to no member yet",
    "used_nonces": "hashes of what has counted once",
    "device_nonces": "random values that a device has used, found by its id",
}
"""Tables without a wall, each with the reason."""

CROSSING = {
    "staff_accounts.id": "who did it: taken from the session, never from a body; a staff account's own union"
    " may be above the street of the row",
    "members.id": "whose token or session it is: given out by the service, never chosen by a caller",
    "unions.id": "the tenant itself, or the tree of unions",
}
"""Foreign keys between walled tables that do not carry the union, by what they point at, with the reason."""


@pytest.fixture(scope="module")
async def catalogue(settings: Settings, database: object) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the migrated database."""
    connection = await asyncpg.connect(owner_of(settings))
    yield connection
    await connection.close()


async def column(connection: asyncpg.Connection, query: str, *values: Any) -> set[Any]:
    return {row[0] for row in await connection.fetch(query, *values)}


TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"


async def test_every_table_is_walled_or_says_why_not(catalogue: asyncpg.Connection) -> None:
    tables = await column(catalogue, TABLES)
    of_unions = await column(
        catalogue,
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'union_id'",
    )
    walled = await column(catalogue, f"{TABLES} AND relrowsecurity AND relforcerowsecurity")
    assert tables - walled == tables & set(OUTSIDE)
    assert of_unions == walled, "who carries a union is walled, and nobody else can be"
    assert len(walled) >= 17


async def test_both_roles_have_their_policy_for_every_command(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies"
    )
    walled = await column(catalogue, f"{TABLES} AND relrowsecurity")
    found = {(row["tablename"], row["roles"][0]): row for row in rows}
    assert len(rows) == len(found) == 2 * len(walled)
    for table in walled:
        own, every = found[table, APP_ROLE], found[table, JOBS_ROLE]
        assert (own["cmd"], every["cmd"], every["qual"], every["with_check"]) == (
            "ALL",
            "ALL",
            "true",
            "true",
        )
        assert own["qual"] == own["with_check"], table
        assert "union_id = ANY" in own["qual"], table
        assert "gl.unions" in own["qual"], table
        assert ("gl.units" in own["qual"]) == (table in units_owned()), table


def units_owned() -> set[str]:
    return {str(m.local_table) for m in Base.registry.mappers if issubclass(m.class_, UnitOwned)}


async def test_what_is_walled_is_filtered_too(catalogue: asyncpg.Connection) -> None:
    """Both walls stand around the same tables; the few behind one only are named."""
    filtered = {str(m.local_table) for m in Base.registry.mappers if issubclass(m.class_, UnionOwned)}
    walled = await column(catalogue, f"{TABLES} AND relrowsecurity")
    assert walled - filtered <= {"access_tokens", "idempotency_records"}, "read by digest, and by actor"
    assert filtered <= walled


async def test_nobody_who_serves_can_step_over_a_wall(catalogue: asyncpg.Connection) -> None:
    roles = await catalogue.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolinherit"
        " FROM pg_roles WHERE rolname = ANY ($1)",
        [APP_ROLE, JOBS_ROLE, PRIVATE_LOGIN],
    )
    assert {row["rolname"]: tuple(row)[1:] for row in roles} == {
        APP_ROLE: (False, False, False, False, False, True),
        JOBS_ROLE: (False, False, False, False, False, True),
        PRIVATE_LOGIN: (False, False, False, False, True, False),
    }
    owners = await column(
        catalogue,
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    )
    assert owners == {"postgres"}
    inherits = await catalogue.fetchval(
        "SELECT pg_has_role($1, $2, 'USAGE') OR pg_has_role($1, $3, 'USAGE')",
        PRIVATE_LOGIN,
        APP_ROLE,
        JOBS_ROLE,
    )
    assert inherits is False


async def test_no_way_around_the_walls(catalogue: asyncpg.Connection) -> None:
    in_public = "pronamespace = 'public'::regnamespace"
    assert await column(catalogue, f"SELECT proname FROM pg_proc WHERE {in_public} AND prosecdef") == set()
    views = await column(
        catalogue,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
        " AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)",
    )
    assert views == set(), "a view reads as its owner, and a materialised one keeps what it has read"


async def test_keys_between_walled_tables_carry_the_union(catalogue: asyncpg.Connection) -> None:
    """Foreign keys are checked past the policies: without the union they would tell what is there."""
    keys = await catalogue.fetch(
        """
        SELECT conname, pg_get_constraintdef(c.oid) AS text, target.relname AS target
        FROM pg_constraint c
        JOIN pg_class source ON source.oid = conrelid JOIN pg_class target ON target.oid = confrelid
        WHERE contype = 'f' AND source.relrowsecurity
        """
    )
    for key in keys:
        there = re.search(r"REFERENCES (\w+)\(([^)]*)\)", key["text"])
        assert there is not None
        if there[2].split(",")[0] in {"union_id", "street_id"}:
            continue
        assert f"{there[1]}.{there[2]}" in CROSSING or key["target"] in OUTSIDE, key["text"]
    assert len(keys) > 30


async def test_the_allow_lists_are_not_longer_than_needed(catalogue: asyncpg.Connection) -> None:
    tables = await column(catalogue, TABLES)
    assert set(OUTSIDE) <= tables
    assert all(len(reason) > 10 for reason in (*OUTSIDE.values(), *CROSSING.values()))


def test_nothing_in_the_service_takes_the_first_wall_down() -> None:
    """The flag is read in one module, and no code, setting or environment variable writes it."""
    used = [
        (path.name, line.strip())
        for path in Path(inspect_path()).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "is_first_wall_up" in line
    ]
    assert {name for name, _ in used} == {"scope.py"}
    assert [line for _, line in used if "=" in line] == ["is_first_wall_up = True"]
    assert not [name for name in Settings.model_fields if "wall" in name]


def inspect_path() -> str:
    return str(Path(app.__file__).parent)


def test_a_control_of_the_catalogue_itself() -> None:
    """The mappers are all loaded: otherwise the comparisons above compare too little."""
    assert {"members", "orders", "staff_accounts"} <= {
        inspect(m).local_table.name for m in Base.registry.mappers
    }
