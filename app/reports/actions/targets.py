"""Setting a target: one for each union and year."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.platform.errors import PreconditionFailed
from app.reports.queries.targets import lock_target
from app.reports.tables import AidedTarget

NOT_YET = 0
"""The version of a target that nobody has set."""


@dataclass(frozen=True, slots=True)
class TargetWanted:
    """A share in basis points (3000 is 30 %) of what `basis` says, for a year."""

    year: int
    percent_basis_points: int
    basis: str


async def set_target(
    session: AsyncSession, wanted: TargetWanted, *, by: Actor, seen_version: int | None, now: datetime
) -> AidedTarget:
    """Set or change the target of the caller's union, seen at `seen_version` (0: there was none; None: any).

    What it was before goes to the audit log. Raises PreconditionFailed.
    """
    target = await lock_target(session, by.union_id, wanted.year)
    if target is None and seen_version in {None, NOT_YET}:
        await session.execute(_first(wanted, by=by, now=now))
        target = await lock_target(session, by.union_id, wanted.year)
    version = target.version if target is not None else NOT_YET
    if target is None or seen_version not in {None, version}:
        raise PreconditionFailed(version=version)
    before = target.percent_basis_points if version else None
    changed = {
        "year": wanted.year,
        "percent_basis_points": [before, wanted.percent_basis_points],
        "basis_changed": bool(version) and target.basis != wanted.basis,
    }
    target.percent_basis_points, target.basis = wanted.percent_basis_points, wanted.basis
    target.set_by, target.set_at, target.version = by.id, now, version + 1
    target.is_sample = False
    record(session, Trace("reports.target_set", by.union_id, actor=by, details=changed), now=now)
    await session.flush()
    return target


def _first(wanted: TargetWanted, *, by: Actor, now: datetime) -> Insert:
    """Return the insertion of the row that is then changed; of two at once the second finds it."""
    made = insert(AidedTarget).values(
        union_id=by.union_id,
        year=wanted.year,
        percent_basis_points=wanted.percent_basis_points,
        basis=wanted.basis,
        set_at=now,
        version=NOT_YET,
    )
    return made.on_conflict_do_nothing()
