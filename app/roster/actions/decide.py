"""Somebody has looked at a comparison: it is committed, or the import is abandoned."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.roster import queries
from app.roster.errors import (
    AlreadyCommitted,
    ComparisonStale,
    ImportEnded,
    ImportNotFound,
    NotCompared,
    RemovalsUnconfirmed,
    RosterChanged,
)
from app.roster.rules.comparing import needs_confirmation
from app.roster.rules.progress import ENDED, ImportStatus
from app.roster.schemas import CommitRequest
from app.roster.tables import RosterFile, RosterImport, RosterRow

_COMMITTED = {ImportStatus.COMMITTING, ImportStatus.COMMITTED}


async def renew_if_outrun(session: AsyncSession, import_id: UUID, *, actor: Actor) -> None:
    """Send an import back to be compared anew when the roster is no longer what it was compared with.

    In a transaction of its own and before the commit is asked for, so that the refusal that follows does not
    undo it. An import that the actor may not see stays as it is.
    """
    try:
        one = await queries.get_import(session, import_id, actor=actor, is_locked=True)
    except ImportNotFound:
        return
    if one.status != ImportStatus.COMPARED:
        return
    if await queries.get_roster_digest(session, one.union_id) != one.roster_digest:
        send_back(one)


def send_back(one: RosterImport) -> None:
    """Let an import be read and compared once more: the roster has changed since."""
    one.status, one.has_outrun = ImportStatus.READING.value, True
    one.comparison_hash, one.lease_id, one.leased_until, one.attempts = None, None, None, 0
    one.done_count = 0


async def commit_import(
    session: AsyncSession, import_id: UUID, body: CommitRequest, *, actor: Actor, now: datetime
) -> RosterImport:
    """Let the background process write what was looked at, once; return the import.

    Raises ImportNotFound, AlreadyCommitted, ImportEnded, NotCompared, RosterChanged, ComparisonStale,
    RemovalsUnconfirmed.
    """
    one = await queries.get_import(session, import_id, actor=actor, is_locked=True)
    if one.status in _COMMITTED:
        raise AlreadyCommitted()
    if one.status in ENDED:
        raise ImportEnded()
    if one.status != ImportStatus.COMPARED:
        raise RosterChanged() if one.has_outrun else NotCompared()
    if body.comparison_hash != one.comparison_hash:
        raise ComparisonStale()
    removed, members = int(one.counts["removed"]), int(one.counts["members"])
    is_confirmed = body.confirm_removals == removed
    if (needs_confirmation(removed, members) or body.confirm_removals is not None) and not is_confirmed:
        raise RemovalsUnconfirmed(removed=removed, members=members)
    one.status, one.attempts, one.done_count = ImportStatus.COMMITTING.value, 0, 0
    one.lease_id, one.leased_until = None, None
    trace = Trace("roster.commit_asked", one.union_id, actor, ("roster_import", one.id), details=one.counts)
    record(session, trace, now=now)
    return one


async def abandon_import(
    session: AsyncSession, import_id: UUID, *, actor: Actor, now: datetime
) -> RosterImport:
    """End an import that changes nothing, and delete what it held; done twice it is done once.

    Raises ImportNotFound, AlreadyCommitted.
    """
    one = await queries.get_import(session, import_id, actor=actor, is_locked=True)
    if one.status in _COMMITTED:
        raise AlreadyCommitted()
    if one.status != ImportStatus.ABANDONED:
        one.status, one.ended_at, one.failure = ImportStatus.ABANDONED.value, now, None
        one.lease_id, one.leased_until = None, None
        await erase_import(session, one, now=now)
    return one


async def erase_import(session: AsyncSession, one: RosterImport, *, now: datetime) -> None:
    """Delete the file, the rows and the name of the file; counts stay."""
    await session.execute(delete(RosterRow).where(RosterRow.import_id == one.id))
    await session.execute(delete(RosterFile).where(RosterFile.import_id == one.id))
    one.filename_sealed, one.erased_at = None, now
