"""Blind counts: when two people agree, and what is then put right."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from uuid import UUID

from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind

COUNTS_IN_A_ROUND = 2


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of a lot at a pickup point: whole ones, damaged ones in quarantine; or a difference of them."""

    good: int = 0
    damaged: int = 0

    def __sub__(self, other: "Boxes") -> "Boxes":
        """Return the difference."""
        return Boxes(self.good - other.good, self.damaged - other.damaged)

    @property
    def is_nothing(self) -> bool:
        """Whether there are none, or no difference."""
        return self == Boxes()


@dataclass(frozen=True, slots=True)
class Count:
    """One person's count: `differences` are counted boxes less what the books said at `counted_at`.

    `person` is the same for all accounts of one person.
    """

    id: UUID
    person: UUID
    round: int
    counted_at: datetime
    differences: Mapping[UUID, Boxes]


def settle(counts: Iterable[Count], lot_ids: Collection[UUID]) -> dict[UUID, Count | None]:
    """Return for each lot the count that counts, or None while no two people agree on it.

    Compared are differences from the books, each at its own time: boxes are handed over while people count,
    so that two right counts need not show the same number. Of a person the latest count of a lot counts; of
    two that agree the later one is taken.
    """
    ordered = sorted(counts, key=lambda count: (count.round, count.counted_at, count.id))
    return {lot_id: _agreed(ordered, lot_id) for lot_id in lot_ids}


def _agreed(counts: Sequence[Count], lot_id: UUID) -> Count | None:
    latest = {count.person: count for count in counts if lot_id in count.differences}
    agreeing = [
        max(pair, key=lambda count: count.counted_at)
        for pair in combinations(latest.values(), 2)
        if pair[0].differences[lot_id] == pair[1].differences[lot_id]
    ]
    return agreeing[-1] if agreeing else None


def corrections(
    differences: Mapping[UUID, Boxes], held: Mapping[UUID, Boxes], *, gift_boxes: Mapping[UUID, UUID]
) -> dict[UUID, Boxes]:
    """Return what is to be added to the balances of each lot, so that none falls below zero.

    Hand-overs go on until the approval. Boxes that are missing of a lot and have since been handed over by
    the books were in truth taken from another lot of the same gift box: so many fewer are found of that one.
    """
    posted: dict[UUID, Boxes] = {}
    unposted: dict[UUID, int] = {}
    for lot_id, difference in differences.items():
        has = held.get(lot_id, Boxes())
        good, damaged = max(difference.good, -has.good), max(difference.damaged, -has.damaged)
        posted[lot_id] = Boxes(good, damaged)
        gift_box = gift_boxes[lot_id]
        unposted[gift_box] = unposted.get(gift_box, 0) + good - difference.good
    for lot_id, boxes in posted.items():
        gift_box = gift_boxes[lot_id]
        if boxes.good > 0 and (fewer := min(boxes.good, unposted[gift_box])) > 0:
            posted[lot_id] = Boxes(boxes.good - fewer, boxes.damaged)
            unposted[gift_box] -= fewer
    return posted


def correcting_lines(
    posted: Mapping[UUID, Boxes], *, point_id: UUID, document_id: UUID, reason: str | None
) -> list[Line]:
    """Return the movements that put the balances of a pickup point right.

    Whole boxes that turn out damaged go into quarantine; all else comes from, or goes to, variance.
    """
    shelf = Account(AccountKind.PICKUP_POINT, point_id)
    aside = Account(AccountKind.QUARANTINE, point_id)
    variance = Account(AccountKind.VARIANCE)
    lines = []
    for lot_id, boxes in sorted(posted.items()):
        broken = max(0, min(-boxes.good, boxes.damaged))
        moves = [
            (broken, shelf, aside, MovementKind.QUARANTINED),
            (-boxes.good - broken, shelf, variance, MovementKind.COUNTED),
            (boxes.good, variance, shelf, MovementKind.COUNTED),
            (-boxes.damaged, aside, variance, MovementKind.COUNTED),
            (boxes.damaged - broken, variance, aside, MovementKind.COUNTED),
        ]
        lines += [
            Line(
                lot_id=lot_id, boxes=many, source=source, target=target, kind=kind,
                document_id=document_id, reason=reason,
            )
            for many, source, target, kind in moves
            if many > 0
        ]  # fmt: skip
    return lines


def short_and_over(differences: Iterable[Boxes]) -> tuple[int, int]:
    """Return how many boxes are missing and how many are too many, whole and damaged ones alike."""
    numbers = [number for one in differences for number in (one.good, one.damaged)]
    return sum(-number for number in numbers if number < 0), sum(number for number in numbers if number > 0)
