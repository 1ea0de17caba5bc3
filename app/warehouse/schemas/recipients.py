"""Bodies of recalls."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.platform.clock import Instant
from app.platform.text import LINE
from app.unions.rules.looks import RevealReason
from app.unions.schemas import UnionRef
from app.warehouse.rules.recipients import RecipientState

Note = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE), AfterValidator(str.strip)]


class StateTotals(BaseModel):
    """Orders and boxes of one state."""

    orders: int
    boxes: int


class RecipientTotals(BaseModel):
    """How many recipients there are; whose the boxes `without_order` were, nobody recorded."""

    holds: StateTotals
    gave_back: StateTotals
    possible: StateTotals
    without_order: int


class RecipientView(BaseModel):
    """An order that received boxes of the lot, gave them back, or may have some; its member masked."""

    order_id: UUID
    order_number: str
    state: RecipientState
    boxes: int
    pickup_point_id: UUID
    received_at: Instant
    member_id: UUID
    unit: UnionRef
    name: str | None
    mobile_masked: str | None


class RecipientsView(BaseModel):
    """A page of recipients, the numbers of all of them first."""

    totals: RecipientTotals
    items: list[RecipientView]
    next: str | None


class RevealWanted(BaseModel):
    """Whose names and mobiles somebody wants to see, and why."""

    model_config = ConfigDict(extra="forbid")

    order_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)]
    reason: RevealReason
    note: Note | None = None


class RevealedRecipient(BaseModel):
    """A recipient, unmasked."""

    order_id: UUID
    member_id: UUID
    name: str
    mobile: str | None


class RevealedRecipients(BaseModel):
    """Those of the orders asked for that received from the lot."""

    items: list[RevealedRecipient]


class NoticesWanted(BaseModel):
    """Whether those who may have received from the lot are told too."""

    model_config = ConfigDict(extra="forbid")

    with_possible: bool = False


class NoticesView(BaseModel):
    """How many orders were told now, and how many had been told before."""

    lot_id: UUID
    told: int
    told_before: int
