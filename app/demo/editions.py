"""A campaign of the demo from its plan: published, with offers, slots and, through the ledger, orders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from app.campaigns.rules import Allocation, Stage
from app.campaigns.tables import Campaign, Offer
from app.demo.directory import Directory
from app.demo.source import Station
from app.orders.rules.desk import OrderState
from app.pickup.rules import cut_day
from app.pickup.tables import Slot
from app.platform.clock import day_start
from app.platform.ids import new_id
from app.unions.rules import MemberStatus

Times = tuple[tuple[datetime, datetime], ...]

# Orders open at nine, the chair publishes at four in the afternoon before.
_PUBLISHED_BEFORE = timedelta(hours=17)
_LAST_WEEKDAY = 5
_FEWEST_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """How many boxes there are at a pickup point, and when: slots of `capacity` places each."""

    station: str
    quota: int
    times: Times
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A campaign to be made; `street` and `kit` are ids of the source, pickup days are Shanghai days."""

    street: str
    title: str
    kit: str
    allocation: Allocation
    has_waitlist: bool
    order_opens_at: datetime
    order_closes_at: datetime
    pickup_from: date
    pickup_until: date
    outlets: tuple[Outlet, ...]
    grace_minutes: int = 30
    per_member_limit: int = 1
    is_sample: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """A campaign with everything below it; offers and slots by pickup point."""

    plan: Plan
    campaign: Campaign
    offers: dict[str, Offer]
    slots: dict[str, list[Slot]]
    orders: list[OrderState] = field(default_factory=list)


def opening_times(station: Station, first: date, *, last: date, minutes: int) -> Times:
    """Return the slots of a station from one day to another in its hours on weekdays.

    Where fewer than two days would be left, all days are used: there must be slots to choose from.
    """
    days = list(_days(first, last))
    weekdays = [day for day in days if day.isoweekday() <= _LAST_WEEKDAY]
    return tuple(
        slot
        for day in (weekdays if len(weekdays) >= _FEWEST_DAYS else days)
        for opens, closes in station.weekday_hours
        for slot in cut_day(day, opens, closes=closes, minutes=minutes)
    )


def round_the_clock(first: date, last: date) -> Times:
    """Return one slot for every hour of every day."""
    hour = timedelta(hours=1)
    starts = [day_start(day) + number * hour for day in _days(first, last) for number in range(24)]
    return tuple((start, start + hour) for start in starts)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def make_edition(plan: Plan, directory: Directory) -> Edition:
    """Return a published campaign without orders: drafted by the officer, published by the chair."""
    campaign = Campaign(
        id=new_id(),
        union_id=directory.unions[plan.street],
        title=plan.title,
        stage=Stage.PUBLISHED.value,
        allocation=plan.allocation.value,
        has_waitlist=plan.has_waitlist,
        per_member_limit=plan.per_member_limit,
        eligible_statuses=[MemberStatus.ACTIVE.value],
        order_opens_at=plan.order_opens_at,
        order_closes_at=plan.order_closes_at,
        pickup_from=plan.pickup_from,
        pickup_until=plan.pickup_until,
        early_minutes=plan.grace_minutes,
        late_minutes=plan.grace_minutes,
        drafted_by=directory.staff[f"officer-{plan.street}"],
        published_by=directory.staff[f"chair-{plan.street}"],
        published_at=plan.order_opens_at - _PUBLISHED_BEFORE,
        version=2,
        is_sample=plan.is_sample,
    )
    offers = {one.station: _offer(plan, one, campaign=campaign, directory=directory) for one in plan.outlets}
    slots = {
        one.station: _slots(one, campaign, point_id=directory.points[one.station]) for one in plan.outlets
    }
    return Edition(plan, campaign, offers, slots)


def _offer(plan: Plan, outlet: Outlet, *, campaign: Campaign, directory: Directory) -> Offer:
    return Offer(
        id=new_id(),
        union_id=campaign.union_id,
        campaign_id=campaign.id,
        gift_box_id=directory.boxes[plan.street, plan.kit],
        pickup_point_id=directory.points[outlet.station],
        quota=outlet.quota,
        promised_count=0,
        waitlisted_count=0,
        version=1,
    )


def _slots(outlet: Outlet, campaign: Campaign, *, point_id: UUID) -> list[Slot]:
    return [
        Slot(
            id=new_id(),
            union_id=campaign.union_id,
            campaign_id=campaign.id,
            pickup_point_id=point_id,
            starts_at=starts_at,
            ends_at=ends_at,
            capacity=outlet.capacity,
            booked_count=0,
        )
        for starts_at, ends_at in outlet.times
    ]
