"""Suppliers, certificates, purchases and receipts; licences of products.

Receipts are added and never changed. Lines of a purchase are settled once it leaves the draft, and what was
approved stays as it was approved; what finance adds later are the numbers of papers.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.platform.walls import append_only, tear_down, wall

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TABLES = (
    "suppliers", "certificates", "procurement_counters", "purchases", "purchase_lines", "receipts",
    "receipt_lines",
)  # fmt: skip
SETTLED = (
    "union_id", "number", "supplier_id", "campaign_id", "supplement_to", "channel", "purchased_on",
    "purchased_year", "purchased_month", "is_year_inferred", "is_approximate", "source_text", "note",
    "total_fen", "least_days_left", "drafted_by", "drafted_at", "changed_by", "submitted_by", "submitted_at",
    "approved_by", "approved_at",
)  # fmt: skip


def upgrade() -> None:
    for make in (_suppliers, _certificates, _procurement_counters, _purchases, _purchase_lines):
        make()
    _receipts()
    _receipt_lines()
    _licences()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for table in ("receipts", "receipt_lines"):
        for statement in append_only(table):
            op.execute(statement)
    _settle()


def _licences() -> None:
    op.add_column("products", sa.Column("sc_number", sa.String(), nullable=True))
    op.add_column("products", sa.Column("sc_reason", sa.String(), nullable=True))
    op.add_column("products", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.create_check_constraint("sc_number_form", "products", "sc_number ~ '^SC[0-9]{14}$'")
    op.create_check_constraint("licence_or_reason", "products", "num_nonnulls(sc_number, sc_reason) <= 1")


def _settle() -> None:
    old, new = (", ".join(f"{row}.{column}" for column in SETTLED) for row in ("OLD", "NEW"))
    op.execute(
        f"""
        CREATE FUNCTION refuse_unsettling() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.approved_at IS NOT NULL AND ROW({old}) IS DISTINCT FROM ROW({new}) THEN
                RAISE EXCEPTION 'an approved purchase stays as it was approved'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            IF OLD.status IN ('declined', 'cancelled') AND NEW.status <> OLD.status
                OR OLD.status = 'approved' AND NEW.status NOT IN ('approved', 'cancelled')
                OR OLD.status = 'pending' AND NEW.status = 'draft' THEN
                RAISE EXCEPTION 'a purchase does not go back'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_settled_line() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM purchases WHERE id IN (OLD.purchase_id, NEW.purchase_id) AND status <> 'draft'
            ) THEN
                RAISE EXCEPTION 'a line stays as it was submitted'
                    USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN coalesce(NEW, OLD);
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER purchases_are_settled BEFORE UPDATE ON purchases"
        " FOR EACH ROW EXECUTE FUNCTION refuse_unsettling()"
    )
    op.execute(
        "CREATE TRIGGER purchases_are_kept BEFORE DELETE ON purchases"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER purchase_lines_are_settled BEFORE INSERT OR UPDATE OR DELETE ON purchase_lines"
        " FOR EACH ROW EXECUTE FUNCTION refuse_settled_line()"
    )


def _suppliers() -> None:
    op.create_table(
        "suppliers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=True),
        sa.Column("uscc_reason", sa.String(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("is_on_platform_832", sa.Boolean(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("deactivated_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "uscc ~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$'", name="uscc_form"
        ),
        sa.CheckConstraint("num_nonnulls(uscc, uscc_reason) = 1", name="code_or_reason"),
        sa.ForeignKeyConstraint(["added_by"], ["staff_accounts.id"], name="fk_suppliers_added_by"),
        sa.ForeignKeyConstraint(["region_id"], ["partner_regions.id"], name="fk_suppliers_region_id"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_suppliers_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_suppliers"),
        sa.UniqueConstraint("union_id", "id", name="uq_suppliers_union_id_id"),
        sa.UniqueConstraint("union_id", "name", name="uq_suppliers_union_id_name"),
        sa.UniqueConstraint("union_id", "uscc", name="uq_suppliers_union_id_uscc"),
    )


def _certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("evidence_name", sa.String(), nullable=True),
        sa.Column("evidence_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(), nullable=True),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind <> 'food_licence' OR number ~ '^SC[0-9]{14}$'", name="licence_form"),
        sa.CheckConstraint(
            "kind IN ('poverty_relief','assistance','food_licence','halal','organic','other')",
            name="kind_known",
        ),
        sa.CheckConstraint("(evidence_name IS NULL) = (evidence_sha256 IS NULL)", name="evidence_is_whole"),
        sa.CheckConstraint(
            "(withdrawn_on IS NULL) = (withdrawn_reason IS NULL)", name="withdrawal_has_a_reason"
        ),
        sa.CheckConstraint("octet_length(evidence_sha256) = 32", name="evidence_is_sha256"),
        sa.CheckConstraint("valid_until >= valid_from", name="ends_later"),
        sa.ForeignKeyConstraint(["added_by"], ["staff_accounts.id"], name="fk_certificates_added_by"),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"], ["lots.union_id", "lots.id"], name="fk_certificates_union_id_lot_id"
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "product_id"],
            ["products.union_id", "products.id"],
            name="fk_certificates_union_id_product_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "supplier_id"],
            ["suppliers.union_id", "suppliers.id"],
            name="fk_certificates_union_id_supplier_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_certificates_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.UniqueConstraint("union_id", "id", name="uq_certificates_union_id_id"),
        sa.UniqueConstraint(
            "union_id",
            "supplier_id",
            "kind",
            "number",
            name="uq_certificates_union_id_supplier_id_kind_number",
        ),
    )


def _procurement_counters() -> None:
    op.create_table(
        "procurement_counters",
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("last > 0", name="last_positive"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_procurement_counters_union_id"),
        sa.PrimaryKeyConstraint("union_id", "series", name="pk_procurement_counters"),
    )


def _purchases() -> None:
    op.create_table(
        "purchases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("supplement_to", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("purchased_on", sa.Date(), nullable=True),
        sa.Column("purchased_year", sa.Integer(), nullable=False),
        sa.Column("purchased_month", sa.Integer(), nullable=True),
        sa.Column("is_year_inferred", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_approximate", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("source_text", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("total_fen", sa.BigInteger(), nullable=True),
        sa.Column("least_days_left", sa.Integer(), server_default="60", nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", INSTANT, nullable=False),
        sa.Column("changed_by", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", INSTANT, nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", INSTANT, nullable=True),
        sa.Column("declined_by", sa.Uuid(), nullable=True),
        sa.Column("declined_at", INSTANT, nullable=True),
        sa.Column("decline_reason", sa.String(), nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("contract_no", sa.String(), nullable=True),
        sa.Column("comparison_no", sa.String(), nullable=True),
        sa.Column("acceptance_no", sa.String(), nullable=True),
        sa.Column("invoice_no", sa.String(), nullable=True),
        sa.Column("voucher_no", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('platform_832','counter','direct','on_site_visit')", name="channel_known"
        ),
        sa.CheckConstraint("status <> 'approved' OR approved_by IS NOT NULL", name="approved_by_somebody"),
        sa.CheckConstraint(
            "status <> 'cancelled' OR num_nonnulls(cancelled_by, cancelled_at, cancel_reason) = 3",
            name="cancelled_has_a_reason",
        ),
        sa.CheckConstraint(
            "status <> 'declined' OR num_nonnulls(declined_by, declined_at, decline_reason) = 3",
            name="declined_has_a_reason",
        ),
        sa.CheckConstraint(
            "status IN ('draft','cancelled') OR is_approximate OR num_nonnulls(supplier_id, total_fen, purchased_on) = 3",
            name="complete_when_submitted",
        ),
        sa.CheckConstraint(
            "status IN ('draft','pending','approved','declined','cancelled')", name="status_known"
        ),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_has_a_time"),
        sa.CheckConstraint("NOT is_approximate OR source_text IS NOT NULL", name="approximate_has_a_source"),
        sa.CheckConstraint("approved_by <> ALL (changed_by)", name="writers_do_not_approve"),
        sa.CheckConstraint(
            "approved_by IS NULL OR (approved_by <> drafted_by AND approved_by IS DISTINCT FROM submitted_by)",
            name="two_people",
        ),
        sa.CheckConstraint("least_days_left BETWEEN 0 AND 1095", name="days_left_in_range"),
        sa.CheckConstraint("purchased_month BETWEEN 1 AND 12", name="month_in_range"),
        sa.CheckConstraint(
            "purchased_on IS NULL OR (extract(year FROM purchased_on) = purchased_year AND extract(month FROM purchased_on) = coalesce(purchased_month, 0))",
            name="day_in_month",
        ),
        sa.CheckConstraint("purchased_year BETWEEN 2000 AND 2100", name="year_in_range"),
        sa.CheckConstraint("total_fen >= 0", name="total_not_negative"),
        sa.ForeignKeyConstraint(["approved_by"], ["staff_accounts.id"], name="fk_purchases_approved_by"),
        sa.ForeignKeyConstraint(["cancelled_by"], ["staff_accounts.id"], name="fk_purchases_cancelled_by"),
        sa.ForeignKeyConstraint(["declined_by"], ["staff_accounts.id"], name="fk_purchases_declined_by"),
        sa.ForeignKeyConstraint(["drafted_by"], ["staff_accounts.id"], name="fk_purchases_drafted_by"),
        sa.ForeignKeyConstraint(["submitted_by"], ["staff_accounts.id"], name="fk_purchases_submitted_by"),
        sa.ForeignKeyConstraint(
            ["union_id", "campaign_id"],
            ["campaigns.union_id", "campaigns.id"],
            name="fk_purchases_union_id_campaign_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "supplement_to"],
            ["purchases.union_id", "purchases.id"],
            name="fk_purchases_union_id_supplement_to",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "supplier_id"],
            ["suppliers.union_id", "suppliers.id"],
            name="fk_purchases_union_id_supplier_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_purchases_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint("union_id", "id", "drafted_by", name="uq_purchases_union_id_id_drafted_by"),
        sa.UniqueConstraint("union_id", "id", name="uq_purchases_union_id_id"),
        sa.UniqueConstraint("union_id", "number", name="uq_purchases_union_id_number"),
    )
    op.create_index("ix_purchases_campaign_id", "purchases", ["campaign_id"], unique=False)
    op.create_index(
        "ix_purchases_union_id_purchased_year", "purchases", ["union_id", "purchased_year"], unique=False
    )


def _purchase_lines() -> None:
    op.create_table(
        "purchase_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("gift_box_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("boxes", sa.Integer(), nullable=True),
        sa.Column("grams", sa.BigInteger(), nullable=True),
        sa.Column("unit_price_fen", sa.Integer(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("region_id", sa.Uuid(), nullable=True),
        sa.Column("certificate_id", sa.Uuid(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name="amount_not_negative"),
        sa.CheckConstraint("boxes BETWEEN 1 AND 1000000", name="boxes_in_range"),
        sa.CheckConstraint("gift_box_id IS NULL OR boxes IS NOT NULL", name="gift_boxes_are_counted"),
        sa.CheckConstraint("grams BETWEEN 1 AND 1000000000000", name="grams_in_range"),
        sa.CheckConstraint("num_nonnulls(boxes, grams) > 0", name="has_a_quantity"),
        sa.CheckConstraint("num_nonnulls(gift_box_id, product_id, description) = 1", name="one_thing"),
        sa.CheckConstraint("unit_price_fen BETWEEN 0 AND 100000000", name="price_in_range"),
        sa.CheckConstraint(
            "unit_price_fen IS NULL OR coalesce(amount_fen = boxes::bigint * unit_price_fen, false)",
            name="amount_is_boxes_by_price",
        ),
        sa.ForeignKeyConstraint(["region_id"], ["partner_regions.id"], name="fk_purchase_lines_region_id"),
        sa.ForeignKeyConstraint(
            ["union_id", "certificate_id"],
            ["certificates.union_id", "certificates.id"],
            name="fk_purchase_lines_union_id_certificate_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "gift_box_id"],
            ["gift_boxes.union_id", "gift_boxes.id"],
            name="fk_purchase_lines_union_id_gift_box_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "product_id"],
            ["products.union_id", "products.id"],
            name="fk_purchase_lines_union_id_product_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "purchase_id"],
            ["purchases.union_id", "purchases.id"],
            name="fk_purchase_lines_union_id_purchase_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_purchase_lines_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_purchase_lines"),
        sa.UniqueConstraint("purchase_id", "position", name="uq_purchase_lines_purchase_id_position"),
        sa.UniqueConstraint("union_id", "id", name="uq_purchase_lines_union_id_id"),
        sa.UniqueConstraint(
            "union_id", "purchase_id", "id", name="uq_purchase_lines_union_id_purchase_id_id"
        ),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), server_default="delivery", nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("of_receipt_id", sa.Uuid(), nullable=True),
        sa.Column("pickup_point_id", sa.Uuid(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("delivered_by", sa.String(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("inspected_by", sa.Uuid(), nullable=False),
        sa.Column("kept_by", sa.Uuid(), nullable=False),
        sa.Column("posted_by", sa.Uuid(), nullable=False),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("is_sample", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(kind = 'delivery') = (of_receipt_id IS NULL)", name="refers_to_another"),
        sa.CheckConstraint("kind <> 'reversal' OR reason IS NOT NULL", name="reversal_has_a_reason"),
        sa.CheckConstraint("kind IN ('delivery','late_delivery','reversal')", name="kind_known"),
        sa.CheckConstraint("drafted_by NOT IN (inspected_by, kept_by)", name="not_the_buyer"),
        sa.CheckConstraint("inspected_by <> kept_by", name="two_people"),
        sa.CheckConstraint("posted_by IN (inspected_by, kept_by)", name="posted_by_one_of_them"),
        sa.ForeignKeyConstraint(
            ["union_id", "inspected_by"],
            ["staff_accounts.union_id", "staff_accounts.id"],
            name="fk_receipts_union_id_inspected_by",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "kept_by"],
            ["staff_accounts.union_id", "staff_accounts.id"],
            name="fk_receipts_union_id_kept_by",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "pickup_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name="fk_receipts_union_id_pickup_point_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "purchase_id", "drafted_by"],
            ["purchases.union_id", "purchases.id", "purchases.drafted_by"],
            name="fk_receipts_union_id_purchase_id_drafted_by",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "purchase_id", "of_receipt_id"],
            ["receipts.union_id", "receipts.purchase_id", "receipts.id"],
            name="fk_receipts_union_id_purchase_id_of_receipt_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_receipts_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
        sa.UniqueConstraint("union_id", "id", name="uq_receipts_union_id_id"),
        sa.UniqueConstraint("union_id", "number", name="uq_receipts_union_id_number"),
        sa.UniqueConstraint("union_id", "purchase_id", "id", name="uq_receipts_union_id_purchase_id_id"),
    )
    op.create_index("ix_receipts_purchase_id", "receipts", ["purchase_id"], unique=False)
    op.create_index(
        "uq_receipts_one_reversal",
        "receipts",
        ["of_receipt_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'reversal'"),
    )


def _receipt_lines() -> None:
    op.create_table(
        "receipt_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("purchase_line_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("unit", sa.String(), server_default="boxes", nullable=False),
        sa.Column("batch", sa.String(), nullable=True),
        sa.Column("produced_on", sa.Date(), nullable=True),
        sa.Column("best_before_on", sa.Date(), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("damaged", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("override_reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("lot_id IS NULL OR unit = 'boxes'", name="lots_are_counted"),
        sa.CheckConstraint("unit IN ('boxes','grams')", name="unit_known"),
        sa.CheckConstraint("best_before_on >= produced_on", name="goes_off_later"),
        sa.CheckConstraint("expected = good + damaged + missing", name="adds_up"),
        sa.CheckConstraint(
            "expected > 0 AND good >= 0 AND damaged >= 0 AND missing >= 0", name="not_negative"
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"], ["lots.union_id", "lots.id"], name="fk_receipt_lines_union_id_lot_id"
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "purchase_line_id"],
            ["purchase_lines.union_id", "purchase_lines.id"],
            name="fk_receipt_lines_union_id_purchase_line_id",
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "receipt_id"],
            ["receipts.union_id", "receipts.id"],
            name="fk_receipt_lines_union_id_receipt_id",
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_receipt_lines_union_id"),
        sa.PrimaryKeyConstraint("id", name="pk_receipt_lines"),
        sa.UniqueConstraint("receipt_id", "position", name="uq_receipt_lines_receipt_id_position"),
    )
    op.create_index("ix_receipt_lines_lot_id", "receipt_lines", ["lot_id"], unique=False)
    op.create_index("ix_receipt_lines_purchase_line_id", "receipt_lines", ["purchase_line_id"], unique=False)


def downgrade() -> None:
    for table in TABLES:
        for statement in tear_down(table):
            op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_settled_line()")
    op.execute("DROP FUNCTION refuse_unsettling()")
    for name in ("licence_or_reason", "sc_number_form"):
        op.drop_constraint(op.f(f"ck_products_{name}"), "products", type_="check")
    for column in ("version", "sc_reason", "sc_number"):
        op.drop_column("products", column)
