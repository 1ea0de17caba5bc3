"""What people ask of the order desk, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from app.orders.rules.desk import OfferState, OrderState, SlotState
from app.orders.rules.states import Channel
from app.platform.errors import DomainError
from app.platform.idempotency import Answer, Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """A member (or a desk for a member) asks for boxes of an offer."""

    at: datetime
    claim: Claim | None
    order_id: UUID
    number: str
    member_id: UUID
    offer_id: UUID
    quantity: int = 1
    slot_id: UUID | None = None
    join_waitlist: bool = False
    channel: Channel = Channel.MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSlot:
    """The owner of an order asks for a place in a slot: books, or moves."""

    at: datetime
    claim: Claim | None
    order_id: UUID
    member_id: UUID
    slot_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """The owner gives an order up."""

    at: datetime
    claim: Claim | None
    order_id: UUID
    member_id: UUID
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOrder:
    """The pickup window ended and nobody came (逾期未领视为放弃)."""

    at: datetime
    order_id: UUID
    claim: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder:
    """The member has left the union, and the campaign keeps no orders of those who do."""

    at: datetime
    order_id: UUID
    claim: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeLine:
    """Boxes of an offer are free while somebody waits for it: give them out."""

    at: datetime
    offer_id: UUID
    claim: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuota:
    """An officer sets the quota of an offer, having seen `version` (None: whatever it is)."""

    at: datetime
    claim: Claim | None
    offer_id: UUID
    quota: int
    version: int | None


Command: TypeAlias = (
    PlaceOrder | BookSlot | CancelOrder | ExpireOrder | ReleaseOrder | ServeLine | ChangeQuota
)


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out; the order or offer as it is now."""

    order: OrderState | None = None
    slot: SlotState | None = None
    offer: OfferState | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was answered before: the same answer again."""

    answer: Answer


Outcome: TypeAlias = Answer | Replayed | DomainError
