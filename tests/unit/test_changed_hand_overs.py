"""Taking hand-overs back and swapping boxes: who may, until when, and which boxes go where."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.platform.errors import DomainError
from app.redemptions.rules.boxes import Asked, NamedLot, Shelf, is_withheld, take_boxes
from app.redemptions.rules.changes import (
    Asker,
    HandedOver,
    Held,
    boxes_of,
    check_change,
    given_at,
    held_of,
    lines_of_undo,
    lines_out,
)
from app.stock.rules.ledger import Account, AccountKind, MovementKind
from app.stock.rules.picking import OnHand
from tests.factories.desk import NOW

POINT, BOX, UNRECORDED, EVENT = (UUID(int=number) for number in range(1, 5))
OLD, NEW, LATE = (UUID(int=number) for number in range(11, 14))
HERE = Account(AccountKind.PICKUP_POINT, POINT)
GIVEN, ASIDE = given_at(POINT), Account(AccountKind.QUARANTINE, POINT)
VARIANCE = Account(AccountKind.VARIANCE)
TODAY, FREE = date(2026, 10, 12), timedelta(minutes=5)
TICK = timedelta(microseconds=1)


def said(at: Any = NOW, *, may_correct: bool = False, member_id: UUID | None = None, **facts: Any) -> str:
    """Return the code of the refusal, or "yes"."""
    known = {"is_handed_over": True, "is_undone": False, "is_sealed": False, "member_id": OLD}
    asker = Asker(
        staff_id=uuid4(), staff_name="示例", member_id=member_id, may_correct=may_correct, free=FREE
    )
    try:
        check_change(HandedOver(**(known | facts), received_at=NOW), asker, at=at)  # type: ignore[arg-type]
    except DomainError as refusal:
        return refusal.code
    return "yes"


@pytest.mark.parametrize(
    ("late", "may_correct", "answer"),
    [
        (timedelta(0), False, "yes"),
        (FREE, False, "yes"),
        (FREE + TICK, False, "redemptions.over_free_minutes"),
        (FREE + TICK, True, "yes"),
        (timedelta(days=30), True, "yes"),
    ],
)
def test_the_free_minutes_are_the_tables_and_the_rest_a_supervisors(
    late: timedelta, may_correct: bool, answer: str
) -> None:
    assert said(NOW + late, may_correct=may_correct) == answer


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ({"is_handed_over": False}, "redemptions.not_handed_over"),
        ({"is_undone": True}, "redemptions.undone_already"),
        ({"is_sealed": True}, "campaigns.sealed"),
        ({"member_id": None}, "yes"),
    ],
)
@pytest.mark.parametrize("may_correct", [False, True])
def test_what_stands_against_a_change(facts: dict[str, Any], answer: str, may_correct: bool) -> None:
    assert said(may_correct=may_correct, **facts) == answer


@pytest.mark.parametrize("may_correct", [False, True])
def test_nobody_changes_the_hand_over_of_their_own_order(may_correct: bool) -> None:
    assert said(may_correct=may_correct, member_id=OLD) == "redemptions.own_order"


# --- What somebody holds -----------------------------------------------------------------------------


def test_what_was_handed_over_is_held_with_where_it_came_from() -> None:
    moved = [(OLD, HERE, GIVEN, 2), (UNRECORDED, VARIANCE, GIVEN, 1)]
    assert held_of(moved, GIVEN) == [Held(OLD, HERE, 2), Held(UNRECORDED, VARIANCE, 1)]


def test_a_swapped_box_is_no_longer_held_but_the_new_one_is() -> None:
    moved = [(OLD, HERE, GIVEN, 2), (OLD, GIVEN, ASIDE, 1), (NEW, HERE, GIVEN, 1)]
    assert held_of(moved, GIVEN) == [Held(OLD, HERE, 1), Held(NEW, HERE, 1)]
    same = [(OLD, HERE, GIVEN, 1), (OLD, GIVEN, ASIDE, 1), (OLD, VARIANCE, GIVEN, 1)]
    assert held_of(same, GIVEN) == [Held(OLD, VARIANCE, 1)]


def test_a_box_that_turned_out_to_be_of_a_lot_is_held_as_that() -> None:
    moved = [(UNRECORDED, VARIANCE, GIVEN, 1), (UNRECORDED, GIVEN, VARIANCE, 1), (OLD, HERE, GIVEN, 1)]
    assert held_of(moved, GIVEN) == [Held(OLD, HERE, 1)]


def test_an_undone_hand_over_leaves_nothing() -> None:
    assert held_of([(OLD, HERE, GIVEN, 2), (OLD, GIVEN, HERE, 2)], GIVEN) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (1, [Held(OLD, HERE, 1)]),
        (3, [Held(OLD, HERE, 2), Held(NEW, HERE, 1)]),
        (9, [Held(OLD, HERE, 2), Held(NEW, HERE, 2)]),
    ],
)
def test_some_of_what_is_held(wanted: int, found: list[Held]) -> None:
    assert boxes_of([Held(OLD, HERE, 2), Held(NEW, HERE, 2)], wanted) == found


def test_an_undo_puts_boxes_back_where_they_came_from_but_recalled_ones_aside() -> None:
    held = [Held(OLD, HERE, 1), Held(NEW, HERE, 2), Held(UNRECORDED, VARIANCE, 3), Held(LATE, VARIANCE, 1)]
    lines = lines_of_undo(held, POINT, withheld={NEW, LATE}, event_id=EVENT, reason="拿错")
    assert [(line.lot_id, line.boxes, line.source, line.target) for line in lines] == [
        (OLD, 1, GIVEN, HERE),
        (NEW, 2, GIVEN, ASIDE),
        (UNRECORDED, 3, GIVEN, VARIANCE),
        (LATE, 1, GIVEN, VARIANCE),
    ]
    assert {(line.kind, line.event_id, line.reason) for line in lines} == {
        (MovementKind.UNDONE, EVENT, "拿错")
    }


def test_a_damaged_box_goes_aside() -> None:
    (line,) = lines_out([Held(OLD, HERE, 1)], POINT, event_id=EVENT, reason="破损")
    assert (line.source, line.target, line.kind) == (GIVEN, ASIDE, MovementKind.SWAPPED_OUT)


# --- Which boxes change hands ------------------------------------------------------------------------


def shelf(*lots: tuple[UUID, int, date | None]) -> Shelf:
    """Return a shelf with boxes of these lots (lot, boxes, best before)."""
    made = Shelf()
    made.on_hand[POINT, BOX] = [OnHand(uuid4(), lot, BOX, POINT, boxes, until) for lot, boxes, until in lots]
    return made


def taken(made: Shelf, boxes: int, lot_id: UUID | None = None) -> list[tuple[UUID, int, Account | None]]:
    asked = Asked(POINT, BOX, UNRECORDED, boxes, TODAY, EVENT, lot_id)
    lines = take_boxes(made, asked)
    assert {line.target for line in lines} == {GIVEN}
    assert {line.event_id for line in lines} == {EVENT}
    return [(line.lot_id, line.boxes, line.source) for line in lines]


def test_the_lot_that_goes_off_first_goes_first() -> None:
    made = shelf((LATE, 5, None), (NEW, 5, date(2027, 1, 1)), (OLD, 2, date(2026, 12, 1)))
    assert taken(made, 3) == [(OLD, 2, HERE), (NEW, 1, HERE)]
    assert taken(made, 6) == [(NEW, 4, HERE), (LATE, 2, HERE)]
    assert [(held.lot_id, held.boxes) for held in made.on_hand[POINT, BOX]] == [(LATE, 3)]


def test_what_the_books_do_not_have_comes_from_the_variance() -> None:
    assert taken(Shelf(), 2) == [(UNRECORDED, 2, VARIANCE)]
    spoilt = shelf((OLD, 5, date(2026, 10, 11)), (NEW, 1, TODAY))
    assert taken(spoilt, 2) == [(NEW, 1, HERE), (UNRECORDED, 1, VARIANCE)]


def test_the_lot_on_the_carton_is_the_one_that_is_recorded() -> None:
    made = shelf((OLD, 5, date(2026, 12, 1)), (NEW, 1, date(2027, 1, 1)))
    made.lots = {lot: NamedLot(lot, BOX, False, None) for lot in (NEW, LATE)}
    assert taken(made, 2, NEW) == [(NEW, 1, HERE), (NEW, 1, VARIANCE)]
    assert taken(made, 1, LATE) == [(LATE, 1, VARIANCE)], "the books of the point do not know it"
    assert taken(made, 1) == [(OLD, 1, HERE)]


@pytest.mark.parametrize(
    ("is_recalled", "until", "withheld"),
    [
        (False, None, False),
        (False, TODAY, False),
        (False, TODAY - timedelta(days=1), True),
        (True, None, True),
        (True, TODAY, True),
    ],
)
def test_what_stays_where_it_is(is_recalled: bool, until: date | None, withheld: bool) -> None:
    assert is_withheld(NamedLot(OLD, BOX, is_recalled, until), TODAY) == withheld
