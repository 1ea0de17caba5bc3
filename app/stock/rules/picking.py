"""Which lot goes first: first expired, first out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OnHand:
    """Boxes of one lot at one pickup point that may be handed over; `best_before_on` is None if unknown."""

    balance_id: UUID
    lot_id: UUID
    gift_box_id: UUID
    point_id: UUID
    boxes: int
    best_before_on: date | None


@dataclass(frozen=True, slots=True)
class Pick:
    """So many boxes of a lot."""

    lot_id: UUID
    boxes: int


def pick_lots(on_hand: Iterable[OnHand], wanted: int, *, on: date) -> list[Pick]:
    """Return which lots `wanted` boxes come from, of one gift box at one pickup point; it may be fewer.

    First the lot that goes off first, last those of which nobody knows when; among equals the one that was
    recorded first. `on` is today in Shanghai: a lot is good on its best-before day and never picked after it
    (食品安全法 article 34 (10): food past its shelf life is not to be given out).
    """
    picks: list[Pick] = []
    for held in sorted((held for held in on_hand if is_good(held, on)), key=_turn):
        if wanted <= 0:
            break
        if (boxes := min(held.boxes, wanted)) > 0:
            picks.append(Pick(held.lot_id, boxes))
            wanted -= boxes
    return picks


def is_good(held: OnHand, on: date) -> bool:
    """Return whether a lot may be handed over that day."""
    return held.best_before_on is None or held.best_before_on >= on


def _turn(held: OnHand) -> tuple[date, UUID]:
    return held.best_before_on or date.max, held.lot_id
