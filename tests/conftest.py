"""The real engine for every test: one migrated PostgreSQL; each test makes its own street union."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from app.access.scope import every_union
from app.access.vault import Vault
from app.main import create_app
from app.platform import migrations
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url
from app.platform.signing import KeyStore
from app.redemptions.actions.keys import ensure_key
from tests.factories.databases import (
    empty_template,
    fleet,
    scratch,
    template,
    without_filter,
    without_walls,
)
from tests.factories.street import Street, make_street

__all__ = ["empty_template", "fleet", "scratch", "template", "without_filter", "without_walls"]

MakeStreet = Callable[..., Awaitable[Street]]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder for data and keys, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="grainline-test-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[PrivatePostgres]:
    """A private PostgreSQL with full durability, as deployed."""
    with PrivatePostgres(folder / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def settings(folder: Path, postgres: PrivatePostgres) -> Settings:
    """Settings of a migrated database with an active signing key."""
    owner = async_url(postgres.start())
    migrations.upgrade(owner)
    return Settings(
        environment="test",
        database_url=async_url(postgres.app_url),
        owner_database_url=owner,
        data_dir=folder,
        keys_dir=folder / "keys",
    )


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The migrated database."""
    assert settings.database_url is not None
    database = Database(settings.database_url, pool_size=8, carried={"vault": Vault(settings.vault_dir)})
    async with database.transaction(every_union("a test makes its key")) as session:
        await ensure_key(session, KeyStore(settings.keys_dir), now=utc_now())
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def app(settings: Settings, database: Database) -> AsyncIterator[FastAPI]:
    """The app, started as in a worker."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a token."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://grainline.test") as client:
        yield client


@pytest.fixture
def street(database: Database) -> MakeStreet:
    """Make a street union with staff, members, a pickup point, a published campaign and slots."""

    async def make(**wanted: object) -> Street:
        return await make_street(database, **wanted)  # type: ignore[arg-type]

    return make
