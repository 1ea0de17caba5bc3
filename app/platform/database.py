"""The database: declarative base, engine, sessions, one transaction for one piece of work."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import DateTime, MetaData, String, Uuid, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session

from app.platform.errors import Busy, Conflict, DomainError, StorageFull, Unavailable

MOST_WAITING = 512
LOCK_TIMEOUT = "55P03"
_TORN = {"40001", "40P01"}
_BUSY = {LOCK_TIMEOUT, "57014"} | _TORN
_FULL = {"53100"}


class Base(DeclarativeBase):
    """Base of all mapped classes; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        UUID: Uuid(as_uuid=True),
        datetime: DateTime(timezone=True),
        str: String(),
        dict[str, Any]: JSONB,
    }


class ScopedSession(Session):
    """The session class of the service; `access/scope.py` filters its statements by union."""


class OpeningConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose next transaction begins with `opening`, in the round trip of its BEGIN.

    Invariant: what `opening` says is said, or nothing is. A statement that would come before it is refused,
    and a connection on which the two did not succeed together is closed: nobody gets it with half of them.
    """

    opening = ""

    async def execute(self, query: str, *values: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109 - the driver's
        """Run a script; the one that begins a transaction carries the opening."""
        if not self.opening:
            return str(await super().execute(query, *values, timeout=timeout))
        opening, self.opening = self.opening, ""
        try:
            if not query.startswith("BEGIN"):
                raise asyncpg.InterfaceError("a transaction that nobody knows of is open")
            return str(await super().execute(f"{query.rstrip(';')};{opening}", timeout=timeout))
        except BaseException:
            self.terminate()
            raise

    async def prepare(self, query: str, **options: Any) -> Any:
        """Prepare a statement; raises InterfaceError while the opening is still to come."""
        if self.opening:
            self.terminate()
            raise asyncpg.InterfaceError("a statement before the opening of its transaction")
        return await super().prepare(query, **options)


def _forget_opening(connection: Any, _record: Any) -> None:
    """Let no later borrower begin with what a transaction without a statement has left behind."""
    if connection is not None:
        connection.driver_connection.opening = ""


class Database:
    """One engine and its sessions; made once in each process."""

    def __init__(self, url: str, *, pool_size: int = 4, carried: Mapping[str, Any] | None = None) -> None:
        """Connect lazily to `url` (`postgresql+asyncpg://…`) with at most `pool_size` connections.

        `carried` is what every session has in its `info`, such as the vault of personal data.
        """
        self._carried = dict(carried or {})
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=2,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={
                "timeout": 5,
                "connection_class": OpeningConnection,
                "server_settings": {
                    "application_name": "grainline",
                    "jit": "off",
                    "lock_timeout": "2s",
                    "statement_timeout": "10s",
                    "idle_in_transaction_session_timeout": "10s",
                    "plan_cache_mode": "force_custom_plan",
                },
            },
        )
        event.listen(self.engine.sync_engine, "checkin", _forget_opening)
        self._places, self._waiting = asyncio.Semaphore(pool_size), 0
        self.sessions = async_sessionmaker(
            self.engine, expire_on_commit=False, autoflush=False, sync_session_class=ScopedSession
        )

    @asynccontextmanager
    async def transaction(self, scope: object) -> AsyncIterator[AsyncSession]:
        """Open a session that sees the rows of `scope`, commit at the end, roll back on an error.

        Whoever finds all connections taken waits in line, first come first served; raises Busy when the
        line is too long.
        """
        if self._waiting >= MOST_WAITING:
            raise Busy(retry_after=1)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            async with self.sessions() as session:
                session.info.update(self._carried, scope=scope)
                async with session.begin():
                    yield session
        finally:
            self._places.release()

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def sqlstate(error: BaseException) -> str:
    """Return the five-character SQLSTATE of a driver error, or an empty string."""
    return str(getattr(getattr(error, "orig", error), "sqlstate", "") or "")


def refusal_of(error: Exception) -> DomainError | None:
    """Return what to tell a caller about a failing database, or None for other errors.

    Integrity errors are a lost race (409); everything else the caller may repeat (503, 507).
    """
    if isinstance(error, DBAPIError):
        state = sqlstate(error)
        if state in _FULL:
            return StorageFull(retry_after=30)
        if state in _BUSY:
            return Busy(retry_after=1)
        if state.startswith("23"):
            return Conflict()
        if error.connection_invalidated or state[:2] in {"08", "53", "57", "58", ""}:
            return Unavailable(retry_after=2)
        return None
    if isinstance(error, OSError | TimeoutError):
        return Unavailable(retry_after=2)
    from sqlalchemy.exc import TimeoutError as PoolTimeout  # noqa: PLC0415 - a clash of names

    if isinstance(error, PoolTimeout):
        return Busy(retry_after=1)
    return None


def is_torn(error: BaseException) -> bool:
    """Return whether a transaction was given up for another (deadlock, serialization): run it again."""
    return sqlstate(error) in _TORN
