"""The keys of personal data: a data key and an index key for each union, beyond the reach of backups.

The keys of a union lie in the database, wrapped by a master key that lies in a file beside it; whoever has
only the database, or a dump of it, has neither. A destroyed data key takes all it sealed with it, in
backups too. A session carries the vault of its process (`Database(..., carried={"vault": ...})`).
"""

import secrets
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import CheckConstraint, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.access.masters import MasterKeyMissing, Masters
from app.access.scope import UnionOwned
from app.platform.clock import utc_now
from app.platform.database import Base
from app.platform.errors import Unavailable
from app.platform.ids import new_id
from app.platform.sealing import KEY_BYTES, Sealed, SealingKey, blind_index, version_of
from app.platform.walls import JOBS_ROLE

REMEMBERED_SECONDS = 30.0
SETTLING = timedelta(seconds=2 * REMEMBERED_SECONDS)
"""A fresh version seals nothing before every process has heard of it."""

log = structlog.get_logger()


class DataKey(UnionOwned, Base):
    """A key of a street union, wrapped; without its wrapping once it is destroyed."""

    __tablename__ = "data_keys"
    __table_args__ = (
        CheckConstraint("purpose IN ('data','index')", name="purpose_known"),
        CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed_is_gone"),
        CheckConstraint("version BETWEEN 1 AND 65535", name="version_fits"),
        UniqueConstraint("union_id", "purpose", "version"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    version: Mapped[int]
    master_version: Mapped[int]
    wrapped: Mapped[bytes | None]
    active_from: Mapped[datetime]
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: it opens nowhere else."""

    table: str
    column: str
    row_id: UUID


class UnionKeys:
    """The opened keys of one street union."""

    def __init__(self, union_id: UUID, versions: dict[int, SealingKey], *, newest: int, index: bytes) -> None:
        """Seal with `versions[newest]`, open with any."""
        self.union_id, self._versions, self._newest, self._index = union_id, versions, newest, index
        self._owner = str(union_id)

    @property
    def newest(self) -> int:
        """The version that seals now."""
        return self._newest

    def seal(self, place: Place, content: str) -> bytes:
        """Return a text sealed for its place."""
        return self._versions[self._newest].seal(content.encode(), place=self._name(place))

    def open(self, place: Place, value: bytes) -> str:
        """Return the text of a sealed value; raises Sealed when it belongs elsewhere or its key is gone."""
        key = self._versions.get(version_of(value))
        if key is None:
            raise Sealed("the key of the value is gone")
        return key.open(value, place=self._name(place)).decode()

    def index(self, kind: str, content: str) -> bytes:
        """Return the blind index of a normalised content, such as `index("mobile", "13800138000")`."""
        return blind_index(self._index, kind, content=content)

    def _name(self, place: Place) -> str:
        return f"{place.table}|{place.column}|{self._owner}|{place.row_id}"


class Vault:
    """The opened keys of unions, and the master keys in a folder that open them."""

    def __init__(self, folder: Path) -> None:
        """Use the master keys in `folder`; the first one is made when it is first needed."""
        self.masters = Masters(folder)
        self._known: dict[UUID, tuple[float, UnionKeys]] = {}

    async def keys_of(self, session: AsyncSession, union_id: UUID) -> UnionKeys:
        """Return the keys of a street union; a union's first keys are made on the way.

        Raises Unavailable when the master key is missing.
        """
        known = self._known.get(union_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        rows = await _rows(session, [union_id])
        is_there = {row.purpose for row in rows} >= {"data", "index"}
        if not is_there:
            await self._make_first(session, union_id)
            rows = await _rows(session, [union_id])
        opened = self._opened(union_id, rows)
        # Keys just made may yet be rolled back.
        return self._remember(opened) if is_there else opened

    async def keys_of_many(self, session: AsyncSession, union_ids: Collection[UUID]) -> dict[UUID, UnionKeys]:
        """Return the keys of those of the street unions that have some, in one look-up; makes none."""
        moment = time.monotonic()
        found = {
            union_id: known[1]
            for union_id in union_ids
            if (known := self._known.get(union_id)) is not None and known[0] > moment
        }
        if missing := [union_id for union_id in union_ids if union_id not in found]:
            rows = await _rows(session, missing)
            for union_id, held in groupby(rows, key=lambda row: row.union_id):
                found[union_id] = self._remember(self._opened(union_id, list(held)))
        return found

    def forget(self) -> None:
        """Drop the opened keys: some were added or destroyed."""
        self._known.clear()

    def wrap(self, secret: bytes, *, union_id: UUID, purpose: str) -> tuple[int, bytes]:
        """Return the newest master's version and a union's key wrapped by it; raises MasterKeyMissing."""
        master = self.masters.newest()
        return master.version, master.seal(secret, place=_wrapping(union_id, purpose))

    def unwrap(self, row: DataKey) -> bytes:
        """Return a union's key; raises Sealed, MasterKeyMissing."""
        assert row.wrapped is not None  # noqa: S101 - asked for undestroyed rows only
        return self.masters.get(row.master_version).open(
            row.wrapped, place=_wrapping(row.union_id, row.purpose)
        )

    def open_keys(self, union_id: UUID, rows: Iterable[DataKey]) -> UnionKeys:
        """Return the keys in a union's rows that are not destroyed; raises Sealed, MasterKeyMissing."""
        data = [row for row in rows if row.purpose == "data"]
        indexes = [row for row in rows if row.purpose == "index"]
        if not data or not indexes:
            raise Sealed("the keys of the union are destroyed")
        now = utc_now()
        versions = {row.version: SealingKey(row.version, self.unwrap(row)) for row in data}
        # A machine whose clock is behind finds none active yet: the oldest was there before it asked.
        newest = max((row.version for row in data if row.active_from <= now), default=min(versions))
        return UnionKeys(union_id, versions, newest=newest, index=self.unwrap(indexes[-1]))

    def _opened(self, union_id: UUID, rows: list[DataKey]) -> UnionKeys:
        try:
            return self.open_keys(union_id, rows)
        except (MasterKeyMissing, Sealed) as error:
            log.error("vault.closed", name=str(union_id), error=str(error))
            raise Unavailable(retry_after=30) from None

    def _remember(self, keys: UnionKeys) -> UnionKeys:
        self._known[keys.union_id] = (time.monotonic() + REMEMBERED_SECONDS, keys)
        return keys

    async def _make_first(self, session: AsyncSession, union_id: UUID) -> None:
        now = utc_now()
        if not self.masters.versions() and await _is_any_wrapped(session):
            # A master key made now would stand where the lost one belongs.
            log.error("vault.closed", name=str(union_id), error=f"no master key in {self.masters.folder}")
            raise Unavailable(retry_after=30)
        for purpose in ("data", "index"):
            row = self.new_key(union_id, purpose, version=1, now=now)
            await session.execute(insert(DataKey).values(row).on_conflict_do_nothing())

    def new_key(self, union_id: UUID, purpose: str, *, version: int, now: datetime) -> dict[str, object]:
        """Return the row of a fresh key that is active from `now`; raises Unavailable without the master."""
        secret = secrets.token_bytes(KEY_BYTES)
        try:
            master_version, wrapped = self.wrap(secret, union_id=union_id, purpose=purpose)
        except (MasterKeyMissing, OSError) as error:
            log.error("vault.closed", name=str(union_id), error=str(error))
            raise Unavailable(retry_after=30) from None
        return {
            "id": new_id(), "union_id": union_id, "purpose": purpose, "version": version,
            "master_version": master_version, "wrapped": wrapped, "active_from": now, "created_at": now,
        }  # fmt: skip


def _wrapping(union_id: UUID, purpose: str) -> str:
    return f"data_keys|{purpose}|{union_id}"


async def _rows(session: AsyncSession, union_ids: Collection[UUID]) -> list[DataKey]:
    """Return the keys of unions that are not destroyed, by union and version."""
    wanted = select(DataKey).where(DataKey.union_id.in_(union_ids), DataKey.wrapped.is_not(None))
    return list((await session.execute(wanted.order_by(DataKey.union_id, DataKey.version))).scalars())


async def _is_any_wrapped(session: AsyncSession) -> bool:
    """Tell whether any union has keys, also one whose rows the session does not see.

    Asked while no master key is there, which is once in the life of an installation, or when it was lost.
    """
    before = await session.scalar(text("SELECT current_user"))
    await session.execute(text(f"SET LOCAL ROLE {JOBS_ROLE}"))
    found = await session.scalar(text("SELECT EXISTS (SELECT FROM data_keys)"))
    await session.execute(text(f'SET LOCAL ROLE "{before}"'))
    return bool(found)


def vault_of(session: AsyncSession) -> Vault:
    """Return the vault that the session carries; KeyError without one."""
    vault: Vault = session.info["vault"]
    return vault


async def keys_of(session: AsyncSession, union_id: UUID) -> UnionKeys:
    """Return the keys of a street union from the vault that the session carries; KeyError without one."""
    return await vault_of(session).keys_of(session, union_id)
