"""Nonces that count once, whichever worker sees them first."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database import Database
from app.sign_in.queries.member import UNKNOWN_UNION
from app.sign_in.tables.member import LinkTicket, SignInCode, UsedNonce

CODES_KEPT_FOR = timedelta(days=1)


class NonceStore:
    """The nonces of all workers, in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Keep them in `database`."""
        self._database = database

    async def burn(self, kind: str, nonce: str, *, until: datetime) -> bool:
        """Use a nonce up, in a transaction of its own; return whether it was unused. Kept to `until`."""
        digest = hashlib.sha256(f"{kind}\0{nonce}".encode("utf-8", "replace")).digest()
        used = insert(UsedNonce).values(digest=digest, forgotten_at=until).on_conflict_do_nothing()
        async with self._database.transaction(UNKNOWN_UNION) as session:
            return (await session.execute(used.returning(UsedNonce.digest))).first() is not None


async def tidy_member_sign_in(session: AsyncSession, *, now: datetime) -> None:
    """Delete codes, tickets and nonces that count no more."""
    await session.execute(delete(UsedNonce).where(UsedNonce.forgotten_at < now))
    await session.execute(delete(LinkTicket).where(LinkTicket.expires_at < now))
    await session.execute(delete(SignInCode).where(SignInCode.created_at < now - CODES_KEPT_FOR))
