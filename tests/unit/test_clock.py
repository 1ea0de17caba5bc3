"""Instants are UTC inside and +08:00 outside; days are those of Shanghai."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from app.platform.clock import Instant, day_end, day_start, local_date, shown


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 10, 12, 1, 30, tzinfo=UTC), "2026-10-12T09:30:00+08:00"),
        (datetime(2026, 10, 11, 16, 0, tzinfo=UTC), "2026-10-12T00:00:00+08:00"),
        (datetime(2026, 10, 12, 1, 30, 0, 5, tzinfo=UTC), "2026-10-12T09:30:00.000005+08:00"),
        (datetime(2026, 1, 1, 0, 0, tzinfo=timezone(timedelta(hours=14))), "2025-12-31T18:00:00+08:00"),
    ],
)
def test_an_instant_is_shown_in_shanghai(instant: datetime, text: str) -> None:
    assert shown(instant) == text
    assert datetime.fromisoformat(text) == instant


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 10, 11, 15, 59, 59, 999999, tzinfo=UTC), date(2026, 10, 11)),
        (datetime(2026, 10, 11, 16, 0, tzinfo=UTC), date(2026, 10, 12)),
        (datetime(2028, 2, 28, 16, 0, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_a_day_begins_at_midnight_in_shanghai(instant: datetime, day: date) -> None:
    assert local_date(instant) == day


def test_a_day_begins_when_the_day_before_ends() -> None:
    day = date(2026, 10, 12)
    assert day_start(day) == datetime(2026, 10, 11, 16, 0, tzinfo=UTC)
    assert day_start(day).tzinfo is UTC
    assert day_end(day) == datetime(2026, 10, 12, 16, 0, tzinfo=UTC)
    assert day_end(day) == day_start(date(2026, 10, 13))


def test_a_naive_time_is_refused_and_an_answer_has_its_offset() -> None:
    instants = TypeAdapter(Instant)
    with pytest.raises(ValidationError):
        instants.validate_python(datetime(2026, 10, 12, 9, 30))
    given = instants.validate_json('"2026-10-12T01:30:00Z"')
    assert instants.dump_json(given) == b'"2026-10-12T09:30:00+08:00"'
