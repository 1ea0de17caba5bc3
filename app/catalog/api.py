"""Routes of the catalog."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.catalog import actions, queries
from app.catalog.errors import ProductNotFound
from app.catalog.schemas import Component, GiftBoxDraft, GiftBoxView, ProductView
from app.catalog.tables import GiftBox
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe

router = APIRouter(route_class=StrictRoute, tags=["catalog"])


def _view(box: GiftBox, components: list[Component]) -> GiftBoxView:
    names = ("id", "name", "unit", "barcode", "gross_weight_grams", "unit_price_fen", "is_sample")
    return GiftBoxView(components=components, **{name: getattr(box, name) for name in names})


@router.get(
    "/products",
    name="list_products",
    response_model=PageView[ProductView],
    responses=describe(CursorInvalid),
)
async def list_products(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.CATALOG_READ)],
) -> PageView[ProductView]:
    """Return the products of the union, by name."""
    found = await queries.list_products(session, limit=page.limit, after=page.after)
    items = [ProductView.model_validate(product, from_attributes=True) for product in found.items]
    return PageView(items=items, next=found.next)


@router.get(
    "/gift-boxes",
    name="list_gift_boxes",
    response_model=PageView[GiftBoxView],
    responses=describe(CursorInvalid),
)
async def list_gift_boxes(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.CATALOG_READ)],
) -> PageView[GiftBoxView]:
    """Return the gift boxes of the union, by name."""
    found = await queries.list_gift_boxes(session, limit=page.limit, after=page.after)
    parts = await queries.find_components(session, {box.id for box in found.items})
    items = [
        _view(box, [Component.model_validate(part) for part in parts if part.gift_box_id == box.id])
        for box in found.items
    ]
    return PageView(items=items, next=found.next)


@router.post(
    "/gift-boxes",
    status_code=201,
    name="add_gift_box",
    response_model=GiftBoxView,
    responses=describe(ProductNotFound, Conflict, KeyReused, KeyRequired, KeyInFlight),
)
async def add_gift_box(
    body: GiftBoxDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.CATALOG_WRITE)],
) -> Response:
    """Make a gift box from products of the union."""
    box = await actions.add_gift_box(session, body, union_id=actor.union_id)
    return await keeper.keep(_view(box, body.components))
