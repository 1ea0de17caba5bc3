"""Routes of pickup points and slots."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.pickup import actions, queries
from app.pickup.errors import CapacityBelowBooked, SlotNotFound
from app.pickup.schemas import CapacityChange, PointDraft, PointView, SlotView, slot_view
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe

router = APIRouter(route_class=StrictRoute, tags=["pickup"])


@router.get(
    "/pickup-points",
    name="list_pickup_points",
    response_model=PageView[PointView],
    responses=describe(CursorInvalid),
)
async def list_points(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.CAMPAIGNS_READ)],
) -> PageView[PointView]:
    """Return the pickup points of the union, by name."""
    found = await queries.list_points(session, limit=page.limit, after=page.after)
    items = [PointView.model_validate(point, from_attributes=True) for point in found.items]
    return PageView(items=items, next=found.next)


@router.post(
    "/pickup-points",
    status_code=201,
    name="add_pickup_point",
    response_model=PointView,
    responses=describe(Conflict, KeyReused, KeyRequired, KeyInFlight),
)
async def add_point(
    body: PointDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.PICKUP_WRITE)],
) -> Response:
    """Make a pickup point."""
    point = await actions.add_point(session, body, union_id=actor.union_id)
    return await keeper.keep(PointView.model_validate(point, from_attributes=True))


@router.put(
    "/slots/{slot_id}/capacity",
    name="change_capacity",
    response_model=SlotView,
    responses=describe(SlotNotFound, CapacityBelowBooked),
)
async def change_capacity(
    slot_id: UUID,
    body: CapacityChange,
    session: Transaction,
    _: Annotated[Actor, require(Permission.PICKUP_WRITE)],
) -> SlotView:
    """Set the number of places of a slot."""
    return slot_view(await actions.change_capacity(session, slot_id, body.capacity))
