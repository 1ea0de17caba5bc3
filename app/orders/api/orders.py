"""Routes of orders."""

import secrets
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import IdempotencyKey, RequiredKey, Transaction, require
from app.access.policy import Permission
from app.campaigns.errors import (
    CampaignClosed,
    CampaignNotFound,
    CampaignNotOpen,
    CampaignSealed,
    NotEligible,
    OfferNotFound,
    SoldOut,
)
from app.campaigns.queries import get_campaign
from app.orders import queries
from app.orders.errors import (
    AlreadyOrdered,
    NotBookable,
    NotCancellable,
    OrderNotFound,
    QuantityOverLimit,
    QuotaBelowPromised,
    WaitlistClosed,
)
from app.orders.rules.commands import BookSlot, CancelOrder, ChangeQuota, Command, PlaceOrder, Replayed
from app.orders.rules.states import OrderStatus
from app.orders.schemas import (
    CancelRequest,
    OrderRequest,
    OrderView,
    QuotaChange,
    QuotaView,
    SlotChoice,
    order_answer,
    order_fields,
)
from app.pickup.errors import SlotFull, SlotNotFound, SlotPast
from app.platform.clock import local_date, utc_now
from app.platform.errors import (
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import NOT_MODIFIED, IfMatch, StrictRoute, seen_version, tagged
from app.platform.idempotency import Answer, Claim, fingerprint
from app.platform.ids import new_id
from app.platform.keeping import REPLAYED, json_answer
from app.platform.paging import CursorInvalid, Page, PageRequest, PageView
from app.platform.problems import describe, respond, restore

router = APIRouter(route_class=StrictRoute, tags=["orders"])
_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PLACE = describe(
    CampaignNotOpen, CampaignClosed, SoldOut, AlreadyOrdered, SlotFull, SlotPast, QuantityOverLimit,
    WaitlistClosed, NotEligible, OfferNotFound, SlotNotFound, KeyRequired, KeyReused, KeyInFlight,
)  # fmt: skip


def _number() -> str:
    """Return an order number: 8 random symbols after the day, unique in the union by constraint."""
    return f"{local_date(utc_now()):%y%m%d}-" + "".join(secrets.choice(_SYMBOLS) for _ in range(8))


async def _submit(request: Request, actor: Actor, command: Command) -> Response:
    """Put a command on the desk of the caller's union and answer with what comes of it."""
    outcome = await request.app.state.order_desks.submit(actor.union_id, command)
    match outcome:
        case Answer(status, body):
            return json_answer(body, status=status)
        case Replayed(Answer(status, body)) if status < 400:
            return json_answer(body, status=status, headers=REPLAYED)
        case Replayed(Answer(body=body)):
            response = respond(request, restore(body))
            response.headers.update(REPLAYED)
            return response
        case refusal:
            raise refusal


def _claim(request: Request, actor: Actor, *, key: str | None, body: Any) -> Claim | None:
    if key is None:
        return None
    return Claim(actor.id, key, fingerprint(request.method, request.scope["path"], body=body))


@router.post("/orders", status_code=201, name="place_order", response_model=OrderView, responses=_PLACE)
async def place_order(
    request: Request,
    body: OrderRequest,
    key: RequiredKey,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Order boxes of an offer, and book a slot in the same step if one is given."""
    now = utc_now()
    gate = request.app.state.sold_out
    if not body.join_waitlist:
        gate.check(body.offer_id, actor.id, union_id=actor.union_id, now=now)
    claim = _claim(request, actor, key=key, body=body.model_dump(mode="json"))
    command = PlaceOrder(
        at=now, claim=claim, order_id=new_id(), number=_number(), member_id=actor.id, **body.__dict__
    )
    try:
        return await _submit(request, actor, command)
    except SoldOut:
        gate.noticed_empty(body.offer_id, actor.union_id)
        raise


@router.get(
    "/orders/{order_id}",
    name="get_order",
    response_model=OrderView,
    responses=describe(OrderNotFound) | NOT_MODIFIED,
)
async def get_order(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return one of the caller's own orders."""
    order = await queries.get_order(session, order_id)
    if order is None or order.member_id != actor.id:
        raise OrderNotFound()
    slots = await queries.find_slots(session, [order.slot_id] if order.slot_id else [])
    return tagged(request, order_answer(order, slots.get(order.slot_id or order.id)).encode())


@router.put(
    "/orders/{order_id}/slot",
    name="book_slot",
    response_model=OrderView,
    responses=describe(OrderNotFound, SlotNotFound, SlotFull, SlotPast, NotBookable, CampaignClosed),
)
async def book_slot(
    request: Request,
    order_id: UUID,
    body: SlotChoice,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Book a place, or move to another: the old place is freed only once the new one is held."""
    command = BookSlot(at=utc_now(), claim=None, order_id=order_id, member_id=actor.id, slot_id=body.slot_id)
    return await _submit(request, actor, command)


@router.post(
    "/orders/{order_id}/cancel",
    name="cancel_order",
    response_model=OrderView,
    responses=describe(OrderNotFound, NotCancellable, KeyReused, KeyRequired, KeyInFlight),
)
async def cancel_order(
    request: Request,
    order_id: UUID,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
    body: CancelRequest | None = None,
    key: IdempotencyKey = None,
) -> Response:
    """Give an order up: its boxes and its place are free again in the same transaction."""
    reason = body.reason if body else None
    claim = _claim(request, actor, key=key, body={"reason": reason})
    command = CancelOrder(at=utc_now(), claim=claim, order_id=order_id, member_id=actor.id, reason=reason)
    return await _submit(request, actor, command)


@router.get(
    "/me/orders",
    name="list_my_orders",
    response_model=PageView[OrderView],
    responses=describe(CursorInvalid),
)
async def list_my_orders(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> dict[str, object]:
    """Return the caller's orders, newest first."""
    found = await queries.list_member_orders(session, actor.id, limit=page.limit, after=page.after)
    return await _view(session, found)


class CampaignOrdersRequest(PageRequest):
    """Which orders of a campaign are asked for."""

    status: OrderStatus | None = None


@router.get(
    "/campaigns/{campaign_id}/orders",
    name="list_campaign_orders",
    response_model=PageView[OrderView],
    responses=describe(CursorInvalid, CampaignNotFound),
)
async def list_campaign_orders(
    campaign_id: UUID,
    page: Annotated[CampaignOrdersRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.ORDERS_READ)],
) -> dict[str, object]:
    """Return the orders of a campaign, newest first, without names."""
    await get_campaign(session, campaign_id)
    found = await queries.list_campaign_orders(
        session, campaign_id, status=page.status, limit=page.limit, after=page.after
    )
    return await _view(session, found)


async def _view(session: Transaction, page: Page[Any]) -> dict[str, object]:
    slots = await queries.find_slots(session, {order.slot_id for order in page.items if order.slot_id})
    items = [order_fields(order, slots.get(order.slot_id or order.id)) for order in page.items]
    return {"items": items, "next": page.next}


@router.put(
    "/offers/{offer_id}/quota",
    name="change_quota",
    response_model=QuotaView,
    responses=describe(
        OfferNotFound, CampaignSealed, QuotaBelowPromised, PreconditionFailed, PreconditionRequired
    ),
)
async def change_quota(
    request: Request,
    offer_id: UUID,
    body: QuotaChange,
    _log: Transaction,
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_WRITE)],
    if_match: IfMatch = None,
) -> Response:
    """Set the quota of an offer; what is freed goes to those who wait, in their order."""
    command = ChangeQuota(
        at=utc_now(), claim=None, offer_id=offer_id, quota=body.quota, version=seen_version(if_match)
    )
    return await _submit(request, actor, command)
