"""The two street unions of the matrix."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from app.main import create_app
from app.platform.database import Database
from app.platform.limits import Limiter
from app.platform.settings import Settings
from tests.factories.databases import Scratch
from tests.factories.goods import add_goods, stop_papers
from tests.factories.matrix import Players
from tests.factories.watch import watching
from tests.factories.worlds import make_world


@pytest.fixture(scope="module", autouse=True)
def unlimited() -> Iterator[None]:
    """Let the matrix call as often as it needs: limits have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:

        async def take(self: Limiter, *args: object, **more: object) -> None:
            return None

        patch.setattr(Limiter, "take", take)
        patch.setattr("app.devices.api.guard.Budget.wait_of", lambda *_: 0)
        yield


@asynccontextmanager
async def two_worlds(app: FastAPI, database: Database, settings: Settings) -> AsyncIterator[Players]:
    """Make ours and theirs, with everything."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://grainline.test") as client,
        watching(settings) as watch,
    ):
        ours, theirs = [await make_world(database, client, word=word) for word in ("本街", "隔壁")]
        for world in (ours, theirs):
            await add_goods(world)
        yield Players(ours, theirs, watch)
        await stop_papers(ours, theirs)


@pytest.fixture(scope="module")
async def players(app: FastAPI, database: Database, settings: Settings) -> AsyncIterator[Players]:
    """Ours and theirs, for all tests of a file."""
    async with two_worlds(app, database, settings) as both:
        yield both


@pytest.fixture
async def lonely_players(scratch: Scratch) -> AsyncIterator[Players]:
    """Ours and theirs, alone in a database: what a list shows of theirs is on its first page."""
    app = create_app(scratch.settings)
    async with (
        app.router.lifespan_context(app),
        two_worlds(app, scratch.database, scratch.settings) as both,
    ):
        yield both


@pytest.fixture
async def fresh_players(app: FastAPI, database: Database, settings: Settings) -> AsyncIterator[Players]:
    """Ours and theirs, for a test that hurts them."""
    async with two_worlds(app, database, settings) as both:
        yield both
