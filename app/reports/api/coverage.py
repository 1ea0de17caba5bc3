"""The route of coverage: who received nothing, as counts."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission, Role
from app.platform.clock import utc_now
from app.platform.errors import Forbidden
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, page_of, seek, text_key
from app.platform.problems import describe
from app.reports.actions.coverage import UnitStanding, by_union, survey
from app.reports.queries.aided_share import find_streets
from app.reports.queries.coverage import Year, count_forgotten, find_gift_campaigns, find_names
from app.reports.rules.small_cells import Hidden, Level, Standing, choose_hidden
from app.reports.schemas.figures import CoverageRequest, CoverageRow, CoverageView, StandingView

router = APIRouter(route_class=StrictRoute, tags=["figures"])

_LEVELS = {
    "active": "active",
    "received": "received",
    "nothing": "received",
    "never_ordered": "reasons",
    "not_collected": "reasons",
    "not_eligible": "reasons",
}
"""Which level of hiding a cell belongs to."""


def _is_exact(actor: Actor) -> bool:
    """Tell whether the caller works for the street itself, whose members they are."""
    return actor.role is not Role.DISTRICT_VIEWER and actor.scope.union_ids == {actor.union_id}


def _cells(standing: Standing, hidden: Hidden, number: int | None = None) -> dict[str, int | None]:
    """Return the cells of a row, or of the total, without those that are hidden."""

    def is_hidden(level: Level) -> bool:
        return level.totals if number is None else number in level.rows

    return {
        name: None if is_hidden(getattr(hidden, level)) else getattr(standing, name)
        for name, level in _LEVELS.items()
    }


async def _rows(
    session: AsyncSession,
    standings: Mapping[UUID, UnitStanding],
    hidden: Hidden,
    forgotten: Mapping[UUID, int],
) -> list[CoverageRow]:
    names = await find_names(session, set(standings))
    rows = []
    for number, (id, one) in enumerate(standings.items()):
        is_union = id == one.union_id
        rows.append(
            CoverageRow(
                union_id=one.union_id,
                unit_id=None if is_union else id,
                name=names[id],
                forgotten_count=forgotten.get(id, 0) if is_union else None,
                **_cells(one.standing, hidden, number),
            )
        )
    return rows


def _key(row: CoverageRow) -> tuple[str, ...]:
    return ("coverage", str(row.unit_id or row.union_id))


@router.get(
    "/figures/coverage",
    name="get_coverage",
    response_model=CoverageView,
    responses=describe(CursorInvalid),
)
async def get_coverage(
    asked: Annotated[CoverageRequest, Query()],
    session: Transaction,
    actor: Annotated[Actor, require(Permission.FIGURES_READ)],
) -> CoverageView:
    """Return how many members received nothing in a year, and why, as counts.

    Above the street small groups are hidden, and there is no view by unit (403).
    """
    is_exact, year = _is_exact(actor), Year(asked.year)
    if asked.by_unit and not is_exact:
        raise Forbidden()
    found = await survey(session, year, utc_now())
    if not asked.by_unit:
        found = by_union(found, await find_streets(session, actor.scope.union_ids))
    standings = {one.unit_id: one for one in sorted(found, key=lambda one: one.unit_id)}
    hidden = Hidden() if is_exact else choose_hidden([one.standing for one in standings.values()])
    forgotten = await count_forgotten(session, year)
    rows = await _rows(session, standings, hidden, forgotten)
    if asked.after is not None:
        _, last = seek(asked.after, text_key, UUID)
        rows = [row for row in rows if (row.unit_id or row.union_id) > last]
    page = page_of(rows[: asked.limit + 1], limit=asked.limit, key=_key)
    total = sum((one.standing for one in found), Standing())
    return CoverageView(
        items=list(page.items),
        next=page.next,
        year=asked.year,
        campaigns_count=len(await find_gift_campaigns(session, year)),
        total=StandingView(**_cells(total, hidden)),
        forgotten_count=sum(forgotten.values()),
        is_complete=not forgotten,
        is_exact=is_exact,
    )
