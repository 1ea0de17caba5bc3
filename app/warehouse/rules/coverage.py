"""Whether what is on hand is enough for what is promised, and when it first is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, order=True)
class Shelf:
    """A gift box at a pickup point."""

    pickup_point_id: UUID
    gift_box_id: UUID


@dataclass(frozen=True, slots=True)
class Booked:
    """Boxes that are booked and not handed over, of one slot; `slot` is (begin, end), None without one."""

    slot: tuple[datetime, datetime] | None
    boxes: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Boxes of one gift box at one pickup point.

    `promised` is all that may still be asked for there, `booked` what of it has a slot that is not over.
    `short_by` is how many of the promised boxes are not on hand. `first_short_at` is the beginning of the
    first slot by whose turn the boxes do not suffice, `short_then` how many are missing in that slot and
    `booked_then` how many are booked until then. `arriving` boxes are on their way and not counted on.
    """

    on_hand: int
    promised: int
    booked: int
    arriving: int
    short_by: int
    first_short_at: datetime | None
    short_then: int
    booked_then: int


def left_after(on_hand: int, promised: int, *, taken: int) -> int:
    """Return how many boxes are to spare when so many are taken; below zero: how many are missing."""
    return on_hand - taken - promised


def cover(on_hand: int, bookings: Iterable[Booked], *, arriving: int, now: datetime) -> Coverage:
    """Compare boxes on hand with what is promised, slot by slot in the order of time.

    Who has no slot, or one that is over, holds boxes and has no turn: they count in `promised` only.
    """
    everything = list(bookings)
    promised = sum(one.boxes for one in everything)
    booked, first, short_then, booked_then = 0, None, 0, 0
    for begin, boxes in _turns(everything, now):
        booked += boxes
        if first is None and booked > on_hand:
            first, short_then, booked_then = begin, booked - on_hand, booked
    short_by = max(0, promised - on_hand)
    return Coverage(on_hand, promised, booked, arriving, short_by, first, short_then, booked_then)


def short_until(on_hand: int, bookings: Iterable[Booked], *, now: datetime, until: datetime) -> int:
    """Return how many boxes are missing for the slots that begin before `until` and are not over."""
    wanted = sum(boxes for begin, boxes in _turns(bookings, now) if begin < until)
    return max(0, wanted - on_hand)


def _turns(bookings: Iterable[Booked], now: datetime) -> list[tuple[datetime, int]]:
    turns = [(one.slot[0], one.boxes) for one in bookings if one.slot is not None and one.slot[1] > now]
    return sorted(turns)
