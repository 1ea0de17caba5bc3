"""What became of a lot, in the terms of a close-out."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.stock.rules.ledger import AccountKind


@dataclass(frozen=True, slots=True)
class LotFigures:
    """Boxes of a lot: what was consigned and received, and what became of it.

    `missing` was consigned and never delivered. `damaged` is what quarantine holds and what was written off;
    `on_hand` is at pickup points, good. `variance` is what counting found too few, below zero too many; of
    the unrecorded lot it stands against all that was handed over without a recorded lot.
    """

    consigned: int
    received: int
    handed_over: int
    returned: int
    damaged: int
    donated: int
    on_hand: int
    in_transit: int
    variance: int
    missing: int

    @property
    def accounted(self) -> int:
        """The right side of the close-out: what became of all that was received."""
        whereabouts = self.handed_over + self.returned + self.damaged + self.donated
        return whereabouts + self.on_hand + self.in_transit + self.variance

    @property
    def adds_up(self) -> bool:
        """Whether received = handed over + returned + damaged + donated + on hand + in transit + variance."""
        return self.received == self.accounted


def figures_of(consigned: int, held: Mapping[AccountKind, int]) -> LotFigures:
    """Return the figures of a lot: consigned by its movements, the rest by its balances."""
    boxes = {kind: held.get(kind, 0) for kind in AccountKind}
    return LotFigures(
        consigned=consigned,
        received=consigned - boxes[AccountKind.SUPPLIER],
        handed_over=boxes[AccountKind.HANDED_OVER],
        returned=boxes[AccountKind.RETURNED],
        damaged=boxes[AccountKind.QUARANTINE] + boxes[AccountKind.LOSS],
        donated=boxes[AccountKind.DONATED],
        on_hand=boxes[AccountKind.PICKUP_POINT],
        in_transit=boxes[AccountKind.IN_TRANSIT],
        variance=boxes[AccountKind.VARIANCE],
        missing=boxes[AccountKind.SUPPLIER],
    )
