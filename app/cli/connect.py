"""Which database a command talks to, and a session on it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url

Result = TypeVar("Result")


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """Give the database's URL: DATABASE_URL, else the private server that runs, else one started for now."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    private = PrivatePostgres(settings.postgres_dir)
    try:
        yield async_url(private.running_url() or private.start())
    finally:
        private.stop()


def in_transaction(settings: Settings, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Do one piece of work in one transaction that sees every union: the operator owns the machine."""

    async def run(url: str) -> Result:
        database = Database(url, pool_size=2)
        try:
            async with database.transaction(every_union("the operator's own shell")) as session:
                return await work(session)
        finally:
            await database.close()

    with database_url(settings) as url:
        return asyncio.run(run(url))
