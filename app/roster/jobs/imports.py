"""Imports are carried out in the background: one at a time in each process, each step in a short transaction.

A process takes an import by a lease; one that dies leaves a lease that runs out, and another begins the step
again. Every write asks first whether the lease is still ours.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import Trace, record
from app.access.scope import every_union
from app.platform.clock import utc_now
from app.platform.database import Database, refusal_of
from app.platform.errors import DomainError
from app.platform.ids import new_id
from app.roster import queries
from app.roster.actions.decide import erase_import
from app.roster.errors import ImportGivenUp
from app.roster.jobs.committing import write_comparison
from app.roster.jobs.comparing import make_comparison
from app.roster.jobs.leases import Lease, LeaseLost
from app.roster.rules.progress import ENDED, LEASE, MOST_ATTEMPTS, ImportStatus
from app.roster.tables import RosterFile, RosterImport
from app.unions.actions.members import rerank

_AT_ONCE = 20
_SOON = timedelta(seconds=5)
log = structlog.get_logger()


async def carry_out_imports(database: Database) -> int:
    """Carry out what waits; return how many steps were taken. Raises what the database raises."""
    count = 0
    while (lease := await _take(database, now=utc_now())) is not None:
        count += 1
        await _step(lease)
    return count


async def _take(database: Database, *, now: datetime) -> Lease | None:
    """Return a lease of the oldest import with work to do; one that failed too often has failed for good."""
    async with database.transaction(every_union("imports of every union wait")) as session:
        while (one := await queries.lock_next_import(session, now)) is not None:
            if one.needs_ranks or one.attempts < MOST_ATTEMPTS:
                one.lease_id, one.leased_until, one.attempts = new_id(), now + LEASE, one.attempts + 1
                if one.status == ImportStatus.RECEIVED:
                    one.status = ImportStatus.READING.value
                return Lease(database, one.id, one.union_id, one.lease_id)
            await _fail(session, one, ImportGivenUp(), now=now)
            await session.flush()
    return None


async def _step(lease: Lease) -> None:
    try:
        async with lease.transaction() as session:
            one = await session.scalar(select(RosterImport).where(RosterImport.id == lease.import_id))
        if one is None or one.lease_id != lease.id:
            return
        if one.status == ImportStatus.READING:
            await make_comparison(lease, one)
        elif one.status == ImportStatus.COMMITTING:
            await write_comparison(lease)
        elif one.needs_ranks:
            await _rank(lease)
    except LeaseLost:
        log.info("roster.lease_lost", import_id=str(lease.import_id))
    except DomainError as error:
        with suppress(LeaseLost):  # abandoned meanwhile: nobody asks any more why it failed
            async with lease.held(ImportStatus.READING) as (session, one):
                await _fail(session, one, error, now=utc_now())
    except Exception as error:
        log.warning("roster.step_failed", import_id=str(lease.import_id), error=type(error).__name__)
        with suppress(Exception):
            await lease.shorten(utc_now() + _SOON)
        if refusal_of(error) is None:
            raise


async def _fail(session: AsyncSession, one: RosterImport, error: DomainError, *, now: datetime) -> None:
    """End an import that cannot be read; its file is deleted at once."""
    one.status, one.ended_at = ImportStatus.FAILED.value, now
    one.failure, one.failure_params = error.code, dict(error.params)
    one.lease_id, one.leased_until = None, None
    await session.execute(delete(RosterFile).where(RosterFile.import_id == one.id))
    subject = ("roster_import", one.id)
    record(session, Trace("roster.import_failed", one.union_id, None, subject, reason=error.code), now=now)


async def _rank(lease: Lease) -> None:
    async with lease.transaction() as session:
        await rerank(session, lease.union_id)
        done = update(RosterImport).where(RosterImport.id == lease.import_id)
        await session.execute(done.values(needs_ranks=False, lease_id=None, leased_until=None))


async def forget_imports(database: Database, *, now: datetime) -> int:
    """Delete what imports of a week ago hold of people; return how many it was.

    A comparison that nobody has committed for so long is abandoned.
    """
    count, found = 0, _AT_ONCE
    while found == _AT_ONCE:
        async with database.transaction(every_union("files of every union grow old")) as session:
            old = await queries.find_old_imports(session, now, limit=_AT_ONCE)
            for one in old:
                if ImportStatus(one.status) not in ENDED:
                    one.status, one.ended_at = ImportStatus.ABANDONED.value, now
                await erase_import(session, one, now=now)
            found = len(old)
            count += found
    return count
