"""An order is `collected` if and only if one hand-over of it is on record.

A trigger, because a CHECK sees one row only. It is deferred to the commit: order and redemption may come
in either order within a transaction.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION check_hand_over() RETURNS trigger LANGUAGE plpgsql AS $$
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
    )
    op.execute(
        """
        CREATE CONSTRAINT TRIGGER collected_means_handed_over
        AFTER INSERT OR UPDATE OF status ON orders DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.status = 'collected') EXECUTE FUNCTION check_hand_over()
        """
    )
    op.execute(
        """
        CREATE CONSTRAINT TRIGGER handed_over_means_collected
        AFTER INSERT ON redemptions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.result = 'handed_over') EXECUTE FUNCTION check_hand_over()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER handed_over_means_collected ON redemptions")
    op.execute("DROP TRIGGER collected_means_handed_over ON orders")
    op.execute("DROP FUNCTION check_hand_over()")
