"""Every `select` about purchases, and the series of numbers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.platform.paging import Page, page_of, seek, text_key
from app.procurement.errors import PurchaseNotFound
from app.procurement.rules.states import Channel, PurchaseStatus
from app.procurement.tables import Purchase, PurchaseLine
from app.unions.tables import StaffAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasesWanted:
    """Which purchases are asked for; None: whichever."""

    status: PurchaseStatus | None = None
    channel: Channel | None = None
    year: int | None = None
    campaign_id: UUID | None = None
    has_campaign: bool | None = None
    supplier_id: UUID | None = None
    region_id: UUID | None = None


async def get_purchase(session: AsyncSession, purchase_id: UUID) -> Purchase:
    """Return a purchase of the session's unions, or raise PurchaseNotFound."""
    found = (await session.execute(select(Purchase).where(Purchase.id == purchase_id))).scalar_one_or_none()
    if found is None:
        raise PurchaseNotFound()
    return found


async def lock_purchase(session: AsyncSession, purchase_id: UUID) -> Purchase:
    """Lock and return a purchase of the session's unions, or raise PurchaseNotFound."""
    wanted = select(Purchase).where(Purchase.id == purchase_id).with_for_update()
    wanted = wanted.execution_options(populate_existing=True)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise PurchaseNotFound()
    return found


async def list_purchases(
    session: AsyncSession, wanted: PurchasesWanted, *, limit: int, after: tuple[str, ...] | None
) -> Page[Purchase]:
    """Return purchases, the last drafted first; by region: those with a line from it."""
    query = select(Purchase).where(*_criteria(wanted))
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        query = query.where(Purchase.id < last_id)
    found = await session.execute(query.order_by(Purchase.id.desc()).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda item: ("id", str(item.id)))


def _criteria(wanted: PurchasesWanted) -> list[ColumnElement[bool]]:
    equal = {
        Purchase.status: wanted.status and wanted.status.value,
        Purchase.channel: wanted.channel and wanted.channel.value,
        Purchase.purchased_year: wanted.year,
        Purchase.campaign_id: wanted.campaign_id,
        Purchase.supplier_id: wanted.supplier_id,
    }
    criteria: list[ColumnElement[bool]] = [
        column == value for column, value in equal.items() if value is not None
    ]
    if wanted.has_campaign is not None:
        criteria.append(Purchase.campaign_id.is_not(None) == wanted.has_campaign)
    if wanted.region_id is not None:
        lines = select(PurchaseLine.id).where(
            PurchaseLine.purchase_id == Purchase.id, PurchaseLine.region_id == wanted.region_id
        )
        criteria.append(lines.exists())
    return criteria


async def find_lines(session: AsyncSession, purchase_id: UUID) -> Sequence[PurchaseLine]:
    """Return the lines of a purchase in their order."""
    wanted = select(PurchaseLine).where(PurchaseLine.purchase_id == purchase_id)
    return list((await session.execute(wanted.order_by(PurchaseLine.position))).scalars())


async def find_boxes(session: AsyncSession, gift_box_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these gift boxes that the session's unions have and that are things, not places."""
    wanted = select(GiftBox.id).where(GiftBox.id.in_(gift_box_ids), GiftBox.kind == "box")
    return set((await session.execute(wanted)).scalars())


async def count_products(session: AsyncSession, product_ids: Collection[UUID]) -> int:
    """Return how many of these products the session's unions have."""
    wanted = select(func.count()).select_from(Product).where(Product.id.in_(product_ids))
    return int((await session.execute(wanted)).scalar_one())


async def find_contents(session: AsyncSession, gift_box_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Return (gift box id, product id) of what is in gift boxes."""
    wanted = select(GiftBoxComponent.gift_box_id, GiftBoxComponent.product_id)
    found = await session.execute(wanted.where(GiftBoxComponent.gift_box_id.in_(gift_box_ids)))
    return {(row[0], row[1]) for row in found}


async def find_staff(session: AsyncSession, staff_ids: Collection[UUID]) -> dict[UUID, StaffAccount]:
    """Return those of these staff accounts that the session's unions have."""
    found = await session.execute(select(StaffAccount).where(StaffAccount.id.in_(staff_ids)))
    return {account.id: account for account in found.scalars()}
