"""What a goods receipt may say, and what it posts to the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind

_SUPPLIER, _RETURNED = Account(AccountKind.SUPPLIER), Account(AccountKind.RETURNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Boxes of one lot on one receipt at one pickup point."""

    lot_id: UUID
    point_id: UUID
    receipt_id: UUID
    good: int
    damaged: int
    missing: int

    @property
    def expected(self) -> int:
        """How many the supplier answers for."""
        return self.good + self.damaged + self.missing


def days_left(best_before_on: date | None, received_on: date) -> int | None:
    """Return how many days goods are still good when they arrive (0: the last one), None if unknown."""
    return None if best_before_on is None else (best_before_on - received_on).days


def is_too_short(left: int | None, least: int) -> bool:
    """Return whether goods go off too soon to be taken in without a reason; nobody knows is too soon."""
    return left is None or left < least


def delivered(arrived: Arrived, *, taken_back: int = 0) -> list[Line]:
    """Return what a delivery posts: all expected is the supplier's, good and damaged boxes come from it.

    What is missing stays the supplier's. `taken_back` boxes were consigned before, on a receipt that was
    reversed: they are the supplier's again and not consigned twice.
    """
    again = min(taken_back, arrived.expected)
    lines = _lines(arrived, [(again, _RETURNED, _SUPPLIER)], kind=MovementKind.RETURNED)
    lines += _lines(arrived, [(arrived.expected - again, None, _SUPPLIER)], kind=MovementKind.CONSIGNED)
    return lines + delivered_late(arrived)


def delivered_late(arrived: Arrived) -> list[Line]:
    """Return what boxes post that come from the supplier: good ones to the point, damaged to quarantine."""
    point, quarantine = _places(arrived)
    routes = [(arrived.good, _SUPPLIER, point), (arrived.damaged, _SUPPLIER, quarantine)]
    return _lines(arrived, routes, kind=MovementKind.RECEIVED)


def reversed_delivery(arrived: Arrived) -> list[Line]:
    """Return what takes a delivery back: the supplier answers for none of its boxes any more."""
    point, quarantine = _places(arrived)
    routes = [
        (arrived.good, point, _RETURNED),
        (arrived.damaged, quarantine, _RETURNED),
        (arrived.missing, _SUPPLIER, _RETURNED),
    ]
    return _lines(arrived, routes, kind=MovementKind.RETURNED)


def reversed_late(arrived: Arrived) -> list[Line]:
    """Return what takes a late delivery back: its boxes are missing again."""
    point, quarantine = _places(arrived)
    routes = [(arrived.good, point, _SUPPLIER), (arrived.damaged, quarantine, _SUPPLIER)]
    return _lines(arrived, routes, kind=MovementKind.RETURNED)


def _places(arrived: Arrived) -> tuple[Account, Account]:
    return (
        Account(AccountKind.PICKUP_POINT, arrived.point_id),
        Account(AccountKind.QUARANTINE, arrived.point_id),
    )


def _lines(
    arrived: Arrived, routes: Sequence[tuple[int, Account | None, Account]], *, kind: MovementKind
) -> list[Line]:
    return [
        Line(
            lot_id=arrived.lot_id,
            boxes=boxes,
            source=source,
            target=target,
            kind=kind,
            document_id=arrived.receipt_id,
        )
        for boxes, source, target in routes
        if boxes > 0
    ]
