"""Routes of partner regions: public, without a person in them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.deps import database_of, public
from app.access.scope import Scope
from app.platform.http import NOT_MODIFIED, StrictRoute, tagged
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import OPEN, describe
from app.platform.text import LINE
from app.regions import queries
from app.regions.errors import RegionNotFound
from app.regions.schemas import CooperativeView, PartnerRegionView, PlaceView, RegionDetails
from app.regions.tables import PartnerRegion

router = APIRouter(route_class=StrictRoute, tags=["regions"])
NOBODYS = Scope()
"""Regions belong to no union: who reads them sees no row of one."""


class RegionsRequest(PageRequest):
    """Which regions are asked for."""

    name: Annotated[
        str | None,
        Query(min_length=1, max_length=40, pattern=LINE, description="also an earlier or short name"),
    ] = None


def _view(region: PartnerRegion) -> PartnerRegionView:
    return PartnerRegionView.model_validate(region, from_attributes=True)


@router.get(
    "/regions",
    name="list_regions",
    dependencies=[public()],
    response_model=PageView[PartnerRegionView],
    responses=describe(CursorInvalid, *OPEN, common=False) | NOT_MODIFIED,
)
async def list_regions(request: Request, asked: Annotated[RegionsRequest, Query()]) -> Response:
    """Return the partner regions by division code."""
    async with database_of(request).transaction(NOBODYS) as session:
        page = await queries.list_regions(session, name=asked.name, limit=asked.limit, after=asked.after)
    view = PageView[PartnerRegionView](items=[_view(region) for region in page.items], next=page.next)
    return tagged(request, view.model_dump_json().encode())


@router.get(
    "/regions/{region_id}",
    name="get_region",
    dependencies=[public()],
    response_model=RegionDetails,
    responses=describe(RegionNotFound, *OPEN, common=False) | NOT_MODIFIED,
)
async def get_region(request: Request, region_id: UUID) -> Response:
    """Return a partner region with its places and cooperatives."""
    async with database_of(request).transaction(NOBODYS) as session:
        view = await _details(session, region_id)
    return tagged(request, view.model_dump_json().encode())


async def _details(session: AsyncSession, region_id: UUID) -> RegionDetails:
    region = await queries.get_region(session, region_id)
    places = await queries.list_places(session, region_id)
    cooperatives = await queries.list_cooperatives(session, region_id)
    return RegionDetails(
        **_view(region).model_dump(),
        places=[PlaceView.model_validate(place, from_attributes=True) for place in places],
        cooperatives=[
            CooperativeView(id=one.id, name=one.name, place_id=one.place_id, sample=one.is_sample)
            for one in cooperatives
        ],
    )
