"""Routes of the catalog."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.catalog import actions, queries
from app.catalog.errors import ProductNotFound, RegionNotFound
from app.catalog.schemas import (
    Component,
    GiftBoxDraft,
    GiftBoxView,
    ProductChange,
    ProductDraft,
    ProductView,
)
from app.catalog.tables import GiftBox
from app.platform.errors import (
    Conflict,
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import NOT_MODIFIED, IfMatch, StrictRoute, seen_version, tagged
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe

router = APIRouter(route_class=StrictRoute, tags=["catalog"])


def _view(box: GiftBox, components: list[Component]) -> GiftBoxView:
    names = (
        "id", "kind", "name", "unit", "barcode", "gross_weight_grams", "unit_price_fen", "region_id",
        "is_sample",
    )  # fmt: skip
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
    "/products/{product_id}",
    name="get_product",
    response_model=ProductView,
    responses=describe(ProductNotFound) | NOT_MODIFIED,
)
async def get_product(
    request: Request,
    product_id: UUID,
    session: Transaction,
    _: Annotated[Actor, require(Permission.CATALOG_READ)],
) -> Response:
    """Return a product; its entity tag begins with the version that a change has to name."""
    product = await queries.get_product(session, product_id)
    view = ProductView.model_validate(product, from_attributes=True)
    return tagged(request, view.model_dump_json().encode(), version=product.version)


@router.post(
    "/products",
    status_code=201,
    name="add_product",
    response_model=ProductView,
    responses=describe(RegionNotFound, Conflict, KeyReused, KeyRequired, KeyInFlight),
)
async def add_product(
    body: ProductDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.CATALOG_WRITE)],
) -> Response:
    """Make a product of the union, with what its label says."""
    product = await actions.add_product(session, body, union_id=actor.union_id)
    return await keeper.keep(ProductView.model_validate(product, from_attributes=True))


@router.patch(
    "/products/{product_id}",
    name="change_product",
    response_model=ProductView,
    responses=describe(ProductNotFound, RegionNotFound, PreconditionFailed, PreconditionRequired),
)
async def change_product(
    product_id: UUID,
    body: ProductChange,
    session: Transaction,
    _: Annotated[Actor, require(Permission.CATALOG_WRITE)],
    if_match: IfMatch = None,
) -> ProductView:
    """Change what the label of a product says."""
    product = await actions.change_product(session, product_id, body, seen_version=seen_version(if_match))
    return ProductView.model_validate(product, from_attributes=True)


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
    responses=describe(ProductNotFound, RegionNotFound, Conflict, KeyReused, KeyRequired, KeyInFlight),
)
async def add_gift_box(
    body: GiftBoxDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.CATALOG_WRITE)],
) -> Response:
    """Make a gift box from products of the union, or a place on a visit."""
    box = await actions.add_gift_box(session, body, union_id=actor.union_id)
    return await keeper.keep(_view(box, body.components))
