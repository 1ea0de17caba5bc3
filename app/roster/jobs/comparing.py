"""From a sealed file to a comparison that people can look at."""

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

import anyio.to_thread
from sqlalchemy import Row, delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import Place, UnionKeys, keys_of
from app.platform.bulk import insert_rows, run_together
from app.platform.clock import local_date, utc_now
from app.roster import queries
from app.roster.actions.receive import open_pieces
from app.roster.actions.stage import hash_of, in_batches, staged_rows
from app.roster.jobs.leases import Lease
from app.roster.jobs.reading import read_in_own_process
from app.roster.rules.comparing import Comparison, Kind, Known, Mode, Terms, compare
from app.roster.rules.judging import judge
from app.roster.rules.progress import ImportStatus
from app.roster.rules.reading import ReadRow, RowLines
from app.roster.rules.units import UnitTree, unit_tree
from app.roster.tables import RosterImport, RosterRow
from app.unions.rules import MemberStatus
from app.unions.tables import open_name

_AT_ONCE = 5_000
_FIRST = UUID(int=0)


async def make_comparison(lease: Lease, one: RosterImport) -> None:
    """Read, judge, compare and stage. Raises LeaseLost, and what `app.roster.errors` has for files."""
    async with lease.transaction() as session:
        keys = await keys_of(session, one.union_id)
        pieces = await queries.find_pieces(session, one.id)
    assert one.filename_sealed is not None  # noqa: S101 - erased imports are not read
    filename = keys.open(Place("roster_imports", "filename", one.id), one.filename_sealed)
    content = await anyio.to_thread.run_sync(open_pieces, keys, pieces)
    read = partial(read_in_own_process, content, filename, today=local_date(utc_now()))
    rows = await anyio.to_thread.run_sync(read)
    del content, pieces, read
    async with lease.held(ImportStatus.READING) as (session, held):
        held.total_count, held.done_count = len(rows), 0
        await session.execute(delete(RosterRow).where(RosterRow.import_id == one.id))
    async with lease.transaction() as session:
        # Before the rows: whatever changes in between makes the digest an old one, never a wrong one.
        digest = await queries.get_roster_digest(session, one.union_id)
        units = unit_tree(await queries.find_units(session, one.union_id))
        roster = await _roster(session, keys)
        holding = await queries.find_holding(session, one.union_id)
    ask = partial(_compare, rows, units, roster=roster, terms=_terms(one, units), holding=holding)
    comparison = await anyio.to_thread.run_sync(ask)
    refused = {change.row for change in comparison.changes if change.kind is Kind.REFUSED}
    sent = await anyio.to_thread.run_sync(_sent, rows, refused)
    total = len(rows)
    del rows, roster, holding, ask
    await _stage(lease, comparison, sent=sent, total=total, sealing=(keys, digest))


def _terms(one: RosterImport, units: UnitTree) -> Terms:
    return Terms(
        mode=Mode(one.mode),
        unit_ids=None if one.unit_ids is None else frozenset(one.unit_ids),
        own_unit_ids=None if one.own_unit_ids is None else frozenset(one.own_unit_ids),
        default_unit_id=one.default_unit_id,
        parents={unit.id: unit.parent_id for unit in units.units.values()},
    )


async def _roster(session: AsyncSession, keys: UnionKeys) -> list[Known]:
    """Return the members of a street union, opened in a thread, some thousands at a time."""
    roster: list[Known] = []
    last = _FIRST
    while found := await queries.find_roster(session, keys.union_id, after=last, limit=_AT_ONCE):
        roster += await anyio.to_thread.run_sync(_open, keys, found)
        last = found[-1].id
    return roster


def _open(keys: UnionKeys, rows: Sequence[Row[Any]]) -> list[Known]:
    units: dict[UUID, UUID] = {}  # fifty thousand members share some hundred of them
    return [
        Known(
            id=row.id,
            number=row.number,
            name=open_name(keys, row.id, sealed=row.name_sealed),
            mobile=row.mobile_sealed and keys.open(Place("members", "mobile", row.id), row.mobile_sealed),
            last4=row.id_last4_sealed
            and keys.open(Place("members", "id_last4", row.id), row.id_last4_sealed),
            unit_id=units.setdefault(row.unit_id, row.unit_id),
            status=MemberStatus(row.status),
        )
        for row in rows
    ]


def _compare(
    rows: RowLines, units: UnitTree, *, roster: Sequence[Known], terms: Terms, holding: set[UUID]
) -> Comparison:
    names = {known.number: known.name for known in roster}
    judged = judge(rows, units, known=names, unit_id=terms.default_unit_id)
    return compare(judged, roster, terms=terms, holding=holding)


def _sent(rows: RowLines, numbers: Set[int | None]) -> dict[int, ReadRow]:
    return {row.row: row for row in rows if row.row in numbers} if numbers else {}


async def _stage(
    lease: Lease,
    comparison: Comparison,
    *,
    sent: Mapping[int, ReadRow],
    total: int,
    sealing: tuple[UnionKeys, str],
) -> None:
    """Write the comparison in batches, each in a transaction of its own; the last says that it is there."""
    keys, digest = sealing
    source = staged_rows(comparison, sent, keys=keys, import_id=lease.import_id)
    batches: Iterator[Sequence[dict[str, Any]]] = chain(in_batches(source, _AT_ONCE), ([],))
    done = 0
    while batch := await anyio.to_thread.run_sync(next, batches):
        async with lease.held(ImportStatus.READING) as (session, one):
            await run_together(session, [insert_rows(RosterRow, batch)])
            done += len(batch)
            one.done_count = total * done // max(1, len(comparison.changes))
    ask = partial(hash_of, comparison, lease.import_id, roster_digest=digest)
    found = await anyio.to_thread.run_sync(ask)
    async with lease.held(ImportStatus.READING) as (_, one):
        one.status, one.compared_at = ImportStatus.COMPARED.value, utc_now()
        one.comparison_hash, one.roster_digest = found, digest
        one.counts, one.done_count = comparison.counts, total
        one.lease_id, one.leased_until, one.attempts = None, None, 0
