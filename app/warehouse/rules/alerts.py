"""What is worth an alert, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.stock.rules.ledger import AccountKind
from app.warehouse.rules.coverage import Coverage, Shelf


class AlertCode(StrEnum):
    """What an alert is about; the most pressing first. Never renamed."""

    RECALLED_ON_HAND = "stock.recalled_on_hand"
    SHORT_AT_SLOT = "stock.short_at_slot"
    SHORT_OF_PROMISED = "stock.short_of_promised"
    EXPIRED = "stock.expired"
    EXPIRING = "stock.expiring"
    UNRECORDED = "stock.unrecorded"
    SUPPLIER_MISSING = "stock.supplier_missing"


_RANK = {code: rank for rank, code in enumerate(AlertCode)}


@dataclass(frozen=True, slots=True)
class Alert:
    """Something about a gift box at a pickup point, or about a lot; `boxes` is how many are concerned."""

    code: AlertCode
    gift_box_id: UUID
    boxes: int
    point_id: UUID | None = None
    lot_id: UUID | None = None
    lot_number: str | None = None
    best_before_on: date | None = None
    coverage: Coverage | None = None
    at: datetime | None = None

    @property
    def key(self) -> str:
        """The place of the alert in the list: by code, then by time; equal keys are equal alerts."""
        at = self.at.isoformat() if self.at else ""
        day = self.best_before_on.isoformat() if self.best_before_on else ""
        ids = (self.gift_box_id, self.point_id or "", self.lot_id or "")
        return "|".join((f"{_RANK[self.code]}", at, day, *map(str, ids)))


def shortage_alerts(coverages: Mapping[Shelf, Coverage]) -> list[Alert]:
    """Return alerts for each gift box and point that is short: of its slots in time, of what is promised."""
    found = []
    for shelf, coverage in coverages.items():
        if coverage.first_short_at is not None:
            code, boxes, at = AlertCode.SHORT_AT_SLOT, coverage.short_then, coverage.first_short_at
            found.append(_short(code, shelf, coverage=coverage, boxes=boxes, at=at))
        if coverage.short_by:
            code = AlertCode.SHORT_OF_PROMISED
            found.append(_short(code, shelf, coverage=coverage, boxes=coverage.short_by, at=None))
    return found


def _short(code: AlertCode, shelf: Shelf, *, coverage: Coverage, boxes: int, at: datetime | None) -> Alert:
    return Alert(code, shelf.gift_box_id, boxes, point_id=shelf.pickup_point_id, coverage=coverage, at=at)


def code_of_lot(
    kind: AccountKind, best_before_on: date | None, *, is_recalled: bool, today: date
) -> AlertCode:
    """Return what a lot in an account is to be looked at for; one thing at a time, the worst."""
    if kind is AccountKind.SUPPLIER:
        return AlertCode.SUPPLIER_MISSING
    if kind is AccountKind.HANDED_OVER:
        return AlertCode.UNRECORDED
    if is_recalled:
        return AlertCode.RECALLED_ON_HAND
    if best_before_on is not None and best_before_on < today:
        return AlertCode.EXPIRED
    return AlertCode.EXPIRING


@dataclass(frozen=True, slots=True)
class KnownShortage:
    """A shortage that was told of, and how large it was then at most."""

    id: UUID
    short_by: int


@dataclass(frozen=True, slots=True)
class ShortageSteps:
    """What is to be written: shortages that began, that grew, that are over."""

    began: dict[Shelf, tuple[int, datetime]] = field(default_factory=dict)
    grew: dict[UUID, tuple[int, datetime]] = field(default_factory=dict)
    over: list[UUID] = field(default_factory=list)


def shortage_steps(
    short: Mapping[Shelf, tuple[int, datetime]], known: Mapping[Shelf, KnownShortage]
) -> ShortageSteps:
    """Compare what is short now (boxes, since which slot) with what was told of.

    One that shrinks is not told of again, nor when it grows back to what was told.
    """
    steps = ShortageSteps(over=[one.id for shelf, one in known.items() if shelf not in short])
    for shelf, (short_by, at) in short.items():
        if shelf not in known:
            steps.began[shelf] = (short_by, at)
        elif short_by > known[shelf].short_by:
            steps.grew[known[shelf].id] = (short_by, at)
    return steps
