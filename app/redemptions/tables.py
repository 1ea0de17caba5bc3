"""Pickup codes, signing keys, redemptions and the contradictions between them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.scope import UnionOwned
from app.platform.database import Base
from app.redemptions.rules.changes import ChangeKind
from app.redemptions.rules.keys import KeyState
from app.unions.tables import one_of


class CodeKey(Base):
    """The public half of a key that signs pickup codes; the private half is a file outside."""

    __tablename__ = "code_keys"
    __table_args__ = (
        CheckConstraint("id BETWEEN 1 AND 255", name="id_fits_the_code"),
        CheckConstraint(one_of("state", KeyState), name="state_known"),
        CheckConstraint("octet_length(public_key) = 32", name="public_key_is_ed25519"),
        Index("uq_code_keys_one_active", "state", unique=True, postgresql_where=text("state = 'active'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    public_key: Mapped[bytes] = mapped_column(unique=True)
    state: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class PickupCode(UnionOwned, Base):
    """The code of an order: a random reference, a generation and a short code; never personal data."""

    __tablename__ = "pickup_codes"
    __table_args__ = (
        CheckConstraint("octet_length(unit_ref) = 8", name="unit_ref_is_8_bytes"),
        CheckConstraint("generation BETWEEN 0 AND 255", name="generation_fits_the_code"),
        CheckConstraint("char_length(short_code) = 10", name="short_code_length"),
        CheckConstraint("not_after_on >= not_before_on", name="ends_later"),
        UniqueConstraint("union_id", "unit_ref"),
        UniqueConstraint("union_id", "short_code"),
        ForeignKeyConstraint(["union_id", "order_id"], ["orders.union_id", "orders.id"]),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_ref: Mapped[bytes]
    generation: Mapped[int]
    short_code: Mapped[str]
    key_id: Mapped[int] = mapped_column(ForeignKey("code_keys.id"))
    not_before_on: Mapped[date]
    not_after_on: Mapped[date]
    qr_text: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Redemption(UnionOwned, Base):
    """One scan and its answer.

    No two hand-overs of an order that stand (are not undone) begin with the same of its boxes, and those that
    stand add up to what the order holds as collected (a trigger sees to it when the transaction commits).
    """

    __tablename__ = "redemptions"
    __table_args__ = (
        CheckConstraint("result IN ('handed_over','refused')", name="result_known"),
        CheckConstraint("(result = 'refused') = (reason IS NOT NULL)", name="refusal_has_a_reason"),
        CheckConstraint("result = 'refused' OR order_id IS NOT NULL", name="hand_over_has_an_order"),
        CheckConstraint("result = 'refused' OR quantity IS NOT NULL", name="hand_over_has_a_quantity"),
        CheckConstraint(
            "(result = 'handed_over') = (first_portion IS NOT NULL)", name="hand_over_has_a_portion"
        ),
        CheckConstraint("first_portion BETWEEN 1 AND 20", name="portion_in_range"),
        CheckConstraint("undone_at IS NULL OR result = 'handed_over'", name="only_hand_overs_are_undone"),
        UniqueConstraint("union_id", "event_id"),
        Index(
            "uq_redemptions_handed_over_once",
            "order_id",
            "first_portion",
            unique=True,
            postgresql_where=text("result = 'handed_over' AND undone_at IS NULL"),
        ),
        ForeignKeyConstraint(["union_id", "order_id"], ["orders.union_id", "orders.id"]),
        ForeignKeyConstraint(["union_id", "staff_id"], ["staff_accounts.union_id", "staff_accounts.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
    )

    # That the union exists follows from the pickup point's key; one check less on the hot path.
    union_id: Mapped[UUID] = mapped_column()
    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    order_id: Mapped[UUID | None]
    pickup_point_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    device_id: Mapped[str | None]
    result: Mapped[str]
    reason: Mapped[str | None]
    quantity: Mapped[int | None]
    first_portion: Mapped[int | None]
    """Which of the order's boxes (from 1) a hand-over begins with."""
    override_reason: Mapped[str | None]
    waived_reason: Mapped[str | None]
    is_offline: Mapped[bool]
    first_event_id: Mapped[UUID | None]
    fingerprint: Mapped[bytes]
    answer: Mapped[str]
    scanned_at: Mapped[datetime]
    received_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class RedemptionChange(UnionOwned, Base):
    """A hand-over was undone, or a box of it swapped: an event of its own, added and never changed."""

    __tablename__ = "redemption_changes"
    __table_args__ = (
        CheckConstraint(one_of("kind", ChangeKind), name="kind_known"),
        CheckConstraint("event_id <> of_event_id", name="two_events"),
        CheckConstraint("quantity BETWEEN 1 AND 20", name="quantity_in_range"),
        CheckConstraint("char_length(reason) BETWEEN 2 AND 200", name="reason_length"),
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_is_sha256"),
        UniqueConstraint("union_id", "event_id"),
        Index("uq_redemption_changes_undone_once", "union_id", "of_event_id", unique=True,
              postgresql_where=text("kind = 'undo'")),
        Index("ix_redemption_changes_union_id_of_event_id", "union_id", "of_event_id"),
        ForeignKeyConstraint(["union_id", "of_event_id"], ["redemptions.union_id", "redemptions.event_id"]),
        ForeignKeyConstraint(["union_id", "order_id"], ["orders.union_id", "orders.id"]),
        ForeignKeyConstraint(["union_id", "staff_id"], ["staff_accounts.union_id", "staff_accounts.id"]),
        ForeignKeyConstraint(["union_id", "pickup_point_id"], ["pickup_points.union_id", "pickup_points.id"]),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    event_id: Mapped[UUID]
    of_event_id: Mapped[UUID]
    order_id: Mapped[UUID]
    pickup_point_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    quantity: Mapped[int]
    reason: Mapped[str]
    fingerprint: Mapped[bytes]
    answer: Mapped[str]
    at: Mapped[datetime]


class RedemptionConflict(UnionOwned, Base):
    """A hand-over that contradicts the ledger: it happened, a person decides what it means."""

    __tablename__ = "redemption_conflicts"
    __table_args__ = (
        CheckConstraint("status IN ('open','resolved')", name="status_known"),
        CheckConstraint("first_event_id <> second_event_id", name="two_events"),
        UniqueConstraint("union_id", "second_event_id"),
        Index("ix_redemption_conflicts_union_id_noticed_at", "union_id", "noticed_at"),
        ForeignKeyConstraint(["union_id", "order_id"], ["orders.union_id", "orders.id"]),
        ForeignKeyConstraint(
            ["union_id", "first_event_id"], ["redemptions.union_id", "redemptions.event_id"]
        ),
        ForeignKeyConstraint(
            ["union_id", "second_event_id"], ["redemptions.union_id", "redemptions.event_id"]
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    first_event_id: Mapped[UUID | None]
    second_event_id: Mapped[UUID]
    reason: Mapped[str]
    status: Mapped[str]
    noticed_at: Mapped[datetime]


class QuarantinedEvent(UnionOwned, Base):
    """An event of a device that belongs to no order we can tell: a box may be gone, a person decides."""

    __tablename__ = "quarantined_events"
    __table_args__ = (
        CheckConstraint("octet_length(body_sha256) = 32", name="body_sha256_length"),
        CheckConstraint("char_length(body) <= 2000", name="body_length"),
        UniqueConstraint("union_id", "device_id", "body_sha256"),
        Index("ix_quarantined_events_union_id_received_at", "union_id", "received_at"),
        ForeignKeyConstraint(["union_id", "staff_id"], ["staff_accounts.union_id", "staff_accounts.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[str]
    staff_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    reason: Mapped[str]
    body: Mapped[str]
    body_sha256: Mapped[bytes]
    received_at: Mapped[datetime]
