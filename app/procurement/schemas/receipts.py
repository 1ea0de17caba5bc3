"""Bodies of goods receipts, and of a purchase with all that belongs to it."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.platform.clock import GivenDay, Instant
from app.platform.text import LINE
from app.procurement.rules.states import ReceiptKind, ReceiptUnit
from app.procurement.schemas.purchases import LineView, PurchaseView
from app.procurement.schemas.suppliers import Words

Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000_000)]
Batch = Annotated[str, Field(min_length=1, max_length=50, pattern=LINE), AfterValidator(str.strip)]


class ArrivalDraft(BaseModel):
    """What came of one line of the purchase in one batch: expected = good + damaged + missing."""

    model_config = ConfigDict(extra="forbid")

    purchase_line_id: UUID
    batch: Annotated[Batch | None, Field(description="批号; gift boxes need one")] = None
    produced_on: GivenDay | None = None
    best_before_on: GivenDay | None = None
    origin_code: Annotated[
        str | None,
        Field(pattern=r"^([0-9]{6}|[0-9]{9}|[0-9]{12})$", description="of county, township, village"),
    ] = None
    origin_note: Annotated[
        Words | None, Field(description="where the table of divisions has no such place")
    ] = None
    unit: ReceiptUnit = ReceiptUnit.BOXES
    expected: Count
    good: Count
    damaged: Count = 0
    missing: Count = 0
    override_reason: Annotated[
        Words | None, Field(description="why more than ordered, or goods with little time left, are taken in")
    ] = None
    note: Words | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.expected == 0 or self.expected != self.good + self.damaged + self.missing:
            raise ValueError("expected")
        if self.unit is ReceiptUnit.BOXES and self.expected > 1_000_000:
            raise ValueError("expected")
        if self.produced_on and self.best_before_on and self.best_before_on < self.produced_on:
            raise ValueError("best_before_on")
        return self


class _Receivers(BaseModel):
    """Who inspected the goods and who keeps them: two people, the caller is one of them."""

    model_config = ConfigDict(extra="forbid")

    inspected_by: UUID
    kept_by: UUID


class ReceiptDraft(_Receivers):
    """Goods of a purchase that arrived at a pickup point."""

    pickup_point_id: UUID
    received_on: GivenDay
    delivered_by: Annotated[Words, Field(description="a company or a number plate")]
    lines: Annotated[list[ArrivalDraft], Field(min_length=1, max_length=100)]


class LateDraft(BaseModel):
    """Boxes that were missing on a line of an earlier receipt and have come."""

    model_config = ConfigDict(extra="forbid")

    receipt_line_id: UUID
    good: Count
    damaged: Count = 0
    note: Words | None = None

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if self.good + self.damaged == 0:
            raise ValueError("good")
        return self


class LateDelivery(_Receivers):
    """Missing boxes of an earlier receipt that came after it."""

    pickup_point_id: UUID
    received_on: GivenDay
    delivered_by: Words
    lines: Annotated[list[LateDraft], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({line.receipt_line_id for line in self.lines}) < len(self.lines):
            raise ValueError("lines")
        return self


class ReversalDraft(_Receivers):
    """Why a receipt was wrong."""

    reason: Words


class ReceiptLineView(BaseModel):
    """A line of a goods receipt."""

    id: UUID
    position: int
    purchase_line_id: UUID
    lot_id: UUID | None
    unit: ReceiptUnit
    batch: str | None
    produced_on: date | None
    best_before_on: date | None
    expected: int
    good: int
    damaged: int
    missing: int
    override_reason: str | None
    note: str | None


class ReceiptView(BaseModel):
    """A goods receipt; `reversed_by_id` is the receipt that took it back."""

    id: UUID
    number: str
    kind: ReceiptKind
    purchase_id: UUID
    of_receipt_id: UUID | None
    reversed_by_id: UUID | None
    pickup_point_id: UUID
    received_on: date
    delivered_by: str
    inspected_by: UUID
    kept_by: UUID
    posted_by: UUID
    posted_at: Instant
    reason: str | None
    is_sample: bool
    lines: list[ReceiptLineView]


class WholePurchaseView(PurchaseView):
    """A purchase with its lines, its goods receipts and the lots that came of it."""

    lines: list[LineView]
    receipts: list[ReceiptView]
    lot_ids: list[UUID]
