"""How crowded a slot is, and how a day is cut."""

from datetime import UTC, date, datetime, time
from itertools import pairwise

import pytest

from app.pickup.rules import Crowd, PickupDays, crowd_of, cut_day

DAY = date(2026, 10, 12)


@pytest.mark.parametrize(
    ("booked", "capacity", "crowd"),
    [
        (0, 20, Crowd.LOW),
        (7, 20, Crowd.LOW),
        (8, 20, Crowd.MEDIUM),
        (15, 20, Crowd.MEDIUM),
        (16, 20, Crowd.HIGH),
        (19, 20, Crowd.HIGH),
        (20, 20, Crowd.FULL),
        (0, 0, Crowd.FULL),
        (0, 1, Crowd.LOW),
        (1, 1, Crowd.FULL),
    ],
)
def test_how_crowded_a_slot_is(booked: int, capacity: int, crowd: Crowd) -> None:
    assert crowd_of(booked, capacity=capacity) is crowd


def test_a_day_is_cut_into_whole_slots_of_shanghai_time() -> None:
    assert list(cut_day(DAY, time(9), closes=time(10, 20), minutes=30)) == [
        (datetime(2026, 10, 12, 1, 0, tzinfo=UTC), datetime(2026, 10, 12, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 12, 1, 30, tzinfo=UTC), datetime(2026, 10, 12, 2, 0, tzinfo=UTC)),
    ]


def test_a_slot_may_end_when_the_table_closes() -> None:
    slots = list(cut_day(DAY, time(9), closes=time(17), minutes=10))
    assert len(slots) == 48
    assert slots[-1][1] == datetime(2026, 10, 12, 9, 0, tzinfo=UTC)
    assert all(end == start for (_, end), (start, _) in pairwise(slots))


def test_a_day_that_is_too_short_has_no_slot() -> None:
    assert list(cut_day(DAY, time(9), closes=time(9, 29), minutes=30)) == []


def test_early_in_shanghai_is_the_day_before_in_utc() -> None:
    assert list(cut_day(DAY, time(7, 30), closes=time(8, 30), minutes=60)) == [
        (datetime(2026, 10, 11, 23, 30, tzinfo=UTC), datetime(2026, 10, 12, 0, 30, tzinfo=UTC))
    ]


@pytest.mark.parametrize(
    ("from_on", "until_on", "inside"), [(12, 14, True), (13, 13, True), (11, 13, False), (13, 15, False)]
)
def test_a_plan_keeps_to_the_pickup_days(from_on: int, until_on: int, inside: bool) -> None:
    days = PickupDays(DAY, date(2026, 10, 14))
    assert days.hold(date(2026, 10, from_on), date(2026, 10, until_on)) is inside
