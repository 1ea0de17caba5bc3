"""Every `select` about products and gift boxes."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.errors import GiftBoxNotFound, ProductNotFound, RegionNotFound
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.platform.paging import Page, page_of, seek, text_key
from app.regions.tables import PartnerRegion


async def get_gift_box(session: AsyncSession, gift_box_id: UUID) -> GiftBox:
    """Return a gift box of the session's unions, or raise GiftBoxNotFound."""
    found = (await session.execute(select(GiftBox).where(GiftBox.id == gift_box_id))).scalar_one_or_none()
    if found is None:
        raise GiftBoxNotFound()
    return found


async def list_products(session: AsyncSession, *, limit: int, after: tuple[str, ...] | None) -> Page[Product]:
    """Return products by name."""
    wanted = select(Product)
    if after is not None:
        wanted = wanted.where(tuple_(Product.name, Product.id) > seek(after, text_key, UUID))
    found = await session.execute(wanted.order_by(Product.name, Product.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda item: (item.name, str(item.id)))


async def list_gift_boxes(
    session: AsyncSession, *, limit: int, after: tuple[str, ...] | None
) -> Page[GiftBox]:
    """Return gift boxes by name."""
    wanted = select(GiftBox)
    if after is not None:
        wanted = wanted.where(tuple_(GiftBox.name, GiftBox.id) > seek(after, text_key, UUID))
    found = await session.execute(wanted.order_by(GiftBox.name, GiftBox.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda item: (item.name, str(item.id)))


async def find_components(
    session: AsyncSession, gift_box_ids: Collection[UUID]
) -> Sequence[GiftBoxComponent]:
    """Return the components of gift boxes in the order of the label."""
    wanted = (
        select(GiftBoxComponent)
        .where(GiftBoxComponent.gift_box_id.in_(gift_box_ids))
        .order_by(GiftBoxComponent.gift_box_id, GiftBoxComponent.position)
    )
    return list((await session.execute(wanted)).scalars())


async def find_products(session: AsyncSession, product_ids: Collection[UUID]) -> dict[UUID, Product]:
    """Return those of these products that the session's unions have."""
    found = await session.execute(select(Product).where(Product.id.in_(product_ids)))
    return {product.id: product for product in found.scalars()}


async def get_product(session: AsyncSession, product_id: UUID) -> Product:
    """Return a product of the session's unions, or raise ProductNotFound."""
    found = (await session.execute(select(Product).where(Product.id == product_id))).scalar_one_or_none()
    if found is None:
        raise ProductNotFound()
    return found


async def lock_product(session: AsyncSession, product_id: UUID) -> Product:
    """Lock and return a product of the session's unions, or raise ProductNotFound."""
    wanted = select(Product).where(Product.id == product_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise ProductNotFound()
    return found


async def check_regions(session: AsyncSession, region_ids: Collection[UUID | None]) -> None:
    """Raise RegionNotFound unless all these partner regions are there; None stands for no region."""
    wanted = {region_id for region_id in region_ids if region_id is not None}
    found = await session.execute(select(PartnerRegion.id).where(PartnerRegion.id.in_(wanted)))
    if wanted - set(found.scalars()):
        raise RegionNotFound()
