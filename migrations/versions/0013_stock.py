"""Lots, movements and balances; campaigns that are visits, and campaigns that are sealed.

Boxes that were handed over before there was a ledger are posted from the variance account of their gift
box's unrecorded lot, scan by scan.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from app.platform.walls import append_only, tear_down, wall

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("lots", "stock_movements", "stock_balances")
READ = ("gift_boxes", "offers", "orders", "redemptions")
ACCOUNTS = (
    "supplier", "in_transit", "pickup_point", "quarantine", "handed_over", "returned", "loss", "donated", "variance",
)  # fmt: skip
MOVEMENTS = (
    "consigned", "received", "dispatched", "arrived", "handed_over", "undone", "swapped_in", "swapped_out",
    "counted", "quarantined", "released", "written_off", "returned", "donated", "attributed",
)  # fmt: skip
POINTED = "'handed_over','pickup_point','quarantine'"
INSTANT = sa.DateTime(timezone=True)
# Whoever makes a gift box makes the lot of its unrecorded boxes, by whatever way; the row is in the same union.
UNRECORDED = (
    """
    CREATE FUNCTION add_unrecorded_lot() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO lots (id, union_id, gift_box_id, kind, number, created_at, is_sample)
        VALUES (gen_random_uuid(), NEW.union_id, NEW.id, 'unrecorded', '-', now(), NEW.is_sample);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER gift_boxes_have_an_unrecorded_lot AFTER INSERT ON gift_boxes
    FOR EACH ROW WHEN (NEW.kind = 'box') EXECUTE FUNCTION add_unrecorded_lot()
    """,
)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({','.join(repr(value) for value in values)})"


def upgrade() -> None:
    _visits_and_seals()
    _lots()
    _movements()
    _balances()
    # Walls hold for the owner too: what was handed over could not be read from behind them.
    for table in READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    _post_what_was_handed_over()
    for table in READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in TABLES:
        for statement in wall(table):
            op.execute(statement)
    for statement in append_only("stock_movements"):
        op.execute(statement)
    for statement in UNRECORDED:
        op.execute(statement)


def _visits_and_seals() -> None:
    op.add_column("campaigns", sa.Column("kind", sa.String(), nullable=False, server_default="gift"))
    op.add_column("campaigns", sa.Column("sealed_at", INSTANT, nullable=True))
    op.create_check_constraint("kind_known", "campaigns", "kind IN ('gift','visit')")
    op.add_column("gift_boxes", sa.Column("kind", sa.String(), nullable=False, server_default="box"))
    op.alter_column("gift_boxes", "barcode", nullable=True)
    op.alter_column("gift_boxes", "gross_weight_grams", nullable=True)
    op.create_check_constraint("kind_known", "gift_boxes", "kind IN ('box','place')")
    op.create_check_constraint(
        "a_place_weighs_nothing",
        "gift_boxes",
        "CASE kind WHEN 'box' THEN num_nonnulls(barcode, gross_weight_grams) = 2"
        " ELSE num_nonnulls(barcode, gross_weight_grams) = 0 END",
    )


def _lots() -> None:
    op.create_table(
        "lots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("gift_box_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("produced_on", sa.Date(), nullable=True),
        sa.Column("best_before_on", sa.Date(), nullable=True),
        sa.Column("origin_code", sa.String(12), nullable=True),
        sa.Column("origin_note", sa.String(), nullable=True),
        sa.Column("recalled_at", INSTANT, nullable=True),
        sa.Column("recalled_by", sa.Uuid(), nullable=True),
        sa.Column("recall_reason", sa.String(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("is_sample", sa.Boolean(), nullable=False, server_default="false"),
        sa.PrimaryKeyConstraint("id", name="pk_lots"),
        sa.ForeignKeyConstraint(["union_id"], ["unions.id"], name="fk_lots_union_id"),
        sa.ForeignKeyConstraint(["origin_code"], ["divisions.code"], name="fk_lots_origin_code"),
        sa.ForeignKeyConstraint(
            ["union_id", "gift_box_id"],
            ["gift_boxes.union_id", "gift_boxes.id"],
            name="fk_lots_union_id_gift_box_id",
        ),
        sa.CheckConstraint(_one_of("kind", ("received", "unrecorded")), name="kind_known"),
        sa.CheckConstraint("char_length(number) BETWEEN 1 AND 50", name="number_length"),
        sa.CheckConstraint("best_before_on >= produced_on", name="goes_off_later"),
        sa.CheckConstraint("(recalled_at IS NULL) = (recall_reason IS NULL)", name="recall_has_a_reason"),
        sa.UniqueConstraint("union_id", "id", name="uq_lots_union_id_id"),
        sa.UniqueConstraint("union_id", "gift_box_id", "number", name="uq_lots_union_id_gift_box_id_number"),
    )
    op.create_index(
        "uq_lots_one_unrecorded",
        "lots",
        ["gift_box_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'unrecorded'"),
    )


def _movements() -> None:
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("boxes", sa.Integer(), nullable=False),
        sa.Column("from_kind", sa.String(), nullable=True),
        sa.Column("from_point_id", sa.Uuid(), nullable=True),
        sa.Column("to_kind", sa.String(), nullable=False),
        sa.Column("to_point_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("posted_by", sa.Uuid(), nullable=True),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stock_movements"),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"], ["lots.union_id", "lots.id"], name="fk_stock_movements_union_id_lot_id"
        ),
        sa.CheckConstraint(_one_of("kind", MOVEMENTS), name="kind_known"),
        sa.CheckConstraint("boxes BETWEEN 1 AND 10000000", name="boxes_in_range"),
        sa.CheckConstraint(_one_of("from_kind", ACCOUNTS), name="from_known"),
        sa.CheckConstraint(_one_of("to_kind", ACCOUNTS), name="to_known"),
        sa.CheckConstraint("(from_kind IS NULL) = (kind = 'consigned')", name="comes_from_somewhere"),
        sa.CheckConstraint(
            f"coalesce(from_kind IN ({POINTED}), false) = (from_point_id IS NOT NULL)", name="from_a_place"
        ),
        sa.CheckConstraint(f"(to_kind IN ({POINTED})) = (to_point_id IS NOT NULL)", name="to_a_place"),
        sa.CheckConstraint(
            "from_kind IS DISTINCT FROM to_kind OR from_point_id IS DISTINCT FROM to_point_id", name="moves"
        ),
    )
    columns = ["union_id", "posted_at", "id"]
    op.create_index("ix_stock_movements_union_id_posted_at", "stock_movements", columns)
    op.create_index("ix_stock_movements_lot_id_id", "stock_movements", ["lot_id", "id"])
    for column in ("event_id", "document_id"):
        op.create_index(
            f"ix_stock_movements_{column}",
            "stock_movements",
            [column],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def _balances() -> None:
    op.create_table(
        "stock_balances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("union_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("pickup_point_id", sa.Uuid(), nullable=True),
        sa.Column("boxes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stock_balances"),
        sa.ForeignKeyConstraint(
            ["union_id", "lot_id"], ["lots.union_id", "lots.id"], name="fk_stock_balances_union_id_lot_id"
        ),
        sa.ForeignKeyConstraint(
            ["union_id", "pickup_point_id"],
            ["pickup_points.union_id", "pickup_points.id"],
            name="fk_stock_balances_union_id_pickup_point_id",
        ),
        sa.CheckConstraint(_one_of("kind", ACCOUNTS), name="kind_known"),
        sa.CheckConstraint(f"(kind IN ({POINTED})) = (pickup_point_id IS NOT NULL)", name="at_a_place"),
        sa.CheckConstraint("boxes >= 0 OR kind = 'variance'", name="not_below_zero"),
        sa.UniqueConstraint(
            "lot_id",
            "kind",
            "pickup_point_id",
            name="uq_stock_balances_lot_id_kind_pickup_point_id",
            postgresql_nulls_not_distinct=True,
        ),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("ix_stock_balances_pickup_point_id", "stock_balances", ["pickup_point_id", "kind"])


def _post_what_was_handed_over() -> None:
    op.execute(
        "INSERT INTO lots (id, union_id, gift_box_id, kind, number, created_at, is_sample)"
        " SELECT gen_random_uuid(), union_id, id, 'unrecorded', '-', now(), is_sample FROM gift_boxes"
    )
    op.execute(
        "INSERT INTO stock_movements (id, union_id, lot_id, boxes, from_kind, to_kind, to_point_id, kind,"
        " event_id, posted_by, posted_at)"
        " SELECT gen_random_uuid(), r.union_id, l.id, r.quantity, 'variance', 'handed_over', r.pickup_point_id,"
        " 'handed_over', r.event_id, r.staff_id, r.received_at"
        " FROM redemptions r JOIN orders o ON o.id = r.order_id JOIN offers f ON f.id = o.offer_id"
        " JOIN lots l ON l.gift_box_id = f.gift_box_id WHERE r.result = 'handed_over'"
    )
    op.execute(
        "INSERT INTO stock_balances (id, union_id, lot_id, kind, pickup_point_id, boxes)"
        " SELECT gen_random_uuid(), union_id, lot_id, 'handed_over', to_point_id, sum(boxes)"
        " FROM stock_movements GROUP BY union_id, lot_id, to_point_id"
    )
    op.execute(
        "INSERT INTO stock_balances (id, union_id, lot_id, kind, boxes)"
        " SELECT gen_random_uuid(), union_id, lot_id, 'variance', -sum(boxes)"
        " FROM stock_movements GROUP BY union_id, lot_id"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER gift_boxes_have_an_unrecorded_lot ON gift_boxes")
    op.execute("DROP FUNCTION add_unrecorded_lot")
    for table in TABLES:
        for statement in tear_down(table):
            op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in ("a_place_weighs_nothing", "kind_known"):
        op.drop_constraint(op.f(f"ck_gift_boxes_{name}"), "gift_boxes", type_="check")
    # Places are boxes again, of which somebody made the barcode up; each keeps its orders.
    op.execute("ALTER TABLE gift_boxes NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE gift_boxes b SET gross_weight_grams = 1, barcode = '299' || lpad(p.n::text, 10, '0') FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) AS n FROM gift_boxes WHERE kind = 'place') p"
        " WHERE p.id = b.id"
    )
    op.execute("ALTER TABLE gift_boxes FORCE ROW LEVEL SECURITY")
    op.drop_column("gift_boxes", "kind")
    op.alter_column("gift_boxes", "barcode", nullable=False)
    op.alter_column("gift_boxes", "gross_weight_grams", nullable=False)
    op.drop_constraint(op.f("ck_campaigns_kind_known"), "campaigns", type_="check")
    op.drop_column("campaigns", "sealed_at")
    op.drop_column("campaigns", "kind")
