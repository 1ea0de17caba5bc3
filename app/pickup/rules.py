"""Decisions about slots: how crowded one is, and how a day is cut into slots."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from app.platform.clock import SHANGHAI


class Crowd(StrEnum):
    """How crowded a slot will be (少 / 中 / 多 / 约满)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class PickupDays:
    """The Shanghai days on which a campaign hands boxes over, both included."""

    first: date
    last: date

    def hold(self, from_on: date, until_on: date) -> bool:
        """Return whether every day from one to another is a pickup day."""
        return self.first <= from_on and until_on <= self.last


_MEDIUM_FROM, _HIGH_FROM = 0.4, 0.8


def crowd_of(booked: int, capacity: int) -> Crowd:
    """Return how crowded a slot is: full, from 80 % high, from 40 % medium, else low."""
    if booked >= capacity:
        return Crowd.FULL
    share = booked / capacity
    return Crowd.HIGH if share >= _HIGH_FROM else Crowd.MEDIUM if share >= _MEDIUM_FROM else Crowd.LOW


def cut_day(day: date, opens: time, *, closes: time, minutes: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield (start, end) of whole slots of `minutes` between two times of a Shanghai day, in UTC."""
    start = datetime.combine(day, opens, tzinfo=SHANGHAI)
    end = datetime.combine(day, closes, tzinfo=SHANGHAI)
    while (until := start + timedelta(minutes=minutes)) <= end:
        yield start.astimezone(UTC), until.astimezone(UTC)
        start = until
