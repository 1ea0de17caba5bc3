"""Lines, picking, facts of a lot, recalls given free: pure rules."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.stock.rules.attribution import attribution_lines
from app.stock.rules.changes import changes_of, find_overdraft
from app.stock.rules.figures import figures_of
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.rules.lots import LotFacts, merge_facts
from app.stock.rules.picking import OnHand, Pick, pick_lots
from app.stock.rules.proof import Difference, Flow, find_differences
from app.stock.rules.release import boxes_to_release

TODAY = date(2030, 10, 8)
POINT, OTHER, BOX, LOT = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
SHELF, GIVEN = Account(AccountKind.PICKUP_POINT, POINT), Account(AccountKind.HANDED_OVER, POINT)
SUPPLIER, VARIANCE = Account(AccountKind.SUPPLIER), Account(AccountKind.VARIANCE)


def held(lot: int, boxes: int, days: int | None) -> OnHand:
    """Return boxes of a lot that goes off so many days after today."""
    on = None if days is None else TODAY + timedelta(days=days)
    return OnHand(UUID(int=lot + 100), UUID(int=lot), BOX, POINT, boxes, on)


lots = st.lists(
    st.builds(held, st.integers(1, 30), st.integers(0, 50), st.none() | st.integers(-5, 60)),
    max_size=8,
    unique_by=lambda one: one.lot_id,
)


@pytest.mark.parametrize(
    ("on_hand", "wanted", "picked"),
    [
        ([held(1, 5, 9), held(2, 5, 3), held(3, 5, None)], 12, [(2, 5), (1, 5), (3, 2)]),
        ([held(1, 5, 0)], 2, [(1, 2)]),
        ([held(1, 5, -1)], 2, []),
        ([held(2, 1, 9), held(1, 1, 9)], 1, [(1, 1)]),
        ([held(1, 0, 9), held(2, 1, 10)], 2, [(2, 1)]),
        ([held(1, 5, 9)], 0, []),
        ([], 3, []),
    ],
    ids=["first expired", "last good day", "expired", "first recorded", "empty", "nothing wanted", "nothing"],
)
def test_which_lot_goes_first(on_hand: list[OnHand], wanted: int, picked: list[tuple[int, int]]) -> None:
    assert pick_lots(on_hand, wanted, on=TODAY) == [Pick(UUID(int=lot), boxes) for lot, boxes in picked]


@given(on_hand=lots, wanted=st.integers(0, 200))
def test_picking_takes_what_is_good_and_no_more_than_there_is(on_hand: list[OnHand], wanted: int) -> None:
    picks = pick_lots(on_hand, wanted, on=TODAY)
    good = {one.lot_id: one for one in on_hand if one.best_before_on is None or one.best_before_on >= TODAY}
    assert sum(pick.boxes for pick in picks) == min(wanted, sum(one.boxes for one in good.values()))
    assert all(0 < pick.boxes <= good[pick.lot_id].boxes for pick in picks)
    days = [good[pick.lot_id].best_before_on or date.max for pick in picks]
    assert days == sorted(days)
    assert all(pick.boxes == good[pick.lot_id].boxes for pick in picks[:-1])


@given(on_hand=lots, wanted=st.integers(0, 200))
def test_picking_does_not_depend_on_the_order_of_rows(on_hand: list[OnHand], wanted: int) -> None:
    assert pick_lots(on_hand, wanted, on=TODAY) == pick_lots(on_hand[::-1], wanted, on=TODAY)


def test_an_account_has_a_point_or_has_none() -> None:
    with pytest.raises(ValueError, match="do not go together"):
        Account(AccountKind.PICKUP_POINT)
    with pytest.raises(ValueError, match="do not go together"):
        Account(AccountKind.LOSS, POINT)


@pytest.mark.parametrize(
    ("boxes", "source", "target", "kind", "why"),
    [
        (0, SHELF, GIVEN, MovementKind.HANDED_OVER, "at least one box"),
        (1, None, SHELF, MovementKind.RECEIVED, "comes from nowhere"),
        (1, SUPPLIER, SHELF, MovementKind.CONSIGNED, "comes from nowhere"),
        (1, SHELF, SHELF, MovementKind.COUNTED, "to another"),
    ],
)
def test_what_is_no_movement(
    boxes: int, source: Account | None, target: Account, kind: MovementKind, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Line(lot_id=LOT, boxes=boxes, source=source, target=target, kind=kind)


def handing(boxes: int, source: Account = SHELF) -> Line:
    """Return a hand-over of the lot."""
    return Line(lot_id=LOT, boxes=boxes, source=source, target=GIVEN, kind=MovementKind.HANDED_OVER)


def test_changes_are_added_up_and_what_stays_is_left_out() -> None:
    back = Line(lot_id=LOT, boxes=3, source=GIVEN, target=SHELF, kind=MovementKind.UNDONE)
    assert changes_of([handing(2), handing(3)]) == {(LOT, SHELF): -5, (LOT, GIVEN): 5}
    assert changes_of([handing(3), back]) == {}


def test_only_variance_may_fall_below_zero() -> None:
    changes = changes_of([handing(2)])
    assert find_overdraft(changes, {(LOT, SHELF): 2}) is None
    assert find_overdraft(changes, {(LOT, SHELF): 1}) == (LOT, SHELF)
    assert find_overdraft(changes, {}) == (LOT, SHELF)
    assert find_overdraft(changes_of([handing(9, VARIANCE)]), {}) is None


def test_what_is_added_to_is_never_overdrawn() -> None:
    """A balance that somebody broke may be filled up again."""
    assert find_overdraft({(LOT, SHELF): 2}, {(LOT, SHELF): -5}) is None


KNOWN = LotFacts(date(2030, 9, 1), date(2031, 9, 1), "130630", "甲村")


@pytest.mark.parametrize(
    ("known", "told", "merged"),
    [
        (LotFacts(), KNOWN, KNOWN),
        (KNOWN, LotFacts(), KNOWN),
        (KNOWN, LotFacts(origin_code="130630203"), replace(KNOWN, origin_code="130630203")),
        (LotFacts(origin_code="130630203"), KNOWN, replace(KNOWN, origin_code="130630203")),
        (KNOWN, LotFacts(origin_note="乙社"), KNOWN),
        (KNOWN, LotFacts(origin_code="130632"), "origin_code"),
        (KNOWN, LotFacts(produced_on=date(2030, 9, 2)), "produced_on"),
        (KNOWN, LotFacts(best_before_on=date(2031, 9, 2)), "best_before_on"),
        (LotFacts(produced_on=date(2030, 9, 1)), LotFacts(best_before_on=date(2030, 8, 1)), "best_before_on"),
        (LotFacts(best_before_on=date(2030, 8, 1)), LotFacts(produced_on=date(2030, 9, 1)), "produced_on"),
    ],
)  # fmt: skip
def test_facts_are_filled_in_and_never_changed(
    known: LotFacts, told: LotFacts, merged: LotFacts | str
) -> None:
    assert merge_facts(known, told) == merged


def test_a_lifted_recall_gives_back_what_nobody_can_have_taken() -> None:
    assert boxes_to_release({POINT: 5, OTHER: 3}, {}) == {POINT: 5, OTHER: 3}
    assert boxes_to_release({POINT: 5, OTHER: 3}, {POINT: 2, OTHER: 4}) == {POINT: 3}
    assert boxes_to_release({}, {POINT: 1}) == {}


def test_an_attribution_moves_as_many_boxes_on_both_lots() -> None:
    lines = attribution_lines(LOT, UUID(int=5), point_id=POINT, boxes=2)
    assert changes_of(lines) == {
        (UUID(int=5), GIVEN): -2, (UUID(int=5), VARIANCE): 2, (LOT, SHELF): -2, (LOT, GIVEN): 2,
    }  # fmt: skip


def test_differences_are_named_both_ways_and_lots_last() -> None:
    flows = [Flow(LOT, None, SUPPLIER, 10), Flow(LOT, SUPPLIER, SHELF, 10), Flow(LOT, SHELF, GIVEN, 3)]
    right = {(LOT, SUPPLIER): 0, (LOT, SHELF): 7, (LOT, GIVEN): 3}
    assert find_differences(right, flows) == []
    assert find_differences({(LOT, SHELF): 7, (LOT, GIVEN): 3}, flows) == []
    assert find_differences(right | {(LOT, GIVEN): 4, (LOT, VARIANCE): -1}, flows) == [
        Difference(LOT, GIVEN, 4, 3),
        Difference(LOT, VARIANCE, -1, 0),
    ]
    assert find_differences({(LOT, SHELF): 7}, flows) == [
        Difference(LOT, GIVEN, 0, 3),
        Difference(LOT, None, 7, 10),
    ]


def test_a_close_out_that_does_not_add_up_says_so() -> None:
    kinds = {AccountKind.SUPPLIER: 20, AccountKind.HANDED_OVER: 70, AccountKind.PICKUP_POINT: 10}
    assert figures_of(100, kinds).adds_up
    assert (figures_of(101, kinds).adds_up, figures_of(101, kinds).accounted) == (False, 80)
