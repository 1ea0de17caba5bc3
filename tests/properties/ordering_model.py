"""Ordering and collecting in plain Python, written from the contract and not from the code under test."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOLDING = {"to_book", "booked", "collected"}
LIVE = HOLDING | {"waitlisted"}
GRACE = timedelta(minutes=30)
PER_MEMBER_LIMIT = 2


@dataclass
class Claim:
    """One order, seen from outside."""

    member: int
    offer: int
    quantity: int
    status: str
    slot: int | None = None


@dataclass
class Model:
    """One street: two offers that share some slots; everything is counted anew each time it is asked."""

    quota: list[int]
    slot_starts: list[datetime]
    capacity: int
    not_eligible: set[int]
    over_at: datetime
    orders: list[Claim] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    told: Counter[tuple[int, str]] = field(default_factory=Counter)
    hand_overs: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Begin with the first version of every offer."""
        self.version = [1 for _ in self.quota]

    def promised(self, offer: int) -> int:
        """Count the boxes that somebody holds."""
        return sum(o.quantity for o in self.orders if o.offer == offer and o.status in HOLDING)

    def waiting(self, offer: int) -> list[int]:
        """Return who waits, first come first."""
        return [number for number in self.line if self.orders[number].offer == offer]

    def booked(self, slot: int) -> int:
        """Count the places that somebody holds, or held until the end."""
        return sum(order.slot == slot for order in self.orders)

    def order(
        self, member: int, *, offer: int, quantity: int, slot: int | None, waits: bool, at: datetime
    ) -> str:
        """Place an order; return its state, or why not."""
        if member in self.not_eligible:
            return "campaigns.not_eligible"
        if any(order.member == member and order.status in LIVE for order in self.orders):
            return "orders.already_ordered"
        if quantity > PER_MEMBER_LIMIT:
            return "orders.quantity_over_limit"
        status = "to_book"
        if self.promised(offer) + quantity > self.quota[offer] or self.waiting(offer):
            if not waits:
                return "campaigns.sold_out"
            status = "waitlisted"
        if status == "to_book" and slot is not None:
            problem = self._no_place(slot, at)
            if problem is not None:
                return problem
            status = "booked"
        self.orders.append(Claim(member, offer, quantity, status, slot if status == "booked" else None))
        if status == "waitlisted":
            self.line.append(len(self.orders) - 1)
        self._tell(len(self.orders) - 1, "order.placed")
        return status

    def book(self, number: int, *, member: int, slot: int, at: datetime) -> str:
        """Book or move; return the new state, or why not."""
        order = self.orders[number]
        if order.member != member:
            return "orders.not_found"
        if order.status not in {"to_book", "booked"}:
            return "orders.not_bookable"
        if order.slot == slot:
            return "booked"
        problem = self._no_place(slot, at)
        if problem is not None:
            return problem
        self._tell(number, "order.booked" if order.slot is None else "order.moved")
        order.slot, order.status = slot, "booked"
        return "booked"

    def cancel(self, number: int, *, member: int) -> str:
        """Cancel; return the new state, or why not."""
        order = self.orders[number]
        if order.member != member:
            return "orders.not_found"
        if order.status == "cancelled":
            return "cancelled"
        if order.status in {"collected", "expired"}:
            return "orders.not_cancellable"
        if number in self.line:
            self.line.remove(number)
        order.status, order.slot = "cancelled", None
        self._tell(number, "order.cancelled")
        self._promote(order.offer)
        return "cancelled"

    def expire(self, number: int, *, at: datetime) -> str:
        """Let an order run out once the pickup window is over; what is over stays as it is."""
        order = self.orders[number]
        if order.status in {"waitlisted", "to_book", "booked"} and at >= self.over_at:
            if number in self.line:
                self.line.remove(number)
            order.status = "expired"
            self._tell(number, "order.expired")
        return order.status

    def change_quota(self, offer: int, *, quota: int, seen: int | None) -> str:
        """Set a quota; return "ok", or why not."""
        if seen is not None and seen != self.version[offer]:
            return "platform.precondition_failed"
        if quota < self.promised(offer):
            return "orders.quota_below_promised"
        self.quota[offer] = quota
        self.version[offer] += 1
        self._promote(offer)
        return "ok"

    def redeem(self, number: int, *, at: datetime, insists: bool) -> str:
        """Scan the code of an order; return "handed_over", or why not."""
        order = self.orders[number]
        if order.status in {"cancelled", "expired"}:
            return order.status
        if order.status == "collected":
            return "already_collected"
        reason = self._wrong_time(order, at)
        if reason is not None and not insists:
            return reason
        order.status = "collected"
        self.hand_overs[number] += 1
        self._tell(number, "order.collected")
        return "handed_over"

    def _wrong_time(self, order: Claim, at: datetime) -> str | None:
        if order.slot is None:
            return "not_booked"
        start = self.slot_starts[order.slot]
        if at < start - GRACE:
            return "too_early"
        return "too_late" if at > start + timedelta(hours=1) + GRACE else None

    def _no_place(self, slot: int, at: datetime) -> str | None:
        if slot >= len(self.slot_starts):
            return "pickup.slot_not_found"
        if at >= self.slot_starts[slot] + timedelta(hours=1):
            return "pickup.slot_past"
        return "pickup.slot_full" if self.booked(slot) >= self.capacity else None

    def _promote(self, offer: int) -> None:
        for number in self.waiting(offer):
            order = self.orders[number]
            if self.promised(offer) + order.quantity > self.quota[offer]:
                return
            self.line.remove(number)
            order.status = "to_book"
            self._tell(number, "order.promoted")

    def _tell(self, number: int, kind: str) -> None:
        self.told[number, kind] += 1
