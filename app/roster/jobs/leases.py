"""What a process holds of an import while it carries out a step."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import one_union
from app.platform.clock import utc_now
from app.platform.database import Database
from app.roster import queries
from app.roster.rules.progress import LEASE, ImportStatus
from app.roster.tables import RosterImport


class LeaseLost(Exception):
    """The import was abandoned meanwhile, or another process has it in hand."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An import in hand, for `rules.progress.LEASE` from the last word on."""

    database: Database
    import_id: UUID
    union_id: UUID
    id: UUID

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that sees the street union of the import."""
        return self.database.transaction(one_union(self.union_id))

    @asynccontextmanager
    async def held(self, status: ImportStatus) -> AsyncIterator[tuple[AsyncSession, RosterImport]]:
        """Open a transaction with the import locked and the lease prolonged; raises LeaseLost."""
        async with self.transaction() as session:
            one = await queries.lock_leased_import(session, self.import_id, self.id, status=status)
            if one is None:
                raise LeaseLost()
            one.leased_until = utc_now() + LEASE
            yield session, one

    async def shorten(self, until: datetime) -> None:
        """Let another attempt begin at `until`."""
        ours = update(RosterImport).where(RosterImport.id == self.import_id, RosterImport.lease_id == self.id)
        async with self.transaction() as session:
            await session.execute(ours.values(leased_until=until))
