"""Routes of lots: what became of each, and recalls."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.platform.clock import utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.stock.actions.recalls import lift_recall as lift
from app.stock.actions.recalls import recall_lot as recall
from app.stock.errors import LotNotFound, LotUnrecorded, NotEnoughStock, NotRecalled, RecalledAlready
from app.stock.queries import lots as queries
from app.stock.queries.figures import lot_figures
from app.stock.queries.movements import find_balances
from app.stock.schemas import AccountView, LotDetailView, LotFiguresView, LotView, RecallDraft
from app.stock.tables import Lot

router = APIRouter(route_class=StrictRoute, tags=["stock"])
_KEYED = (KeyRequired, KeyReused, KeyInFlight)
Recaller = Annotated[Actor, require(Permission.LOTS_RECALL)]


class LotsRequest(PageRequest):
    """Which lots are asked for."""

    gift_box_id: UUID | None = None
    is_recalled: bool | None = None


@router.get("/lots", name="list_lots", response_model=PageView[LotView], responses=describe(CursorInvalid))
async def list_lots(
    page: Annotated[LotsRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.STOCK_READ)],
) -> PageView[LotView]:
    """Return lots, newest first."""
    wanted = queries.LotsWanted(page.gift_box_id, page.is_recalled)
    found = await queries.list_lots(session, wanted, limit=page.limit, after=page.after)
    return PageView(items=[LotView.model_validate(lot) for lot in found.items], next=found.next)


@router.get("/lots/{lot_id}", name="get_lot", response_model=LotDetailView, responses=describe(LotNotFound))
async def get_lot(
    lot_id: UUID, session: Transaction, _: Annotated[Actor, require(Permission.STOCK_READ)]
) -> LotDetailView:
    """Return a lot with what every account holds of it, and whether its close-out adds up."""
    return await _detail(session, await queries.get_lot(session, lot_id))


@router.post(
    "/lots/{lot_id}/recall",
    name="recall_lot",
    response_model=LotDetailView,
    responses=describe(LotNotFound, LotUnrecorded, RecalledAlready, NotEnoughStock, *_KEYED),
)
async def recall_lot(
    lot_id: UUID, body: RecallDraft, session: Transaction, keeper: Kept, actor: Recaller
) -> Response:
    """Hold a lot back at once: it is picked no more, and what points have of it goes into quarantine."""
    lot = await recall(session, lot_id, body.reason, by=actor, now=utc_now())
    return await keeper.keep(await _detail(session, lot), status=200)


@router.post(
    "/lots/{lot_id}/recall/lift",
    name="lift_recall",
    response_model=LotDetailView,
    responses=describe(LotNotFound, NotRecalled, NotEnoughStock, *_KEYED),
)
async def lift_recall(
    lot_id: UUID, body: RecallDraft, session: Transaction, keeper: Kept, actor: Recaller
) -> Response:
    """Give a recalled lot free: what the recall put into quarantine, and is still there, is on hand again."""
    lot = await lift(session, lot_id, body.reason, by=actor, now=utc_now())
    return await keeper.keep(await _detail(session, lot), status=200)


async def _detail(session: AsyncSession, lot: Lot) -> LotDetailView:
    held = await find_balances(session, lot.id)
    figures = (await lot_figures(session, [lot.id]))[lot.id]
    return LotDetailView(
        **LotView.model_validate(lot).model_dump(),
        accounts=[
            AccountView(kind=row.kind, pickup_point_id=row.pickup_point_id, boxes=row.boxes) for row in held
        ],
        figures=LotFiguresView.model_validate(figures),
    )
