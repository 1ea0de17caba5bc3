"""What a desk has locked and read, made without a database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from app.orders.rules.admit import admit
from app.orders.rules.commands import Command, Done, Outcome, PlaceOrder, Replayed
from app.orders.rules.desk import DeskState, MemberState, OfferState, OrderState, SlotState
from app.platform.clock import day_end
from app.platform.errors import DomainError
from app.platform.idempotency import Claim, fingerprint

NOW = datetime(2026, 10, 12, 9, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
OVER = day_end(NOW.date() + timedelta(days=5))
"""When the last pickup day of an offer made here has ended."""


def render(command: Command, outcome: Done | DomainError) -> tuple[int, str]:
    """Return a short text of an outcome."""
    if isinstance(outcome, DomainError):
        return outcome.status, outcome.code
    if outcome.offer is not None:
        return 200, f"{outcome.offer.quota} v{outcome.offer.version}"
    assert outcome.order is not None
    return (201 if isinstance(command, PlaceOrder) else 200), outcome.order.status


@dataclass
class Desk:
    """A state with offers, slots and members; orders are admitted into it."""

    state: DeskState = field(default_factory=DeskState)
    campaign_id: UUID = field(default_factory=uuid4)
    point_id: UUID = field(default_factory=uuid4)

    def offer(self, *, quota: int = 2, **terms: Any) -> OfferState:
        """Add an open offer."""
        values: dict[str, Any] = {
            "id": uuid4(),
            "union_id": uuid4(),
            "campaign_id": self.campaign_id,
            "pickup_point_id": self.point_id,
            "promised_count": 0,
            "waitlisted_count": 0,
            "version": 1,
            "stage": "published",
            "allocation": "first_come",
            "has_waitlist": True,
            "per_member_limit": 2,
            "eligible_statuses": ("active",),
            "order_opens_at": NOW - HOUR,
            "order_closes_at": NOW + 48 * HOUR,
            "pickup_until": NOW.date() + timedelta(days=5),
        }
        made = OfferState(quota=quota, **(values | terms))
        self.state.offers[made.id] = made
        return made

    def slot(self, *, capacity: int = 1, starts_at: datetime = NOW, **values: Any) -> SlotState:
        """Add a slot of one hour."""
        terms: dict[str, Any] = {
            "id": uuid4(),
            "campaign_id": self.campaign_id,
            "pickup_point_id": self.point_id,
            "ends_at": starts_at + HOUR,
            "booked_count": 0,
        }
        made = SlotState(capacity=capacity, starts_at=starts_at, **(terms | values))
        self.state.slots[made.id] = made
        return made

    def member(self, status: str = "active") -> MemberState:
        """Add a member."""
        made = MemberState(uuid4(), uuid4(), status)
        self.state.members[made.id] = made
        return made

    def place(self, offer: OfferState, member: MemberState | None = None, **wanted: Any) -> PlaceOrder:
        """Return the command of a member (a new one if not given) who orders."""
        who = member or self.member()
        terms: dict[str, Any] = {"at": NOW, "claim": None, "order_id": uuid4(), "number": "T"}
        return PlaceOrder(member_id=who.id, offer_id=offer.id, **(terms | wanted))

    def admit(self, *commands: Command) -> list[Outcome]:
        """Decide commands as one batch."""
        return admit(self.state, commands, render=render)

    def do(self, command: Command) -> str:
        """Decide one command and return what comes of it."""
        (outcome,) = self.admit(command)
        return said(outcome)

    def holding(self, offer: OfferState, **wanted: Any) -> OrderState:
        """Place an order that succeeds and return it."""
        command = self.place(offer, **wanted)
        self.do(command)
        return self.state.orders[command.order_id]


def claim_of(actor_id: UUID, key: str, *, body: object = "same") -> Claim:
    """Return the key of a call and the fingerprint of its body."""
    return Claim(actor_id, key, fingerprint("POST", "/orders", body=body))


def said(outcome: Outcome) -> str:
    """Return the text of an answer, `replayed:` before a repeated one, or the code of a refusal."""
    if isinstance(outcome, DomainError):
        return outcome.code
    return f"replayed:{outcome.answer.body}" if isinstance(outcome, Replayed) else outcome.body
