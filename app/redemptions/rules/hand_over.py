"""The rule book of the pickup table: one scan, one answer.

`decide_scans` is the only place where these rules live. It does no I/O and reads no clock.

A scan online asks before the box changes hands, so it may be refused. A scan that was recorded offline
tells what has happened: it counts wherever it can, and what contradicts the ledger is for a person.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.orders.rules.desk import OrderState
from app.orders.rules.states import OrderStatus
from app.pickup.errors import PointNotFound
from app.platform.clock import local_date
from app.platform.errors import KeyReused
from app.redemptions.errors import WrongLot, WrongQuantity
from app.redemptions.rules.boxes import Asked, NamedLot, is_withheld, take_boxes
from app.redemptions.rules.reading import Reading
from app.redemptions.rules.reasons import OVERRIDABLE, ConflictReason, Reason
from app.redemptions.rules.table import (
    CodeState,
    Decision,
    HandOver,
    OrderDetails,
    Refused,
    Repeated,
    Scan,
    ScanOutcome,
    TableState,
)
from app.stock.errors import LotNotFound
from app.stock.rules.ledger import Line

_BY_STATUS = {
    OrderStatus.CANCELLED: Reason.CANCELLED,
    OrderStatus.EXPIRED: Reason.EXPIRED,
    OrderStatus.ON_HOLD: Reason.ON_HOLD,
    OrderStatus.COLLECTED: Reason.ALREADY_COLLECTED,
}
_NEVER_PROMISED = frozenset({OrderStatus.PENDING_DRAW, OrderStatus.WAITLISTED, OrderStatus.UNSELECTED})
_CANNOT_TAKE_IN = _NEVER_PROMISED | _BY_STATUS.keys()


def decide_scans(state: TableState, scans: Sequence[Scan]) -> list[ScanOutcome]:
    """Decide scans in order of arrival; a hand-over counts in its order at once."""
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
    may_be_waived = reason in OVERRIDABLE and order.status not in _NEVER_PROMISED and not details.is_sealed
    if reason is not None and not (may_be_waived and scan.override_reason):
        return _refuse(state, scan, order=order, reason=reason)
    if scan.quantity is not None and scan.quantity > order.left_count:
        return WrongQuantity(quantity=order.left_count)
    if scan.lot_id is not None:
        lot = state.shelf.lots.get(scan.lot_id)
        if lot is None:
            return LotNotFound()
        if lot.gift_box_id != details.gift_box_id:
            return WrongLot()
        withheld = _withheld(lot, scan)
        if withheld is not None:
            return _refuse(state, scan, order=order, reason=withheld)
    return _hand_over(state, scan, order=order, waived=reason)


def _judge_told(state: TableState, scan: Scan, *, order: OrderState, void: Reason | None) -> Decision:
    """Take down that a box has changed hands: refused is only what the state of the order cannot take in."""
    conflict = None if void is None else ConflictReason(void)
    if scan.pickup_point_id not in state.points:
        scan = replace(scan, pickup_point_id=order.pickup_point_id)
        conflict = conflict or ConflictReason.WRONG_PICKUP_POINT
    elif scan.bound_point_id not in {None, scan.pickup_point_id}:
        conflict = conflict or ConflictReason.WRONG_PICKUP_POINT
    details = state.details[order.id]
    reason = _reason_of(order, details, scan=scan)
    if reason is not None and OrderStatus(order.status) in _CANNOT_TAKE_IN:
        return _refuse(state, scan, order=order, reason=reason, conflict=ConflictReason(reason))
    conflict = conflict or _contradiction(state, scan, order=order)
    return _hand_over(state, scan, order=order, waived=reason, conflict=conflict)


def _contradiction(state: TableState, scan: Scan, *, order: OrderState) -> ConflictReason | None:
    """Return what a person has to look at, although the hand-over counts."""
    details = state.details[order.id]
    if scan.quantity is not None and scan.quantity > order.left_count:
        return ConflictReason.WRONG_QUANTITY
    if order.member_id == scan.own_member_id:
        return ConflictReason.OWN_ORDER
    if details.is_sealed:
        return ConflictReason.TOO_LATE
    lot = state.shelf.lots.get(scan.lot_id) if scan.lot_id is not None else None
    if lot is None:
        return None
    withheld = _withheld(lot, scan)
    if lot.gift_box_id != details.gift_box_id:
        return ConflictReason.WRONG_LOT
    return ConflictReason(withheld) if withheld is not None else None


def _refuse(
    state: TableState,
    scan: Scan,
    *,
    order: OrderState,
    reason: Reason,
    conflict: ConflictReason | None = None,
) -> Decision:
    first, left = state.hand_overs.get(order.id), order.left_count
    return Decision(scan, order, state.details[order.id], reason, first, conflict, left=left)


def _hand_over(
    state: TableState,
    scan: Scan,
    *,
    order: OrderState,
    waived: Reason | None,
    conflict: ConflictReason | None = None,
) -> Decision:
    details = state.details[order.id]
    boxes = scan.quantity or order.left_count
    # More than were left can only have happened offline: the order counts its own, the stock all of them.
    counted = min(boxes, order.left_count)
    order.collected_count += counted
    if order.left_count == 0:
        order.status = OrderStatus.COLLECTED
    order.collected_at = max(order.collected_at or scan.happened_at, scan.happened_at)
    order.version += 1
    taken = state.portions.setdefault(order.id, set())
    portion = min(set(range(1, order.quantity + 1)) - taken)
    taken.add(portion)
    point = state.points.get(scan.pickup_point_id) or details.pickup_point
    first = HandOver(scan.event_id, scan.happened_at, scan.staff_name, point)
    state.hand_overs[order.id] = first
    return Decision(
        scan,
        order,
        details,
        None,
        first,
        conflict,
        waived,
        boxes=boxes,
        counted=counted,
        left=order.left_count,
        first_portion=portion,
        lines=_lines(state, scan, details=details, boxes=boxes),
    )


def _lines(state: TableState, scan: Scan, *, details: OrderDetails, boxes: int) -> tuple[Line, ...]:
    """Return what is posted: nothing where no box changes hands."""
    if details.gift_box_id is None or details.unrecorded_lot_id is None:
        return ()
    asked = Asked(
        scan.pickup_point_id,
        details.gift_box_id,
        details.unrecorded_lot_id,
        boxes,
        local_date(scan.happened_at),
        event_id=scan.event_id,
        lot_id=scan.lot_id,
    )
    return tuple(take_boxes(state.shelf, asked))


def _withheld(lot: NamedLot, scan: Scan) -> Reason | None:
    """Return why boxes of a lot stay where they are."""
    if not is_withheld(lot, local_date(scan.happened_at)):
        return None
    return Reason.RECALLED if lot.is_recalled else Reason.PAST_BEST_BEFORE


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
    if details.is_sealed:
        return Reason.TOO_LATE
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
