"""Writing what was committed into the roster: bulk statements, one transaction, locks of offers last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import UnionKeys
from app.platform.bulk import insert_rows, run_together, update_rows
from app.roster import queries
from app.roster.actions.stage import wanted_from
from app.roster.rules.comparing import Kind
from app.roster.tables import RosterRow, open_content
from app.unions.tables import Member, Particulars, seal_particulars

AT_ONCE = 5_000
WRITTEN = (Kind.ADDED, Kind.CHANGED, Kind.MOVED)


@dataclass(slots=True)
class Prepared:
    """Rows of `members` ready to be written, and the members to be removed with their new status."""

    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def touched_ids(self) -> list[UUID]:
        """The members that are there and will not be what they were."""
        return [row["id"] for row in (*self.changed, *self.removed)]


def prepare(rows: Iterable[RosterRow], keys: UnionKeys, *, into: Prepared, now: datetime) -> None:
    """Open lines of a comparison and seal the members that they say; for a thread, 60 µs a line."""
    for row in rows:
        new, member_id = wanted_from(open_content(keys, row)), row.member_id
        assert member_id is not None  # noqa: S101 - a CHECK constraint says so
        if row.kind == Kind.REMOVED:
            into.removed.append({"id": member_id, "status": str(new.status)})
            continue
        sealed = seal_particulars(keys, member_id, particulars=Particulars(new.name, new.mobile, new.last4))
        said = {"id": member_id, "unit_id": new.unit_id, "status": str(new.status)} | sealed
        if row.kind == Kind.ADDED:
            said |= {
                "union_id": keys.union_id, "number": new.number, "is_senior_mode": False, "is_sample": False,
                "created_at": now,
            }  # fmt: skip
            into.added.append(said)
        else:
            into.changed.append(said)


async def write_members(session: AsyncSession, prepared: Prepared) -> None:
    """Insert and update members; their numbers never change, so no order waits for these locks."""
    for batch in _batches(prepared.added):
        await run_together(session, [insert_rows(Member, batch)])
    for batch in _batches(prepared.changed):
        await run_together(session, [update_rows(Member, batch)])


async def remove_members(
    session: AsyncSession, prepared: Prepared, *, import_id: UUID, union_id: UUID
) -> int:
    """Let members go who hold no order to be collected; return how many stay for one placed meanwhile.

    Holds the offers of the union first, as whoever orders does: an order is either seen here, or is placed
    afterwards and finds its member gone. So this comes last in its transaction.
    """
    if not prepared.removed:
        return 0
    await queries.hold_offers(session, union_id)
    holding = await queries.find_holding(session, union_id)
    going = [row for row in prepared.removed if row["id"] not in holding]
    for batch in _batches(going):
        await run_together(session, [update_rows(Member, batch)])
    staying = [row["id"] for row in prepared.removed if row["id"] in holding]
    if staying:
        lines = update(RosterRow).where(
            RosterRow.import_id == import_id, RosterRow.member_id == queries.any_of(staying)
        )
        await session.execute(lines.values(kind=Kind.PROTECTED.value))
    return len(staying)


def _batches(rows: Sequence[dict[str, Any]]) -> Iterable[Sequence[dict[str, Any]]]:
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))
