"""Routes of the share that came from partner regions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageView, page_of, seek, text_key
from app.platform.problems import describe
from app.reports.api.figures import target_view, terms_view
from app.reports.queries import spending
from app.reports.queries.aided_share import Bought, find_bought, find_streets
from app.reports.queries.spending import LinesWanted
from app.reports.queries.targets import find_targets
from app.reports.rules.shares import Share
from app.reports.rules.spending import Period, Side
from app.reports.schemas.figures import (
    ShareRow,
    ShareSourcesRequest,
    ShareSums,
    ShareView,
    SourceLine,
    YearRequest,
)
from app.reports.tables import AidedTarget
from app.unions.tables import Union

router = APIRouter(route_class=StrictRoute, tags=["figures"])
Reader = Annotated[Actor, require(Permission.FIGURES_READ)]


def _share_sums(bought: Bought) -> dict[str, Any]:
    share = Share(bought.aided_fen, bought.all_fen)
    return {
        "numerator_fen": share.part,
        "denominator_fen": share.whole,
        "fraction": share.fraction,
        "percent": share.percent,
        "purchases_count": bought.purchases_count,
        "unpriced_count": bought.unpriced_count,
    }


def _share_row(street: Union, bought: Bought, target: AidedTarget | None) -> ShareRow:
    share = Share(bought.aided_fen, bought.all_fen)
    return ShareRow(
        union_id=street.id,
        union_name=street.name,
        target=target_view(target) if target else None,
        is_reached=share.reaches(target.percent_basis_points) if target else None,
        **_share_sums(bought),
    )


def _key(row: ShareRow) -> tuple[str, ...]:
    return ("share", str(row.union_id))


@router.get(
    "/figures/aided-share",
    name="get_aided_share",
    response_model=ShareView,
    responses=describe(CursorInvalid),
)
async def get_aided_share(
    asked: Annotated[YearRequest, Query()], session: Transaction, actor: Reader
) -> ShareView:
    """Return how much of what each street union bought came from partner regions, and its target."""
    streets = await find_streets(session, actor.scope.union_ids)
    bought = await find_bought(session, asked.year)
    targets = await find_targets(session, [street.id for street in streets], asked.year)
    rows = [_share_row(one, bought.get(one.id, Bought()), targets.get(one.id)) for one in streets]
    if asked.after is not None:
        _, last = seek(asked.after, text_key, UUID)
        rows_left = [row for row in rows if row.union_id > last]
    else:
        rows_left = rows
    page = page_of(rows_left[: asked.limit + 1], limit=asked.limit, key=_key)
    return ShareView(
        items=list(page.items),
        next=page.next,
        year=asked.year,
        total=ShareSums(**_share_sums(sum(bought.values(), Bought()))),
        targets_count=len(targets),
        reached_count=sum(row.is_reached is True for row in rows),
        terms=terms_view(asked.year),
    )


@router.get(
    "/figures/aided-share/sources",
    name="list_aided_share_sources",
    response_model=PageView[SourceLine],
    responses=describe(CursorInvalid),
)
async def list_aided_share_sources(
    asked: Annotated[ShareSourcesRequest, Query()], session: Transaction, _: Reader
) -> PageView[SourceLine]:
    """Return the lines of one side of a share; those without a known amount count for nothing."""
    wanted = LinesWanted(
        period=Period(asked.year),
        union_id=asked.union_id,
        only_partner_regions=asked.side is Side.NUMERATOR,
    )
    page = await spending.list_lines(session, wanted, limit=asked.limit, after=asked.after)
    return PageView(items=[SourceLine.model_validate(row) for row in page.items], next=page.next)
