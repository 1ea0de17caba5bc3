"""Fixtures: two apps on one database, and scratch databases in which a safeguard can be taken away."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from app.access import scope
from app.access.scope import every_union
from app.access.vault import Vault
from app.platform import migrations
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url
from app.platform.signing import KeyStore
from app.platform.walls import JOBS_ROLE, opening
from app.redemptions.actions.keys import ensure_key
from tests.factories.apps import Fleet, run_fleet

TEMPLATE = "grainline_template"


@pytest.fixture(scope="session")
async def fleet(settings: Settings, database: Database) -> AsyncIterator[Fleet]:
    """Two apps on the database that all tests share."""
    async with run_fleet(settings) as fleet:
        yield fleet


@pytest.fixture
def without_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the first wall away, in every app of this process: row-level security is alone."""
    monkeypatch.setattr(scope, "is_first_wall_up", False)


@pytest.fixture
def without_walls(monkeypatch: pytest.MonkeyPatch, without_filter: None) -> Iterator[None]:
    """Take both walls away: what a test of them must then find is the proof that it looks."""

    def for_everybody(_role: str, _unions: object, *, units: object) -> str:
        return opening(JOBS_ROLE, (), units=())

    scope._opening_of.cache_clear()
    monkeypatch.setattr(scope, "opening", for_everybody)
    yield
    scope._opening_of.cache_clear()


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
        """Run SQL as the owner: this is how a constraint is taken away."""
        await _run(owner_of(self.settings), *statements)


@pytest.fixture
async def scratch(
    template: str, postgres: PrivatePostgres, settings: Settings, tmp_path: Path
) -> AsyncIterator[Scratch]:
    """A copy of the migrated database that the test may break."""
    name = f"scratch_{uuid4().hex}"
    await _run(template, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    url = _url(postgres.app_url, name)
    urls = {"database_url": url, "owner_database_url": _url(template, name)}
    broken = settings.model_copy(update=urls | {"keys_dir": tmp_path / "keys"})
    database = Database(url, pool_size=4, carried={"vault": Vault(broken.vault_dir)})
    async with database.transaction(every_union("a test makes its key")) as session:
        await ensure_key(session, KeyStore(broken.keys_dir), now=utc_now())
    yield Scratch(database, broken, template, name)
    await database.close()
    await _run(template, f"DROP DATABASE {name} WITH (FORCE)")


def _url(server: str, name: str) -> str:
    return make_url(async_url(server)).set(database=name).render_as_string(hide_password=False)


def owner_of(settings: Settings) -> str:
    """Return the owner's URL, for a driver: who may change tables, and is behind no wall."""
    assert settings.owner_database_url is not None
    return settings.owner_database_url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
