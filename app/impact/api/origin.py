"""Routes of origin cards: anybody reads one, whoever sees the stock prints its label."""

import asyncio
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from app.access.actor import Actor
from app.access.deps import Transaction, database_of, public, require
from app.access.policy import Permission
from app.access.scope import every_union, one_union
from app.impact.actions import origin as actions
from app.impact.api.views import sponsor_view
from app.impact.errors import CardNotFound
from app.impact.queries import origin as queries
from app.impact.queries.origin import Origin
from app.impact.queries.projects import find_parts
from app.impact.rules.references import read_reference
from app.impact.schemas.origin import (
    CardChange,
    CardView,
    CertificateView,
    ContentView,
    LocalProjectView,
    OriginPlaceView,
    OriginView,
)
from app.impact.tables import OriginCard
from app.platform.clock import local_date, utc_now
from app.platform.database import Database
from app.platform.errors import Forbidden
from app.platform.http import NOT_MODIFIED, StrictRoute, tagged
from app.platform.problems import OPEN, describe
from app.platform.qr import qr_svg
from app.stock.errors import LotNotFound, LotUnrecorded

router = APIRouter(route_class=StrictRoute, tags=["origin"])
Reference = Annotated[str, Path(min_length=1, max_length=36, description="as on the label, in any case")]
_LOT = (LotNotFound, LotUnrecorded)
_svg = lru_cache(1_024)(qr_svg)


async def read_origin(database: Database, given: str) -> OriginView:
    """Return the origin card with this reference, however it was typed; raises CardNotFound."""
    reference = read_reference(given)
    if reference is None:
        raise CardNotFound()
    async with database.transaction(every_union("whose card it is, a reader cannot know")) as session:
        union_id = await queries.find_card_union(session, reference)
    async with database.transaction(one_union(union_id)) as session:
        origin = await queries.get_origin(session, reference)
    projects: list[LocalProjectView] = []
    if origin.region is not None:
        async with database.transaction(every_union("published impact is public")) as session:
            found = await queries.find_local_projects(session, origin.region.id)
            parts = await find_parts(session, found, published=True)
        projects = [
            LocalProjectView(
                id=one.id,
                title=one.title,
                sponsor=sponsor_view(parts.sponsors[one.union_id]),
                since_year=one.since_year,
                quotes=list(dict.fromkeys(result.quote for result in parts.results[one.id])),
            )
            for one in found
        ]
    return _origin_view(origin, projects)


def _origin_view(origin: Origin, projects: list[LocalProjectView]) -> OriginView:
    lot, box, region = origin.lot, origin.box, origin.region
    contents = [
        ContentView(
            name=product.name,
            quantity=part.quantity,
            unit=product.unit,
            category=product.category,
            net_content_grams=product.net_content_grams,
            net_content_ml=product.net_content_ml,
            shelf_life=product.shelf_life,
            storage=product.storage,
            allergens=product.allergens,
            licence_number=product.sc_number,
        )
        for part, product in origin.contents
    ]
    return OriginView(
        reference=origin.card.reference,
        recalled_on=local_date(lot.recalled_at) if lot.recalled_at else None,
        gift_box=box.name,
        unit=box.unit,
        gross_weight_grams=box.gross_weight_grams,
        lot_number=lot.number,
        produced_on=lot.produced_on,
        best_before_on=lot.best_before_on,
        origin=OriginPlaceView(
            region_id=region.id if region else None,
            names=origin.names,
            division_code=lot.origin_code or (region.division_code if region else None),
        ),
        suppliers=[one.name for one in origin.suppliers] if origin.card.supplier_shown_at else [],
        contents=contents,
        allergens=sorted({allergen for content in contents for allergen in content.allergens}),
        certificates=[
            CertificateView.model_validate(one, from_attributes=True) for one in origin.certificates
        ],
        projects=projects,
        sample=lot.is_sample or box.is_sample,
    )


@router.get(
    "/origin/{reference}",
    name="get_origin",
    dependencies=[public()],
    response_model=OriginView,
    responses=describe(CardNotFound, *OPEN, common=False) | NOT_MODIFIED,
)
async def get_origin(request: Request, reference: Reference) -> Response:
    """Return where the boxes of a lot come from: what the label says, and what unions did there."""
    view = await read_origin(database_of(request), reference)
    return tagged(request, view.model_dump_json().encode())


@router.get(
    "/lots/{lot_id}/origin",
    name="get_origin_card",
    response_model=CardView,
    responses=describe(*_LOT),
)
async def get_card(
    request: Request,
    lot_id: UUID,
    session: Transaction,
    _: Annotated[Actor, require(Permission.STOCK_READ)],
) -> CardView:
    """Return the public reference and address of a lot's origin card."""
    return _card_view(request, await actions.get_or_make_card(session, lot_id, now=utc_now()))


@router.put(
    "/lots/{lot_id}/origin",
    name="show_supplier",
    response_model=CardView,
    responses=describe(*_LOT, Forbidden),
)
async def show_supplier(
    request: Request,
    lot_id: UUID,
    body: CardChange,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.IMPACT_PUBLISH)],
) -> CardView:
    """Say whether the origin card of a lot names its supplier."""
    card = await actions.show_supplier(session, lot_id, body.shows_supplier, by=actor, now=utc_now())
    return _card_view(request, card)


@router.get(
    "/lots/{lot_id}/label.svg",
    name="get_label_svg",
    response_class=Response,
    responses=describe(*_LOT) | NOT_MODIFIED | {200: {"content": {"image/svg+xml": {}}}},
)
async def get_label(
    request: Request,
    lot_id: UUID,
    session: Transaction,
    _: Annotated[Actor, require(Permission.STOCK_READ)],
) -> Response:
    """Return the QR picture for the box's label: it opens the origin card of the lot."""
    card = await actions.get_or_make_card(session, lot_id, now=utc_now())
    picture = await asyncio.to_thread(_svg, _url(request, card))
    return tagged(request, picture, media_type="image/svg+xml")


def _card_view(request: Request, card: OriginCard) -> CardView:
    return CardView(
        lot_id=card.lot_id,
        reference=card.reference,
        url=_url(request, card),
        shows_supplier=card.supplier_shown_at is not None,
    )


def _url(request: Request, card: OriginCard) -> str:
    return f"{request.app.state.settings.public_url.rstrip('/')}/o/{card.reference}"
