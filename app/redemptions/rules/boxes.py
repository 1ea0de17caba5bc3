"""Which boxes change hands: of the lot on the carton, or of the one that goes off first.

The stock is never a reason to refuse a box that stands on the table: what the books do not have is posted
from the variance account, and a count shows it.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.rules.picking import OnHand, pick_lots

_VARIANCE = Account(AccountKind.VARIANCE)


@dataclass(frozen=True, slots=True)
class NamedLot:
    """A lot that was scanned on its carton."""

    id: UUID
    gift_box_id: UUID
    is_recalled: bool
    best_before_on: date | None


@dataclass(slots=True)
class Shelf:
    """What is on hand by pickup point and gift box, and the lots that were scanned."""

    on_hand: defaultdict[tuple[UUID, UUID], list[OnHand]] = field(default_factory=lambda: defaultdict(list))
    lots: dict[UUID, NamedLot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Boxes of a gift box at a point, on a day in Shanghai, for a scan; `lot_id` is the lot on the carton."""

    point_id: UUID
    gift_box_id: UUID
    unrecorded_lot_id: UUID
    boxes: int
    on: date
    event_id: UUID
    lot_id: UUID | None = None
    kind: MovementKind = MovementKind.HANDED_OVER


def is_withheld(lot: NamedLot, on: date) -> bool:
    """Return whether boxes of a lot stay where they are: recalled, or past its best-before day."""
    return lot.is_recalled or (lot.best_before_on is not None and lot.best_before_on < on)


def take_boxes(shelf: Shelf, asked: Asked) -> list[Line]:
    """Return the movements that hand over all boxes asked for, and take them from the shelf.

    Of the scanned lot, whatever the books say of it: what they do not have at the point comes from the lot's
    variance. Without one: first expired, first out; the rest from the variance of boxes without a known lot.
    """
    lot = shelf.lots.get(asked.lot_id) if asked.lot_id is not None else None
    here = shelf.on_hand[asked.point_id, lot.gift_box_id if lot else asked.gift_box_id]
    lines, left = [], asked.boxes
    for lot_id, boxes in _picks(here, asked, lot=lot):
        lines.append(
            _line(asked, lot_id, boxes=boxes, source=Account(AccountKind.PICKUP_POINT, asked.point_id))
        )
        _take(here, lot_id, boxes=boxes)
        left -= boxes
    if left > 0:
        lines.append(_line(asked, lot.id if lot else asked.unrecorded_lot_id, boxes=left, source=_VARIANCE))
    return lines


def _picks(here: list[OnHand], asked: Asked, *, lot: NamedLot | None) -> list[tuple[UUID, int]]:
    if lot is None:
        return [(pick.lot_id, pick.boxes) for pick in pick_lots(here, asked.boxes, on=asked.on)]
    return [(lot.id, min(held.boxes, asked.boxes)) for held in here if held.lot_id == lot.id]


def _take(here: list[OnHand], lot_id: UUID, *, boxes: int) -> None:
    for position, held in enumerate(here):
        if held.lot_id == lot_id:
            here[position] = replace(held, boxes=held.boxes - boxes)
            if held.boxes == boxes:
                del here[position]
            return


def _line(asked: Asked, lot_id: UUID, *, boxes: int, source: Account) -> Line:
    return Line(
        lot_id=lot_id,
        boxes=boxes,
        source=source,
        target=Account(AccountKind.HANDED_OVER, asked.point_id),
        kind=asked.kind,
        event_id=asked.event_id,
    )
