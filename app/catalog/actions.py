"""What people do with the catalog."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.errors import ProductNotFound
from app.catalog.queries import find_products
from app.catalog.schemas import GiftBoxDraft
from app.catalog.tables import GiftBox, GiftBoxComponent
from app.platform.ids import new_id


async def add_gift_box(session: AsyncSession, draft: GiftBoxDraft, *, union_id: UUID) -> GiftBox:
    """Make a gift box from products of the union; raises ProductNotFound."""
    wanted = {component.product_id for component in draft.components}
    if len(await find_products(session, wanted)) < len(wanted):
        raise ProductNotFound()
    box = GiftBox(id=new_id(), union_id=union_id, is_sample=False, **draft.model_dump(exclude={"components"}))
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
