"""Every `select` about what was bought, for the shares of a campaign."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.impact.rules.shares import Bought
from app.procurement.rules.states import PurchaseStatus
from app.procurement.tables import Purchase, PurchaseLine, Supplier


@dataclass(frozen=True, slots=True)
class Deal:
    """What the campaign's own purchases name: suppliers, regions, and the years they were made in."""

    suppliers: dict[UUID, Supplier]
    region_ids: frozenset[UUID]
    from_year: int
    until_year: int


async def find_deal(session: AsyncSession, campaign_id: UUID) -> Deal | None:
    """Return whom and where a campaign bought from, or None while nothing of it is approved."""
    wanted = (
        select(Purchase.purchased_year, Supplier, PurchaseLine.region_id)
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .outerjoin(Supplier, Supplier.id == Purchase.supplier_id)
        .where(Purchase.campaign_id == campaign_id, Purchase.status == PurchaseStatus.APPROVED)
    )
    rows = (await session.execute(wanted)).all()
    if not rows:
        return None
    years = [row[0] for row in rows]
    suppliers: list[Supplier | None] = [row[1] for row in rows]
    return Deal(
        {supplier.id: supplier for supplier in suppliers if supplier is not None},
        frozenset(row[2] for row in rows if row[2] is not None),
        min(years),
        max(years),
    )


async def find_bought_of(session: AsyncSession, supplier: Supplier, *, deal: Deal) -> list[Bought]:
    """Return what was bought of a supplier in the deal's years.

    Every union keeps its own suppliers; another union's is the same business when it has the same
    统一社会信用代码.
    """
    is_same = Supplier.id == supplier.id
    if supplier.uscc is not None:
        is_same = or_(is_same, Supplier.uscc == supplier.uscc)
    same = select(Supplier.id).where(is_same)
    return await _find_bought(session, [Purchase.supplier_id.in_(same)], deal=deal)


async def find_bought_from(session: AsyncSession, region_id: UUID, *, deal: Deal) -> list[Bought]:
    """Return what was bought from a partner region in the deal's years."""
    return await _find_bought(session, [PurchaseLine.region_id == region_id], deal=deal)


async def _find_bought(
    session: AsyncSession, which: Collection[ColumnElement[bool]], *, deal: Deal
) -> list[Bought]:
    wanted = (
        select(
            Purchase.campaign_id,
            PurchaseLine.gift_box_id,
            PurchaseLine.boxes,
            PurchaseLine.grams,
            PurchaseLine.amount_fen,
            Purchase.is_approximate,
        )
        .join(Purchase, Purchase.id == PurchaseLine.purchase_id)
        .where(
            Purchase.status == PurchaseStatus.APPROVED,
            Purchase.purchased_year.between(deal.from_year, deal.until_year),
            *which,
        )
    )
    return [
        # Pieces of a product are no boxes: only gift boxes are counted as boxes.
        Bought(row[0], row[2] if row[1] is not None else None, row[3], row[4], row[5])
        for row in await session.execute(wanted)
    ]
