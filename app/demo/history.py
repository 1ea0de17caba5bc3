"""The finished campaigns of the article: 2,000 boxes at Xinjiekou, 380 at Niujie, every one handed over."""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from app.demo.directory import Directory, accounts
from app.demo.editions import Edition, Outlet, Plan, make_edition, opening_times
from app.demo.ledger import Ledger, Recipient, id_at
from app.demo.source import Campaign, Source
from app.orders.rules.desk import OrderState
from app.orders.rules.states import OrderStatus
from app.pickup.tables import Slot
from app.redemptions.rules.reading import Reading
from app.redemptions.rules.table import Decision, HandOver, OrderDetails, Scan
from app.redemptions.schemas import answer_of

Row: TypeAlias = dict[str, Any]

# Above 1, most orders come soon after the opening.
_RUSH = 3.0
_BOOKED_AT_ONCE = 0.7
_MOST_HOURS_TO_BOOK = 6.0
# An answer is stored without the name of whoever collects.
_NAMELESS = ""


def history_plans(source: Source) -> list[Plan]:
    """Return the campaigns of the source that have dates."""
    return [plan for campaign in source.campaigns if (plan := _plan(source, campaign)) is not None]


def _plan(source: Source, campaign: Campaign) -> Plan | None:
    orders, pickup = campaign.order_window, campaign.pickup_window
    if orders is None or pickup is None:
        return None
    # One station hands over the whole quota. Its hours have room for it: 60 slots of 90 places for 2,000
    # boxes, 36 slots of 20 places for 380.
    station = source.stations_of(campaign.org)[0]
    times = opening_times(station, pickup.start, last=pickup.end, minutes=campaign.slot.minutes)
    capacity = campaign.slot.capacity_per_desk * station.desks
    return Plan(
        street=campaign.org,
        title=campaign.title,
        kit=campaign.kit,
        allocation=campaign.allocation,
        has_waitlist=campaign.waitlist,
        order_opens_at=orders.start,
        order_closes_at=orders.end,
        pickup_from=pickup.start,
        pickup_until=pickup.end,
        outlets=(Outlet(station=station.id, quota=campaign.quota, times=times, capacity=capacity),),
        per_member_limit=campaign.per_member_limit,
        # Title, quantity and the days at Niujie are the article's; it is no sample.
        is_sample=False,
    )


class Story:
    """How a finished campaign went: who ordered when, came when, and what the clerk wrote."""

    def __init__(self, source: Source, plan: Plan, *, directory: Directory) -> None:
        """Tell it of `plan`, the same way each time."""
        self.edition: Edition = make_edition(plan, directory)
        self.redemptions: list[Row] = []
        self._dice = random.Random(f"history of {plan.street}")  # noqa: S311 - the same story in every demo
        self._ledger = Ledger(self.edition, self._dice)
        clerk = f"clerk-{plan.street}"
        self._clerk_id = directory.staff[clerk]
        self._clerk_name = next(one.display_name for one in accounts(source) if one.login == clerk)
        self._box = source.kit(plan.kit).name
        self._points = {one.id: one.name for one in source.stations}

    def tell(self, recipients: list[Recipient]) -> None:
        """Let as many members as there are boxes order, book and collect one each."""
        plan = self.edition.plan
        for outlet in plan.outlets:
            chosen = self._dice.sample(recipients, outlet.quota)
            window = plan.order_closes_at - plan.order_opens_at
            instants = sorted(plan.order_opens_at + window * self._dice.random() ** _RUSH for _ in chosen)
            for recipient, placed_at in zip(chosen, instants, strict=True):
                order = self._ledger.place(recipient, outlet.station, at=placed_at)
                slot = self._ledger.book(order, outlet.station, at=self._booked_at(placed_at))
                self._collect(order, slot, point=self._points[outlet.station])

    def _booked_at(self, placed_at: datetime) -> datetime:
        if self._dice.random() < _BOOKED_AT_ONCE:
            return placed_at
        return placed_at + timedelta(hours=self._dice.uniform(0.1, _MOST_HOURS_TO_BOOK))

    def _collect(self, order: OrderState, slot: Slot, *, point: str) -> None:
        seconds = int((slot.ends_at - slot.starts_at).total_seconds())
        at = slot.starts_at + timedelta(seconds=self._dice.randrange(seconds))
        order.status, order.collected_at, order.collected_count = OrderStatus.COLLECTED, at, order.quantity
        order.version += 1
        event_id = UUID(int=self._dice.getrandbits(128), version=4)
        scan = Scan(
            event_id=event_id,
            reading=Reading(),
            pickup_point_id=order.pickup_point_id,
            staff_id=self._clerk_id,
            staff_name=self._clerk_name,
            at=at,
            scanned_at=at,
            fingerprint=hashlib.sha256(event_id.bytes).digest(),
        )
        campaign = self.edition.campaign
        details = OrderDetails(
            _NAMELESS,
            self._box,
            campaign.early_minutes,
            campaign.late_minutes,
            campaign.pickup_until,
            slot.id,
            slot.starts_at,
            slot.ends_at,
            point,
        )
        hand_over = HandOver(event_id, at, self._clerk_name, point)
        boxes = order.quantity
        self.redemptions.append(self._row(Decision(scan, order, details, None, hand_over, boxes=boxes)))

    def _row(self, decision: Decision) -> Row:
        scan, order = decision.scan, decision.order
        assert order is not None  # noqa: S101 - a hand-over has an order
        return {
            "id": id_at(scan.at, self._dice),
            "union_id": self.edition.campaign.union_id,
            "event_id": scan.event_id,
            "order_id": order.id,
            "pickup_point_id": scan.pickup_point_id,
            "staff_id": scan.staff_id,
            "device_id": None,
            "result": "handed_over",
            "reason": None,
            "quantity": order.quantity,
            "first_portion": 1,
            "override_reason": None,
            "is_offline": False,
            "first_event_id": scan.event_id,
            "fingerprint": scan.fingerprint,
            "answer": answer_of(decision),
            "scanned_at": scan.scanned_at,
            "received_at": scan.at,
        }
