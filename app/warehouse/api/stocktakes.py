"""Routes of stocktakes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.pickup.errors import PointNotFound
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.stock.errors import LotNotFound, NotEnoughStock
from app.warehouse.actions import stocktakes as actions
from app.warehouse.actions.sheets import show_stocktake
from app.warehouse.errors import (
    CountedAlready,
    CountIncomplete,
    CountTimeInvalid,
    FiguresMoved,
    LotNotAsked,
    OwnStep,
    StocktakeNotFound,
    StocktakeOpen,
    StocktakeSettled,
)
from app.warehouse.queries import stocktakes as queries
from app.warehouse.rules.states import StocktakeStatus
from app.warehouse.schemas.papers import Decision
from app.warehouse.schemas.stocktakes import (
    CountSheet,
    StocktakeApproval,
    StocktakeDraft,
    StocktakeSummary,
    StocktakeView,
)

router = APIRouter(route_class=StrictRoute, tags=["stock"])
_KEYED = (KeyRequired, KeyReused, KeyInFlight, Conflict)
Reader = Annotated[Actor, require(Permission.STOCK_READ)]
Keeping = Annotated[Actor, require(Permission.STOCK_WRITE)]
Counter = Annotated[Actor, require(Permission.STOCK_COUNT)]
Approver = Annotated[Actor, require(Permission.STOCK_APPROVE)]


class StocktakesRequest(PageRequest):
    """Which stocktakes are asked for."""

    status: StocktakeStatus | None = None
    pickup_point_id: UUID | None = None


@router.post(
    "/stock/stocktakes",
    status_code=201,
    name="open_stocktake",
    response_model=StocktakeView,
    responses=describe(PointNotFound, StocktakeOpen, *_KEYED),
)
async def open_stocktake(
    body: StocktakeDraft, session: Transaction, keeper: Kept, actor: Keeping
) -> Response:
    """Open a stocktake of a pickup point; what the books say now is written down and not shown."""
    now = utc_now()
    made = await actions.open_stocktake(session, body.pickup_point_id, note=body.note, by=actor, now=now)
    return await keeper.keep(await show_stocktake(session, made))


@router.get(
    "/stock/stocktakes",
    name="list_stocktakes",
    response_model=PageView[StocktakeSummary],
    responses=describe(CursorInvalid),
)
async def list_stocktakes(
    asked: Annotated[StocktakesRequest, Query()], session: Transaction, _: Reader
) -> PageView[StocktakeSummary]:
    """Return stocktakes, newest first."""
    found = await queries.list_stocktakes(
        session, page=asked, status=asked.status, point_id=asked.pickup_point_id
    )
    items = [StocktakeSummary.model_validate(one, from_attributes=True) for one in found.items]
    return PageView(items=items, next=found.next)


@router.get(
    "/stock/stocktakes/{stocktake_id}",
    name="get_stocktake",
    response_model=StocktakeView,
    responses=describe(StocktakeNotFound),
)
async def get_stocktake(stocktake_id: UUID, session: Transaction, _: Reader) -> StocktakeView:
    """Return one stocktake; while people count, what to count and nothing of what anybody counted."""
    return await show_stocktake(session, await queries.get_stocktake(session, stocktake_id))


@router.post(
    "/stock/stocktakes/{stocktake_id}/counts",
    status_code=201,
    name="send_count",
    response_model=StocktakeView,
    responses=describe(
        StocktakeNotFound,
        StocktakeSettled,
        CountedAlready,
        CountTimeInvalid,
        CountIncomplete,
        LotNotAsked,
        LotNotFound,
        *_KEYED,
    ),
)
async def send_count(
    stocktake_id: UUID, body: CountSheet, session: Transaction, keeper: Kept, actor: Counter
) -> Response:
    """Send one's own count of this round."""
    made = await actions.send_count(session, stocktake_id, body, by=actor, now=utc_now())
    return await keeper.keep(await show_stocktake(session, made))


@router.post(
    "/stock/stocktakes/{stocktake_id}/approve",
    name="approve_stocktake",
    response_model=StocktakeView,
    responses=describe(StocktakeNotFound, StocktakeSettled, OwnStep, FiguresMoved, NotEnoughStock, *_KEYED),
)
async def approve_stocktake(
    stocktake_id: UUID, body: StocktakeApproval, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Post the differences that others counted, and close the stocktake."""
    made = await actions.approve_stocktake(session, stocktake_id, body, by=actor, now=utc_now())
    return await keeper.keep(await show_stocktake(session, made), status=200)


@router.post(
    "/stock/stocktakes/{stocktake_id}/decline",
    name="decline_stocktake",
    response_model=StocktakeView,
    responses=describe(StocktakeNotFound, StocktakeSettled, OwnStep, *_KEYED),
)
async def decline_stocktake(
    stocktake_id: UUID, body: Decision, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Decline the differences that others counted; nothing is posted."""
    end = actions.Ending(StocktakeStatus.DECLINED, body.reason)
    made = await actions.end_stocktake(session, stocktake_id, end, by=actor, now=utc_now())
    return await keeper.keep(await show_stocktake(session, made), status=200)


@router.post(
    "/stock/stocktakes/{stocktake_id}/cancel",
    name="cancel_stocktake",
    response_model=StocktakeView,
    responses=describe(StocktakeNotFound, StocktakeSettled, *_KEYED),
)
async def cancel_stocktake(
    stocktake_id: UUID, body: Decision, session: Transaction, keeper: Kept, actor: Keeping
) -> Response:
    """Cancel a stocktake while people count; nothing is posted."""
    end = actions.Ending(StocktakeStatus.CANCELLED, body.reason)
    made = await actions.end_stocktake(session, stocktake_id, end, by=actor, now=utc_now())
    return await keeper.keep(await show_stocktake(session, made), status=200)
