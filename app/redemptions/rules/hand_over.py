"""The rule book of the pickup table: one scan, one answer.

`decide_scans` is the only place where these rules live. It does no I/O and reads no clock.

A scan online asks before the box changes hands, so it may be refused. A scan that was recorded offline
tells what has happened: it counts wherever it can, and what contradicts the ledger is for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from app.orders.rules.desk import OrderState
from app.orders.rules.states import OrderStatus
from app.pickup.errors import PointNotFound
from app.platform.clock import local_date
from app.platform.errors import DomainError, KeyReused
from app.platform.idempotency import Answer, Claim
from app.redemptions.errors import WrongQuantity
from app.redemptions.rules.keys import KeyState, PublicKeyState
from app.redemptions.rules.record import PREFIX, CodeCheck, verify_code
from app.redemptions.rules.short_code import normalise_short_code


class Reason(StrEnum):
    """Why a box is not handed over."""

    ALREADY_COLLECTED = "already_collected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_BOOKED = "not_booked"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    WRONG_PICKUP_POINT = "wrong_pickup_point"
    INVALID_CODE = "invalid_code"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    ON_HOLD = "on_hold"
    OWN_ORDER = "own_order"


class ConflictReason(StrEnum):
    """What a hand-over contradicts: every `Reason` can be one, and the number of boxes."""

    ALREADY_COLLECTED = "already_collected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_BOOKED = "not_booked"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    WRONG_PICKUP_POINT = "wrong_pickup_point"
    INVALID_CODE = "invalid_code"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    ON_HOLD = "on_hold"
    OWN_ORDER = "own_order"
    WRONG_QUANTITY = "wrong_quantity"


OVERRIDABLE = frozenset({Reason.NOT_BOOKED, Reason.TOO_EARLY, Reason.TOO_LATE})
"""A person at the table may hand over all the same, with a reason that is kept."""

_BY_STATUS = {
    OrderStatus.CANCELLED: Reason.CANCELLED,
    OrderStatus.EXPIRED: Reason.EXPIRED,
    OrderStatus.ON_HOLD: Reason.ON_HOLD,
    OrderStatus.COLLECTED: Reason.ALREADY_COLLECTED,
}
_NEVER_PROMISED = frozenset({OrderStatus.PENDING_DRAW, OrderStatus.WAITLISTED, OrderStatus.UNSELECTED})
_CANNOT_TAKE_IN = _NEVER_PROMISED | _BY_STATUS.keys()
_OLDEST_BELIEVED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scanned or typed text says: a reference to a code, or why it says nothing.

    A code of a withdrawn key has both.
    """

    reason: Reason | None = None
    unit_ref: bytes | None = None
    generation: int | None = None
    short_code: str | None = None


def read_code(text: str, keys: Mapping[int, PublicKeyState], *, union_number: int) -> Reading:
    """Return what a text says; a signed code of another union is as unknown as one never made."""
    if not text.strip().startswith(PREFIX):
        short_code = normalise_short_code(text)
        return Reading(short_code=short_code) if short_code else Reading(Reason.INVALID_CODE)
    verdict, reason = verify_code(text, keys), None
    if verdict.check is CodeCheck.WITHDRAWN_KEY:
        # A box may have been handed over for it before anybody knew: which one, if we did sign the code?
        reason = Reason.REVOKED
        verdict = verify_code(text, {n: replace(key, state=KeyState.VERIFY_ONLY) for n, key in keys.items()})
    if verdict.record is None:
        return Reading(Reason.INVALID_CODE)
    if verdict.record.union_number != union_number:
        return Reading(Reason.UNKNOWN)
    return Reading(reason, unit_ref=verdict.record.unit_ref, generation=verdict.record.generation)


def believed_time(scanned_at: datetime | None, at: datetime) -> datetime:
    """Return when a scan was made that arrived `at`: as its device says, or `at` if that cannot be."""
    if scanned_at is None or not at - _OLDEST_BELIEVED <= scanned_at <= at:
        return at
    return scanned_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A scan to be decided: `at` is when it arrived, `scanned_at` when its device says it was made.

    `own_member_id` is who the clerk is in the roster, `bound_point_id` the pickup point of a paired device.
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
    """What an answer says about an order, and the grace of its campaign in minutes."""

    member_name_masked: str
    gift_box: str
    early_minutes: int
    late_minutes: int
    pickup_until: date
    slot_id: UUID | None
    slot_starts_at: datetime | None
    slot_ends_at: datetime | None
    pickup_point: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """The hand-over of an order: the one that counts."""

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
    """What comes of a scan: `waived` would have been the reason, had nobody answered for it."""

    scan: Scan
    order: OrderState | None
    details: OrderDetails | None
    reason: Reason | None
    first: HandOver | None
    conflict: ConflictReason | None = None
    waived: Reason | None = None

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
    events: dict[UUID, KnownEvent] = field(default_factory=dict)
    decided: dict[UUID, Decision] = field(default_factory=dict)
    points: dict[UUID, str] = field(default_factory=dict)
    answers: dict[tuple[UUID, str], Answer] = field(default_factory=dict)
    claimed: dict[tuple[UUID, str], tuple[Scan, ScanOutcome]] = field(default_factory=dict)


def decide_scans(state: TableState, scans: Sequence[Scan]) -> list[ScanOutcome]:
    """Decide scans in order of arrival; a hand-over makes its order `collected` at once."""
    return [_decide_claimed(state, scan) for scan in scans]


def _decide_claimed(state: TableState, scan: Scan) -> ScanOutcome:
    """Decide a scan that may carry a key: the key is looked at first, and belongs to one body for ever."""
    claim = scan.claim
    if claim is None:
        return _decide(state, scan)
    key = claim.actor_id, claim.key
    twin = state.claimed.get(key)
    if twin is not None:
        return twin[1] if twin[0].fingerprint == scan.fingerprint else KeyReused()
    known = state.answers.get(key)
    if known is None:
        outcome = _decide(state, scan)
        state.claimed[key] = scan, outcome
        return outcome
    if known.fingerprint != claim.fingerprint:
        return KeyReused()
    return Refused(known) if known.status >= 400 else _decide(state, scan)


def _decide(state: TableState, scan: Scan) -> ScanOutcome:
    known = state.events.get(scan.event_id)
    if known is not None:
        details = state.details.get(known.order_id) if known.order_id else None
        return Repeated(known, details) if known.fingerprint == scan.fingerprint else KeyReused()
    twin = state.decided.get(scan.event_id)
    if twin is not None:
        return twin if twin.scan.fingerprint == scan.fingerprint else KeyReused()
    decision = _judge(state, scan)
    if isinstance(decision, Decision):
        state.decided[scan.event_id] = decision
    return decision


def _judge(state: TableState, scan: Scan) -> ScanOutcome:
    code = _code_of(state, scan.reading)
    void = _void_reason(code, scan.reading)
    order = state.orders.get(code.order_id) if code is not None else None
    if order is not None and scan.is_offline:
        return _judge_told(state, scan, order=order, void=void)
    if scan.pickup_point_id not in state.points:
        return PointNotFound()
    if order is None or void is not None:
        return Decision(scan, None, None, void or Reason.UNKNOWN, None)
    return _judge_asked(state, scan, order=order)


def _judge_asked(state: TableState, scan: Scan, *, order: OrderState) -> ScanOutcome:
    """Decide whether a box may change hands."""
    details = state.details[order.id]
    reason = _reason_of(order, details, scan=scan)
    may_be_waived = reason in OVERRIDABLE and order.status not in _NEVER_PROMISED
    if reason is not None and not (may_be_waived and scan.override_reason):
        return Decision(scan, order, details, reason, state.hand_overs.get(order.id))
    if scan.quantity is not None and scan.quantity != order.quantity:
        return WrongQuantity(quantity=order.quantity)
    return _hand_over(state, scan, order=order, waived=reason)


def _judge_told(state: TableState, scan: Scan, *, order: OrderState, void: Reason | None) -> Decision:
    """Take down that a box has changed hands: refused is only what the state of the order cannot take in."""
    conflict = None if void is None else ConflictReason(void)
    if scan.pickup_point_id not in state.points:
        scan = replace(scan, pickup_point_id=order.pickup_point_id)
        conflict = conflict or ConflictReason.WRONG_PICKUP_POINT
    elif scan.bound_point_id not in {None, scan.pickup_point_id}:
        conflict = conflict or ConflictReason.WRONG_PICKUP_POINT
    if scan.quantity is not None and scan.quantity != order.quantity:
        conflict = conflict or ConflictReason.WRONG_QUANTITY
    if order.member_id == scan.own_member_id:
        conflict = conflict or ConflictReason.OWN_ORDER
    details = state.details[order.id]
    reason = _reason_of(order, details, scan=scan)
    if reason is not None and OrderStatus(order.status) in _CANNOT_TAKE_IN:
        first = state.hand_overs.get(order.id)
        return Decision(scan, order, details, reason, first, ConflictReason(reason))
    return _hand_over(state, scan, order=order, waived=reason, conflict=conflict)


def _hand_over(
    state: TableState,
    scan: Scan,
    *,
    order: OrderState,
    waived: Reason | None,
    conflict: ConflictReason | None = None,
) -> Decision:
    order.status, order.collected_at = OrderStatus.COLLECTED, scan.happened_at
    order.version += 1
    point = state.points.get(scan.pickup_point_id) or state.details[order.id].pickup_point
    first = HandOver(scan.event_id, scan.happened_at, scan.staff_name, point)
    state.hand_overs[order.id] = first
    return Decision(scan, order, state.details[order.id], None, first, conflict, waived)


def _code_of(state: TableState, reading: Reading) -> CodeState | None:
    if reading.unit_ref is not None:
        return state.by_unit_ref.get(reading.unit_ref)
    return state.by_short_code.get(reading.short_code) if reading.short_code else None


def _void_reason(code: CodeState | None, reading: Reading) -> Reason | None:
    """Return why a text is not good for its order, whatever the state of that is."""
    if reading.reason is not None or code is None:
        return reading.reason or Reason.UNKNOWN
    # Revoked, or a later issue of it exists.
    is_superseded = reading.generation is not None and reading.generation != code.generation
    return Reason.REVOKED if code.is_revoked or is_superseded else None


def _reason_of(order: OrderState, details: OrderDetails, *, scan: Scan) -> Reason | None:
    by_status = _BY_STATUS.get(OrderStatus(order.status))
    if by_status is not None:
        return by_status
    if order.status in _NEVER_PROMISED:
        return Reason.NOT_BOOKED
    if order.member_id == scan.own_member_id:
        return Reason.OWN_ORDER
    if order.pickup_point_id != scan.pickup_point_id:
        return Reason.WRONG_PICKUP_POINT
    return _reason_of_time(details, scan.happened_at)


def _reason_of_time(details: OrderDetails, at: datetime) -> Reason | None:
    if local_date(at) > details.pickup_until:
        return Reason.TOO_LATE
    if details.slot_starts_at is None or details.slot_ends_at is None:
        return Reason.NOT_BOOKED
    if at < details.slot_starts_at - timedelta(minutes=details.early_minutes):
        return Reason.TOO_EARLY
    if at > details.slot_ends_at + timedelta(minutes=details.late_minutes):
        return Reason.TOO_LATE
    return None
