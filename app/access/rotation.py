"""Fresh keys for a street union: what an old version sealed is sealed anew, then the old key is destroyed.

Whoever keeps sealed values in a table declares them (`declare_sealed`); a value that nobody declared would
be lost with its key, so a test looks for columns that were forgotten.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import Scope, UnionOwned, every_union
from app.access.vault import SETTLING, DataKey, Place, UnionKeys, vault_of
from app.platform.mapped import import_tables
from app.platform.sealing import Sealed

BATCH = 500
LAST_USE = timedelta(minutes=10)
"""Added to `SETTLING`: no transaction that began with the old version is still under way by then."""

_HEAD_BYTES = 2
log = structlog.get_logger()

Transactions = Callable[[Scope], AbstractAsyncContextManager[AsyncSession]]


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table of rows that belong to unions; `columns` are its sealed columns and their names in a Place."""

    model: Any
    columns: Mapping[str, str]
    row_id: str

    @property
    def ids(self) -> Any:
        """The column with the id of a row."""
        return getattr(self.model, self.row_id)

    def outdated(self, newest: int) -> ColumnElement[bool]:
        """Return the criterion of rows with a value that another version sealed."""
        head = newest.to_bytes(_HEAD_BYTES, "big")
        held = [getattr(self.model, name) for name in self.columns]
        return or_(*(and_(one.is_not(None), func.substr(one, 1, _HEAD_BYTES) != head) for one in held))


DECLARED: dict[str, SealedTable] = {}


def declare_sealed(model: type[UnionOwned], columns: Mapping[str, str], *, row_id: str = "id") -> None:
    """Say which columns of a table hold sealed values, so that they take part in rotation.

    `columns` gives for each attribute the column name in the Place that its values are sealed for; the
    table's name in it is that of the table, the row its primary key `row_id`, a UUID. Rows must be open to
    change: a table that is only added to cannot hold sealed values.
    """
    name = str(model.__tablename__)  # type: ignore[attr-defined]
    DECLARED[name] = SealedTable(model, dict(columns), row_id)


async def add_version(session: AsyncSession, union_id: UUID, *, now: datetime) -> int:
    """Give a street union a data key of a new version and return that; it seals after `SETTLING`.

    The rest happens by itself: `reseal_outdated`. Raises Unavailable without the master key.
    """
    import_tables()
    wanted = select(DataKey).where(DataKey.union_id == union_id, DataKey.purpose == "data")
    held = list((await session.execute(wanted.with_for_update())).scalars())
    vault = vault_of(session)
    if not held:
        await vault.keys_of(session, union_id)
        return 1
    version = max(key.version for key in held) + 1
    session.add(DataKey(**vault.new_key(union_id, "data", version=version, now=now + SETTLING)))
    await session.flush()
    vault.forget()
    return version


async def reseal_outdated(transactions: Transactions, *, now: datetime) -> int:
    """Seal anew what older versions sealed, in small transactions; destroy keys that seal nothing any more.

    Returns the number of rows sealed anew. May be broken off and repeated at any point.
    """
    import_tables()  # a table that nobody loaded would lose its values with the key
    async with transactions(every_union("keys of every union grow old")) as session:
        vault_of(session).forget()
        outdated = await _outdated_keys(session, now)
    count = 0
    for union_id in sorted({key.union_id for key in outdated}):
        for table in DECLARED.values():
            after: UUID | None = UUID(int=0)
            while after is not None:
                async with transactions(every_union("values are sealed anew")) as session:
                    after, done = await _reseal_batch(session, union_id, table=table, after=after)
                    count += done
        async with transactions(every_union("an old key is destroyed")) as session:
            await _destroy_unused(session, union_id, now=now)
    return count


async def count_by_version(session: AsyncSession) -> dict[tuple[UUID, int], int]:
    """Return how many values each version of each union's data key seals."""
    import_tables()
    counted: dict[tuple[UUID, int], int] = {}
    for table in DECLARED.values():
        for name in table.columns:
            column = getattr(table.model, name)
            head = func.substr(column, 1, _HEAD_BYTES)
            wanted = select(table.model.union_id, head, func.count()).where(column.is_not(None))
            for union_id, version, count in await session.execute(
                wanted.group_by(table.model.union_id, head)
            ):
                key = (union_id, int.from_bytes(version, "big"))
                counted[key] = counted.get(key, 0) + count
    return counted


async def rewrap(session: AsyncSession) -> tuple[int, int]:
    """Make a master key and wrap all keys of unions with it; return its version and how many were wrapped.

    All or nothing. The older master keys are needed for backups only. Raises MasterKeyMissing, Sealed.
    """
    import_tables()
    vault = vault_of(session)
    wanted = select(DataKey).where(DataKey.wrapped.is_not(None)).order_by(DataKey.id).with_for_update()
    held = list((await session.execute(wanted)).scalars())
    opened = [(key, vault.unwrap(key)) for key in held]
    known = max([*vault.masters.versions(), *(key.master_version for key in held)], default=0)
    vault.masters.make(known + 1)
    for key, secret in opened:
        key.master_version, key.wrapped = vault.wrap(secret, union_id=key.union_id, purpose=key.purpose)
    await session.flush()
    return known + 1, len(held)


async def _outdated_keys(session: AsyncSession, now: datetime) -> list[DataKey]:
    """Return the data keys that have an active successor and are not destroyed."""
    wanted = select(DataKey).where(DataKey.purpose == "data", DataKey.wrapped.is_not(None))
    held = list((await session.execute(wanted)).scalars())
    newest: dict[UUID, int] = {}
    for key in held:
        if key.active_from <= now:
            newest[key.union_id] = max(key.version, newest.get(key.union_id, 0))
    return [key for key in held if key.version < newest.get(key.union_id, 0)]


async def _reseal_batch(
    session: AsyncSession, union_id: UUID, *, table: SealedTable, after: UUID
) -> tuple[UUID | None, int]:
    """Seal some rows anew; return the id to go on from, None when none are left, and how many they were.

    Rows that somebody else is changing are left for the next time.
    """
    keys = await vault_of(session).keys_of(session, union_id)
    model = table.model
    wanted = (
        select(model)
        .where(model.union_id == union_id, table.ids > after, table.outdated(keys.newest))
        .order_by(table.ids)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    rows = list((await session.execute(wanted)).scalars())
    done = sum(_reseal_row(keys, table, row=row) for row in rows)
    await session.flush()
    return (getattr(rows[-1], table.row_id) if rows else None), done


def _reseal_row(keys: UnionKeys, table: SealedTable, *, row: Any) -> bool:
    """Seal a row anew; return False, and leave it as it is, when a value of it does not open.

    One damaged value keeps its key in being, and holds up nobody else's.
    """
    name, row_id = str(table.model.__tablename__), getattr(row, table.row_id)
    fresh: dict[str, bytes] = {}
    for attribute, column in table.columns.items():
        value, place = getattr(row, attribute), Place(name, column, row_id)
        if value is None:
            continue
        try:
            fresh[attribute] = keys.seal(place, keys.open(place, value))
        except Sealed:
            log.error("vault.value_damaged", name=f"{name}.{column} {row_id}")
            return False
    for attribute, value in fresh.items():
        setattr(row, attribute, value)
    return True


async def _destroy_unused(session: AsyncSession, union_id: UUID, *, now: datetime) -> None:
    wanted = select(DataKey).where(
        DataKey.union_id == union_id, DataKey.purpose == "data", DataKey.wrapped.is_not(None)
    )
    held = list((await session.execute(wanted.with_for_update())).scalars())
    settled = [key.version for key in held if key.active_from + SETTLING + LAST_USE <= now]
    used = {version for (owner, version) in await count_by_version(session) if owner == union_id}
    for key in held:
        if key.version < max(settled, default=0) and key.version not in used:
            key.wrapped, key.destroyed_at = None, now
    await session.flush()
    vault_of(session).forget()
