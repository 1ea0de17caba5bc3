"""A warehouse in memory: what people do with boxes, decided by the service's own rules, posted to books.

Nothing here decides what a deed posts or whether it may: the rules of stock, receipts, hand-overs and counts
do. The books keep what was posted, and balances beside it; `fault` breaks them on purpose.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from app.procurement.rules.receiving import Arrived, delivered, delivered_late, reversed_delivery
from app.redemptions.rules.boxes import Asked, NamedLot, Shelf, is_withheld, take_boxes
from app.redemptions.rules.changes import boxes_of, given_at, held_of, lines_of_undo, lines_out
from app.stock.rules.attribution import attribution_lines
from app.stock.rules.changes import Side, changes_of, find_overdraft
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.rules.picking import OnHand, is_good, pick_lots
from app.stock.rules.proof import Difference, Flow, find_differences
from app.stock.rules.release import boxes_to_release
from app.warehouse.rules.counting import Boxes, correcting_lines, corrections

SUPPLIER, IN_TRANSIT, VARIANCE = (
    Account(kind) for kind in (AccountKind.SUPPLIER, AccountKind.IN_TRANSIT, AccountKind.VARIANCE)
)
TODAY = date(2030, 10, 8)
Fault = Callable[[int, Line], str | None]


@dataclass
class Books:
    """Movements as they were posted, and the balances that were kept beside them."""

    fault: Fault | None = None
    lines: list[Line] = field(default_factory=list)
    held: dict[Side, int] = field(default_factory=dict)
    tried: list[tuple[list[Line], bool]] = field(default_factory=list)

    def post(self, lines: Sequence[Line]) -> bool:
        """Post all of the lines or none; return whether they could be posted."""
        is_fine = find_overdraft(changes_of(lines), self.held) is None
        if lines:
            self.tried.append((list(lines), is_fine))
        if is_fine:
            kept = [line for line in lines if self._fault_of(line) != "balance"]
            for side, change in changes_of(kept).items():
                self.held[side] = self.held.get(side, 0) + change
            self.lines += [line for line in lines if self._fault_of(line) != "movement"]
        return is_fine

    def _fault_of(self, line: Line) -> str | None:
        return self.fault(len(self.tried), line) if self.fault else None

    def of(self, lot_id: UUID, account: Account) -> int:
        """Return what an account holds of a lot."""
        return self.held.get((lot_id, account), 0)

    def prove(self) -> list[Difference]:
        """Return what the service's proof says of these books."""
        flows = [Flow(line.lot_id, line.source, line.target, line.boxes) for line in self.lines]
        return find_differences(self.held, flows)


@dataclass
class KnownLot:
    """A lot of the model."""

    id: UUID
    gift_box_id: UUID
    best_before_on: date | None = None
    recalled_from: int | None = None
    put_aside: dict[UUID, int] = field(default_factory=dict)
    consigned: int = 0

    @property
    def named(self) -> NamedLot:
        """The lot as the pickup table knows it."""
        return NamedLot(self.id, self.gift_box_id, self.recalled_from is not None, self.best_before_on)


def shelf_of(point_id: UUID) -> Account:
    """Return the account of good boxes at a point."""
    return Account(AccountKind.PICKUP_POINT, point_id)


def aside_of(point_id: UUID) -> Account:
    """Return the account of boxes held back at a point."""
    return Account(AccountKind.QUARANTINE, point_id)


@dataclass
class Warehouse:
    """Deeds by number: whatever they are asked, they find something to do, or do nothing."""

    points: list[UUID]
    unrecorded: dict[UUID, UUID]
    unused: list[tuple[UUID, UUID]]
    books: Books = field(default_factory=Books)
    lots: list[KnownLot] = field(default_factory=list)
    receipts: list[Arrived] = field(default_factory=list)
    transfers: list[Line] = field(default_factory=list)
    given: list[tuple[UUID, UUID]] = field(default_factory=list)
    moved: defaultdict[UUID, list[Line]] = field(default_factory=lambda: defaultdict(list))
    serial: int = 0

    @property
    def boxes(self) -> list[UUID]:
        """The gift boxes."""
        return list(self.unrecorded)

    def next_id(self) -> UUID:
        """Return an id for a document or a scan."""
        self.serial += 1
        return UUID(int=1_000_000 + self.serial)

    def on_hand(self, point_id: UUID, box: UUID) -> list[OnHand]:
        """Return what the database gives the pickup table: of no recalled lot, above zero."""
        return [
            OnHand(UUID(int=0), lot.id, box, point_id, count, lot.best_before_on)
            for lot in self.lots
            if lot.gift_box_id == box and lot.recalled_from is None
            and (count := self.books.of(lot.id, shelf_of(point_id))) > 0
        ]  # fmt: skip

    # --- Goods come ------------------------------------------------------------------------------

    def deliver(self, which: int, days: int, *, good: int, damaged: int, missing: int) -> None:
        """A supplier brings a lot, one that is there already or another; `days` after today it goes off."""
        if self.unused and (which % 2 or not self.lots):
            lot_id, box = self.unused.pop(0)
            on = TODAY + timedelta(days=days) if days < 30 else None
            self.lots.append(KnownLot(lot_id, box, on))
        lot, point = (
            self.lots[-1 if which % 2 else which % len(self.lots)],
            self.points[which % len(self.points)],
        )
        arrived = Arrived(
            lot_id=lot.id,
            point_id=point,
            receipt_id=self.next_id(),
            good=good,
            damaged=damaged,
            missing=missing,
        )
        if self.books.post(delivered(arrived)):
            self.receipts.append(arrived)
            lot.consigned += arrived.expected

    def deliver_late(self, which: int, good: int) -> None:
        """Boxes that were missing are brought."""
        if self.receipts:
            first = self.receipts[which % len(self.receipts)]
            late = Arrived(
                lot_id=first.lot_id, point_id=first.point_id, receipt_id=self.next_id(), good=good, damaged=0,
                missing=0,
            )  # fmt: skip
            self.books.post(delivered_late(late))

    def reverse(self, which: int) -> None:
        """A delivery turns out to be none: refused when its boxes have gone on."""
        if self.receipts:
            arrived = self.receipts[which % len(self.receipts)]
            if self.books.post(reversed_delivery(arrived)):
                self.receipts.remove(arrived)

    # --- Goods move and go -----------------------------------------------------------------------

    def dispatch(self, which: int, count: int) -> None:
        """Boxes leave a point, first expired first, for whichever point they arrive at."""
        point, box = self.points[which % len(self.points)], self.boxes[which % len(self.boxes)]
        document, kind = self.next_id(), MovementKind.DISPATCHED
        lines = [
            Line(lot_id=pick.lot_id, boxes=pick.boxes, source=shelf_of(point), target=IN_TRANSIT, kind=kind,
                 document_id=document)
            for pick in pick_lots(self.on_hand(point, box), count, on=TODAY)
        ]  # fmt: skip
        if self.books.post(lines):
            self.transfers += lines

    def arrive(self, which: int, damaged: int) -> None:
        """A transfer arrives: some boxes are damaged, and of those one is missing."""
        if self.transfers:
            sent = self.transfers.pop(which % len(self.transfers))
            bad = min(damaged, sent.boxes)
            missing = 1 if bad > 1 else 0
            point = self.points[which % len(self.points)]
            ways = [
                (sent.boxes - bad, shelf_of(point)),
                (bad - missing, aside_of(point)),
                (missing, VARIANCE),
            ]
            self.books.post(
                [
                    Line(lot_id=sent.lot_id, boxes=count, source=IN_TRANSIT, target=target,
                         kind=MovementKind.ARRIVED, document_id=sent.document_id)
                    for count, target in ways if count
                ]
            )  # fmt: skip

    def leave(self, which: int, count: int, *, target: AccountKind, kind: MovementKind) -> None:
        """Boxes of a lot are written off from quarantine, returned or donated from a point: or too many."""
        if self.lots:
            lot, point = self.lots[which % len(self.lots)], self.points[which % len(self.points)]
            source = aside_of(point) if kind is MovementKind.WRITTEN_OFF else shelf_of(point)
            line = Line(lot_id=lot.id, boxes=count, source=source, target=Account(target), kind=kind)
            self.books.post([line])

    # --- At the table ----------------------------------------------------------------------------

    def hand_over(self, which: int, count: int, *, carton: int | None) -> None:
        """A member is given boxes: of the lot on the carton, or of the first that goes off; stock or none."""
        point, box = self.points[which % len(self.points)], self.boxes[which // 2 % len(self.boxes)]
        event = self.next_id()
        lines = self._taken(point, box, event, count=count, carton=carton)
        if self.books.post(lines):
            self.given.append((event, point))
            self.moved[event] += lines

    def _taken(self, point: UUID, box: UUID, event: UUID, *, count: int, carton: int | None) -> list[Line]:
        named = self.lots[carton % len(self.lots)].named if carton is not None and self.lots else None
        if named and (is_withheld(named, TODAY) or named.gift_box_id != box):
            named = None
        shelf = Shelf(lots={named.id: named} if named else {})
        shelf.on_hand[point, box] = self.on_hand(point, box)
        asked = Asked(point, box, self.unrecorded[box], count, TODAY, event, named.id if named else None)
        lines = take_boxes(shelf, asked)
        assert sum(line.boxes for line in lines) == count
        for line in lines:
            lot = next((lot for lot in self.lots if lot.id == line.lot_id), None)
            if lot is not None and line.source != VARIANCE:
                assert lot.recalled_from is None
                assert is_good(OnHand(event, lot.id, box, point, 1, lot.best_before_on), TODAY)
        return lines

    def undo(self, which: int) -> None:
        """A hand-over is taken back: its boxes are where they had been, those of a recalled lot aside."""
        if self.given:
            event, point = self.given[which % len(self.given)]
            recalled = {lot.id for lot in self.lots if lot.recalled_from is not None}
            lines = lines_of_undo(
                self._held(event, point), point, withheld=recalled, event_id=event, reason="undone"
            )
            if self.books.post(lines):
                self.given.remove((event, point))

    def swap(self, which: int) -> None:
        """One box of a hand-over is damaged: it goes aside, another one is given."""
        if self.given:
            event, point = self.given[which % len(self.given)]
            out = lines_out(boxes_of(self._held(event, point), 1), point, event_id=event, reason="swapped")
            box = self._box_of(out[0].lot_id) if out else None
            if box is not None:
                lines = out + self._taken(point, box, event, count=1, carton=None)
                if self.books.post(lines):
                    self.moved[event] += lines

    def _held(self, event: UUID, point: UUID) -> list:  # type: ignore[type-arg]
        moved = [
            (line.lot_id, line.source, line.target, line.boxes) for line in self.moved[event] if line.source
        ]
        return held_of(moved, given_at(point))

    def _box_of(self, lot_id: UUID) -> UUID | None:
        known = {lot.id: lot.gift_box_id for lot in self.lots}
        return known.get(lot_id) or {lot: box for box, lot in self.unrecorded.items()}.get(lot_id)

    # --- Putting right ---------------------------------------------------------------------------

    def count(self, which: int, good: int, damaged: int) -> None:
        """Two people counted these boxes more or fewer than the books say; the books follow."""
        if self.lots:
            lot, point = self.lots[which % len(self.lots)], self.points[which % len(self.points)]
            held = Boxes(self.books.of(lot.id, shelf_of(point)), self.books.of(lot.id, aside_of(point)))
            found = corrections(
                {lot.id: Boxes(good, damaged)}, {lot.id: held}, gift_boxes={lot.id: lot.gift_box_id}
            )
            lines = correcting_lines(found, point_id=point, document_id=self.next_id(), reason=None)
            assert self.books.post(lines), "a count never fails for the books' sake"

    def recall(self, which: int) -> None:
        """A lot is held back wherever it is on hand; or given free again."""
        if not self.lots:
            return
        lot = self.lots[which % len(self.lots)]
        if lot.recalled_from is None:
            lot.put_aside = {
                point: boxes for point in self.points if (boxes := self.books.of(lot.id, shelf_of(point))) > 0
            }
            ways = [(shelf_of(point), aside_of(point), boxes) for point, boxes in lot.put_aside.items()]
            kind = MovementKind.QUARANTINED
        else:
            gone: defaultdict[UUID, int] = defaultdict(int)
            for line in self.books.lines[lot.recalled_from :]:
                if line.lot_id == lot.id and line.source and line.source.kind is AccountKind.QUARANTINE:
                    assert line.source.point_id is not None
                    gone[line.source.point_id] += line.boxes
            free = boxes_to_release(lot.put_aside, gone)
            ways = [(aside_of(point), shelf_of(point), boxes) for point, boxes in free.items()]
            kind = MovementKind.RELEASED
        lines = [
            Line(lot_id=lot.id, boxes=boxes, source=source, target=target, kind=kind)
            for source, target, boxes in ways
        ]
        assert self.books.post(lines), "a recall and its end never fail"
        lot.recalled_from = len(self.books.lines) if lot.recalled_from is None else None

    def attribute(self, which: int, count: int) -> None:
        """Boxes without a recorded lot turn out to be of this one; now and then somebody knows the scan."""
        if self.lots:
            lot, point = self.lots[which % len(self.lots)], self.points[which % len(self.points)]
            nameless = self.unrecorded[lot.gift_box_id]
            event = next(
                (id for id, at in self.given if at == point and self._nameless(id, nameless) >= count), None
            )
            lines = [
                replace(line, event_id=event)
                for line in attribution_lines(lot.id, nameless, point_id=point, boxes=count)
            ]
            if self.books.post(lines) and event is not None:
                self.moved[event] += lines

    def _nameless(self, event: UUID, lot_id: UUID) -> int:
        """Return how many boxes without a lot a scan handed over that nobody has given a lot since."""
        lines = [line for line in self.moved[event] if line.lot_id == lot_id]
        given = sum(line.boxes for line in lines if line.target.kind is AccountKind.HANDED_OVER)
        return given - sum(line.boxes for line in lines if line.target.kind is not AccountKind.HANDED_OVER)
