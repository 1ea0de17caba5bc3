"""The app as deployed, with three more routes to compare it to."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response
from sqlalchemy import select

from app.access.actor import Actor
from app.access.deps import RequiredKey, Transaction, require
from app.access.policy import Permission
from app.campaigns.tables import Campaign, Offer
from app.main import create_app
from app.orders.schemas import OrderRequest, OrderView
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.http import StrictRoute
from app.platform.ids import new_id
from app.platform.keeping import IdempotencyRecord, json_answer
from app.redemptions.rules.reading import read_code
from app.redemptions.schemas import RedemptionRequest

router = APIRouter(route_class=StrictRoute)
ANSWER = '{"id":"0","status":"to_book"}'


@router.post("/noop", name="noop")
async def noop(
    body: OrderRequest, key: RequiredKey, actor: Annotated[Actor, require(Permission.ORDERS_OWN)]
) -> Response:
    """Do nothing: the same route class, body, header and bearer check as an order, no database."""
    return json_answer(ANSWER, status=201)


@router.post("/noop-scan", name="noop_scan")
async def noop_scan(
    request: Request,
    body: RedemptionRequest,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
) -> Response:
    """Check the signature of a scanned code and do nothing else."""
    union = await request.app.state.people.about(actor, actor.id)
    read_code(body.code, await request.app.state.key_ring.keys(), union_number=union.number)
    return json_answer(ANSWER)


@router.post("/orm-orders", name="orm_order")
async def orm_order(
    body: OrderRequest,
    key: RequiredKey,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Order in the plain ORM way: `select … for update`, check, change, one transaction each."""
    found = await session.execute(select(Offer).where(Offer.id == body.offer_id).with_for_update())
    offer = found.scalar_one()
    campaign = await session.get_one(Campaign, offer.campaign_id)
    now = utc_now()
    taken = select(Order.id).where(Order.campaign_id == campaign.id, Order.member_id == actor.id)
    if (await session.execute(taken)).first() or offer.promised_count >= offer.quota:
        return json_answer("{}", status=409)
    order = Order(**_order(offer, campaign.id, actor, now=now, unit_id=await _unit(session, actor)))
    offer.promised_count += 1
    session.add(order)
    session.add(
        IdempotencyRecord(
            actor_id=actor.id, key=key, union_id=actor.union_id, fingerprint=b"0" * 32, status=201, body="{}",
            created_at=now,
        )
    )  # fmt: skip
    await session.flush()
    return json_answer(OrderView.model_validate(_shown(order)).model_dump_json(), status=201)


async def _unit(session: Any, actor: Actor) -> UUID:
    from app.unions.tables import Member

    unit: UUID = (await session.get_one(Member, actor.id)).unit_id
    return unit


def _order(offer: Offer, campaign_id: UUID, actor: Actor, *, now: Any, unit_id: UUID) -> dict[str, Any]:
    id = new_id()
    return {
        "id": id, "union_id": actor.union_id, "number": id.hex[-12:], "campaign_id": campaign_id,
        "offer_id": offer.id, "pickup_point_id": offer.pickup_point_id, "member_id": actor.id,
        "unit_id": unit_id, "quantity": 1, "status": "to_book", "channel": "member", "placed_at": now,
    }  # fmt: skip


def _shown(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name, None) for name in OrderView.model_fields} | {"slot": None}


def application() -> FastAPI:
    """Return the app with the routes of comparison."""
    app = create_app()
    app.include_router(router, prefix="/bench")
    return app
