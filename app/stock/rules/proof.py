"""Is every balance what its movements add up to, and every lot what was consigned of it?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.stock.rules.changes import Side
from app.stock.rules.ledger import Account


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """Where the books contradict each other, in boxes.

    With an `account`: what its balance says (`held`) and what its movements add up to (`expected`). Without:
    what all balances of the lot add up to, and what was consigned.
    """

    lot_id: UUID
    account: Account | None
    held: int
    expected: int


@dataclass(frozen=True, slots=True)
class Flow:
    """So many boxes of a lot that went from one account to another, over all their movements."""

    lot_id: UUID
    source: Account | None
    target: Account
    boxes: int


def find_differences(held: Mapping[Side, int], flows: Iterable[Flow]) -> list[Difference]:
    """Return every difference between balances and movements, both ways: by lot, whole lots last.

    An account that was never opened holds nothing, which is right as long as nothing went there.
    """
    expected: defaultdict[Side, int] = defaultdict(int)
    consigned: defaultdict[UUID, int] = defaultdict(int)
    for flow in flows:
        expected[flow.lot_id, flow.target] += flow.boxes
        if flow.source is None:
            consigned[flow.lot_id] += flow.boxes
        else:
            expected[flow.lot_id, flow.source] -= flow.boxes
    totals: defaultdict[UUID, int] = defaultdict(int)
    for (lot_id, _), boxes in held.items():
        totals[lot_id] += boxes
    sides = sorted(held.keys() | expected.keys())
    accounts = [Difference(*side, held.get(side, 0), expected[side]) for side in sides]
    lots = sorted(totals.keys() | consigned.keys())
    whole = [Difference(lot_id, None, totals[lot_id], consigned[lot_id]) for lot_id in lots]
    return [one for one in accounts + whole if one.held != one.expected]
