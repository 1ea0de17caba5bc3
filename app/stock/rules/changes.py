"""What movements do to balances, and whether they may."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from uuid import UUID

from app.stock.rules.ledger import Account, AccountKind, Line

Side: TypeAlias = tuple[UUID, Account]
"""An account of a lot."""


def changes_of(lines: Iterable[Line]) -> dict[Side, int]:
    """Return by how many boxes each account of each lot changes; accounts that stay as they are left out."""
    changes: defaultdict[Side, int] = defaultdict(int)
    for line in lines:
        if line.source is not None:
            changes[line.lot_id, line.source] -= line.boxes
        changes[line.lot_id, line.target] += line.boxes
    return {side: change for side, change in changes.items() if change}


def find_overdraft(changes: Mapping[Side, int], held: Mapping[Side, int]) -> Side | None:
    """Return an account that would fall below zero, or None; only the variance account may."""
    for side, change in changes.items():
        if side[1].kind is not AccountKind.VARIANCE and change < 0 and held.get(side, 0) + change < 0:
            return side
    return None
