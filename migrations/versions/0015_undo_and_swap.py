"""Hand-overs that are taken back, in parts, or swapped.

An order counts what was collected of it. Every hand-over says with which of the order's boxes it begins, so
that two that stand never hand out the same box; that they add up to the order's count is checked at the commit.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from app.platform.walls import append_only, tear_down, wall

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ONE_HAND_OVER = "result = 'handed_over'"
ONE_THAT_STANDS = "result = 'handed_over' AND undone_at IS NULL"
ORDER_CHECKS = {
    "never_more_than_ordered": "collected_count BETWEEN 0 AND quantity",
    "collected_is_all": "(status = 'collected') = (collected_count = quantity)",
    "part_stays_collected": "collected_count = 0 OR status IN ('to_book','booked','collected','on_hold')",
    "collected_has_a_time": "(collected_count > 0) = (collected_at IS NOT NULL)",
    "given_up_in_range": "given_up_count >= 0 AND quantity + given_up_count <= 20",
}
REDEMPTION_CHECKS = {
    "hand_over_has_a_portion": "(result = 'handed_over') = (first_portion IS NOT NULL)",
    "portion_in_range": "first_portion BETWEEN 1 AND 20",
    "only_hand_overs_are_undone": "undone_at IS NULL OR result = 'handed_over'",
}
CHANGES = """
CREATE TABLE redemption_changes (
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    event_id UUID NOT NULL,
    of_event_id UUID NOT NULL,
    order_id UUID NOT NULL,
    pickup_point_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    reason VARCHAR NOT NULL,
    fingerprint BYTEA NOT NULL,
    answer VARCHAR NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    union_id UUID NOT NULL,
    CONSTRAINT pk_redemption_changes PRIMARY KEY (id),
    CONSTRAINT ck_redemption_changes_kind_known CHECK (kind IN ('swap','undo')),
    CONSTRAINT ck_redemption_changes_two_events CHECK (event_id <> of_event_id),
    CONSTRAINT ck_redemption_changes_quantity_in_range CHECK (quantity BETWEEN 1 AND 20),
    CONSTRAINT ck_redemption_changes_reason_length CHECK (char_length(reason) BETWEEN 2 AND 200),
    CONSTRAINT ck_redemption_changes_fingerprint_is_sha256 CHECK (octet_length(fingerprint) = 32),
    CONSTRAINT uq_redemption_changes_union_id_event_id UNIQUE (union_id, event_id),
    CONSTRAINT fk_redemption_changes_union_id_of_event_id FOREIGN KEY(union_id, of_event_id)
        REFERENCES redemptions (union_id, event_id),
    CONSTRAINT fk_redemption_changes_union_id_order_id FOREIGN KEY(union_id, order_id)
        REFERENCES orders (union_id, id),
    CONSTRAINT fk_redemption_changes_union_id_staff_id FOREIGN KEY(union_id, staff_id)
        REFERENCES staff_accounts (union_id, id),
    CONSTRAINT fk_redemption_changes_union_id_pickup_point_id FOREIGN KEY(union_id, pickup_point_id)
        REFERENCES pickup_points (union_id, id),
    CONSTRAINT fk_redemption_changes_union_id FOREIGN KEY(union_id) REFERENCES unions (id)
)
"""
# What stands of an order's hand-overs is what the order counts as collected: a device that handed over more
# offline than was left counts for no more than that. It runs twice for every hand-over, so its plan is made once
# for a connection, unlike all others; without sequential scans, which an empty table would make it keep for ever.
CHECK = """
CREATE OR REPLACE FUNCTION check_hand_over() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE wanted uuid;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN wanted := NEW.id; ELSE wanted := NEW.order_id; END IF;
    IF (SELECT collected_count FROM orders WHERE id = wanted)
       IS DISTINCT FROM
       (SELECT least(coalesce(sum(r.quantity), 0), (SELECT quantity FROM orders WHERE id = wanted))
        FROM redemptions r WHERE r.order_id = wanted AND r.result = 'handed_over' AND r.undone_at IS NULL)
    THEN
        RAISE EXCEPTION 'order % is collected without a hand-over, or handed over without it', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collected_means_handed_over';
    END IF;
    RETURN NULL;
END $$
"""
SEALED = (
    """
    CREATE FUNCTION refuse_change_of_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM orders o JOIN campaigns c ON c.id = o.campaign_id
                   WHERE o.id = NEW.order_id AND c.sealed_at IS NOT NULL) THEN
            RAISE EXCEPTION 'the campaign is sealed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_stays_handed_over';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER no_change_after_the_seal BEFORE INSERT ON redemption_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_sealed()
    """,
)
FIRST_CHECK = """
CREATE OR REPLACE FUNCTION check_hand_over() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wanted uuid;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN wanted := NEW.id; ELSE wanted := NEW.order_id; END IF;
    IF (SELECT status = 'collected' FROM orders WHERE id = wanted)
       IS DISTINCT FROM
       EXISTS (SELECT FROM redemptions WHERE order_id = wanted AND result = 'handed_over')
    THEN
        RAISE EXCEPTION 'order % is collected without a hand-over, or handed over without it', wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collected_means_handed_over';
    END IF;
    RETURN NULL;
END $$
"""
FIRST_TRIGGER = """
CREATE CONSTRAINT TRIGGER collected_means_handed_over
AFTER INSERT OR UPDATE OF status ON orders DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.status = 'collected') EXECUTE FUNCTION check_hand_over()
"""
TRIGGERS = (
    """
    CREATE CONSTRAINT TRIGGER collected_means_handed_over
    AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.collected_count > 0) EXECUTE FUNCTION check_hand_over()
    """,
    """
    CREATE CONSTRAINT TRIGGER counted_means_handed_over
    AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.collected_count <> NEW.collected_count) EXECUTE FUNCTION check_hand_over()
    """,
    """
    CREATE CONSTRAINT TRIGGER undone_means_counted
    AFTER UPDATE ON redemptions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.undone_at IS DISTINCT FROM NEW.undone_at OR OLD.quantity IS DISTINCT FROM NEW.quantity)
    EXECUTE FUNCTION check_hand_over()
    """,
)


def upgrade() -> None:
    op.execute("DROP TRIGGER collected_means_handed_over ON orders")
    _count_what_was_collected()
    _number_the_hand_overs()
    op.execute(CHANGES)
    op.create_index(
        "uq_redemption_changes_undone_once",
        "redemption_changes",
        ["union_id", "of_event_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'undo'"),
    )
    op.create_index(
        "ix_redemption_changes_union_id_of_event_id", "redemption_changes", ["union_id", "of_event_id"]
    )
    for statement in (*wall("redemption_changes"), *append_only("redemption_changes"), *SEALED):
        op.execute(statement)
    for statement in (CHECK, *TRIGGERS):
        op.execute(statement)


def _count_what_was_collected() -> None:
    for name in ("collected_count", "given_up_count"):
        op.add_column("orders", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE orders SET collected_count = quantity WHERE status = 'collected'")
    op.drop_constraint(op.f("ck_orders_collected_has_a_time"), "orders", type_="check")
    for name, check in ORDER_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_orders_{name}"), "orders", check)


def _number_the_hand_overs() -> None:
    op.add_column("redemptions", sa.Column("first_portion", sa.Integer(), nullable=True))
    op.add_column("redemptions", sa.Column("undone_at", INSTANT, nullable=True))
    # A hand-over used to end its order whatever it handed over; the rest of it is given up.
    op.execute("UPDATE redemptions SET first_portion = 1 WHERE result = 'handed_over'")
    op.execute(
        "UPDATE orders o SET quantity = r.quantity, collected_count = r.quantity,"
        " given_up_count = o.quantity - r.quantity FROM redemptions r"
        " WHERE r.order_id = o.id AND r.result = 'handed_over' AND r.quantity < o.quantity"
    )
    op.execute(
        "UPDATE offers f SET promised_count = f.promised_count - g.boxes FROM (SELECT offer_id,"
        " sum(given_up_count) AS boxes FROM orders WHERE given_up_count > 0 GROUP BY offer_id) g"
        " WHERE g.offer_id = f.id"
    )
    for name, check in REDEMPTION_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_redemptions_{name}"), "redemptions", check)
    op.drop_index("uq_redemptions_handed_over_once", "redemptions")
    _one_hand_over(["order_id", "first_portion"], where=ONE_THAT_STANDS)


def _one_hand_over(columns: list[str], *, where: str) -> None:
    op.create_index(
        "uq_redemptions_handed_over_once",
        "redemptions",
        columns,
        unique=True,
        postgresql_where=sa.text(where),
    )


def downgrade() -> None:
    """Take it back; refused while there is a hand-over that is undone or a part of an order.

    Without these columns they would look like hand-overs that stand, of whole orders.
    """
    op.execute("DROP TRIGGER undone_means_counted ON redemptions")
    for name in ("counted_means_handed_over", "collected_means_handed_over"):
        op.execute(f"DROP TRIGGER {name} ON orders")
    for statement in tear_down("redemption_changes"):
        op.execute(statement)
    op.drop_table("redemption_changes")
    op.execute("DROP FUNCTION refuse_change_of_sealed()")
    op.drop_index("uq_redemptions_handed_over_once", "redemptions")
    for name in REDEMPTION_CHECKS:
        op.drop_constraint(op.f(f"ck_redemptions_{name}"), "redemptions", type_="check")
    for name in reversed(ORDER_CHECKS):
        op.drop_constraint(op.f(f"ck_orders_{name}"), "orders", type_="check")
    op.execute("ALTER TABLE redemptions ADD CONSTRAINT none_is_undone CHECK (undone_at IS NULL)")
    op.drop_column("redemptions", "undone_at")
    op.drop_column("redemptions", "first_portion")
    _one_hand_over(["order_id"], where=ONE_HAND_OVER)
    op.create_check_constraint(
        op.f("ck_orders_collected_has_a_time"),
        "orders",
        "(status = 'collected') = (collected_at IS NOT NULL)",
    )
    for name in ("given_up_count", "collected_count"):
        op.drop_column("orders", name)
    op.execute(FIRST_CHECK)
    op.execute(FIRST_TRIGGER)
