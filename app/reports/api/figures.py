"""Routes of the figures: spending, the share from partner regions, targets, coverage."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.platform.clock import FIRST_YEAR, LAST_YEAR, local_date, utc_now
from app.platform.errors import PreconditionFailed, PreconditionRequired
from app.platform.http import IfMatch, StrictRoute, seen_version, tagged
from app.platform.paging import CursorInvalid, PageView, page_of, seek, text_key
from app.platform.problems import describe
from app.regions.rules.terms import terms_of
from app.reports.actions.targets import TargetWanted, set_target
from app.reports.errors import PeriodInvalid
from app.reports.queries import spending
from app.reports.queries.spending import LinesWanted, Sums
from app.reports.queries.targets import list_targets
from app.reports.rules.shares import percent_text
from app.reports.rules.spending import Period
from app.reports.schemas.figures import (
    PeriodRequest,
    SourceLine,
    SpendingRequest,
    SpendingRow,
    SpendingSourcesRequest,
    SpendingSums,
    SpendingView,
    TargetBody,
    TargetsRequest,
    TargetView,
    TermsView,
    UnpricedView,
)
from app.reports.tables import AidedTarget

router = APIRouter(route_class=StrictRoute, tags=["figures"])
Reader = Annotated[Actor, require(Permission.FIGURES_READ)]


def terms_view(year: int) -> TermsView:
    """Return the words of a year as they are answered."""
    return TermsView(**asdict(terms_of(year)))


def target_view(target: AidedTarget) -> TargetView:
    """Return a target as it is answered; who set it is in the audit log."""
    names = ("union_id", "year", "percent_basis_points", "basis", "set_at", "version", "is_sample")
    values = {name: getattr(target, name) for name in names}
    return TargetView(percent=percent_text(target.percent_basis_points), **values)


def _period(asked: PeriodRequest) -> Period:
    if not asked.period.is_sound:
        raise PeriodInvalid()
    return asked.period


def _year_of(period: Period) -> int:
    """Return the year whose words are used: the one asked for, the last day's, or today's."""
    last = period.last or period.first or local_date(utc_now())
    return period.year or last.year


def _sums(sums: Sums) -> dict[str, object]:
    names = ("amount_fen", "boxes", "pieces", "grams", "is_lower_bound", "lines_count", "purchases_count")
    values: dict[str, object] = {name: getattr(sums, name) for name in names}
    unpriced = UnpricedView(lines_count=sums.unpriced_count, words=list(sums.unpriced_words))
    return values | {"unpriced": unpriced}


def _key(row: Sums) -> tuple[str, ...]:
    return (str(row.amount_fen), str(row.key))


@router.get(
    "/figures/spending",
    name="get_spending",
    response_model=SpendingView,
    responses=describe(PeriodInvalid, CursorInvalid),
)
async def get_spending(
    asked: Annotated[SpendingRequest, Query()], session: Transaction, _: Reader
) -> SpendingView:
    """Return what was bought with approval, added up; what has no known amount is counted and no money."""
    wanted = LinesWanted(period=_period(asked), by=asked.by)
    rows, total = await spending.add_up(session, wanted)
    if asked.after is not None:
        amount, key = seek(asked.after, int, text_key)
        rows = [row for row in rows if (-row.amount_fen, str(row.key)) > (-amount, key)]
    page = page_of(rows[: asked.limit + 1], limit=asked.limit, key=_key)
    return SpendingView(
        items=[SpendingRow(key=str(row.key), label=row.label, **_sums(row)) for row in page.items],
        next=page.next,
        by=asked.by,
        total=SpendingSums.model_validate(_sums(total)),
        undated_count=await spending.count_undated(session, wanted),
        terms=terms_view(_year_of(wanted.period)),
    )


@router.get(
    "/figures/spending/sources",
    name="list_spending_sources",
    response_model=PageView[SourceLine],
    responses=describe(PeriodInvalid, CursorInvalid),
)
async def list_spending_sources(
    asked: Annotated[SpendingSourcesRequest, Query()], session: Transaction, _: Reader
) -> PageView[SourceLine]:
    """Return the lines behind a row of the figure, or behind its total."""
    wanted = LinesWanted(period=_period(asked), by=asked.by, key=asked.key)
    page = await spending.list_lines(session, wanted, limit=asked.limit, after=asked.after)
    return PageView(items=[SourceLine.model_validate(row) for row in page.items], next=page.next)


@router.get(
    "/figures/targets",
    name="list_targets",
    response_model=PageView[TargetView],
    responses=describe(CursorInvalid),
)
async def get_targets(
    asked: Annotated[TargetsRequest, Query()], session: Transaction, _: Reader
) -> PageView[TargetView]:
    """Return the targets of the caller's unions, the latest year first."""
    page = await list_targets(session, year=asked.year, limit=asked.limit, after=asked.after)
    return PageView(items=[target_view(one) for one in page.items], next=page.next)


@router.put(
    "/figures/targets/{year}",
    name="set_target",
    response_model=TargetView,
    responses=describe(PreconditionFailed, PreconditionRequired),
)
async def put_target(
    year: Annotated[int, Path(ge=FIRST_YEAR, le=LAST_YEAR)],
    body: TargetBody,
    request: Request,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.TARGETS_WRITE)],
    if_match: IfMatch = None,
) -> Response:
    """Set the union's own target of a year; `If-Match: "0"` where there was none."""
    wanted = TargetWanted(year, body.percent_basis_points, body.basis)
    seen = seen_version(if_match)
    view = target_view(await set_target(session, wanted, by=actor, seen_version=seen, now=utc_now()))
    return tagged(request, view.model_dump_json().encode(), version=view.version)
