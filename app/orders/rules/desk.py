"""What a desk has locked and read for one batch; `admit` keeps it up to date."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from app.campaigns.rules import EligibilityFacts, EligibilityRules, facts_of_record, remaining_boxes
from app.platform.idempotency import Answer, Claim


@dataclass(slots=True)
class OfferState:
    """An offer with the terms of its campaign."""

    id: UUID
    union_id: UUID
    campaign_id: UUID
    pickup_point_id: UUID
    quota: int
    promised_count: int
    waitlisted_count: int
    version: int
    stage: str
    allocation: str
    has_waitlist: bool
    per_member_limit: int
    eligible_statuses: tuple[str, ...]
    order_opens_at: datetime
    order_closes_at: datetime
    pickup_until: date
    eligible_unit_ids: tuple[UUID, ...] = ()
    not_received_months: int | None = None
    not_received_campaign_ids: tuple[UUID, ...] = ()
    is_listed_only: bool = False
    keeps_orders_of_leavers: bool = True
    sealed_at: datetime | None = None
    rules: EligibilityRules = field(init=False, compare=False)
    """Who may order in the campaign."""

    def __post_init__(self) -> None:
        """Put the rules together once for a batch."""
        self.rules = EligibilityRules(
            self.eligible_statuses,
            self.eligible_unit_ids,
            self.not_received_months,
            self.not_received_campaign_ids,
            self.is_listed_only,
        )

    @property
    def free(self) -> int:
        """How many boxes nobody holds; those who wait come first."""
        return self.quota - self.promised_count

    @property
    def remaining(self) -> int:
        """How many boxes a newcomer can have."""
        return remaining_boxes(self.quota, promised=self.promised_count, waitlisted=self.waitlisted_count)


@dataclass(slots=True)
class SlotState:
    """A slot with its bookings."""

    id: UUID
    campaign_id: UUID
    pickup_point_id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int
    booked_count: int


@dataclass(slots=True)
class OrderState:
    """An order, existing or to be made."""

    id: UUID
    number: str
    campaign_id: UUID
    offer_id: UUID
    pickup_point_id: UUID
    member_id: UUID
    unit_id: UUID
    slot_id: UUID | None
    quantity: int
    status: str
    channel: str
    placed_at: datetime
    booked_at: datetime | None = None
    collected_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    version: int = 1
    collected_count: int = 0
    given_up_count: int = 0

    @property
    def left_count(self) -> int:
        """How many boxes are still to be handed over."""
        return self.quantity - self.collected_count


@dataclass(frozen=True, slots=True)
class MemberState:
    """What the rules need of a member."""

    id: UUID
    unit_id: UUID
    status: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be told outside after the commit."""

    kind: str
    order: OrderState
    at: datetime


@dataclass(slots=True)
class DeskState:
    """Everything that is locked and known for one batch; `admit` keeps it up to date."""

    offers: dict[UUID, OfferState] = field(default_factory=dict)
    slots: dict[UUID, SlotState] = field(default_factory=dict)
    orders: dict[UUID, OrderState] = field(default_factory=dict)
    members: dict[UUID, MemberState] = field(default_factory=dict)
    counted: dict[UUID, tuple[int, ...]] = field(default_factory=dict)
    """The counters of each offer (promised, waitlisted) and slot (booked) as they were read."""
    facts: dict[tuple[UUID, UUID], EligibilityFacts] = field(default_factory=dict)
    """What is known of a member for a campaign, where the record alone does not say if they may order."""
    live: set[tuple[UUID, UUID]] = field(default_factory=set)
    waiting: defaultdict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    """Who waits for an offer, first come first: at least as far as the batch can get (`line_needed`)."""
    answers: dict[tuple[UUID, str], Answer] = field(default_factory=dict)
    placed: list[OrderState] = field(default_factory=list)
    changed: dict[UUID, OrderState] = field(default_factory=dict)
    touched_offers: set[UUID] = field(default_factory=set)
    touched_slots: set[UUID] = field(default_factory=set)
    freed_offers: set[UUID] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    kept: list[tuple[Claim, Answer, datetime]] = field(default_factory=list)

    def facts_of(
        self, campaign_id: UUID, member: MemberState, *, rules: EligibilityRules
    ) -> EligibilityFacts:
        """Return what is known of a member for a campaign; LookupError if more had to be read."""
        known = self.facts.get((campaign_id, member.id))
        if known is None and rules.asks_more:
            raise LookupError("the facts that these rules ask for were not read")
        return known or facts_of_record(member.status)
