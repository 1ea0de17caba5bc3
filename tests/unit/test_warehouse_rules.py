"""Coverage arithmetic, agreement of blind counts, corrections, steps of shortages: pure rules."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.stock.rules.changes import changes_of
from app.stock.rules.ledger import Account, AccountKind, MovementKind
from app.warehouse.rules.alerts import KnownShortage, shortage_steps
from app.warehouse.rules.counting import (
    Boxes,
    Count,
    correcting_lines,
    corrections,
    settle,
    short_and_over,
)
from app.warehouse.rules.coverage import Booked, Coverage, Shelf, cover, left_after, short_until
from app.warehouse.rules.states import Series, written_number

NOW = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
LOT, OTHER, BOX = UUID(int=1), UUID(int=2), UUID(int=9)
ANNA, BERT, CARL = UUID(int=11), UUID(int=12), UUID(int=13)


def at(hours: float, boxes: int) -> Booked:
    begin = NOW + timedelta(hours=hours)
    return Booked((begin, begin + timedelta(hours=1)), boxes)


def test_the_first_slot_that_is_short_is_named() -> None:
    found = cover(30, [at(3, 12), at(1, 20), at(2, 10)], arriving=5, now=NOW)
    assert found == Coverage(30, 42, 42, 5, 12, NOW + timedelta(hours=3), 12, 42)


def test_enough_for_every_slot_is_no_shortage() -> None:
    found = cover(42, [at(1, 20), at(2, 10), at(3, 12)], arriving=0, now=NOW)
    assert (found.first_short_at, found.short_then, found.short_by) == (None, 0, 0)


def test_who_has_no_slot_or_missed_it_holds_boxes_but_has_no_turn() -> None:
    found = cover(10, [Booked(None, 7), at(-2, 6), at(1, 10)], arriving=0, now=NOW)
    assert (found.promised, found.booked, found.short_by, found.first_short_at) == (23, 10, 13, None)


def test_a_slot_that_has_begun_and_is_not_over_has_its_turn() -> None:
    found = cover(3, [at(-0.5, 4)], arriving=0, now=NOW)
    assert (found.first_short_at, found.short_then) == (NOW - timedelta(minutes=30), 1)


def test_what_is_on_its_way_is_not_counted_on() -> None:
    assert cover(0, [at(1, 5)], arriving=100, now=NOW).short_then == 5


def test_short_until_looks_no_further() -> None:
    bookings = [at(1, 4), at(60, 100)]
    assert short_until(3, bookings, now=NOW, until=NOW + timedelta(hours=48)) == 1
    assert short_until(4, bookings, now=NOW, until=NOW + timedelta(hours=48)) == 0
    assert short_until(4, bookings, now=NOW, until=NOW + timedelta(hours=61)) == 100


def test_left_after() -> None:
    assert left_after(100, 60, taken=40) == 0
    assert left_after(100, 60, taken=41) == -1


def count(person: UUID, *, round: int = 1, minute: int = 0, **differences: Boxes) -> Count:
    lots = {"lot": LOT, "other": OTHER}
    known = {lots[name]: boxes for name, boxes in differences.items()}
    return Count(uuid4(), person, round, NOW + timedelta(minutes=minute), known)


def test_two_people_agree_on_the_same_difference_and_the_later_count_is_taken() -> None:
    first, second = count(ANNA, lot=Boxes(-3)), count(BERT, minute=5, lot=Boxes(-3))
    assert settle([second, first], [LOT]) == {LOT: second}


def test_one_person_never_agrees_with_themselves() -> None:
    counts = [count(ANNA, lot=Boxes(-3)), count(ANNA, round=2, minute=9, lot=Boxes(-3))]
    assert settle(counts, [LOT]) == {LOT: None}


def test_good_and_damaged_are_compared_apart() -> None:
    counts = [count(ANNA, lot=Boxes(-3, 3)), count(BERT, lot=Boxes(-3, 2))]
    assert settle(counts, [LOT]) == {LOT: None}


def test_a_third_person_who_agrees_with_one_of_two_settles_it() -> None:
    counts = [count(ANNA, lot=Boxes(-3)), count(BERT, lot=Boxes(0))]
    third = count(CARL, round=2, minute=30, lot=Boxes(-3))
    assert settle(counts, [LOT]) == {LOT: None}
    assert settle([*counts, third], [LOT]) == {LOT: third}


def test_a_recount_replaces_what_the_person_counted_before() -> None:
    counts = [count(ANNA, lot=Boxes(-3)), count(BERT, lot=Boxes(0)), count(ANNA, round=2, lot=Boxes(-1))]
    assert settle(counts, [LOT]) == {LOT: None}
    last = count(BERT, round=2, minute=40, lot=Boxes(-1))
    assert settle([*counts, last], [LOT]) == {LOT: last}


def test_a_lot_that_only_one_person_found_is_not_settled() -> None:
    counts = [count(ANNA, lot=Boxes(), other=Boxes(2)), count(BERT, minute=1, lot=Boxes())]
    settled = settle(counts, [LOT, OTHER])
    assert settled[OTHER] is None
    assert settled[LOT] is counts[1]


def test_corrections_are_the_differences_where_nothing_left_since() -> None:
    differences = {LOT: Boxes(-3, 1), OTHER: Boxes(2, 0)}
    held = {LOT: Boxes(10, 0), OTHER: Boxes(0, 0)}
    assert corrections(differences, held, gift_boxes={LOT: BOX, OTHER: BOX}) == differences


def test_boxes_handed_over_since_are_taken_from_the_lot_they_really_were_of() -> None:
    """Ten of LOT are not there, OTHER has ten too many; six of them left by the books as LOT's."""
    differences = {LOT: Boxes(-10), OTHER: Boxes(10)}
    held = {LOT: Boxes(4), OTHER: Boxes(20)}
    posted = corrections(differences, held, gift_boxes={LOT: BOX, OTHER: BOX})
    assert posted == {LOT: Boxes(-4), OTHER: Boxes(4)}


def test_another_gift_box_makes_up_for_nothing() -> None:
    differences = {LOT: Boxes(-10), OTHER: Boxes(10)}
    posted = corrections(differences, {LOT: Boxes(4)}, gift_boxes={LOT: BOX, OTHER: uuid4()})
    assert posted == {LOT: Boxes(-4), OTHER: Boxes(10)}


def test_correcting_lines_add_up_to_what_is_to_be_added() -> None:
    point, paper = uuid4(), uuid4()
    shelf, aside = Account(AccountKind.PICKUP_POINT, point), Account(AccountKind.QUARANTINE, point)
    cases = [Boxes(-5, 3), Boxes(-2, 3), Boxes(4, 1), Boxes(1, -2), Boxes(-1, -1), Boxes(0, 2), Boxes(3, 0)]
    for posted in cases:
        lines = correcting_lines({LOT: posted}, point_id=point, document_id=paper, reason=None)
        changes = changes_of(lines)
        assert changes.get((LOT, shelf), 0) == posted.good
        assert changes.get((LOT, aside), 0) == posted.damaged
        assert changes.get((LOT, Account(AccountKind.VARIANCE)), 0) == -posted.good - posted.damaged
    damaged = correcting_lines({LOT: Boxes(-5, 3)}, point_id=point, document_id=paper, reason=None)
    assert [(line.kind, line.boxes) for line in damaged] == [
        (MovementKind.QUARANTINED, 3),
        (MovementKind.COUNTED, 2),
    ]


def test_short_and_over_do_not_cancel_out() -> None:
    assert short_and_over([Boxes(-3, 1), Boxes(2, -1), Boxes()]) == (4, 3)


def test_a_shortage_is_told_of_when_it_begins_and_grows_and_ends() -> None:
    new, grown, same, less, over = (Shelf(uuid4(), uuid4()) for _ in range(5))
    ids = {shelf: uuid4() for shelf in (grown, same, less, over)}
    known = {shelf: KnownShortage(id, 5) for shelf, id in ids.items()}
    short = {new: (1, NOW), grown: (6, NOW), same: (5, NOW), less: (4, NOW)}
    steps = shortage_steps(short, known)
    assert steps.began == {new: (1, NOW)}
    assert steps.grew == {ids[grown]: (6, NOW)}
    assert steps.over == [ids[over]]


def test_numbers_are_written_with_their_year() -> None:
    assert written_number(Series.TRANSFER, NOW.date(), position=7) == "DB-2026-0007"
    assert written_number(Series.STOCKTAKE, NOW.date(), position=12345) == "PD-2026-12345"
