"""Who is counted as what: each member of a campaign once, by the best that came of it for them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.orders.rules.states import LIVE, NEVER_SERVED, OrderStatus


class Outcome(StrEnum):
    """What came of a campaign for a member; the best of their orders counts, best first."""

    COLLECTED = "collected"
    """A box was handed over, to the member."""
    PROXY = "proxy"
    """A box was handed over to somebody the member had named."""
    OPEN = "open"
    """An order still runs: booked, to be booked, on hold, waiting for a draw or in line."""
    GIVEN_UP = "given_up"
    """Promised and not collected in time (逾期未领视为放弃)."""
    CANCELLED = "cancelled"
    NOT_COLLECTED = "not_collected"
    """Never ordered, not selected, or never served from the waiting list."""


class Shade(StrEnum):
    """What an outcome is in particular; counted within it."""

    REST_GIVEN_UP = "rest_given_up"
    """Collected, and some of the boxes that were ordered were not."""
    NEVER_ORDERED = "never_ordered"
    UNSELECTED = "unselected"
    NEVER_SERVED = "never_served"


SHADES: Mapping[Outcome, tuple[Shade, ...]] = {
    Outcome.COLLECTED: (Shade.REST_GIVEN_UP,),
    Outcome.NOT_COLLECTED: (Shade.NEVER_ORDERED, Shade.UNSELECTED, Shade.NEVER_SERVED),
}
_RANK = {outcome: place for place, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """An order as its row says; `unit_id` is the member's unit when they ordered."""

    id: UUID
    number: str
    member_id: UUID
    unit_id: UUID
    offer_id: UUID
    slot_id: UUID | None
    status: str
    quantity: int
    collected_count: int = 0
    given_up_count: int = 0
    cancel_reason: str | None = None
    is_by_proxy: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A member, the unit they are counted in, what came of it, and how many boxes they have."""

    member_id: UUID
    unit_id: UUID
    outcome: Outcome
    shade: Shade | None
    order_id: UUID | None
    boxes: int


def outcome_of(order: OrderFacts) -> tuple[Outcome, Shade | None]:
    """Return what came of one order."""
    if order.collected_count > 0 and order.status not in LIVE - {OrderStatus.COLLECTED}:
        outcome = Outcome.PROXY if order.is_by_proxy else Outcome.COLLECTED
        return outcome, Shade.REST_GIVEN_UP if order.given_up_count else None
    match order.status:
        case OrderStatus.COLLECTED:
            return Outcome.COLLECTED, None
        case OrderStatus.CANCELLED:
            return Outcome.CANCELLED, None
        case OrderStatus.UNSELECTED:
            return Outcome.NOT_COLLECTED, Shade.UNSELECTED
        case OrderStatus.EXPIRED if order.cancel_reason == NEVER_SERVED:
            return Outcome.NOT_COLLECTED, Shade.NEVER_SERVED
        case OrderStatus.EXPIRED:
            return Outcome.GIVEN_UP, None
    return Outcome.OPEN, None


def count_members(eligible: Mapping[UUID, UUID], orders: Iterable[OrderFacts]) -> list[Counted]:
    """Return everybody who counts, once each: those who pass the rules (with their units), and who ordered.

    Who ordered counts in the unit of the order that decides, others in the unit they are in now.
    """
    by_member: defaultdict[UUID, list[OrderFacts]] = defaultdict(list)
    for order in orders:
        by_member[order.member_id].append(order)
    found = [_of_orders(member_id, theirs) for member_id, theirs in by_member.items()]
    found += [
        Counted(member_id, unit_id, Outcome.NOT_COLLECTED, Shade.NEVER_ORDERED, None, 0)
        for member_id, unit_id in eligible.items()
        if member_id not in by_member
    ]
    return sorted(found, key=lambda one: one.member_id)


def _of_orders(member_id: UUID, orders: Sequence[OrderFacts]) -> Counted:
    best = min(orders, key=lambda order: (_RANK[outcome_of(order)[0]], order.id))
    outcome, shade = outcome_of(best)
    boxes = sum(order.collected_count for order in orders)
    return Counted(member_id, best.unit_id, outcome, shade, best.id, boxes)


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """The identity of people for one unit (or all of them): members by outcome, and boxes."""

    eligible: int
    outcomes: Mapping[Outcome, int]
    shades: Mapping[Shade, int]
    boxes: int

    @property
    def adds_up(self) -> bool:
        """Whether everybody who is eligible is counted, and nobody twice."""
        return self.eligible == sum(self.outcomes.values())


def figures_by_unit(eligible: Mapping[UUID, UUID], counted: Sequence[Counted]) -> dict[UUID, UnitFigures]:
    """Return the figures of each unit: `eligible` is counted from members and not from outcomes."""
    units = {one.member_id: one.unit_id for one in counted}
    everybody = {id: units.get(id, unit_id) for id, unit_id in eligible.items()} | units
    sizes = Counter(everybody.values())
    by_unit: defaultdict[UUID, list[Counted]] = defaultdict(list)
    for one in counted:
        by_unit[one.unit_id].append(one)
    return {unit_id: _figures(sizes[unit_id], by_unit[unit_id]) for unit_id in sorted(sizes)}


def _figures(eligible: int, counted: Sequence[Counted]) -> UnitFigures:
    outcomes = {outcome: sum(one.outcome is outcome for one in counted) for outcome in Outcome}
    shades = {shade: sum(one.shade is shade for one in counted) for shade in Shade}
    return UnitFigures(eligible, outcomes, shades, sum(one.boxes for one in counted))


def total_of(figures: Iterable[UnitFigures]) -> UnitFigures:
    """Return the sum of the figures of units."""
    each = list(figures)
    return UnitFigures(
        sum(one.eligible for one in each),
        {outcome: sum(one.outcomes[outcome] for one in each) for outcome in Outcome},
        {shade: sum(one.shades[shade] for one in each) for shade in Shade},
        sum(one.boxes for one in each),
    )
