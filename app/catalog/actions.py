"""What people do with the catalog."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.errors import ProductNotFound
from app.catalog.queries import check_regions, find_products, lock_product
from app.catalog.schemas import GiftBoxDraft, ProductChange, ProductDraft
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.platform.errors import PreconditionFailed
from app.platform.ids import new_id


async def add_gift_box(session: AsyncSession, draft: GiftBoxDraft, *, union_id: UUID) -> GiftBox:
    """Make a gift box from products of the union, or a place on a visit.

    Raises ProductNotFound, RegionNotFound.
    """
    await check_regions(session, [draft.region_id])
    wanted = {component.product_id for component in draft.components}
    if len(await find_products(session, wanted)) < len(wanted):
        raise ProductNotFound()
    values = draft.model_dump(mode="python", exclude={"components", "kind"})
    box = GiftBox(id=new_id(), union_id=union_id, is_sample=False, kind=draft.kind.value, **values)
    session.add(box)
    await session.flush()
    for position, component in enumerate(draft.components):
        session.add(
            GiftBoxComponent(
                union_id=union_id, gift_box_id=box.id, position=position, **component.model_dump()
            )
        )
    await session.flush()
    return box


async def add_product(session: AsyncSession, draft: ProductDraft, *, union_id: UUID) -> Product:
    """Make a product of the union; raises RegionNotFound. The database refuses a barcode it has."""
    await check_regions(session, [draft.region_id])
    product = Product(id=new_id(), union_id=union_id, version=1, is_sample=False, **draft.model_dump())
    session.add(product)
    await session.flush()
    return product


async def change_product(
    session: AsyncSession, product_id: UUID, change: ProductChange, *, seen_version: int | None
) -> Product:
    """Change what the label of a product says; the caller saw it at `seen_version` (None: at any).

    A licence number takes the place of the reason why there was none, and the other way round.
    Raises ProductNotFound, PreconditionFailed, RegionNotFound.
    """
    product = await lock_product(session, product_id)
    if seen_version not in {None, product.version}:
        raise PreconditionFailed(version=product.version)
    values = change.model_dump(exclude_none=True)
    await check_regions(session, [change.region_id])
    if "sc_number" in values or "sc_reason" in values:
        values = {"sc_number": None, "sc_reason": None} | values
    for name, value in values.items():
        setattr(product, name, value)
    product.version += 1
    await session.flush()
    return product
