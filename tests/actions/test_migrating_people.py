"""A database that was filled before personal data was sealed, moved up to the newest revision and back.

Its owner is no superuser, as in production: row-level security that is forced holds for the owner too.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import make_url, select

from app.access.policy import Role
from app.access.reader import TokenReader
from app.access.rotation import add_version, reseal_outdated
from app.access.scope import Scope, one_union
from app.access.tokens import digest_of
from app.access.vault import Vault
from app.platform import migrations
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import async_url
from app.sign_in.queries.staff import find_account
from app.unions.queries import find_member_by_number
from app.unions.tables import Member, open_particulars

BEFORE, AFTER = "0002", "head"
MADE_AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
STREETS = (UUID(int=1), UUID(int=2))
STAFF = UUID(int=3)
TOKEN = "a-token-from-before"
PEOPLE = {
    "A1": ("张伟", "13800138000", "123X", STREETS[0]),
    "A2": ("张伟", None, None, STREETS[0]),
    "A3": ("阿依古丽·买买提", "13900139000", "0001", STREETS[0]),
    "A4": ("𠮷野家", "13800138000", "9999", STREETS[0]),
    "B1": ("张伟", "13800138000", None, STREETS[1]),
    "B2": ("王" * 50, "19900000000", "123X", STREETS[1]),
}
"""By number: name, mobile, the last four, the street."""


async def _insert(connection: asyncpg.Connection, table: str, **values: object) -> None:
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})",
        *values.values(),
    )


async def _fill(connection: asyncpg.Connection) -> None:
    """Add what part 1 knew: two streets with people, an account and its token."""
    above: dict[str, object] = {"parent_id": None, "parent_level": None}
    for place, level in enumerate(("national", "municipal", "district")):
        id = UUID(int=10 + place)
        await _insert(
            connection,
            "unions",
            id=id,
            code=f"above-{place}",
            name=level,
            level=level,
            is_sample=False,
            **above,
        )
        above = {"parent_id": id, "parent_level": level}
    for place, id in enumerate(STREETS, 1):
        await _insert(
            connection, "unions", id=id, code=f"street-{place}", name=f"街道{place}", level="street",
            street_id=id, number=place, is_sample=False, **above,
        )  # fmt: skip
    for number, (name, mobile, id_last4, street) in PEOPLE.items():
        await _insert(
            connection, "members", id=uuid4(), unit_id=street, union_id=street, number=number, name=name,
            name_key=name, mobile=mobile, id_last4=id_last4, status="active", is_senior_mode=False,
            is_sample=False, created_at=MADE_AT,
        )  # fmt: skip
    await _insert(
        connection, "staff_accounts", id=STAFF, union_id=STREETS[0], login="clerk-before", display_name="李",
        role="station_clerk", is_sample=False,
    )  # fmt: skip
    await _insert(
        connection, "access_tokens", digest=digest_of(TOKEN), staff_id=STAFF, role="station_clerk",
        union_id=STREETS[0], scope_union_ids=[STREETS[0]], created_at=MADE_AT,
        expires_at=MADE_AT + timedelta(days=30),
    )  # fmt: skip


@pytest.fixture
async def url(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """A database whose owner may make roles, and is no superuser."""
    server, name = postgres.start(), f"filled_{uuid4().hex[:12]}"
    first = await asyncpg.connect(server)
    await first.execute(f"CREATE ROLE {name} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD '{name}'")
    await first.execute(f"GRANT grainline_app, grainline_jobs TO {name}")
    await first.execute(f"CREATE DATABASE {name} OWNER {name}")
    own = make_url(async_url(server)).set(username=name, password=name, database=name)
    yield own.render_as_string(hide_password=False)
    await first.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await first.execute(f"DROP ROLE {name}")
    await first.close()


async def _plain(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""))


async def test_people_from_before_are_sealed_and_found_and_come_back(url: str, tmp_path: Path) -> None:
    await asyncio.to_thread(migrations.upgrade, url, BEFORE)
    connection = await _plain(url)
    await _fill(connection)
    await connection.close()
    await asyncio.to_thread(migrations.upgrade, url, AFTER, keys_dir=tmp_path)
    database = Database(url, pool_size=2, carried={"vault": Vault(tmp_path / "vault")})
    assert await _opened(database) == PEOPLE
    await _found_by_mobile(database)
    reader = TokenReader(database)
    actor = await reader.actor_of(TOKEN, now=MADE_AT + timedelta(days=1))
    await reader.drain()
    assert (actor.role, actor.scope) == (Role.STATION_CLERK, Scope(frozenset({STREETS[0]})))
    async with database.transaction(one_union(STREETS[0])) as session:
        assert await find_account(session, login="clerk-before") is not None
        await add_version(session, STREETS[0], now=MADE_AT)
    assert await reseal_outdated(database.transaction, now=datetime.now(UTC)) == 4
    assert await _opened(database) == PEOPLE
    await database.close()
    await asyncio.to_thread(migrations.downgrade, url, BEFORE, keys_dir=tmp_path)
    connection = await _plain(url)
    rows = await connection.fetch("SELECT number, name, mobile, id_last4, union_id FROM members")
    await connection.close()
    assert {row[0]: tuple(row)[1:] for row in rows} == PEOPLE


async def _opened(database: Database) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for street in STREETS:
        async with database.transaction(one_union(street)) as session:
            keys = await session.info["vault"].keys_of(session, street)
            members = (await session.execute(select(Member))).scalars().all()
            for member in members:
                opened = open_particulars(keys, member)
                found[member.number] = (opened.name, opened.mobile, opened.id_last4, member.union_id)
    return found


async def _found_by_mobile(database: Database) -> None:
    async with database.transaction(one_union(STREETS[0])) as session:
        keys = await session.info["vault"].keys_of(session, STREETS[0])
        index = keys.index("mobile", "13800138000")
        wanted = select(Member.number).where(Member.mobile_index == index).order_by(Member.number)
        assert (await session.execute(wanted)).scalars().all() == ["A1", "A4"]
        assert await find_member_by_number(session, "B1") is None
