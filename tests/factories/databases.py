"""Fixtures: two apps on one database, and scratch databases in which a safeguard can be taken away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from app.access.scope import every_union
from app.platform import migrations
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url
from app.platform.signing import KeyStore
from app.redemptions.actions.keys import ensure_key
from tests.factories.apps import Fleet, run_fleet

TEMPLATE = "grainline_template"


@pytest.fixture(scope="session")
async def fleet(settings: Settings, database: Database) -> AsyncIterator[Fleet]:
    """Two apps on the database that all tests share."""
    async with run_fleet(settings) as fleet:
        yield fleet


@pytest.fixture(scope="session")
async def empty_template(postgres: PrivatePostgres) -> str:
    """An empty database that scratch databases are copied from; returns the URL of the server."""
    server = postgres.start()
    await _run(server, f"CREATE DATABASE {TEMPLATE}")
    return server


@pytest.fixture(scope="session")
def template(empty_template: str) -> str:
    """The template, migrated; returns the URL of the server."""
    migrations.upgrade(_url(empty_template, TEMPLATE))
    return empty_template


@dataclass
class Scratch:
    """A database of its own for one test, and two apps on it."""

    database: Database
    settings: Settings
    server: str
    name: str

    async def execute(self, *statements: str) -> None:
        """Run SQL: this is how a constraint is taken away."""
        await _run(_plain(self.settings), *statements)


@pytest.fixture
async def scratch(template: str, settings: Settings, tmp_path: Path) -> AsyncIterator[Scratch]:
    """A copy of the migrated database that the test may break."""
    name = f"scratch_{uuid4().hex}"
    await _run(template, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    url = _url(template, name)
    database = Database(url, pool_size=4)
    broken = settings.model_copy(update={"database_url": url, "keys_dir": tmp_path / "keys"})
    async with database.transaction(every_union("a test makes its key")) as session:
        await ensure_key(session, KeyStore(broken.keys_dir), now=utc_now())
    yield Scratch(database, broken, template, name)
    await database.close()
    await _run(template, f"DROP DATABASE {name} WITH (FORCE)")


def _url(server: str, name: str) -> str:
    return make_url(async_url(server)).set(database=name).render_as_string(hide_password=False)


def _plain(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
