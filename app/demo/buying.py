"""What the demo bought: suppliers with their certificates, purchases by two people, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.demo.directory import Directory
from app.demo.source import Source, SourceError, read_document
from app.platform.clock import SHANGHAI
from app.platform.ids import new_id
from app.procurement.actions.numbering import next_purchase_number, next_receipt_number
from app.procurement.rules.quantities import amount_of, grams_of_jin
from app.procurement.rules.receiving import Arrived, delivered, delivered_late
from app.procurement.rules.states import CertificateKind, Channel, PurchaseStatus, ReceiptKind
from app.procurement.tables import Certificate, Purchase, PurchaseLine, Receipt, ReceiptLine, Supplier
from app.regions.tables import PartnerRegion
from app.stock.actions.lots import LotDraft, find_or_add_lot
from app.stock.actions.posting import post_movements
from app.stock.tables import Lot

NO_CODE = "示例供应商,无统一社会信用代码"
ISSUER = "示例·认定机构"
CARRIER = "示例·物流公司"
_ASSISTANCE_FROM, _RELIEF_YEAR = date(2024, 1, 1), 2020
_FEN = 100


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Delivery(_Record):
    """Boxes of one batch that came on a day; a late one brings what was missing before."""

    received_on: date
    batch: str
    produced_on: date
    best_before_on: date
    good: int
    damaged: int = 0
    missing: int = 0
    is_late: bool = False


class Wanted(_Record):
    """A purchase to be made; the price is the kit's unless said, in yuan."""

    id: str
    org: str
    campaign: str | None = None
    supplement_to: str | None = None
    supplier: str | None = None
    channel: Channel
    purchased_on: date | None = None
    year: int | None = None
    year_is_inferred: bool = False
    is_approximate: bool = False
    kit: str | None = None
    description: str | None = None
    region: str | None = None
    boxes: int | None = None
    jin: int | None = None
    unit_price: Decimal | None = None
    source_text: str | None = None
    note: str | None = None
    deliveries: list[Delivery] = []
    src: str

    @property
    def is_sample(self) -> bool:
        """Whether something of it is invented."""
        return "sample" in self.src


class Seller(_Record):
    """A supplier of the source."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: str
    region: str
    uscc: str | None
    platform_832: bool
    cert_no: str


@dataclass(slots=True)
class Books:
    """Ids that purchases need: regions by the source's names, sellers by street and name, and so on."""

    source: Source
    directory: Directory
    regions: Mapping[str, UUID]
    sellers: dict[tuple[str, str], UUID] = field(default_factory=dict)
    certificates: dict[tuple[UUID, CertificateKind], UUID] = field(default_factory=dict)
    purchases: dict[str, UUID] = field(default_factory=dict)

    def can_buy(self, street: str, seller: str) -> bool:
        """Tell whether the seller and the people who buy, approve, inspect and keep are all there."""
        people = {f"{title}-{street}" for title in ("officer", "chair", "clerk", "keeper")}
        return (street, seller) in self.sellers and people <= self.directory.staff.keys()


def read_sellers() -> list[Seller]:
    """Return the suppliers of the source."""
    return [Seller.model_validate(one) for one in read_document()["suppliers"]]


def read_purchases(source: Source) -> list[Wanted]:
    """Return the purchases of the source. Raises SourceError if they name what is not there."""
    purchases = [Wanted.model_validate(one) for one in read_document()["purchases"]]
    held = {
        "org": set(source.streets),
        "campaign": {one.id for one in source.campaigns},
        "supplier": {one.id for one in read_sellers()},
        "kit": {one.id for one in source.kits},
        "region": {one.id for one in source.partner_regions},
        "supplement_to": {one.id for one in purchases},
    }
    for purchase in purchases:
        for name, known in held.items():
            if getattr(purchase, name) not in known | {None}:
                raise SourceError(f"{purchase.id}: no {name} {getattr(purchase, name)}")
    return purchases


def seller_of(kit_region: str | None) -> Seller:
    """Return who sells the goods of a region, or of none in particular; StopIteration if nobody does."""
    return next(one for one in read_sellers() if kit_region in {one.region, None})


async def open_books(
    session: AsyncSession, source: Source, directory: Directory, *, regions: Mapping[str, UUID], now: datetime
) -> Books:
    """Insert the suppliers with their certificates, for every street union that may buy from them."""
    books = Books(source, directory, regions)
    for street in source.streets:
        for seller in read_sellers():
            books.sellers[street, seller.id] = supplier_id = new_id()
            session.add(_supplier(books, seller, street=street, now=now))
            await session.flush()
            for kind in (CertificateKind.POVERTY_RELIEF, CertificateKind.ASSISTANCE):
                row = _certificate(kind, seller, books=books, street=street, now=now)
                books.certificates[supplier_id, kind] = row.id
                session.add(row)
    await session.flush()
    return books


async def find_books(session: AsyncSession, source: Source, directory: Directory) -> Books:
    """Return what is still there under the names of the source; what was renamed since is left out."""
    codes = {row.division_code: row.id for row in await session.scalars(select(PartnerRegion))}
    regions = {one.id: codes[one.code] for one in source.partner_regions if one.code in codes}
    named = {(row.union_id, row.name): row.id for row in await session.scalars(select(Supplier))}
    sellers = {
        (street, seller.id): named[directory.unions[street], seller.name]
        for street in source.streets
        for seller in read_sellers()
        if street in directory.unions and (directory.unions[street], seller.name) in named
    }
    return Books(source, directory, regions, sellers)


def _supplier(books: Books, seller: Seller, *, street: str, now: datetime) -> Supplier:
    return Supplier(
        id=books.sellers[street, seller.id],
        union_id=books.directory.unions[street],
        name=seller.name,
        uscc=seller.uscc,
        uscc_reason=None if seller.uscc else NO_CODE,
        region_id=books.regions[seller.region],
        is_on_platform_832=seller.platform_832,
        added_by=books.directory.staff[f"officer-{street}"],
        added_at=now,
        is_sample=True,
    )


def _certificate(
    kind: CertificateKind, seller: Seller, *, books: Books, street: str, now: datetime
) -> Certificate:
    is_relief = kind is CertificateKind.POVERTY_RELIEF
    return Certificate(
        id=new_id(),
        union_id=books.directory.unions[street],
        supplier_id=books.sellers[street, seller.id],
        kind=kind.value,
        number=seller.cert_no.replace("-BF-", "-FP-") if is_relief else seller.cert_no,
        issuer=ISSUER,
        valid_from=date(_RELIEF_YEAR, 1, 1) if is_relief else _ASSISTANCE_FROM,
        valid_until=date(_RELIEF_YEAR, 12, 31) if is_relief else None,
        added_by=books.directory.staff[f"officer-{street}"],
        added_at=now,
        is_sample=True,
    )


async def buy(
    session: AsyncSession, wanted: Wanted, *, books: Books, campaign_id: UUID | None, told_at: datetime
) -> PurchaseLine:
    """Insert an approved purchase of one line: drafted by the officer, approved by the chair.

    `told_at` is when one without a day was written down.
    """
    union_id = books.directory.unions[wanted.org]
    year = wanted.purchased_on.year if wanted.purchased_on else wanted.year
    assert year is not None  # noqa: S101 - the source says one of them
    line = _line(wanted, books)
    purchase = Purchase(
        id=new_id(),
        union_id=union_id,
        number=await next_purchase_number(session, year, union_id=union_id),
        supplier_id=books.sellers[wanted.org, wanted.supplier] if wanted.supplier else None,
        campaign_id=campaign_id,
        supplement_to=books.purchases[wanted.supplement_to] if wanted.supplement_to else None,
        channel=wanted.channel.value,
        purchased_on=wanted.purchased_on,
        purchased_year=year,
        purchased_month=wanted.purchased_on.month if wanted.purchased_on else None,
        is_year_inferred=wanted.year_is_inferred,
        is_approximate=wanted.is_approximate,
        source_text=wanted.source_text,
        note=wanted.note,
        total_fen=line.amount_fen,
        is_sample=wanted.is_sample,
        **_approved(wanted.org, books, at=_at(wanted.purchased_on, 16) if wanted.purchased_on else told_at),
    )
    session.add(purchase)
    await session.flush()
    books.purchases[wanted.id] = line.purchase_id = purchase.id
    session.add(line)
    await session.flush()
    # Nothing is added to what is settled.
    purchase.status = PurchaseStatus.APPROVED.value
    await session.flush()
    return line


def _approved(org: str, books: Books, *, at: datetime) -> dict[str, Any]:
    """Return who drafted, submitted and approved a purchase on one day; two people."""
    officer, chair = (books.directory.staff[f"{title}-{org}"] for title in ("officer", "chair"))
    return {
        "status": PurchaseStatus.DRAFT.value,
        "drafted_by": officer,
        "drafted_at": at - timedelta(hours=7),
        "submitted_by": officer,
        "submitted_at": at - timedelta(hours=6),
        "approved_by": chair,
        "approved_at": at,
        "version": 3,
    }


def _line(wanted: Wanted, books: Books) -> PurchaseLine:
    price = None
    if wanted.kit is not None:
        asked = wanted.unit_price
        price = books.source.kit(wanted.kit).unit_price_fen if asked is None else int(asked * _FEN)
    return PurchaseLine(
        id=new_id(),
        union_id=books.directory.unions[wanted.org],
        position=1,
        gift_box_id=books.directory.boxes[wanted.org, wanted.kit] if wanted.kit else None,
        description=wanted.description,
        boxes=wanted.boxes,
        grams=grams_of_jin(wanted.jin) if wanted.jin else None,
        unit_price_fen=price,
        amount_fen=amount_of(wanted.boxes, price),
        region_id=books.regions[wanted.region] if wanted.region else None,
        certificate_id=_certificate_id(wanted, books),
    )


def _certificate_id(wanted: Wanted, books: Books) -> UUID | None:
    """Return the certificate that is valid on the day of the purchase, if the seller has one."""
    if wanted.supplier is None or wanted.purchased_on is None:
        return None
    is_relief = wanted.purchased_on.year == _RELIEF_YEAR
    kind = CertificateKind.POVERTY_RELIEF if is_relief else CertificateKind.ASSISTANCE
    return books.certificates.get((books.sellers[wanted.org, wanted.supplier], kind))


@dataclass(frozen=True, slots=True)
class Shelf:
    """Boxes of a lot that stand at a pickup point from an instant on."""

    lot_id: UUID
    point_id: UUID
    boxes: int
    best_before_on: date
    since: datetime


async def receive(
    session: AsyncSession,
    line: PurchaseLine,
    delivery: Delivery,
    *,
    books: Books,
    wanted: Wanted,
    station: str,
) -> Shelf:
    """Insert a goods receipt and post it: inspected by the clerk, kept by the keeper, bought by neither."""
    staff, at = books.directory.staff, _at(delivery.received_on, 15)
    lot = await _lot(session, line, delivery, region=wanted.region, books=books)
    receipt = await _receipt(session, line, delivery, station=station, books=books, org=wanted.org)
    values = delivery.model_dump(
        include={"batch", "produced_on", "best_before_on", "good", "damaged", "missing"}
    )
    expected = delivery.good + delivery.damaged + delivery.missing
    session.add(
        ReceiptLine(
            id=new_id(), union_id=line.union_id, receipt_id=receipt.id, position=1, purchase_line_id=line.id,
            lot_id=lot.id, expected=expected, **values,
        )
    )  # fmt: skip
    await session.flush()
    arrived = Arrived(
        lot_id=lot.id,
        point_id=receipt.pickup_point_id,
        receipt_id=receipt.id,
        good=delivery.good,
        damaged=delivery.damaged,
        missing=delivery.missing,
    )
    lines = delivered_late(arrived) if delivery.is_late else delivered(arrived)
    keeper = staff[f"keeper-{wanted.org}"]
    await post_movements(session, lines, union_id=line.union_id, posted_by=keeper, now=at)
    return Shelf(lot.id, receipt.pickup_point_id, delivery.good, delivery.best_before_on, at)


async def _lot(
    session: AsyncSession, line: PurchaseLine, delivery: Delivery, *, region: str | None, books: Books
) -> Lot:
    assert line.gift_box_id is not None  # noqa: S101 - only boxes are delivered
    origin = next((one for one in books.source.partner_regions if one.id == region), None)
    draft = LotDraft(
        line.gift_box_id,
        delivery.batch,
        produced_on=delivery.produced_on,
        best_before_on=delivery.best_before_on,
        origin_code=origin.code if origin else None,
    )
    at = _at(delivery.received_on, 15)
    lot = await find_or_add_lot(session, draft, union_id=line.union_id, now=at)
    lot.is_sample = True
    return lot


async def _receipt(
    session: AsyncSession, line: PurchaseLine, delivery: Delivery, *, station: str, books: Books, org: str
) -> Receipt:
    staff, union_id = books.directory.staff, line.union_id
    first: UUID | None = None
    if delivery.is_late:
        came = (
            select(Receipt.id)
            .join(ReceiptLine, ReceiptLine.receipt_id == Receipt.id)
            .where(Receipt.purchase_id == line.purchase_id, ReceiptLine.batch == delivery.batch)
            .where(Receipt.kind == ReceiptKind.DELIVERY.value)
        )
        first = (await session.execute(came)).scalar_one()
    kind: dict[str, Any] = {"kind": ReceiptKind.LATE_DELIVERY.value, "of_receipt_id": first} if first else {}
    receipt = Receipt(
        id=new_id(),
        union_id=union_id,
        number=await next_receipt_number(session, delivery.received_on, union_id=union_id),
        purchase_id=line.purchase_id,
        pickup_point_id=books.directory.points[station],
        received_on=delivery.received_on,
        delivered_by=CARRIER,
        drafted_by=staff[f"officer-{org}"],
        inspected_by=staff[f"clerk-{org}"],
        kept_by=staff[f"keeper-{org}"],
        posted_by=staff[f"keeper-{org}"],
        posted_at=_at(delivery.received_on, 15),
        is_sample=True,
        **kind,
    )
    session.add(receipt)
    await session.flush()
    return receipt


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=SHANGHAI)
