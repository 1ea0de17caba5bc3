"""How Alembic reaches the database: one migrator at a time, never waiting long for a table.

The database is `-x url=…`, what `app.platform.migrations` hands over, or DATABASE_URL.
"""

import asyncio
import importlib
import pkgutil
from logging.config import fileConfig
from os import environ

from alembic import context
from sqlalchemy import Connection, Engine, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import app
from app.platform.database import Base
from app.platform.migrations import ADVISORY_LOCK, LOCK_TIMEOUT, TURN_TIMEOUT
from app.platform.settings import async_url

config = context.config


def import_tables() -> None:
    """Import every module with mapped classes: `tables` of the features, any of `access` and `platform`."""
    for found in pkgutil.walk_packages(app.__path__, "app."):
        if found.name.endswith(".tables") or found.name.startswith(("app.access.", "app.platform.")):
            importlib.import_module(found.name)


def database_url() -> str:
    """Return the URL of the database to migrate."""
    url = (
        context.get_x_argument(as_dictionary=True).get("url")
        or config.attributes.get("url")
        or environ.get("DATABASE_URL")
    )
    if not url:
        raise SystemExit("No database to migrate: set DATABASE_URL, or use `grainline migrate`.")
    return async_url(url)


def configure(connection: Connection | None = None, url: str | None = None) -> None:
    """Tell Alembic what to compare; each migration is a transaction of its own, so a retry goes on."""
    context.configure(
        connection=connection,
        url=url,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
        literal_binds=connection is None,
        dialect_opts={"paramstyle": "named"} if connection is None else {},
    )


def migrate(connection: Connection) -> None:
    """Wait for our turn, then migrate; a statement that waits for a table gives up early."""
    connection.execute(text("select set_config('lock_timeout', :wait, false)"), {"wait": TURN_TIMEOUT})
    connection.execute(text("select pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.execute(text("select set_config('lock_timeout', :wait, false)"), {"wait": LOCK_TIMEOUT})
    connection.commit()
    try:
        configure(connection)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("select pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()


async def migrate_async(engine: AsyncEngine) -> None:
    """Migrate over an asyncpg connection."""
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def run_online() -> None:
    """Migrate over the connection or engine that was handed over, else over one of our own."""
    given = config.attributes.get("connection")
    if isinstance(given, Connection):
        migrate(given)
    elif isinstance(given, Engine):
        with given.connect() as connection:
            migrate(connection)
    else:
        engine = given if isinstance(given, AsyncEngine) else None
        engine = engine or create_async_engine(database_url(), poolclass=NullPool, hide_parameters=True)
        asyncio.run(migrate_async(engine))


def run_offline() -> None:
    """Write the statements instead of running them (`alembic upgrade head --sql`)."""
    configure(url=database_url())
    with context.begin_transaction():
        context.run_migrations()


if config.cmd_opts is not None and config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
import_tables()
if context.is_offline_mode():
    run_offline()
else:
    run_online()
