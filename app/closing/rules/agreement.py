"""Do orders, hand-overs and movements tell one story? Each row that does not is named, with its person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.closing.rules.blockers import Blocker, BlockerCode, SubjectKind
from app.closing.rules.partition import Counted, OrderFacts
from app.orders.rules.states import PROMISED, OrderStatus

_MAY_HOLD_BOXES = frozenset(
    {OrderStatus.COLLECTED, OrderStatus.BOOKED, OrderStatus.TO_BOOK, OrderStatus.ON_HOLD}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverFacts:
    """A hand-over as its row says; `posted` is the net of its movements into what was handed over.

    Of a contested one (a device says that it handed over more than was left) only what was left counts.
    """

    event_id: UUID
    order_id: UUID
    quantity: int
    is_undone: bool = False
    is_contested: bool = False
    posted: int = 0
    has_movements: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterFacts:
    """A stored counter of an offer (promised boxes, orders in line) or a slot (bookings)."""

    id: UUID
    stored: int
    waitlisted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything of one campaign that has to agree.

    `places` are the offers of places on a visit, which have no movements. `strays` are events whose movements
    handed boxes over and which no hand-over knows, with the boxes.
    """

    orders: Sequence[OrderFacts]
    hand_overs: Sequence[HandOverFacts]
    offers: Sequence[CounterFacts]
    slots: Sequence[CounterFacts]
    strays: Mapping[UUID, int] = field(default_factory=dict)
    per_member_limit: int = 1
    places: frozenset[UUID] = frozenset()


def find_contradictions(ledger: Ledger) -> list[Blocker]:
    """Return every row that contradicts another one."""
    by_order: defaultdict[UUID, list[HandOverFacts]] = defaultdict(list)
    for one in ledger.hand_overs:
        by_order[one.order_id].append(one)
    found: list[Blocker] = []
    for order in ledger.orders:
        found += _about_order(order, by_order[order.id], keeps_stock=order.offer_id not in ledger.places)
    found += _about_members(ledger)
    found += _about_counters(ledger)
    found += [
        Blocker(
            code=BlockerCode.MOVEMENT_WITHOUT_HAND_OVER,
            kind=SubjectKind.EVENT,
            id=id,
            values={"boxes": boxes},
        )
        for id, boxes in sorted(ledger.strays.items())
    ]
    return found


def _about_order(
    order: OrderFacts, hand_overs: Sequence[HandOverFacts], *, keeps_stock: bool
) -> Iterator[Blocker]:
    standing = _standing(order, hand_overs)
    values = {"counted": order.collected_count, "handed_over": standing}
    if standing != order.collected_count:
        yield _of(order, _kind_of_difference(order, standing), **values)
    if _contradicts_itself(order):
        yield _of(order, BlockerCode.STATUS_CONTRADICTS, **values)
    for one in hand_overs if keeps_stock else ():
        expected = 0 if one.is_undone else one.quantity
        if one.posted == expected:
            continue
        is_bare = not one.has_movements
        code = BlockerCode.HAND_OVER_WITHOUT_MOVEMENT if is_bare else BlockerCode.MOVEMENT_DIFFERS
        yield _of(order, code, expected=expected, posted=one.posted)


def _standing(order: OrderFacts, hand_overs: Iterable[HandOverFacts]) -> int:
    standing = [one for one in hand_overs if not one.is_undone]
    boxes = sum(one.quantity for one in standing)
    return min(boxes, order.quantity) if any(one.is_contested for one in standing) else boxes


def _kind_of_difference(order: OrderFacts, standing: int) -> BlockerCode:
    if standing == 0:
        return BlockerCode.COLLECTED_WITHOUT_HAND_OVER
    return BlockerCode.COUNT_DIFFERS if order.collected_count else BlockerCode.HAND_OVER_NOT_COUNTED


def _contradicts_itself(order: OrderFacts) -> bool:
    is_collected = order.status == OrderStatus.COLLECTED
    if is_collected != (order.collected_count == order.quantity):
        return True
    return order.collected_count > 0 and order.status not in _MAY_HOLD_BOXES


def _of(order: OrderFacts, code: BlockerCode, **values: int | str) -> Blocker:
    return Blocker(
        code=code, kind=SubjectKind.ORDER, id=order.id, number=order.number, member_id=order.member_id,
        unit_id=order.unit_id, values=values,
    )  # fmt: skip


def _about_members(ledger: Ledger) -> Iterator[Blocker]:
    by_member: defaultdict[UUID, list[OrderFacts]] = defaultdict(list)
    for order in ledger.orders:
        by_member[order.member_id].append(order)
    handed: defaultdict[UUID, list[HandOverFacts]] = defaultdict(list)
    for one in ledger.hand_overs:
        handed[one.order_id].append(one)
    for _, orders in sorted(by_member.items()):
        boxes = sum(max(order.collected_count, _standing(order, handed[order.id])) for order in orders)
        if boxes > ledger.per_member_limit:
            limit = ledger.per_member_limit
            yield _of_member(orders[0], BlockerCode.OVER_LIMIT, boxes=boxes, limit=limit)
        if (times := sum(order.collected_count > 0 for order in orders)) > 1:
            yield _of_member(orders[0], BlockerCode.COUNTED_TWICE, orders=times)


def _of_member(order: OrderFacts, code: BlockerCode, **values: int | str) -> Blocker:
    return Blocker(
        code=code, kind=SubjectKind.MEMBER, id=order.member_id, member_id=order.member_id,
        unit_id=order.unit_id, values=values,
    )  # fmt: skip


def _about_counters(ledger: Ledger) -> Iterator[Blocker]:
    for offer in ledger.offers:
        here = [order for order in ledger.orders if order.offer_id == offer.id]
        promised = sum(order.quantity for order in here if order.status in PROMISED)
        waiting = sum(order.status == OrderStatus.WAITLISTED for order in here)
        if (promised, waiting) != (offer.stored, offer.waitlisted):
            values: dict[str, int | str] = {"stored": offer.stored, "counted": promised}
            yield Blocker(
                code=BlockerCode.PROMISED_DIFFERS, kind=SubjectKind.OFFER, id=offer.id, values=values
            )
    booked: defaultdict[UUID, int] = defaultdict(int)
    for order in ledger.orders:
        if order.slot_id is not None:
            booked[order.slot_id] += 1
    for slot in ledger.slots:
        if booked[slot.id] != slot.stored:
            values = {"stored": slot.stored, "counted": booked[slot.id]}
            yield Blocker(code=BlockerCode.BOOKED_DIFFERS, kind=SubjectKind.SLOT, id=slot.id, values=values)


def find_changes(
    before: Mapping[UUID, tuple[str, int]], counted: Iterable[Counted], *, orders: Sequence[OrderFacts]
) -> list[Blocker]:
    """Return who counts otherwise than when it was prepared: `before` is outcome and boxes by member."""
    now = {one.member_id: one for one in counted}
    numbers = {order.id: order.number for order in orders}
    found = []
    for member_id in sorted(before.keys() | now.keys()):
        one = now.get(member_id)
        if one is not None and before.get(member_id) == (one.outcome.value, one.boxes):
            continue
        found.append(
            Blocker(
                code=BlockerCode.CHANGED_SINCE,
                kind=SubjectKind.MEMBER,
                id=member_id,
                number=numbers.get(one.order_id) if one is not None and one.order_id is not None else None,
                member_id=member_id,
                unit_id=one.unit_id if one is not None else None,
                values={"before": before.get(member_id, ("-", 0))[1], "now": one.boxes if one else 0},
            )
        )
    return found
