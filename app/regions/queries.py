"""Every `select` about regions and places."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import Page, page_of, seek, text_key
from app.regions.errors import PlaceNotFound, RegionNotFound
from app.regions.tables import Cooperative, Division, PartnerRegion, Place

MOST_LISTED = 500


async def list_regions(
    session: AsyncSession, *, name: str | None, limit: int, after: tuple[str, ...] | None
) -> Page[PartnerRegion]:
    """Return partner regions by division code; with `name` the ones called so now or before."""
    wanted = select(PartnerRegion)
    if name is not None:
        wanted = wanted.where(or_(PartnerRegion.name == name, PartnerRegion.aliases.contains([name])))
    if after is not None:
        _, last_code = seek(after, text_key, text_key)
        wanted = wanted.where(PartnerRegion.division_code > last_code)
    found = await session.scalars(wanted.order_by(PartnerRegion.division_code).limit(limit + 1))
    return page_of(list(found), limit=limit, key=lambda region: ("region", region.division_code))


async def get_region(session: AsyncSession, region_id: UUID) -> PartnerRegion:
    """Return a partner region, or raise RegionNotFound."""
    found = await session.scalar(select(PartnerRegion).where(PartnerRegion.id == region_id))
    if found is None:
        raise RegionNotFound()
    return found


async def find_regions(session: AsyncSession, region_ids: Collection[UUID]) -> dict[UUID, PartnerRegion]:
    """Return partner regions by their ids."""
    found = await session.scalars(select(PartnerRegion).where(PartnerRegion.id.in_(region_ids)))
    return {region.id: region for region in found}


async def find_region_by_code(session: AsyncSession, division_code: str) -> PartnerRegion | None:
    """Return the partner region that a county's code stands for, or None."""
    return await session.scalar(select(PartnerRegion).where(PartnerRegion.division_code == division_code))


async def list_places(session: AsyncSession, region_id: UUID) -> list[Place]:
    """Return the places of a region by township and name, 500 at most."""
    wanted = select(Place).where(Place.region_id == region_id)
    found = await session.scalars(wanted.order_by(Place.township, Place.name, Place.id).limit(MOST_LISTED))
    return list(found)


async def list_cooperatives(session: AsyncSession, region_id: UUID) -> list[Cooperative]:
    """Return the cooperatives of a region that agreed to be named, by name, 500 at most."""
    wanted = select(Cooperative).where(Cooperative.region_id == region_id, Cooperative.is_name_public)
    return list(await session.scalars(wanted.order_by(Cooperative.name).limit(MOST_LISTED)))


async def find_places(session: AsyncSession, place_ids: Collection[UUID]) -> dict[UUID, Place]:
    """Return places by their ids."""
    found = await session.scalars(select(Place).where(Place.id.in_(place_ids)))
    return {place.id: place for place in found}


async def check_places(session: AsyncSession, sites: Collection[tuple[UUID, UUID | None]]) -> None:
    """Check that regions exist and places are in them; raises RegionNotFound, PlaceNotFound."""
    regions = {region_id for region_id, _ in sites}
    if len(await find_regions(session, regions)) < len(regions):
        raise RegionNotFound()
    places = await find_places(session, {place_id for _, place_id in sites if place_id is not None})
    for region_id, place_id in sites:
        if place_id is not None and (place_id not in places or places[place_id].region_id != region_id):
            raise PlaceNotFound()


async def find_chain(session: AsyncSession, code: str) -> list[Division]:
    """Return a division and those it is in, the province first; empty if the code is in no table."""
    chain: list[Division] = []
    wanted: str | None = code
    while wanted is not None and len(chain) < len(code):
        division = await session.get(Division, wanted)
        if division is None:
            break
        chain.insert(0, division)
        wanted = division.parent_code
    return chain
