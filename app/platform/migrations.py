"""Migrations: where they are, how far a database is, and how to move it up or down.

Two starters never collide: `migrations/env.py` takes a PostgreSQL advisory lock for the whole run. A
migration waits at most `LOCK_TIMEOUT` for a table, so that it never holds up the requests that queue behind
it; a run that had to give up is tried again.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import sys
import time
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.platform.database import sqlstate
from app.platform.settings import PROJECT_ROOT, async_url
from app.platform.walls import APP_ROLE, JOBS_ROLE
from app.platform.walls import make_login as make_role

ADVISORY_LOCK = 0x67_72_61_69_6E  # "grain"
LOCK_TIMEOUT = "2s"
TURN_TIMEOUT = "300s"

_TRIES = 6
_GRANTS_SAY_INHERIT = 160_000
_SCRAM_ROUNDS = 4_096
_LOCK_NOT_AVAILABLE = "55P03"


def migrations_dir() -> Path:
    """Return the folder of the migrations: in the checkout, else where the package was installed."""
    places = (PROJECT_ROOT / "migrations", Path(sys.prefix) / "share" / "grainline" / "migrations")
    for place in places:
        if (place / "env.py").is_file():
            return place
    raise FileNotFoundError(f"No migrations in {places[0]} or {places[1]}.")


def alembic_config(url: str = "", keys_dir: Path | None = None) -> Config:
    """Return Alembic's configuration for the database at `url`; `keys_dir`: see `upgrade`."""
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = async_url(url) if url else ""
    config.attributes["keys_dir"] = keys_dir
    return config


def upgrade(url: str, revision: str = "head", *, keys_dir: Path | None = None) -> None:
    """Move the database at `url` up to a revision. Not to be called while an event loop runs.

    Members that are there are sealed with the keys in `keys_dir`; None: in the folder of the settings.
    """
    _try_until_free(lambda: command.upgrade(alembic_config(url, keys_dir), revision))


def downgrade(url: str, revision: str, *, keys_dir: Path | None = None) -> None:
    """Move the database at `url` down to a revision (`base` empties it). Not for a running event loop."""
    _try_until_free(lambda: command.downgrade(alembic_config(url, keys_dir), revision))


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


def make_login(owner_url: str, app_url: str) -> None:
    """Make, or bring up to date, the role and password that `app_url` names, signed in as the owner.

    Nothing is done when both URLs name one role. Not for a running event loop.
    """
    app = make_url(async_url(app_url))
    if app.username is None or app.username == make_url(async_url(owner_url)).username:
        return
    asyncio.run(_make_login(async_url(owner_url), app.username, password=app.password))


async def _make_login(owner_url: str, name: str, *, password: str | None) -> None:
    engine = create_async_engine(owner_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            # Roles belong to the server and this lock to one database: the same migrator, started twice.
            await connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            known = await connection.execute(
                text("select quote_ident(:name), exists (select from pg_roles where rolname = :name)"),
                {"name": name},
            )
            quoted, is_there = known.one()
            version = int(str(await connection.scalar(text("select current_setting('server_version_num')"))))
            made = _brought_up_to_date(quoted, version) if is_there else [make_role(quoted)]
            if password:
                # Only what the server keeps of a password is sent: a log of statements may hold it.
                made.append(f"ALTER ROLE {quoted} PASSWORD '{scram_verifier(password)}'")
            for statement in made:
                await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


def _brought_up_to_date(quoted: str, version: int) -> list[str]:
    # From PostgreSQL 16 on it is the grant that says whether rights are inherited.
    how = " WITH INHERIT FALSE" if version >= _GRANTS_SAY_INHERIT else ""
    return [
        f"ALTER ROLE {quoted} LOGIN NOINHERIT",
        f"GRANT {APP_ROLE}, {JOBS_ROLE} TO {quoted}{how}",
    ]


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return what PostgreSQL stores of a password (RFC 5802, RFC 7677), with its usual 4,096 rounds."""
    salt = secrets.token_bytes(16) if salt is None else salt
    prepared = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, _SCRAM_ROUNDS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    coded = [base64.b64encode(part).decode() for part in (salt, client, server)]
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{coded[0]}${coded[1]}:{coded[2]}"
