"""The keys that sign pickup codes: made, put to use, retired, withdrawn."""

import time
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union
from app.platform.database import Database
from app.platform.listening import CHANNEL
from app.platform.signing import KeyStore
from app.redemptions import queries
from app.redemptions.errors import KeyNotFound, KeyNotYours, KeyStepRefused
from app.redemptions.rules.keys import (
    IllegalKeyStep,
    KeyState,
    PublicKeyState,
    check_key_step,
    list_version,
)
from app.redemptions.tables import CodeKey

_LAST_KEY_ID = 255
_REMEMBERED_SECONDS = 10


async def make_key(session: AsyncSession, store: KeyStore, *, now: datetime) -> CodeKey:
    """Make a key pair in state `next`: the private half goes to the store, the public half to the table.

    Raises KeyStepRefused when all 255 numbers are used up.
    """
    keys = await queries.list_keys(session)
    # Files may outlive a database, and the other way round: a number is never used twice.
    key_id = max(max((key.id for key in keys), default=0), store.last_id()) + 1
    if key_id > _LAST_KEY_ID:
        raise KeyStepRefused(current="–", wanted=KeyState.NEXT)
    key = CodeKey(
        id=key_id,
        public_key=store.create(key_id),
        state=KeyState.NEXT.value,
        created_at=now,
        changed_at=now,
    )
    session.add(key)
    await session.flush()
    return key


async def change_key(session: AsyncSession, key_id: int, wanted: KeyState, *, now: datetime) -> CodeKey:
    """Take a key to another state; activating one retires the one that signed so far.

    Withdrawing a key makes every code refused that it signed. Raises KeyStepRefused.
    """
    keys = {key.id: key for key in await queries.list_keys(session)}
    key = keys.get(key_id)
    if key is None:
        raise KeyStepRefused(current="–", wanted=wanted)
    if wanted is KeyState.ACTIVE:
        for other in keys.values():
            if other.state == KeyState.ACTIVE:
                other.state, other.changed_at = KeyState.VERIFY_ONLY.value, now
        await session.flush()
    try:
        check_key_step(KeyState(key.state), wanted)
    except IllegalKeyStep as refused:
        raise KeyStepRefused(current=refused.current, wanted=refused.wanted) from None
    key.state, key.changed_at = wanted.value, now
    await session.flush()
    await session.execute(select(func.pg_notify(CHANNEL, f"keys:{key_id}")))
    return key


async def withdraw_key(
    session: AsyncSession, key_id: int, *, store: KeyStore, unions: set[UUID], now: datetime
) -> list[CodeKey]:
    """Withdraw a key and return all keys; when it was the one that signs, another takes its place at once.

    `unions` are those whose codes it has signed: the session has to see them all. Raises KeyNotFound,
    KeyNotYours, KeyStepRefused.
    """
    scope = session.info["scope"]
    if not unions <= scope.union_ids:
        raise KeyNotYours()
    if key_id not in {key.id for key in await queries.list_keys(session)}:
        raise KeyNotFound()
    await change_key(session, key_id, KeyState.WITHDRAWN, now=now)
    await ensure_key(session, store, now=now)
    return await queries.list_keys(session)


async def ensure_key(session: AsyncSession, store: KeyStore, *, now: datetime) -> CodeKey:
    """Return the active key; make and activate one if there is none."""
    active = await queries.find_active_key(session)
    if active is not None:
        return active
    made = await make_key(session, store, now=now)
    return await change_key(session, made.id, KeyState.ACTIVE, now=now)


class KeyRing:
    """What a worker knows of the public keys: read again when told so, or after some seconds."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database
        self._keys: Mapping[int, PublicKeyState] | None = None
        self._good_until = 0.0
        self._forgotten = 0

    def forget(self) -> None:
        """Read again next time: a key changed."""
        self._keys = None
        self._forgotten += 1

    async def version(self) -> str:
        """Return what names the present list of keys: 16 hexadecimal digits that change with it."""
        return list_version(await self.keys())

    async def keys(self) -> Mapping[int, PublicKeyState]:
        """Return the public keys by id."""
        known = self._keys
        if known is None or time.monotonic() > self._good_until:
            forgotten = self._forgotten
            async with self._database.transaction(every_union("keys belong to all unions")) as session:
                known = await queries.find_public_keys(session)
            # Told to forget while they were read: what was read may be older than the change.
            if forgotten == self._forgotten:
                self._keys, self._good_until = known, time.monotonic() + _REMEMBERED_SECONDS
        return known
