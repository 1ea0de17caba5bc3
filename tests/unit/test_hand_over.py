"""The rule book of the pickup table: every answer it can give; a refusal changes nothing."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.orders.rules.desk import OrderState
from app.platform.clock import day_end
from app.platform.errors import DomainError
from app.platform.idempotency import Answer, Claim, fingerprint
from app.platform.signing import SigningKey, generate_private_key
from app.redemptions.rules.boxes import NamedLot
from app.redemptions.rules.hand_over import decide_scans
from app.redemptions.rules.keys import KeyState, PublicKeyState
from app.redemptions.rules.reading import Reading, believed_time, read_code
from app.redemptions.rules.reasons import ConflictReason, Reason
from app.redemptions.rules.record import CodeRecord, sign_record
from app.redemptions.rules.short_code import make_short_code
from app.redemptions.rules.table import (
    CodeState,
    Decision,
    HandOver,
    KnownEvent,
    OrderDetails,
    Refused,
    Repeated,
    Scan,
    TableState,
)
from app.stock.rules.ledger import Account, AccountKind
from app.stock.rules.picking import OnHand
from tests.factories.desk import HOUR, NOW

VARIANCE = Account(AccountKind.VARIANCE)
SHORT = make_short_code(12_345)
REF = b"\x01" * 8
TICK = timedelta(microseconds=1)


@dataclass
class Table:
    """One booked order with its code, a slot from NOW for an hour, half an hour of grace."""

    point: UUID = field(default_factory=uuid4)
    other_point: UUID = field(default_factory=uuid4)
    box: UUID = field(default_factory=uuid4)
    unrecorded: UUID = field(default_factory=uuid4)
    state: TableState = field(default_factory=TableState)

    def __post_init__(self) -> None:
        slot_id = uuid4()
        self.order = OrderState(
            id=uuid4(), number="T1", campaign_id=uuid4(), offer_id=uuid4(), pickup_point_id=self.point,
            member_id=uuid4(), unit_id=uuid4(), slot_id=slot_id, quantity=2, status="booked",
            channel="member", placed_at=NOW - HOUR,
        )  # fmt: skip
        self.code = CodeState(self.order.id, REF, SHORT, generation=1, is_revoked=False)
        self.state.orders[self.order.id] = self.order
        self.state.details[self.order.id] = OrderDetails(
            "张*", "杂粮礼盒", 30, 30, date(2026, 10, 14), slot_id, NOW, NOW + HOUR, "新街口",
            self.box, self.unrecorded,
        )  # fmt: skip
        self.state.points = {self.point: "新街口", self.other_point: "牛街"}
        self.know(self.code)

    def know(self, code: CodeState) -> None:
        """Put a code into the ledger."""
        self.state.by_unit_ref[code.unit_ref] = self.state.by_short_code[code.short_code] = code

    def know_details(self, **change: Any) -> None:
        """Change what is known of the order."""
        self.state.details[self.order.id] = replace(self.state.details[self.order.id], **change)

    def shelve(self, *, boxes: int) -> UUID:
        """Put boxes of a lot on hand."""
        held = OnHand(uuid4(), uuid4(), self.box, self.point, boxes, None)
        self.state.shelf.on_hand[self.point, self.box].append(held)
        return held.lot_id

    def name_lot(self, **facts: Any) -> UUID:
        """Let the table know a lot whose carton may be scanned."""
        known: dict[str, Any] = {"gift_box_id": self.box, "is_recalled": False, "best_before_on": None}
        known |= facts
        lot = NamedLot(uuid4(), **known)
        self.state.shelf.lots[lot.id] = lot
        return lot.id

    def without_slot(self) -> None:
        """Take the booking away."""
        self.order.slot_id, self.order.status = None, "to_book"
        self.know_details(slot_id=None, slot_starts_at=None, slot_ends_at=None)

    def scan(self, **wanted: Any) -> Scan:
        """Return a scan of the code at the right point at the right time."""
        at = wanted.pop("at", NOW)
        event_id = wanted.pop("event_id", uuid4())
        terms: dict[str, Any] = {
            "reading": Reading(short_code=SHORT),
            "pickup_point_id": self.point,
            "staff_id": uuid4(),
            "staff_name": "示例·核销员",
            "scanned_at": at,
            "fingerprint": fingerprint("POST", "/redemptions", body=str(event_id)),
        }
        return Scan(event_id=event_id, at=at, **(terms | wanted))

    def decide(self, **wanted: Any) -> Decision:
        """Decide one scan."""
        (outcome,) = decide_scans(self.state, [self.scan(**wanted)])
        assert isinstance(outcome, Decision)
        return outcome

    def refused(self, reason: Reason, **wanted: Any) -> Decision:
        """Assert that a scan is refused and that the order is as it was."""
        before = (deepcopy(self.order), dict(self.state.hand_overs), deepcopy(self.state.portions))
        decision = self.decide(**wanted)
        assert (decision.reason, decision.is_handed_over) == (reason, False)
        assert (self.order, self.state.hand_overs, self.state.portions) == before
        assert (decision.boxes, decision.lines) == (0, ())
        return decision


def test_a_booked_order_is_handed_over() -> None:
    table = Table()
    decision = table.decide(quantity=2)
    assert (decision.is_handed_over, decision.conflict, decision.waived) == (True, None, None)
    assert (table.order.status, table.order.collected_at, table.order.version) == ("collected", NOW, 2)
    assert decision.first == HandOver(decision.scan.event_id, NOW, "示例·核销员", "新街口")
    assert table.state.hand_overs == {table.order.id: decision.first}


def test_the_second_scan_hears_of_the_first() -> None:
    table = Table()
    first = table.decide()
    second = table.refused(Reason.ALREADY_COLLECTED, at=NOW + timedelta(minutes=40))
    assert second.first == first.first
    assert second.order is table.order


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("cancelled", Reason.CANCELLED),
        ("expired", Reason.EXPIRED),
        ("on_hold", Reason.ON_HOLD),
        ("collected", Reason.ALREADY_COLLECTED),
        ("pending_draw", Reason.NOT_BOOKED),
        ("waitlisted", Reason.NOT_BOOKED),
        ("unselected", Reason.NOT_BOOKED),
    ],
)
@pytest.mark.parametrize("insists", [False, True])
def test_no_reason_helps_an_order_that_holds_nothing(status: str, reason: Reason, insists: bool) -> None:
    table = Table()
    table.order.status = status
    decision = table.refused(reason, override_reason="雨天" if insists else None)
    assert decision.conflict is None


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW - timedelta(minutes=30) - TICK, Reason.TOO_EARLY),
        (NOW - timedelta(minutes=30), None),
        (NOW + HOUR + timedelta(minutes=30), None),
        (NOW + HOUR + timedelta(minutes=30) + TICK, Reason.TOO_LATE),
        (NOW + timedelta(days=3), Reason.TOO_LATE),
    ],
)
def test_the_grace_around_a_slot(at: Any, reason: Reason | None) -> None:
    table = Table()
    if reason is not None:
        table.refused(reason, at=at)
    decision = table.decide(at=at, override_reason="腿脚不便")
    assert decision.is_handed_over, "somebody at the table may override the time"
    assert decision.waived == reason, "and it is kept what was overridden"
    if reason is None:
        assert Table().decide(at=at).is_handed_over


def test_nothing_is_booked() -> None:
    table = Table()
    table.without_slot()
    table.refused(Reason.NOT_BOOKED)
    decision = table.decide(override_reason="雨天")
    assert (decision.is_handed_over, decision.waived) == (True, Reason.NOT_BOOKED)


def test_after_the_last_pickup_day_it_is_too_late_whatever_is_booked() -> None:
    table = Table()
    table.without_slot()
    last_moment = day_end(date(2026, 10, 14))
    table.refused(Reason.NOT_BOOKED, at=last_moment - TICK)
    table.refused(Reason.TOO_LATE, at=last_moment)


def test_the_clock_of_a_scanner_does_not_decide() -> None:
    Table().refused(Reason.TOO_LATE, at=NOW + 3 * HOUR, scanned_at=NOW)


def test_another_pickup_point() -> None:
    table = Table()
    table.refused(Reason.WRONG_PICKUP_POINT, pickup_point_id=table.other_point)
    table.refused(Reason.WRONG_PICKUP_POINT, pickup_point_id=table.other_point, override_reason="雨天")
    (outcome,) = decide_scans(table.state, [table.scan(pickup_point_id=uuid4())])
    assert isinstance(outcome, DomainError)
    assert outcome.code == "pickup.point_not_found"
    assert table.order.status == "booked"


def test_a_code_that_says_nothing() -> None:
    table = Table()
    assert table.refused(Reason.INVALID_CODE, reading=Reading(Reason.INVALID_CODE)).order is None
    assert table.refused(Reason.UNKNOWN, reading=Reading(short_code=make_short_code(1))).order is None
    assert table.refused(Reason.UNKNOWN, reading=Reading(unit_ref=b"\x02" * 8, generation=1)).order is None
    assert table.refused(Reason.REVOKED, reading=Reading(Reason.REVOKED)).order is None


def test_a_code_that_was_revoked_or_issued_anew() -> None:
    table = Table()
    assert Table().decide(reading=Reading(unit_ref=REF, generation=1)).is_handed_over
    table.refused(Reason.REVOKED, reading=Reading(unit_ref=REF, generation=0))
    table.refused(Reason.REVOKED, reading=Reading(unit_ref=REF, generation=2))
    table.know(replace(table.code, is_revoked=True))
    table.refused(Reason.REVOKED)
    table.refused(Reason.REVOKED, override_reason="雨天")


def test_more_than_is_left_is_asked_back_and_nothing_is_kept() -> None:
    table = Table()
    (outcome,) = decide_scans(table.state, [table.scan(quantity=3)])
    assert isinstance(outcome, DomainError)
    assert (outcome.code, outcome.params) == ("redemptions.wrong_quantity", {"quantity": 2})
    assert (table.order.status, table.state.decided, table.state.hand_overs) == ("booked", {}, {})


# --- In parts --------------------------------------------------------------------------------------


def test_an_order_is_handed_over_in_parts() -> None:
    table = Table()
    first = table.decide(quantity=1)
    assert (first.boxes, first.counted, first.left, first.first_portion) == (1, 1, 1, 1)
    assert (table.order.status, table.order.collected_count, table.order.version) == ("booked", 1, 2)
    assert table.order.collected_at == NOW
    (outcome,) = decide_scans(table.state, [table.scan(quantity=2)])
    assert isinstance(outcome, DomainError)
    assert outcome.params == {"quantity": 1}
    rest = table.decide(at=NOW + TICK)
    assert (rest.boxes, rest.left, rest.first_portion) == (1, 0, 2)
    assert (table.order.status, table.order.collected_count) == ("collected", 2)
    assert table.order.collected_at == NOW + TICK
    again = table.refused(Reason.ALREADY_COLLECTED)
    assert (again.first, again.left, again.boxes, again.first_portion) == (rest.first, 0, 0, None)


def test_a_part_without_a_booking_leaves_the_order_to_be_booked() -> None:
    table = Table()
    table.without_slot()
    assert table.decide(quantity=1, override_reason="雨天").left == 1
    assert table.order.status == "to_book"


def test_a_portion_that_was_undone_is_handed_over_again() -> None:
    table = Table()
    table.order.quantity, table.order.collected_count = 3, 1
    table.state.portions[table.order.id] = {2}
    assert [table.decide(quantity=1).first_portion for _ in range(2)] == [1, 3]


def test_a_part_that_was_handed_over_offline_counts_as_a_part() -> None:
    table = Table()
    part = table.decide(is_offline=True, quantity=1)
    assert (part.reason, part.conflict, part.left, table.order.status) == (None, None, 1, "booked")


def test_more_than_was_left_is_a_fact_offline_and_counts_for_no_more() -> None:
    table = Table()
    table.decide(quantity=1)
    fact = table.decide(is_offline=True, quantity=4)
    assert (fact.reason, fact.conflict) == (None, ConflictReason.WRONG_QUANTITY)
    assert (fact.boxes, fact.counted, fact.left) == (4, 1, 0)
    assert (table.order.status, table.order.collected_count) == ("collected", 2)
    assert sum(line.boxes for line in fact.lines) == 4, "the stock tells what left the table"


# --- Stock -----------------------------------------------------------------------------------------


def test_a_hand_over_is_posted_and_a_refusal_is_not() -> None:
    table = Table()
    refused = table.refused(Reason.TOO_EARLY, at=NOW - 5 * HOUR)
    assert refused.lines == ()
    decision = table.decide()
    (line,) = decision.lines
    assert (line.lot_id, line.boxes, line.event_id) == (table.unrecorded, 2, decision.scan.event_id)
    assert (line.source, line.target) == (VARIANCE, Account(AccountKind.HANDED_OVER, table.point))


def test_a_place_on_a_visit_posts_nothing() -> None:
    table = Table()
    table.know_details(unrecorded_lot_id=None)
    assert (table.decide().lines, table.order.status) == ((), "collected")


def test_a_batch_takes_each_box_once() -> None:
    table = Table()
    lot = table.shelve(boxes=3)
    table.order.quantity = 4
    lines = [table.decide(quantity=2).lines for _ in range(2)]
    here = Account(AccountKind.PICKUP_POINT, table.point)
    taken = [[(line.lot_id, line.boxes, line.source) for line in part] for part in lines]
    assert taken == [[(lot, 2, here)], [(lot, 1, here), (table.unrecorded, 1, VARIANCE)]]
    assert table.state.shelf.on_hand[table.point, table.box] == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"is_recalled": True}, Reason.RECALLED),
        ({"best_before_on": date(2026, 10, 11)}, Reason.PAST_BEST_BEFORE),
        ({"best_before_on": date(2026, 10, 12)}, None),
        ({}, None),
    ],
)
def test_a_lot_that_is_scanned_must_be_good(facts: dict[str, Any], reason: Reason | None) -> None:
    assert NOW.date() == date(2026, 10, 12)
    table = Table()
    lot = table.name_lot(**facts)
    if reason is not None:
        table.refused(reason, lot_id=lot)
        table.refused(reason, lot_id=lot, override_reason="没有别的批次")
        fact = table.decide(lot_id=lot, is_offline=True)
        assert (fact.reason, fact.conflict) == (None, ConflictReason(reason))
    else:
        assert table.decide(lot_id=lot).reason is None
    assert table.order.collected_count == 2


def test_a_lot_of_nobody_or_of_another_gift_box() -> None:
    table = Table()
    other = table.name_lot(gift_box_id=uuid4())
    codes = [
        outcome.code
        for outcome in decide_scans(table.state, [table.scan(lot_id=uuid4()), table.scan(lot_id=other)])
        if isinstance(outcome, DomainError)
    ]
    assert codes == ["stock.lot_not_found", "redemptions.wrong_lot"]
    assert (table.order.status, table.state.decided) == ("booked", {})
    fact = table.decide(lot_id=other, is_offline=True)
    assert (fact.conflict, [line.lot_id for line in fact.lines]) == (ConflictReason.WRONG_LOT, [other])
    unknown = Table()
    decision = unknown.decide(lot_id=uuid4(), is_offline=True)
    assert (decision.conflict, [line.lot_id for line in decision.lines]) == (None, [unknown.unrecorded])


def test_a_sealed_campaign_hands_nothing_over_and_takes_down_what_happened() -> None:
    table = Table()
    table.know_details(is_sealed=True)
    table.refused(Reason.TOO_LATE)
    table.refused(Reason.TOO_LATE, override_reason="迟到")
    assert table.decide(is_offline=True).conflict is ConflictReason.TOO_LATE


# --- The same event again ------------------------------------------------------------------------


def test_an_event_that_was_answered_is_answered_again() -> None:
    table = Table()
    scan = table.scan()
    known = KnownEvent(scan.fingerprint, "answer", table.order.id)
    table.state.events[scan.event_id] = known
    (again,) = decide_scans(table.state, [scan])
    assert again == Repeated(known, table.state.details[table.order.id])
    (other,) = decide_scans(table.state, [replace(scan, fingerprint=b"x" * 32)])
    assert isinstance(other, DomainError)
    assert other.code == "idempotency.key_reused"
    assert table.order.status == "booked"


def test_an_event_twice_in_one_batch_is_decided_once() -> None:
    table = Table()
    scan = table.scan()
    first, twin, reused = decide_scans(table.state, [scan, scan, replace(scan, fingerprint=b"x" * 32)])
    assert isinstance(first, Decision)
    assert first.is_handed_over
    assert twin is first
    assert isinstance(reused, DomainError)
    assert reused.code == "idempotency.key_reused"
    assert list(table.state.decided) == [scan.event_id]
    assert table.order.version == 2


def test_two_events_in_one_batch_hand_over_once() -> None:
    table = Table()
    first, second = decide_scans(table.state, [table.scan(), table.scan()])
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert (first.reason, second.reason) == (None, Reason.ALREADY_COLLECTED)
    assert second.first == first.first


def test_a_key_belongs_to_one_event() -> None:
    table = Table()
    scan = table.scan()
    scan = replace(scan, claim=Claim(scan.staff_id, "key", scan.fingerprint))
    other = replace(table.scan(), claim=Claim(scan.staff_id, "key", b"x" * 32))
    first, again, reused = decide_scans(table.state, [scan, scan, other])
    assert isinstance(first, Decision)
    assert first.is_handed_over
    assert again is first
    assert isinstance(reused, DomainError)
    assert reused.code == "idempotency.key_reused"
    assert list(table.state.decided) == [scan.event_id]


def test_a_refusal_that_was_kept_is_given_again() -> None:
    table = Table()
    scan = table.scan()
    scan = replace(scan, claim=Claim(scan.staff_id, "key", scan.fingerprint))
    kept = Answer(409, "refusal", scan.fingerprint)
    table.state.answers[scan.staff_id, "key"] = kept
    (again,) = decide_scans(table.state, [scan])
    assert again == Refused(kept)
    assert table.order.status == "booked"
    table.state.answers[scan.staff_id, "key"] = Answer(409, "refusal", b"x" * 32)
    (reused,) = decide_scans(table.state, [scan])
    assert isinstance(reused, DomainError)
    assert (reused.code, table.order.status) == ("idempotency.key_reused", "booked")


# --- Offline: it has happened, the question is what it means --------------------------------------


@pytest.mark.parametrize(
    ("at", "waived"),
    [
        (NOW - 5 * HOUR, Reason.TOO_EARLY),
        (NOW + HOUR, None),
        (NOW + 5 * HOUR, Reason.TOO_LATE),
        (NOW + timedelta(days=4), Reason.TOO_LATE),
    ],
)
def test_a_hand_over_at_the_wrong_time_that_has_happened_counts(at: Any, waived: Reason | None) -> None:
    table = Table()
    decision = table.decide(is_offline=True, at=NOW + timedelta(days=5), scanned_at=at)
    assert (decision.is_handed_over, decision.conflict, decision.waived) == (True, None, waived)


def test_a_hand_over_without_a_booking_that_has_happened_counts() -> None:
    table = Table()
    table.without_slot()
    decision = table.decide(is_offline=True)
    assert (decision.is_handed_over, decision.conflict, decision.waived) == (True, None, Reason.NOT_BOOKED)


def test_what_happened_offline_happened_when_the_device_says() -> None:
    table = Table()
    decision = table.decide(is_offline=True, at=NOW + 3 * HOUR, scanned_at=NOW)
    assert decision.first is not None
    assert (decision.first.at, table.order.collected_at) == (NOW, NOW)
    online = Table()
    assert online.decide(scanned_at=NOW - HOUR).first == online.state.hand_overs[online.order.id]
    assert online.order.collected_at == NOW


@pytest.mark.parametrize(
    ("scanned_at", "believed"),
    [
        (None, NOW),
        (NOW, NOW),
        (NOW + TICK, NOW),
        (NOW - HOUR, NOW - HOUR),
        (NOW - timedelta(days=7), NOW - timedelta(days=7)),
        (NOW - timedelta(days=7) - TICK, NOW),
    ],
)
def test_a_device_is_believed_for_a_week(scanned_at: Any, believed: Any) -> None:
    assert believed_time(scanned_at, NOW) == believed


def test_a_hand_over_at_another_point_that_has_happened_counts() -> None:
    table = Table()
    decision = table.decide(is_offline=True, pickup_point_id=table.other_point)
    assert (decision.is_handed_over, decision.conflict) == (True, None)
    assert decision.waived is Reason.WRONG_PICKUP_POINT
    assert decision.first is not None
    assert decision.first.pickup_point == "牛街"


@pytest.mark.parametrize(
    ("change", "conflict"),
    [
        ({"reading": Reading(Reason.REVOKED, unit_ref=REF, generation=1)}, ConflictReason.REVOKED),
        ({"reading": Reading(unit_ref=REF, generation=0)}, ConflictReason.REVOKED),
        ({"quantity": 3}, ConflictReason.WRONG_QUANTITY),
        ({"pickup_point_id": uuid4()}, ConflictReason.WRONG_PICKUP_POINT),
        ({"pickup_point_id": uuid4(), "quantity": 3}, ConflictReason.WRONG_PICKUP_POINT),
    ],
)
def test_a_hand_over_that_should_not_have_been_counts_and_is_for_a_person(
    change: dict[str, Any], conflict: ConflictReason
) -> None:
    table = Table()
    decision = table.decide(is_offline=True, **change)
    assert (decision.reason, decision.conflict) == (None, conflict)
    assert decision.scan.pickup_point_id == table.point
    assert decision.first == HandOver(decision.scan.event_id, NOW, "示例·核销员", "新街口")
    assert (table.order.status, table.order.version) == ("collected", 2)
    assert list(table.state.decided) == [decision.scan.event_id]
    again = table.refused(Reason.ALREADY_COLLECTED, is_offline=True, **change)
    assert (again.conflict, again.first) == (ConflictReason.ALREADY_COLLECTED, decision.first)


def test_a_revoked_code_hands_over_offline_only() -> None:
    table = Table()
    table.know(replace(table.code, is_revoked=True))
    decision = table.refused(Reason.REVOKED)
    assert (decision.order, decision.conflict) == (None, None)
    assert table.decide(is_offline=True).conflict is ConflictReason.REVOKED


def test_a_point_of_nobody_and_a_code_of_nobody_are_not_kept_as_a_scan() -> None:
    table = Table()
    scan = table.scan(is_offline=True, reading=Reading(Reason.INVALID_CODE), pickup_point_id=uuid4())
    (outcome,) = decide_scans(table.state, [scan])
    assert isinstance(outcome, DomainError)
    assert outcome.code == "pickup.point_not_found"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("collected", Reason.ALREADY_COLLECTED),
        ("cancelled", Reason.CANCELLED),
        ("expired", Reason.EXPIRED),
        ("on_hold", Reason.ON_HOLD),
        ("pending_draw", Reason.NOT_BOOKED),
        ("waitlisted", Reason.NOT_BOOKED),
        ("unselected", Reason.NOT_BOOKED),
    ],
)
@pytest.mark.parametrize("change", [{}, {"quantity": 1}, {"pickup_point_id": uuid4()}])
def test_a_hand_over_that_contradicts_the_ledger_is_for_a_person(
    status: str, reason: Reason, change: dict[str, Any]
) -> None:
    table = Table()
    table.order.status = status
    assert table.refused(reason, is_offline=True, **change).conflict == reason.value


def test_every_reason_can_be_that_of_a_conflict() -> None:
    assert {reason.value for reason in Reason} | {"wrong_quantity", "wrong_lot"} == set(ConflictReason)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(Reason.INVALID_CODE),
        Reading(short_code=make_short_code(1)),
        Reading(Reason.REVOKED, unit_ref=b"\x02" * 8, generation=1),
    ],
)
def test_a_code_that_says_nothing_contradicts_nothing(reading: Reading) -> None:
    assert Table().decide(is_offline=True, reading=reading).conflict is None


# --- Reading -------------------------------------------------------------------------------------


def signed(key: SigningKey, *, key_id: int = 1, union_number: int = 7) -> str:
    record = CodeRecord(
        key_id=key_id, union_number=union_number, unit_ref=REF, generation=3, flags=0,
        not_before_on=date(2026, 10, 12), not_after_on=date(2026, 10, 14),
    )  # fmt: skip
    return sign_record(record, key)


@pytest.mark.parametrize("state", [KeyState.NEXT, KeyState.ACTIVE, KeyState.VERIFY_ONLY])
def test_a_signed_code_is_read(state: KeyState) -> None:
    key = generate_private_key()
    keys = {1: PublicKeyState(key.public_key, state)}
    assert read_code(signed(key), keys, union_number=7) == Reading(unit_ref=REF, generation=3)


def test_why_a_signed_code_is_not_read() -> None:
    key, other = generate_private_key(), generate_private_key()
    keys = {1: PublicKeyState(key.public_key, KeyState.ACTIVE)}
    withdrawn = {1: PublicKeyState(key.public_key, KeyState.WITHDRAWN)}
    known = Reading(Reason.REVOKED, unit_ref=REF, generation=3)
    assert read_code(signed(key), withdrawn, union_number=7) == known
    assert read_code(signed(key, union_number=8), withdrawn, union_number=7) == Reading(Reason.UNKNOWN)
    assert read_code(signed(other), keys, union_number=7) == Reading(Reason.INVALID_CODE)
    assert read_code(signed(key, key_id=2), keys, union_number=7) == Reading(Reason.INVALID_CODE)
    assert read_code(signed(key, union_number=8), keys, union_number=7) == Reading(Reason.UNKNOWN)


def test_a_forged_code_says_the_same_whether_its_key_is_good_or_withdrawn() -> None:
    """Otherwise a forger could ask which keys were withdrawn."""
    key, other = generate_private_key(), generate_private_key()
    for state in KeyState:
        keys = {1: PublicKeyState(key.public_key, state)}
        assert read_code(signed(other), keys, union_number=7) == Reading(Reason.INVALID_CODE)


@pytest.mark.parametrize("text", [SHORT, SHORT.lower(), f" {SHORT[:5]}-{SHORT[5:]} "])
def test_a_typed_code_is_read(text: str) -> None:
    assert read_code(text, {}, union_number=7) == Reading(short_code=SHORT)


@pytest.mark.parametrize("text", ["", "   ", SHORT[:-1], SHORT[:-1] + ("0" if SHORT[-1] != "0" else "1")])
def test_a_mistyped_code_is_invalid(text: str) -> None:
    assert read_code(text, {}, union_number=7) == Reading(Reason.INVALID_CODE)
