"""The pickup table as the rule book sees it: scans, what is locked and known, and what comes of them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from app.orders.rules.desk import OrderState
from app.platform.errors import DomainError
from app.platform.idempotency import Answer, Claim
from app.redemptions.rules.boxes import Shelf
from app.redemptions.rules.reading import Reading
from app.redemptions.rules.reasons import ConflictReason, Reason
from app.stock.rules.ledger import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A scan to be decided: `at` is when it arrived, `scanned_at` when its device says it was made.

    `own_member_id` is who the clerk is in the roster, `bound_point_id` the pickup point of a paired device,
    `lot_id` the lot on the carton, if it was scanned too.
    """

    event_id: UUID
    reading: Reading
    pickup_point_id: UUID
    staff_id: UUID
    staff_name: str
    at: datetime
    scanned_at: datetime
    fingerprint: bytes
    claim: Claim | None = None
    quantity: int | None = None
    lot_id: UUID | None = None
    override_reason: str | None = None
    device_id: str | None = None
    is_offline: bool = False
    own_member_id: UUID | None = None
    bound_point_id: UUID | None = None

    @property
    def happened_at(self) -> datetime:
        """The time that counts: online that of the service, offline that of the device."""
        return self.scanned_at if self.is_offline else self.at


@dataclass(frozen=True, slots=True)
class CodeState:
    """A pickup code as the ledger knows it."""

    order_id: UUID
    unit_ref: bytes
    short_code: str
    generation: int
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class OrderDetails:
    """What an answer says about an order, and the grace of its campaign in minutes.

    `unrecorded_lot_id` stands for boxes whose lot nobody recorded; None where no box changes hands (a visit).
    """

    member_name_masked: str
    gift_box: str
    early_minutes: int
    late_minutes: int
    pickup_until: date
    slot_id: UUID | None
    slot_starts_at: datetime | None
    slot_ends_at: datetime | None
    pickup_point: str
    gift_box_id: UUID | None = None
    unrecorded_lot_id: UUID | None = None
    is_sealed: bool = False


@dataclass(frozen=True, slots=True)
class HandOver:
    """The hand-over of an order that counts; of several parts the last one."""

    event_id: UUID
    at: datetime
    staff_name: str
    pickup_point: str


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that was answered before."""

    fingerprint: bytes
    answer: str
    order_id: UUID | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes of a scan: `waived` would have been the reason, had nobody answered for it.

    Of `boxes` that change hands `first_portion` is the number of the first, and `counted` of them are of the
    order; `left` are still to be handed over. `lines` is what is posted.
    """

    scan: Scan
    order: OrderState | None
    details: OrderDetails | None
    reason: Reason | None
    first: HandOver | None
    conflict: ConflictReason | None = None
    waived: Reason | None = None
    boxes: int = 0
    counted: int = 0
    left: int = 0
    first_portion: int | None = None
    lines: tuple[Line, ...] = ()

    @property
    def is_handed_over(self) -> bool:
        """Whether the box changes hands."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The event was answered before: the same answer again."""

    known: KnownEvent
    details: OrderDetails | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The key was answered before, with a refusal to answer the scan: the same refusal again."""

    answer: Answer


ScanOutcome: TypeAlias = Decision | Repeated | Refused | DomainError


@dataclass(slots=True)
class TableState:
    """Everything that is locked and known for one batch of scans; `decide_scans` keeps it up to date."""

    by_unit_ref: dict[bytes, CodeState] = field(default_factory=dict)
    by_short_code: dict[str, CodeState] = field(default_factory=dict)
    orders: dict[UUID, OrderState] = field(default_factory=dict)
    details: dict[UUID, OrderDetails] = field(default_factory=dict)
    hand_overs: dict[UUID, HandOver] = field(default_factory=dict)
    portions: dict[UUID, set[int]] = field(default_factory=dict)
    """With which of the order's boxes its hand-overs begin."""
    shelf: Shelf = field(default_factory=Shelf)
    events: dict[UUID, KnownEvent] = field(default_factory=dict)
    decided: dict[UUID, Decision] = field(default_factory=dict)
    points: dict[UUID, str] = field(default_factory=dict)
    answers: dict[tuple[UUID, str], Answer] = field(default_factory=dict)
    claimed: dict[tuple[UUID, str], tuple[Scan, ScanOutcome]] = field(default_factory=dict)
