"""Migrations up and down on a filled database, and what they build is what the code expects."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from app.access.vault import Vault
from app.demo.load import load_demo
from app.platform import migrations
from app.platform.clock import utc_now
from app.platform.database import Base, Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import async_url


@pytest.fixture
async def url(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"migrations_{uuid4().hex[:12]}"
    server = Database(async_url(postgres.start()), pool_size=2)
    async with server.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text(f"CREATE DATABASE {name}"))
    yield str(server.engine.url.set(database=name).render_as_string(hide_password=False))
    async with server.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await server.close()


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, Base.metadata))


async def _look(url: str, look: object) -> object:
    database = Database(url, pool_size=2)
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(look)  # type: ignore[arg-type]
    finally:
        await database.close()


async def test_migrations_build_what_the_code_expects(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    assert await _look(url, _differences) == []
    assert await _look(url, _tables) == {*Base.metadata.tables, "alembic_version"}


async def test_down_and_up_again_on_a_filled_database(url: str, tmp_path: Path) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    database = Database(url, pool_size=2, carried={"vault": Vault(tmp_path / "vault")})
    assert await load_demo(database, now=utc_now())
    await database.close()
    await asyncio.to_thread(migrations.downgrade, url, "base", keys_dir=tmp_path)
    assert await _look(url, _tables) == {"alembic_version"}
    await asyncio.to_thread(migrations.upgrade, url)
    assert await _look(url, _differences) == []


async def test_several_processes_may_migrate_at_once(url: str) -> None:
    environment = os.environ | {"DATABASE_URL": url}
    migrators = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "migrate", env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        for _ in range(3)
    ]
    assert await asyncio.gather(*(migrator.wait() for migrator in migrators)) == [0, 0, 0]
    assert await _look(url, _differences) == []
