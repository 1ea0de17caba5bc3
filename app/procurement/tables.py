"""Suppliers and their certificates, purchases and their lines, goods receipts and their lines."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.procurement.rules.states import CertificateKind, Channel, PurchaseStatus, ReceiptKind, ReceiptUnit
from app.unions.tables import one_of


class Supplier(UnionOwned, Base):
    """Who sells (供应商): a business, never a person; the telephone is the business's."""

    __tablename__ = "suppliers"
    __table_args__ = (
        CheckConstraint("num_nonnulls(uscc, uscc_reason) = 1", name="code_or_reason"),
        CheckConstraint("uscc ~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$'", name="uscc_form"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "name"),
        UniqueConstraint("union_id", "uscc"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    uscc: Mapped[str | None]
    """统一社会信用代码 (GB 32100-2015)"""
    uscc_reason: Mapped[str | None]
    """Why there is no code on record."""
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_regions.id"))
    is_on_platform_832: Mapped[bool]
    phone: Mapped[str | None]
    note: Mapped[str | None]
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    added_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")


class Certificate(UnionOwned, Base):
    """What somebody certified of a supplier, a product or a lot, and for how long; evidence by its hash."""

    __tablename__ = "certificates"
    __table_args__ = (
        CheckConstraint(one_of("kind", CertificateKind), name="kind_known"),
        CheckConstraint("kind <> 'food_licence' OR number ~ '^SC[0-9]{14}$'", name="licence_form"),
        CheckConstraint("valid_until >= valid_from", name="ends_later"),
        CheckConstraint("octet_length(evidence_sha256) = 32", name="evidence_is_sha256"),
        CheckConstraint("(evidence_name IS NULL) = (evidence_sha256 IS NULL)", name="evidence_is_whole"),
        CheckConstraint(
            "(withdrawn_on IS NULL) = (withdrawn_reason IS NULL)", name="withdrawal_has_a_reason"
        ),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "supplier_id", "kind", "number"),
        ForeignKeyConstraint(["union_id", "supplier_id"], ["suppliers.union_id", "suppliers.id"]),
        ForeignKeyConstraint(["union_id", "product_id"], ["products.union_id", "products.id"]),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    supplier_id: Mapped[UUID]
    kind: Mapped[str]
    number: Mapped[str]
    issuer: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    """The last day; None: without an end."""
    scope: Mapped[str | None]
    product_id: Mapped[UUID | None]
    lot_id: Mapped[UUID | None]
    evidence_name: Mapped[str | None]
    evidence_sha256: Mapped[bytes | None]
    withdrawn_on: Mapped[date | None]
    """From this day it counts no more."""
    withdrawn_reason: Mapped[str | None]
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    added_at: Mapped[datetime]
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")


class PaperCounter(UnionOwned, Base):
    """The last number given in a series (`CG-2020`, `RK-20201018`): whoever takes the next one holds it."""

    __tablename__ = "procurement_counters"
    __table_args__ = (CheckConstraint("last > 0", name="last_positive"),)

    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"), primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class Purchase(UnionOwned, Base):
    """Something bought, with a campaign or without (采购单); settled once it is approved.

    `purchased_on` may be unknown where the purchase is told of (`is_approximate`): then the words of the
    source stand in `source_text`, quantities are lower bounds, prices and the supplier may be unknown.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        CheckConstraint(one_of("status", PurchaseStatus), name="status_known"),
        CheckConstraint(one_of("channel", Channel), name="channel_known"),
        CheckConstraint("purchased_year BETWEEN 2000 AND 2100", name="year_in_range"),
        CheckConstraint("purchased_month BETWEEN 1 AND 12", name="month_in_range"),
        CheckConstraint(
            "purchased_on IS NULL OR (extract(year FROM purchased_on) = purchased_year"
            " AND extract(month FROM purchased_on) = coalesce(purchased_month, 0))",
            name="day_in_month",
        ),
        CheckConstraint("NOT is_approximate OR source_text IS NOT NULL", name="approximate_has_a_source"),
        CheckConstraint("total_fen >= 0", name="total_not_negative"),
        CheckConstraint("least_days_left BETWEEN 0 AND 1095", name="days_left_in_range"),
        CheckConstraint(
            "status IN ('draft','cancelled') OR is_approximate"
            " OR num_nonnulls(supplier_id, total_fen, purchased_on) = 3",
            name="complete_when_submitted",
        ),
        CheckConstraint(
            "approved_by IS NULL"
            " OR (approved_by <> drafted_by AND approved_by IS DISTINCT FROM submitted_by)",
            name="two_people",
        ),
        CheckConstraint("approved_by <> ALL (changed_by)", name="writers_do_not_approve"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_has_a_time"),
        CheckConstraint("status <> 'approved' OR approved_by IS NOT NULL", name="approved_by_somebody"),
        CheckConstraint(
            "status <> 'declined' OR num_nonnulls(declined_by, declined_at, decline_reason) = 3",
            name="declined_has_a_reason",
        ),
        CheckConstraint(
            "status <> 'cancelled' OR num_nonnulls(cancelled_by, cancelled_at, cancel_reason) = 3",
            name="cancelled_has_a_reason",
        ),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        UniqueConstraint("union_id", "id", "drafted_by"),
        ForeignKeyConstraint(["union_id", "supplier_id"], ["suppliers.union_id", "suppliers.id"]),
        ForeignKeyConstraint(["union_id", "campaign_id"], ["campaigns.union_id", "campaigns.id"]),
        ForeignKeyConstraint(["union_id", "supplement_to"], ["purchases.union_id", "purchases.id"]),
        Index("ix_purchases_campaign_id", "campaign_id"),
        Index("ix_purchases_union_id_purchased_year", "union_id", "purchased_year"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    supplier_id: Mapped[UUID | None]
    campaign_id: Mapped[UUID | None]
    supplement_to: Mapped[UUID | None]
    """The approved purchase that this one adds to."""
    channel: Mapped[str]
    purchased_on: Mapped[date | None]
    purchased_year: Mapped[int]
    purchased_month: Mapped[int | None]
    is_year_inferred: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_approximate: Mapped[bool] = mapped_column(default=False, server_default="false")
    source_text: Mapped[str | None]
    note: Mapped[str | None]
    total_fen: Mapped[int | None] = mapped_column(BigInteger)
    """The sum of the lines' amounts; None while one of them is unknown."""
    least_days_left: Mapped[int] = mapped_column(default=60, server_default="60")
    """How many days goods must have before their best-before day when they are received."""
    status: Mapped[str]
    drafted_by: Mapped[UUID] = mapped_column(ForeignKey("staff_accounts.id"))
    drafted_at: Mapped[datetime]
    changed_by: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    """The accounts that changed the draft; nobody of them decides."""
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    submitted_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    approved_at: Mapped[datetime | None]
    declined_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    declined_at: Mapped[datetime | None]
    decline_reason: Mapped[str | None]
    cancelled_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"))
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    contract_no: Mapped[str | None]
    comparison_no: Mapped[str | None]
    """Of the record of comparing prices (比价), or of the order on the 832 platform."""
    acceptance_no: Mapped[str | None]
    invoice_no: Mapped[str | None]
    voucher_no: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")


class PurchaseLine(UnionOwned, Base):
    """One kind of goods in a purchase: a gift box, a product, or words; boxes, grams, or both."""

    __tablename__ = "purchase_lines"
    __table_args__ = (
        CheckConstraint("num_nonnulls(gift_box_id, product_id, description) = 1", name="one_thing"),
        CheckConstraint("num_nonnulls(boxes, grams) > 0", name="has_a_quantity"),
        CheckConstraint("gift_box_id IS NULL OR boxes IS NOT NULL", name="gift_boxes_are_counted"),
        CheckConstraint("boxes BETWEEN 1 AND 1000000", name="boxes_in_range"),
        CheckConstraint("grams BETWEEN 1 AND 1000000000000", name="grams_in_range"),
        CheckConstraint("unit_price_fen BETWEEN 0 AND 100000000", name="price_in_range"),
        CheckConstraint("amount_fen >= 0", name="amount_not_negative"),
        CheckConstraint(
            "unit_price_fen IS NULL OR coalesce(amount_fen = boxes::bigint * unit_price_fen, false)",
            name="amount_is_boxes_by_price",
        ),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "purchase_id", "id"),
        UniqueConstraint("purchase_id", "position"),
        ForeignKeyConstraint(["union_id", "purchase_id"], ["purchases.union_id", "purchases.id"]),
        ForeignKeyConstraint(["union_id", "gift_box_id"], ["gift_boxes.union_id", "gift_boxes.id"]),
        ForeignKeyConstraint(["union_id", "product_id"], ["products.union_id", "products.id"]),
        ForeignKeyConstraint(["union_id", "certificate_id"], ["certificates.union_id", "certificates.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purchase_id: Mapped[UUID]
    position: Mapped[int]
    gift_box_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None]
    description: Mapped[str | None]
    boxes: Mapped[int | None]
    """Boxes of a gift box (份), pieces of a product."""
    grams: Mapped[int | None] = mapped_column(BigInteger)
    """In an approximate purchase the lower bound of what the source says."""
    unit_price_fen: Mapped[int | None]
    """For one box or piece."""
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    region_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_regions.id"))
    """The county it comes from; None where it is not known or none that is supported."""
    certificate_id: Mapped[UUID | None]


class Receipt(UnionOwned, Base):
    """Goods that arrived (入库单), never changed: a wrong one is reversed by another.

    Three people: who drafted the purchase neither inspects nor keeps, who inspects does not keep
    (采购、验收、保管 are kept apart). `drafted_by` is the purchase's, here so that the database can check it.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        CheckConstraint(one_of("kind", ReceiptKind), name="kind_known"),
        CheckConstraint("inspected_by <> kept_by", name="two_people"),
        CheckConstraint("drafted_by NOT IN (inspected_by, kept_by)", name="not_the_buyer"),
        CheckConstraint("posted_by IN (inspected_by, kept_by)", name="posted_by_one_of_them"),
        CheckConstraint("(kind = 'delivery') = (of_receipt_id IS NULL)", name="refers_to_another"),
        CheckConstraint("kind <> 'reversal' OR reason IS NOT NULL", name="reversal_has_a_reason"),
        UniqueConstraint("union_id", "id"),
        UniqueConstraint("union_id", "number"),
        UniqueConstraint("union_id", "purchase_id", "id"),
        ForeignKeyConstraint(
            ["union_id", "purchase_id", "drafted_by"],
            ["purchases.union_id", "purchases.id", "purchases.drafted_by"],
        ),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
        ForeignKeyConstraint(
            ["union_id", "purchase_id", "of_receipt_id"],
            ["receipts.union_id", "receipts.purchase_id", "receipts.id"],
        ),
        ForeignKeyConstraint(["union_id", "inspected_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
        ForeignKeyConstraint(["union_id", "kept_by"], ["staff_accounts.union_id", "staff_accounts.id"]),
        Index("ix_receipts_purchase_id", "purchase_id"),
        Index(
            "uq_receipts_one_reversal",
            "of_receipt_id",
            unique=True,
            postgresql_where=sql("kind = 'reversal'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    kind: Mapped[str] = mapped_column(default=ReceiptKind.DELIVERY, server_default="delivery")
    purchase_id: Mapped[UUID]
    of_receipt_id: Mapped[UUID | None]
    pickup_point_id: Mapped[UUID]
    received_on: Mapped[date]
    delivered_by: Mapped[str]
    """A company or a plate; nobody's name is needed."""
    drafted_by: Mapped[UUID]
    inspected_by: Mapped[UUID]
    kept_by: Mapped[UUID]
    posted_by: Mapped[UUID]
    posted_at: Mapped[datetime]
    reason: Mapped[str | None]
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="false")


class ReceiptLine(UnionOwned, Base):
    """How much of a purchase's line came, and how; with a lot where it is gift boxes, else on paper only.

    A reversal repeats the numbers of what it takes back.
    """

    __tablename__ = "receipt_lines"
    __table_args__ = (
        CheckConstraint(one_of("unit", ReceiptUnit), name="unit_known"),
        CheckConstraint("expected > 0 AND good >= 0 AND damaged >= 0 AND missing >= 0", name="not_negative"),
        CheckConstraint("expected = good + damaged + missing", name="adds_up"),
        CheckConstraint("lot_id IS NULL OR unit = 'boxes'", name="lots_are_counted"),
        CheckConstraint("best_before_on >= produced_on", name="goes_off_later"),
        UniqueConstraint("receipt_id", "position"),
        ForeignKeyConstraint(["union_id", "receipt_id"], ["receipts.union_id", "receipts.id"]),
        ForeignKeyConstraint(
            ["union_id", "purchase_line_id"], ["purchase_lines.union_id", "purchase_lines.id"]
        ),
        ForeignKeyConstraint(["union_id", "lot_id"], ["lots.union_id", "lots.id"]),
        Index("ix_receipt_lines_purchase_line_id", "purchase_line_id"),
        Index("ix_receipt_lines_lot_id", "lot_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID]
    position: Mapped[int]
    purchase_line_id: Mapped[UUID]
    lot_id: Mapped[UUID | None]
    unit: Mapped[str] = mapped_column(default=ReceiptUnit.BOXES, server_default="boxes")
    batch: Mapped[str | None]
    produced_on: Mapped[date | None]
    best_before_on: Mapped[date | None]
    expected: Mapped[int] = mapped_column(BigInteger)
    good: Mapped[int] = mapped_column(BigInteger)
    damaged: Mapped[int] = mapped_column(BigInteger)
    missing: Mapped[int] = mapped_column(BigInteger)
    override_reason: Mapped[str | None]
    """Why goods with little time left, or more than was ordered, were taken in."""
    note: Mapped[str | None]
