"""Every `select` about origin cards and what they show."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.impact.errors import CardNotFound
from app.impact.rules.measures import ProjectStatus
from app.impact.tables import AidProject, OriginCard, ProjectSite
from app.procurement.rules.certificates import Held, doubt_of
from app.procurement.rules.states import PurchaseStatus, ReceiptKind
from app.procurement.tables import Certificate, Purchase, PurchaseLine, Receipt, ReceiptLine, Supplier
from app.regions.queries import find_chain, find_region_by_code, get_region
from app.regions.tables import PartnerRegion, Place
from app.stock.tables import Lot

MOST_PROJECTS = 20
COUNTY_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Origin:
    """Everything that a card may show of a lot."""

    card: OriginCard
    lot: Lot
    box: GiftBox
    contents: Sequence[tuple[GiftBoxComponent, Product]]
    region: PartnerRegion | None
    names: list[str]
    suppliers: list[Supplier]
    certificates: list[Certificate]


async def find_card_union(session: AsyncSession, reference: str) -> UUID:
    """Return whose card has this reference, or raise CardNotFound."""
    found = await session.scalar(select(OriginCard.union_id).where(OriginCard.reference == reference))
    if found is None:
        raise CardNotFound()
    return found


async def find_card(session: AsyncSession, lot_id: UUID) -> OriginCard | None:
    """Return the card of a lot, or None while it has none."""
    return await session.scalar(select(OriginCard).where(OriginCard.lot_id == lot_id))


async def get_origin(session: AsyncSession, reference: str) -> Origin:
    """Return what the card of this reference shows, in the scope of its union; raises CardNotFound."""
    wanted = (
        select(OriginCard, Lot, GiftBox)
        .join(Lot, Lot.id == OriginCard.lot_id)
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .where(OriginCard.reference == reference)
    )
    found = (await session.execute(wanted)).first()
    if found is None:
        raise CardNotFound()
    card, lot, box = found
    contents = await _find_contents(session, box.id)
    region = await _find_region(session, lot, box)
    bought = await _find_bought(session, lot.id)
    products = {product.id for _, product in contents}
    certificates = await _find_valid(session, lot.id, bought, products=products)
    suppliers = sorted({one.id: one for one, _ in bought}.values(), key=lambda one: one.name)
    names = await _find_names(session, lot, region)
    return Origin(card, lot, box, contents, region, names, suppliers, certificates)


async def _find_contents(
    session: AsyncSession, gift_box_id: UUID
) -> Sequence[tuple[GiftBoxComponent, Product]]:
    wanted = (
        select(GiftBoxComponent, Product)
        .join(Product, Product.id == GiftBoxComponent.product_id)
        .where(GiftBoxComponent.gift_box_id == gift_box_id)
        .order_by(GiftBoxComponent.position)
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def _find_region(session: AsyncSession, lot: Lot, box: GiftBox) -> PartnerRegion | None:
    """The lot's own county comes first, then the one that the box was made for."""
    if lot.origin_code is not None:
        return await find_region_by_code(session, lot.origin_code[:COUNTY_DIGITS])
    return await get_region(session, box.region_id) if box.region_id is not None else None


async def _find_names(session: AsyncSession, lot: Lot, region: PartnerRegion | None) -> list[str]:
    """Return the names of where the lot is from, the province first.

    A note counts only where it is the name of a place on record: other words are the union's own.
    """
    code = lot.origin_code or (region.division_code if region else None)
    names = [division.name for division in await find_chain(session, code)] if code else []
    if region is not None and lot.origin_note is not None:
        wanted = select(Place).where(Place.region_id == region.id, Place.name == lot.origin_note.strip())
        for place in (await session.scalars(wanted.limit(2))).all():
            names += [name for name in (place.township, place.name) if name and name not in names]
    return names


async def _find_bought(session: AsyncSession, lot_id: UUID) -> list[tuple[Supplier, date]]:
    """Return who supplied a lot, with the day it was bought (or received, where nobody wrote that down)."""
    reversed_ids = select(Receipt.of_receipt_id).where(Receipt.kind == ReceiptKind.REVERSAL)
    wanted = (
        select(Supplier, Purchase.purchased_on, Receipt.received_on)
        .join(Purchase, Purchase.supplier_id == Supplier.id)
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .join(ReceiptLine, ReceiptLine.purchase_line_id == PurchaseLine.id)
        .join(Receipt, Receipt.id == ReceiptLine.receipt_id)
        .where(
            ReceiptLine.lot_id == lot_id,
            Receipt.kind != ReceiptKind.REVERSAL,
            Receipt.id.not_in(reversed_ids.where(Receipt.of_receipt_id.is_not(None))),
            Purchase.status == PurchaseStatus.APPROVED,
        )
        .order_by(Receipt.received_on, Receipt.id)
    )
    return [(row[0], row[1] or row[2]) for row in await session.execute(wanted)]


async def _find_valid(
    session: AsyncSession,
    lot_id: UUID,
    bought: Collection[tuple[Supplier, date]],
    *,
    products: Collection[UUID],
) -> list[Certificate]:
    """Return the certificates of the suppliers that held for these goods on the day they were bought."""
    wanted = (
        select(Certificate)
        .where(Certificate.supplier_id.in_({supplier.id for supplier, _ in bought}))
        .where(or_(Certificate.lot_id.is_(None), Certificate.lot_id == lot_id))
        .order_by(Certificate.kind, Certificate.number, Certificate.id)
    )
    found = list(await session.scalars(wanted))
    return [one for one in found if any(_holds(one, deal, products=products) for deal in bought)]


def _holds(certificate: Certificate, deal: tuple[Supplier, date], *, products: Collection[UUID]) -> bool:
    supplier, day = deal
    held = Held(
        certificate.supplier_id,
        certificate.valid_from,
        certificate.valid_until,
        certificate.withdrawn_on,
        certificate.product_id,
    )
    return doubt_of(held, supplier_id=supplier.id, day=day, product_ids=products) is None


async def find_local_projects(session: AsyncSession, region_id: UUID) -> list[AidProject]:
    """Return published projects for a region, 20 at most, of every union that the session sees."""
    there = select(ProjectSite.project_id).where(ProjectSite.region_id == region_id)
    wanted = (
        select(AidProject)
        .where(AidProject.status == ProjectStatus.PUBLISHED, AidProject.id.in_(there))
        .order_by(AidProject.id)
        .limit(MOST_PROJECTS)
    )
    return list(await session.scalars(wanted))
