"""Whom the service signs in as: made by the owner, checked by the doctor, refused in production."""

import asyncio
import base64
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url, text

from app.access.scope import one_union
from app.platform import migrations
from app.platform.database import Database, sqlstate
from app.platform.doctor import Level, UnsafeDatabase, check_login, refuse_unsafe
from app.platform.settings import Settings
from tests.factories.databases import Scratch, owner_of

NAME, PASSWORD = "Grain line-7", "s@cret/ü:1"


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner; the role of these tests is gone afterwards."""
    connection = await asyncpg.connect(owner_of(settings))
    yield connection
    await connection.execute(f'DROP ROLE IF EXISTS "{NAME}"')
    await connection.close()


async def test_who_can_step_over_the_wall_is_refused_in_production(settings: Settings) -> None:
    assert settings.database_url is not None
    assert settings.owner_database_url is not None
    expected = {
        settings.database_url: (Level.OK, Level.OK),
        settings.owner_database_url: (Level.FAIL, Level.WARN),
    }
    for url, levels in expected.items():
        database = Database(url, pool_size=2)
        async with database.engine.connect() as connection:
            found = [(await check_login(connection, in_production=there)).level for there in (True, False)]
            assert tuple(found) == levels
            await refuse_unsafe(connection, in_production=False)
            if Level.FAIL in levels:
                with pytest.raises(UnsafeDatabase, match="postgres is a superuser"):
                    await refuse_unsafe(connection, in_production=True)
            else:
                await refuse_unsafe(connection, in_production=True)
        await database.close()


async def test_the_owner_makes_the_login_of_the_service(scratch: Scratch, owner: asyncpg.Connection) -> None:
    """As the application's URL names it; a second run changes nothing but the password."""
    assert scratch.settings.owner_database_url is not None
    url = make_url(scratch.settings.owner_database_url).set(username=NAME, password=PASSWORD)
    text_of = url.render_as_string(hide_password=False)
    await owner.execute(f'CREATE ROLE "{NAME}" SUPERUSER')
    await owner.execute(f'ALTER ROLE "{NAME}" NOSUPERUSER')
    for _ in range(2):
        await asyncio.to_thread(migrations.make_login, scratch.settings.owner_database_url, text_of)
    database = Database(text_of, pool_size=2)
    async with database.engine.connect() as connection:
        assert (await check_login(connection, in_production=True)).level is Level.OK
        with pytest.raises(Exception) as refusal:
            await connection.execute(text("SELECT count(*) FROM members"))
        assert sqlstate(refusal.value) == "42501"
    await database.close()
    kept = await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", NAME)
    assert kept.startswith("SCRAM-SHA-256$4096:")
    assert PASSWORD not in kept


@pytest.mark.parametrize("password", ["x", "s@cret/1:%", "Ünïcode 密码"])
async def test_passwords_are_kept_as_postgresql_would(owner: asyncpg.Connection, password: str) -> None:
    quoted = await owner.fetchval("SELECT quote_literal($1)", password)
    await owner.execute(f'CREATE ROLE "{NAME}" PASSWORD {quoted}')
    theirs = await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", NAME)
    salt = base64.b64decode(theirs.split(":")[1].split("$")[0])
    assert migrations.scram_verifier(password, salt) == theirs


async def test_a_database_of_the_first_version_gets_its_walls(scratch: Scratch) -> None:
    """Down to the last revision without walls and up again: what was there is behind them."""
    url = scratch.settings.owner_database_url
    assert url is not None
    await scratch.database.close()
    await asyncio.to_thread(migrations.downgrade, url, "0002")
    await asyncio.to_thread(migrations.upgrade, url)
    async with scratch.database.transaction(one_union(uuid4())) as session:
        assert (await session.execute(text("SELECT count(*) FROM members"))).scalar() == 0
