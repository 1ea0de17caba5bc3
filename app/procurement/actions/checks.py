"""What is looked at before a purchase is drafted, submitted or decided."""

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.campaigns.queries import get_campaign
from app.catalog.errors import GiftBoxNotFound, ProductNotFound
from app.catalog.queries import check_regions
from app.procurement.errors import (
    CertificateDoubtful,
    CertificateNotFound,
    OwnPurchase,
    PurchaseIncomplete,
    PurchaseNotFound,
    SupplierInactive,
)
from app.procurement.queries.purchases import (
    count_products,
    find_boxes,
    find_contents,
    find_lines,
    find_staff,
    get_purchase,
)
from app.procurement.queries.suppliers import find_certificates, get_supplier
from app.procurement.rules.certificates import Doubt, Held, doubt_of
from app.procurement.rules.states import PurchaseStatus
from app.procurement.schemas.purchases import LineDraft
from app.procurement.tables import Certificate, Purchase, PurchaseLine

AnyLine: TypeAlias = LineDraft | PurchaseLine
_NEEDED = ("supplier_id", "purchased_on", "total_fen")


async def check_references(session: AsyncSession, purchase: Purchase, lines: Sequence[AnyLine]) -> None:
    """Raise what is not found, or is not the street union's; certificates as far as the draft says enough."""
    if purchase.supplier_id is not None:
        await get_supplier(session, purchase.supplier_id)
    if purchase.campaign_id is not None:
        await get_campaign(session, purchase.campaign_id)
    if purchase.supplement_to is not None:
        added_to = await get_purchase(session, purchase.supplement_to)
        if added_to.status != PurchaseStatus.APPROVED or added_to.id == purchase.id:
            raise PurchaseNotFound()
    boxes = _named(lines, "gift_box_id")
    if len(await find_boxes(session, boxes)) < len(boxes):
        raise GiftBoxNotFound()
    products = _named(lines, "product_id")
    if await count_products(session, products) < len(products):
        raise ProductNotFound()
    await check_regions(session, [line.region_id for line in lines])
    await _check_certificates(session, purchase, lines, bears=_unfinished(purchase))


def _unfinished(purchase: Purchase) -> frozenset[Doubt]:
    """What a draft may still lack: who sells, and when."""
    bears = set()
    if purchase.supplier_id is None:
        bears.add(Doubt.OTHER_SUPPLIER)
    if purchase.purchased_on is None:
        bears.add(Doubt.DAY_UNKNOWN)
    return frozenset(bears)


def _named(lines: Sequence[AnyLine], column: str) -> set[UUID]:
    return {named for line in lines if (named := getattr(line, column)) is not None}


async def check_ready(session: AsyncSession, purchase: Purchase) -> None:
    """Raise PurchaseIncomplete, SupplierInactive or CertificateDoubtful if it cannot be bought as it stands.

    An approximate purchase, known from a text only, may lack supplier, day and price.
    """
    lines = await find_lines(session, purchase.id)
    lacking = [] if purchase.is_approximate else [name for name in _NEEDED if getattr(purchase, name) is None]
    if not lines:
        lacking.append("lines")
    if purchase.is_approximate and purchase.source_text is None:
        lacking.append("source_text")
    if lacking:
        raise PurchaseIncomplete(missing=lacking)
    if purchase.supplier_id is not None:
        supplier = await get_supplier(session, purchase.supplier_id)
        if supplier.deactivated_at is not None:
            raise SupplierInactive()
    await _check_certificates(session, purchase, lines, bears=frozenset())


async def _check_certificates(
    session: AsyncSession, purchase: Purchase, lines: Sequence[AnyLine], *, bears: frozenset[Doubt]
) -> None:
    named = _named(lines, "certificate_id")
    if not named:
        return
    certificates = await find_certificates(session, named)
    if len(certificates) < len(named):
        raise CertificateNotFound()
    contents = await find_contents(session, _named(lines, "gift_box_id"))
    for position, line in enumerate(lines, start=1):
        if line.certificate_id is None:
            continue
        doubt = doubt_of(
            _held(certificates[line.certificate_id]),
            supplier_id=purchase.supplier_id,
            day=purchase.purchased_on,
            product_ids={line.product_id}
            if line.product_id
            else {p for b, p in contents if b == line.gift_box_id},
        )
        if doubt is not None and doubt not in bears:
            raise CertificateDoubtful(line=position, doubt=doubt.value)


def _held(certificate: Certificate) -> Held:
    return Held(
        supplier_id=certificate.supplier_id,
        valid_from=certificate.valid_from,
        valid_until=certificate.valid_until,
        withdrawn_on=certificate.withdrawn_on,
        product_id=certificate.product_id,
    )


async def refuse_own(session: AsyncSession, purchase: Purchase, *, by: Actor) -> None:
    """Raise OwnPurchase if the caller drafted, changed or submitted it: two people, not two accounts.

    A person is known by their row in the roster.
    """
    askers = {purchase.drafted_by, *purchase.changed_by, *filter(None, [purchase.submitted_by])}
    accounts = await find_staff(session, askers | {by.id})
    decider = accounts.get(by.id)
    if decider is None or decider.id in askers:
        raise OwnPurchase()
    people = {accounts[asker].member_id for asker in askers if asker in accounts}
    if decider.member_id is not None and decider.member_id in people:
        raise OwnPurchase()
