"""Which database a command talks to, and a session on it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union
from app.access.vault import Vault
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url

Result = TypeVar("Result")


@dataclass(frozen=True)
class Urls:
    """Two ways to one database: the service's, and that of the owner, who makes and changes tables."""

    app: str
    owner: str


@contextmanager
def database_urls(settings: Settings) -> Iterator[Urls]:
    """Give the URLs: those set, else of the private server that runs, else of one started for now."""
    if settings.database_url is not None:
        yield Urls(settings.database_url, settings.owner_database_url or settings.database_url)
        return
    private = PrivatePostgres(settings.postgres_dir)
    try:
        if not private.find_running():
            private.start()
        yield Urls(async_url(private.app_url), async_url(private.url))
    finally:
        private.stop()


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """Give the URL that the service itself uses."""
    with database_urls(settings) as urls:
        yield urls.app


def carried(settings: Settings) -> dict[str, Any]:
    """Return what every session of a process has with it."""
    return {"vault": Vault(settings.vault_dir)}


def in_transaction(settings: Settings, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Do one piece of work in one transaction that sees every union: the operator owns the machine."""

    async def run(url: str) -> Result:
        database = Database(url, pool_size=2, carried=carried(settings))
        try:
            async with database.transaction(every_union("the operator's own shell")) as session:
                return await work(session)
        finally:
            await database.close()

    with database_url(settings) as url:
        return asyncio.run(run(url))
