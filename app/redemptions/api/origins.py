"""The route from a member's order to the origin cards of its boxes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.orders.errors import OrderNotFound
from app.platform.clock import utc_now
from app.platform.http import StrictRoute
from app.platform.problems import describe
from app.redemptions.actions.origins import find_origins
from app.redemptions.schemas import CardOfOrder, OrderOriginView

router = APIRouter(route_class=StrictRoute, tags=["origin"])


@router.get(
    "/orders/{order_id}/origin",
    name="get_order_origin",
    response_model=OrderOriginView,
    responses=describe(OrderNotFound),
)
async def get_order_origin(
    order_id: UUID, session: Transaction, actor: Annotated[Actor, require(Permission.ORDERS_OWN)]
) -> OrderOriginView:
    """Return the public origin cards of the boxes of one of the caller's own orders."""
    is_handed_over, cards = await find_origins(session, order_id, member_id=actor.id, now=utc_now())
    return OrderOriginView(
        order_id=order_id,
        is_handed_over=is_handed_over,
        cards=[CardOfOrder(reference=card.reference, path=f"/o/{card.reference}") for card in cards],
    )
