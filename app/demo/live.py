"""Campaigns that are open now, whatever day it is: windows count from today in Shanghai."""

import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from app.campaigns.rules import Allocation
from app.demo.directory import Directory
from app.demo.editions import Edition, Outlet, Plan, make_edition, opening_times, round_the_clock
from app.demo.ledger import Ledger, Recipient
from app.demo.source import Campaign, Source
from app.platform.clock import SHANGHAI, day_end, day_start, local_date

# Orders that are there when the demo starts, so that no board is empty.
ORDER_COUNT = 120
ORDERED_FROM = "cp-live-fcfs"
_BOOKED_SHARE = 0.7

_OPENS, _CLOSES = time(9), time(18)
# How a quota is split where a street union has several pickup points: the first gets most.
_FIRST_SHARE = 0.8

EDITION_MARK = "·第"

TRIAL_TITLE = "示例·张北杂粮礼盒当日领取体验"
_TRIAL_QUOTA = 500
_TRIAL_PLACES = 60
_TRIAL_DAYS = 7


def live_plans(source: Source, now: datetime) -> dict[str, Plan]:
    """Return the live campaigns as they are made today, by kind."""
    today = local_date(now)
    plans = {
        one.id: plan for one in source.campaigns if (plan := _plan(source, one, today=today)) is not None
    }
    return {"trial": _trial(source, today), **plans}


def next_edition(plan: Plan, number: int) -> Plan:
    """Return the plan under a title that tells it from the editions before it."""
    return replace(plan, title=f"{plan.title}{EDITION_MARK}{number}期")


def _plan(source: Source, campaign: Campaign, *, today: date) -> Plan | None:
    days = campaign.relative_days
    if days is None:
        return None
    pickup_from = today + timedelta(days=days.pickup_start)
    pickup_until = today + timedelta(days=days.pickup_end)
    stations = source.stations_of(campaign.org)
    quotas = _split(campaign.quota, len(stations))
    shape = campaign.slot
    return Plan(
        street=campaign.org,
        title=campaign.title,
        kit=campaign.kit,
        allocation=campaign.allocation,
        has_waitlist=campaign.waitlist,
        order_opens_at=datetime.combine(today + timedelta(days=days.order_open), _OPENS, tzinfo=SHANGHAI),
        order_closes_at=datetime.combine(today + timedelta(days=days.order_close), _CLOSES, tzinfo=SHANGHAI),
        pickup_from=pickup_from,
        pickup_until=pickup_until,
        outlets=tuple(
            Outlet(
                station=station.id,
                quota=quota,
                times=opening_times(station, pickup_from, last=pickup_until, minutes=shape.minutes),
                capacity=shape.capacity_per_desk * station.desks,
            )
            for station, quota in zip(stations, quotas, strict=True)
        ),
        per_member_limit=campaign.per_member_limit,
        is_sample=campaign.is_sample,
    )


def _split(quota: int, ways: int) -> list[int]:
    if ways == 1:
        return [quota]
    first = int(quota * _FIRST_SHARE)
    share, left_over = divmod(quota - first, ways - 1)
    return [first, *(share + (position < left_over) for position in range(ways - 1))]


def _trial(source: Source, today: date) -> Plan:
    """Return a campaign in which one can order, book and collect at once, at any hour of day or night.

    It is for trying out: a real union hands nothing over at three in the morning or a day too early.
    """
    like = source.campaign(ORDERED_FROM)
    last = today + timedelta(days=_TRIAL_DAYS)
    return Plan(
        street=like.org,
        title=TRIAL_TITLE,
        kit=like.kit,
        allocation=Allocation.FIRST_COME,
        has_waitlist=True,
        order_opens_at=day_start(today - timedelta(days=1)),
        order_closes_at=day_end(last) - timedelta(minutes=1),
        pickup_from=today,
        pickup_until=last,
        outlets=(
            Outlet(
                station=source.stations_of(like.org)[0].id,
                quota=_TRIAL_QUOTA,
                times=round_the_clock(today, last),
                capacity=_TRIAL_PLACES,
            ),
        ),
        grace_minutes=24 * 60,
        is_sample=True,
    )


def make_live_edition(
    kind: str, plan: Plan, *, directory: Directory, recipients: list[Recipient], now: datetime
) -> Edition:
    """Return a live campaign; the one that people order from has its first orders already."""
    edition = make_edition(plan, directory)
    if kind != ORDERED_FROM:
        return edition
    dice = random.Random(f"orders of {plan.pickup_from}")  # noqa: S311 - the same orders all day
    ledger = Ledger(edition, dice)
    total = sum(outlet.quota for outlet in plan.outlets)
    stations = [outlet.station for outlet in plan.outlets for _ in range(outlet.quota * ORDER_COUNT // total)]
    chosen = dice.sample(recipients, min(len(stations), len(recipients)))
    instants = sorted(plan.order_opens_at + (now - plan.order_opens_at) * dice.random() for _ in chosen)
    dice.shuffle(stations)
    for recipient, station, placed_at in zip(chosen, stations, instants, strict=False):
        order = ledger.place(recipient, station, at=placed_at)
        if dice.random() < _BOOKED_SHARE:
            ledger.book(order, station, at=placed_at)
    return edition
