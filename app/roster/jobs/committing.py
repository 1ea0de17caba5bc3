"""From a comparison that somebody committed to the roster, once."""

from functools import partial

import anyio.to_thread
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import Trace, record
from app.access.vault import keys_of
from app.platform.clock import utc_now
from app.roster import queries
from app.roster.actions.decide import send_back
from app.roster.actions.write import AT_ONCE, WRITTEN, Prepared, prepare, remove_members, write_members
from app.roster.jobs.leases import Lease
from app.roster.rules.comparing import Kind
from app.roster.rules.progress import ImportStatus
from app.roster.tables import RosterFile, RosterImport


async def write_comparison(lease: Lease) -> None:
    """Seal everything first, then write it all in one transaction; raises LeaseLost.

    When the roster is not what it was compared with, nothing is written and the file is compared anew.
    """
    prepared = await _prepare(lease)
    try:
        async with lease.held(ImportStatus.COMMITTING) as (session, held):
            await queries.hold_members(session, prepared.touched_ids)
            if await queries.get_roster_digest(session, held.union_id) != held.roster_digest:
                send_back(held)
                return
            await write_members(session, prepared)
            await _finish(session, held, prepared)
    except IntegrityError:
        # Somebody else has given out one of the numbers since the roster was looked at.
        async with lease.held(ImportStatus.COMMITTING) as (_, held):
            send_back(held)


async def _prepare(lease: Lease) -> Prepared:
    prepared = Prepared()
    now = utc_now()
    async with lease.transaction() as session:
        keys = await keys_of(session, lease.union_id)
    for kind in (*WRITTEN, Kind.REMOVED):
        last = -1
        while True:
            async with lease.held(ImportStatus.COMMITTING) as (session, one):
                rows = await queries.find_rows(session, one.id, kind=kind.value, after=last, limit=AT_ONCE)
            if not rows:
                break
            await anyio.to_thread.run_sync(partial(prepare, rows, keys, into=prepared, now=now))
            last = rows[-1].position
    return prepared


async def _finish(session: AsyncSession, one: RosterImport, prepared: Prepared) -> None:
    staying = await remove_members(session, prepared, import_id=one.id, union_id=one.union_id)
    now = utc_now()
    removed, protected = one.counts["removed"] - staying, one.counts["protected"] + staying
    one.counts = one.counts | {"removed": removed, "protected": protected}
    one.status, one.committed_at, one.ended_at = ImportStatus.COMMITTED.value, now, now
    one.lease_id, one.leased_until, one.attempts, one.needs_ranks = None, None, 0, True
    one.done_count = one.total_count
    await session.execute(delete(RosterFile).where(RosterFile.import_id == one.id))
    subject = ("roster_import", one.id)
    record(session, Trace("roster.committed", one.union_id, None, subject, details=one.counts), now=now)
