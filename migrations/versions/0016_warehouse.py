"""Transfers, stocktakes and disposals; shortages that were noticed, and who was told of a recall.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.platform.walls import append_only, tear_down, wall

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = (
    "warehouse_numbers", "stock_transfers", "stock_transfer_lines", "stocktakes", "stocktake_lines",
    "stocktake_counts", "stocktake_count_lines", "stocktake_findings", "disposals", "disposal_lines",
    "stock_shortages", "recall_notices",
)  # fmt: skip
NEVER_CHANGED = (
    "stocktake_lines", "stocktake_counts", "stocktake_count_lines", "stocktake_findings", "disposal_lines",
    "recall_notices",
)  # fmt: skip
OVER = {
    "stock_transfers": "OLD.status IN ('arrived', 'declined')",
    "stock_transfer_lines": "OLD.good IS NOT NULL",
    "stocktakes": "OLD.status IN ('closed', 'declined', 'cancelled')",
    "disposals": "OLD.status <> 'pending'",
}
"""When a row of these is no longer changed."""
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _numbers_and_transfers()
    _stocktakes()
    _counts()
    _disposals()
    _watch()
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for table in NEVER_CHANGED:
        for statement in append_only(table):
            op.execute(statement)
    for table, condition in OVER.items():
        op.execute(f"REVOKE DELETE, TRUNCATE ON {table} FROM grainline_app, grainline_jobs")
        op.execute(
            f"CREATE TRIGGER {table}_are_kept_when_over BEFORE UPDATE ON {table}"
            f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in TABLES:
        for statement in tear_down(table):
            op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)


def _numbers_and_transfers() -> None:
    op.create_table(
        "warehouse_numbers",
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("series IN ('DB','PD','CZ')", name=op.f("ck_warehouse_numbers_series_known")),
        sa.CheckConstraint("last >= 1", name=op.f("ck_warehouse_numbers_last_from_one")),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_warehouse_numbers_union_id")),
        sa.PrimaryKeyConstraint("union_id", "series", "year", name=op.f("pk_warehouse_numbers")),
    )
    op.create_table(
        "stock_transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("from_point_id", sa.Uuid(), nullable=False),
        sa.Column("to_point_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("dispatched_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("dispatched_at", INSTANT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.Column("arrived_by", sa.Uuid(), nullable=True),
        sa.Column("arrived_at", INSTANT, nullable=True),
        sa.Column("arrival_note", sa.String(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status = 'arrived') = (arrived_at IS NOT NULL)",
            name=op.f("ck_stock_transfers_arrived_when_it_says_so"),
        ),
        sa.CheckConstraint(
            "(status IN ('dispatched','arrived')) = (dispatched_at IS NOT NULL)",
            name=op.f("ck_stock_transfers_sent_when_it_says_so"),
        ),
        sa.CheckConstraint(
            "status IN ('waiting','declined','dispatched','arrived')",
            name=op.f("ck_stock_transfers_status_known"),
        ),
        sa.CheckConstraint(
            "(arrived_by IS NULL) = (arrived_at IS NULL)", name=op.f("ck_stock_transfers_arrived_has_a_time")
        ),
        sa.CheckConstraint("arrived_by <> dispatched_by", name=op.f("ck_stock_transfers_two_people")),
        sa.CheckConstraint("decided_by <> dispatched_by", name=op.f("ck_stock_transfers_decided_by_another")),
        sa.CheckConstraint("from_point_id <> to_point_id", name=op.f("ck_stock_transfers_two_points")),
        sa.CheckConstraint(
            "num_nonnulls(decided_by, decided_at, decision_reason) IN (0, 3)",
            name=op.f("ck_stock_transfers_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["arrived_by"], ["staff_accounts.id"], name=op.f("fk_stock_transfers_arrived_by")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["staff_accounts.id"], name=op.f("fk_stock_transfers_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["dispatched_by"], ["staff_accounts.id"], name=op.f("fk_stock_transfers_dispatched_by")
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "from_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name=op.f("fk_stock_transfers_union_id_from_point_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "to_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name=op.f("fk_stock_transfers_union_id_to_point_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stock_transfers_union_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_transfers")),
        sa.UniqueConstraint("union_id", "id", name=op.f("uq_stock_transfers_union_id_id")),
        sa.UniqueConstraint("union_id", "number", name=op.f("uq_stock_transfers_union_id_number")),
    )
    op.create_table(
        "stock_transfer_lines",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("boxes", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=True),
        sa.Column("damaged", sa.Integer(), nullable=True),
        sa.Column("missing", sa.Integer(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "boxes BETWEEN 1 AND 1000000", name=op.f("ck_stock_transfer_lines_boxes_in_range")
        ),
        sa.CheckConstraint("good + damaged + missing = boxes", name=op.f("ck_stock_transfer_lines_adds_up")),
        sa.CheckConstraint(
            "good >= 0 AND damaged >= 0 AND missing >= 0", name=op.f("ck_stock_transfer_lines_not_below_zero")
        ),
        sa.CheckConstraint(
            "num_nonnulls(good, damaged, missing) IN (0, 3)", name=op.f("ck_stock_transfer_lines_whole")
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"],
            ["lots.union_id", "lots.id"],
            name=op.f("fk_stock_transfer_lines_union_id_lot_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "transfer_id"],
            ["stock_transfers.union_id", "stock_transfers.id"],
            name=op.f("fk_stock_transfer_lines_union_id_transfer_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stock_transfer_lines_union_id")),
        sa.PrimaryKeyConstraint("transfer_id", "lot_id", name=op.f("pk_stock_transfer_lines")),
    )


def _stocktakes() -> None:
    op.create_table(
        "stocktakes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("pickup_point_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("round_began_at", INSTANT, nullable=False),
        sa.Column("counter_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("recount_lot_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status IN ('counting','to_approve')) = (closed_at IS NULL)",
            name=op.f("ck_stocktakes_closed_when_it_is_over"),
        ),
        sa.CheckConstraint(
            "status IN ('counting','to_approve','closed','declined','cancelled')",
            name=op.f("ck_stocktakes_status_known"),
        ),
        sa.CheckConstraint(
            "decided_by <> ALL (counter_ids)", name=op.f("ck_stocktakes_counters_do_not_decide")
        ),
        sa.CheckConstraint(
            "num_nonnulls(decided_by, decided_at) IN (0, 2)", name=op.f("ck_stocktakes_decided_has_a_time")
        ),
        sa.CheckConstraint("round BETWEEN 1 AND 100", name=op.f("ck_stocktakes_round_in_range")),
        sa.ForeignKeyConstraint(["decided_by"], ["staff_accounts.id"], name=op.f("fk_stocktakes_decided_by")),
        sa.ForeignKeyConstraint(["opened_by"], ["staff_accounts.id"], name=op.f("fk_stocktakes_opened_by")),
        sa.ForeignKeyConstraint(
            ["union_id", "pickup_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name=op.f("fk_stocktakes_union_id_pickup_point_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stocktakes_union_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stocktakes")),
        sa.UniqueConstraint("union_id", "id", name=op.f("uq_stocktakes_union_id_id")),
        sa.UniqueConstraint("union_id", "number", name=op.f("uq_stocktakes_union_id_number")),
    )
    op.create_index(
        "uq_stocktakes_one_under_way",
        "stocktakes",
        ["pickup_point_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('counting','to_approve')"),
    )
    op.create_table(
        "stocktake_lines",
        sa.Column("stocktake_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("book_good", sa.Integer(), nullable=False),
        sa.Column("book_damaged", sa.Integer(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"],
            ["lots.union_id", "lots.id"],
            name=op.f("fk_stocktake_lines_union_id_lot_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "stocktake_id"],
            ["stocktakes.union_id", "stocktakes.id"],
            name=op.f("fk_stocktake_lines_union_id_stocktake_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stocktake_lines_union_id")),
        sa.PrimaryKeyConstraint("stocktake_id", "lot_id", name=op.f("pk_stocktake_lines")),
    )


def _counts() -> None:
    op.create_table(
        "stocktake_counts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stocktake_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("counted_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "counted_at <= sent_at", name=op.f("ck_stocktake_counts_counted_before_it_is_sent")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff_accounts.id"], name=op.f("fk_stocktake_counts_staff_id")
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "stocktake_id"],
            ["stocktakes.union_id", "stocktakes.id"],
            name=op.f("fk_stocktake_counts_union_id_stocktake_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stocktake_counts_union_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stocktake_counts")),
        sa.UniqueConstraint(
            "stocktake_id", "round", "staff_id", name=op.f("uq_stocktake_counts_stocktake_id_round_staff_id")
        ),
        sa.UniqueConstraint("union_id", "id", name=op.f("uq_stocktake_counts_union_id_id")),
    )
    op.create_table(
        "stocktake_count_lines",
        sa.Column("count_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("damaged", sa.Integer(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "good BETWEEN 0 AND 1000000 AND damaged BETWEEN 0 AND 1000000",
            name=op.f("ck_stocktake_count_lines_boxes_in_range"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "count_id"],
            ["stocktake_counts.union_id", "stocktake_counts.id"],
            name=op.f("fk_stocktake_count_lines_union_id_count_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"],
            ["lots.union_id", "lots.id"],
            name=op.f("fk_stocktake_count_lines_union_id_lot_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stocktake_count_lines_union_id")),
        sa.PrimaryKeyConstraint("count_id", "lot_id", name=op.f("pk_stocktake_count_lines")),
    )
    op.create_table(
        "stocktake_findings",
        sa.Column("stocktake_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("count_id", sa.Uuid(), nullable=False),
        sa.Column("book_good", sa.Integer(), nullable=False),
        sa.Column("book_damaged", sa.Integer(), nullable=False),
        sa.Column("counted_good", sa.Integer(), nullable=False),
        sa.Column("counted_damaged", sa.Integer(), nullable=False),
        sa.Column("posted_good", sa.Integer(), nullable=False),
        sa.Column("posted_damaged", sa.Integer(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "counted_good >= 0 AND counted_damaged >= 0", name=op.f("ck_stocktake_findings_not_below_zero")
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "count_id"],
            ["stocktake_counts.union_id", "stocktake_counts.id"],
            name=op.f("fk_stocktake_findings_union_id_count_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"],
            ["lots.union_id", "lots.id"],
            name=op.f("fk_stocktake_findings_union_id_lot_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "stocktake_id"],
            ["stocktakes.union_id", "stocktakes.id"],
            name=op.f("fk_stocktake_findings_union_id_stocktake_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stocktake_findings_union_id")),
        sa.PrimaryKeyConstraint("stocktake_id", "lot_id", name=op.f("pk_stocktake_findings")),
    )


def _disposals() -> None:
    op.create_table(
        "disposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=True),
        sa.Column("evidence_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_at IS NULL)", name=op.f("ck_disposals_decided_when_it_says_so")
        ),
        sa.CheckConstraint(
            "decided_by <> requested_by OR status = 'withdrawn'", name=op.f("ck_disposals_two_people")
        ),
        sa.CheckConstraint(
            "kind IN ('write_off','return','donation','release')", name=op.f("ck_disposals_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('pending','approved','declined','withdrawn')", name=op.f("ck_disposals_status_known")
        ),
        sa.CheckConstraint(
            "num_nonnulls(decided_by, decided_at) IN (0, 2)", name=op.f("ck_disposals_decided_has_a_time")
        ),
        sa.CheckConstraint(
            "octet_length(evidence_sha256) = 32", name=op.f("ck_disposals_evidence_is_sha256")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["staff_accounts.id"], name=op.f("fk_disposals_decided_by")),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["staff_accounts.id"], name=op.f("fk_disposals_requested_by")
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "campaign_id"],
            ["campaigns.union_id", "campaigns.id"],
            name=op.f("fk_disposals_union_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_disposals_union_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposals")),
        sa.UniqueConstraint("union_id", "id", name=op.f("uq_disposals_union_id_id")),
        sa.UniqueConstraint("union_id", "number", name=op.f("uq_disposals_union_id_number")),
    )
    op.create_index("ix_disposals_campaign_id", "disposals", ["campaign_id"], unique=False)
    op.create_table(
        "disposal_lines",
        sa.Column("disposal_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("pickup_point_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("boxes", sa.Integer(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "place IN ('pickup_point','quarantine')", name=op.f("ck_disposal_lines_place_known")
        ),
        sa.CheckConstraint("boxes BETWEEN 1 AND 1000000", name=op.f("ck_disposal_lines_boxes_in_range")),
        sa.ForeignKeyConstraint(
            ["union_id", "disposal_id"],
            ["disposals.union_id", "disposals.id"],
            name=op.f("fk_disposal_lines_union_id_disposal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"],
            ["lots.union_id", "lots.id"],
            name=op.f("fk_disposal_lines_union_id_lot_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "pickup_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name=op.f("fk_disposal_lines_union_id_pickup_point_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_disposal_lines_union_id")),
        sa.PrimaryKeyConstraint(
            "disposal_id", "lot_id", "pickup_point_id", "place", name=op.f("pk_disposal_lines")
        ),
    )


def _watch() -> None:
    op.create_table(
        "stock_shortages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gift_box_id", sa.Uuid(), nullable=False),
        sa.Column("pickup_point_id", sa.Uuid(), nullable=False),
        sa.Column("short_by", sa.Integer(), nullable=False),
        sa.Column("first_short_at", INSTANT, nullable=False),
        sa.Column("noticed_at", INSTANT, nullable=False),
        sa.Column("grown_at", INSTANT, nullable=True),
        sa.Column("resolved_at", INSTANT, nullable=True),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("short_by >= 1", name=op.f("ck_stock_shortages_short_by_one_at_least")),
        sa.ForeignKeyConstraint(
            ["union_id", "gift_box_id"],
            ["gift_boxes.union_id", "gift_boxes.id"],
            name=op.f("fk_stock_shortages_union_id_gift_box_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "pickup_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name=op.f("fk_stock_shortages_union_id_pickup_point_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_stock_shortages_union_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_shortages")),
    )
    op.create_index(
        "uq_stock_shortages_one_open",
        "stock_shortages",
        ["gift_box_id", "pickup_point_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "recall_notices",
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("is_possible", sa.Boolean(), nullable=False),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"],
            ["lots.union_id", "lots.id"],
            name=op.f("fk_recall_notices_union_id_lot_id"),
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "order_id"],
            ["orders.union_id", "orders.id"],
            name=op.f("fk_recall_notices_union_id_order_id"),
        ),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name=op.f("fk_recall_notices_union_id")),
        sa.PrimaryKeyConstraint("lot_id", "order_id", name=op.f("pk_recall_notices")),
    )
