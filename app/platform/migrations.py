"""Migrations: where they are, how far a database is, and how to move it up or down.

Two starters never collide: `migrations/env.py` takes a PostgreSQL advisory lock for the whole run. A
migration waits at most `LOCK_TIMEOUT` for a table, so that it never holds up the requests that queue behind
it; a run that had to give up is tried again.
"""

import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.platform.database import sqlstate
from app.platform.settings import PROJECT_ROOT, async_url

ADVISORY_LOCK = 0x67_72_61_69_6E  # "grain"
LOCK_TIMEOUT = "2s"
TURN_TIMEOUT = "300s"

_TRIES = 6
_LOCK_NOT_AVAILABLE = "55P03"


def migrations_dir() -> Path:
    """Return the folder of the migrations: in the checkout, else where the package was installed."""
    places = (PROJECT_ROOT / "migrations", Path(sys.prefix) / "share" / "grainline" / "migrations")
    for place in places:
        if (place / "env.py").is_file():
            return place
    raise FileNotFoundError(f"No migrations in {places[0]} or {places[1]}.")


def alembic_config(url: str = "") -> Config:
    """Return Alembic's configuration for the database at `url`."""
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = async_url(url) if url else ""
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Move the database at `url` up to a revision. Not to be called while an event loop runs."""
    _try_until_free(lambda: command.upgrade(alembic_config(url), revision))


def downgrade(url: str, revision: str) -> None:
    """Move the database at `url` down to a revision (`base` empties it). Not for a running event loop."""
    _try_until_free(lambda: command.downgrade(alembic_config(url), revision))


@cache
def head_revision() -> str | None:
    """Return the newest revision of this code, or None if there is no migration."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the connected database, or None if it was never migrated."""
    return await connection.run_sync(_revision_of)


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _try_until_free(migrate: Callable[[], None]) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            migrate()
        except DBAPIError as error:
            if sqlstate(error) != _LOCK_NOT_AVAILABLE or attempt == _TRIES:
                raise
            time.sleep(attempt)
        else:
            return
