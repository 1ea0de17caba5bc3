"""Routes of goods receipts."""

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
from app.procurement.actions import receipts as actions
from app.procurement.errors import (
    BatchNeeded,
    DayInFuture,
    GoodsExpired,
    GoodsMovedOn,
    LineNotFound,
    LotRecalled,
    MoreThanOrdered,
    NotMissing,
    NotReceiver,
    PurchaseNotFound,
    ReceiptNotFound,
    ReversedAlready,
    ShelfLifeShort,
    StepNotPossible,
    ThreePeopleNeeded,
)
from app.procurement.queries import receipts as queries
from app.procurement.queries.views import receipt_views
from app.procurement.schemas.receipts import LateDelivery, ReceiptDraft, ReceiptView, ReversalDraft
from app.stock.errors import LotContradicts, NotEnoughStock, OriginNotFound

router = APIRouter(route_class=StrictRoute, tags=["procurement"])
_ALWAYS = (
    StepNotPossible,
    PointNotFound,
    DayInFuture,
    ThreePeopleNeeded,
    NotReceiver,
    LineNotFound,
    LotRecalled,
    Conflict,
    KeyReused,
    KeyRequired,
    KeyInFlight,
)
Reader = Annotated[Actor, require(Permission.PROCUREMENT_READ)]
Receiver = Annotated[Actor, require(Permission.STOCK_WRITE)]


class ReceiptsRequest(PageRequest):
    """Which goods receipts are asked for."""

    pickup_point_id: UUID | None = None


@router.get(
    "/receipts",
    name="list_goods_receipts",
    response_model=PageView[ReceiptView],
    responses=describe(CursorInvalid),
)
async def list_goods_receipts(
    page: Annotated[ReceiptsRequest, Query()], session: Transaction, _: Reader
) -> PageView[ReceiptView]:
    """Return goods receipts, the last one first."""
    found = await queries.list_receipts(
        session, pickup_point_id=page.pickup_point_id, limit=page.limit, after=page.after
    )
    return PageView(items=await receipt_views(session, found.items), next=found.next)


@router.get(
    "/receipts/{receipt_id}",
    name="get_goods_receipt",
    response_model=ReceiptView,
    responses=describe(ReceiptNotFound),
)
async def get_goods_receipt(receipt_id: UUID, session: Transaction, _: Reader) -> ReceiptView:
    """Return a goods receipt."""
    (view,) = await receipt_views(session, [await queries.get_receipt(session, receipt_id)])
    return view


@router.post(
    "/procurements/{purchase_id}/receipts",
    status_code=201,
    name="receive_goods",
    response_model=ReceiptView,
    responses=describe(
        PurchaseNotFound, BatchNeeded, MoreThanOrdered, ShelfLifeShort, GoodsExpired, OriginNotFound,
        LotContradicts, NotEnoughStock, *_ALWAYS,
    ),
)  # fmt: skip
async def receive_goods(
    purchase_id: UUID, body: ReceiptDraft, session: Transaction, keeper: Kept, actor: Receiver
) -> Response:
    """Take in goods of an approved purchase: good boxes to the pickup point, damaged ones to quarantine."""
    receipt = await actions.receive_goods(session, purchase_id, body, by=actor.id, now=utc_now())
    (view,) = await receipt_views(session, [receipt])
    return await keeper.keep(view)


@router.post(
    "/receipts/{receipt_id}/late-delivery",
    status_code=201,
    name="receive_late",
    response_model=ReceiptView,
    responses=describe(ReceiptNotFound, ReversedAlready, NotMissing, NotEnoughStock, *_ALWAYS),
)
async def receive_late(
    receipt_id: UUID, body: LateDelivery, session: Transaction, keeper: Kept, actor: Receiver
) -> Response:
    """Take in boxes that were missing on an earlier receipt, of the same lots."""
    receipt = await actions.receive_late(session, receipt_id, body, by=actor.id, now=utc_now())
    (view,) = await receipt_views(session, [receipt])
    return await keeper.keep(view)


@router.post(
    "/receipts/{receipt_id}/reverse",
    status_code=201,
    name="reverse_receipt",
    response_model=ReceiptView,
    responses=describe(ReceiptNotFound, ReversedAlready, GoodsMovedOn, *_ALWAYS),
)
async def reverse_receipt(
    receipt_id: UUID, body: ReversalDraft, session: Transaction, keeper: Kept, actor: Receiver
) -> Response:
    """Take a wrong receipt back by another one; refused once its boxes have gone on."""
    receipt = await actions.reverse_receipt(session, receipt_id, body, by=actor.id, now=utc_now())
    (view,) = await receipt_views(session, [receipt])
    return await keeper.keep(view)
