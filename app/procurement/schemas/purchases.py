"""Bodies of purchases."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.platform.clock import FIRST_YEAR, LAST_YEAR, GivenDay, Instant
from app.platform.text import LINE
from app.procurement.rules.quantities import amount_of
from app.procurement.rules.states import Channel, PurchaseStatus
from app.procurement.schemas.suppliers import PaperNumber, Words

Boxes = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Grams = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000_000)]
Price = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
Amount = Annotated[int, Field(strict=True, ge=0, le=100_000_000_000_000)]
Year = Annotated[int, Field(strict=True, ge=FIRST_YEAR, le=LAST_YEAR)]
Month = Annotated[int, Field(strict=True, ge=1, le=12)]
Days = Annotated[int, Field(strict=True, ge=0, le=1_095)]
Source = Annotated[str, Field(min_length=2, max_length=500, pattern=LINE), AfterValidator(str.strip)]
Yes = Annotated[bool, Field(strict=True)]


class LineDraft(BaseModel):
    """One kind of goods: a gift box, a product, or words; boxes, grams, or both.

    With boxes and a price the amount follows, and is refused if it is given otherwise.
    """

    model_config = ConfigDict(extra="forbid")

    gift_box_id: UUID | None = None
    product_id: UUID | None = None
    description: Words | None = None
    boxes: Boxes | None = None
    grams: Grams | None = None
    unit_price_fen: Price | None = None
    amount_fen: Amount | None = None
    region_id: UUID | None = None
    certificate_id: UUID | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if sum(given is not None for given in (self.gift_box_id, self.product_id, self.description)) != 1:
            raise ValueError("one of gift_box_id, product_id, description")
        if self.boxes is None and (self.grams is None or self.gift_box_id is not None):
            raise ValueError("boxes")
        if self.unit_price_fen is not None:
            counted = amount_of(self.boxes, self.unit_price_fen)
            if counted is None or self.amount_fen not in {None, counted}:
                raise ValueError("amount_fen")
            self.amount_fen = counted
        return self


class _Terms(BaseModel):
    """What a draft says beside its lines."""

    model_config = ConfigDict(extra="forbid")

    supplier_id: UUID | None = None
    campaign_id: UUID | None = None
    supplement_to: Annotated[UUID | None, Field(description="the approved purchase it adds to")] = None
    purchased_on: GivenDay | None = None
    purchased_month: Annotated[Month | None, Field(description="where only the month is known")] = None
    source_text: Annotated[Source | None, Field(description="the words of the source, as they stand")] = None
    note: Words | None = None


class PurchaseDraft(_Terms):
    """What is to be bought, or was.

    `purchased_year` (and month) for purchases whose day nobody knows; `is_approximate` for those that are
    only told of: grams are a lower bound then, and supplier and price may be missing.
    """

    channel: Channel
    purchased_year: Annotated[Year | None, Field(description="needed without purchased_on")] = None
    is_year_inferred: Yes = False
    is_approximate: Yes = False
    least_days_left: Days = 60
    lines: Annotated[list[LineDraft], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.purchased_on is None and self.purchased_year is None:
            raise ValueError("purchased_on or purchased_year")
        if self.purchased_on is not None and (
            self.purchased_year not in {None, self.purchased_on.year}
            or self.purchased_month not in {None, self.purchased_on.month}
        ):
            raise ValueError("purchased_on")
        if self.is_approximate and self.source_text is None:
            raise ValueError("source_text")
        return self


class PurchaseChange(_Terms):
    """What may be changed of a draft; what is left out stays, null empties, `lines` replaces all lines."""

    channel: Channel | None = None
    is_year_inferred: Yes | None = None
    is_approximate: Yes | None = None
    least_days_left: Days | None = None
    lines: Annotated[list[LineDraft] | None, Field(min_length=1, max_length=100)] = None


class StepReason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: Words


class PaperNumbers(BaseModel):
    """Numbers of papers that are there by now; `reason` where one is recorded otherwise."""

    model_config = ConfigDict(extra="forbid")

    contract_no: PaperNumber | None = None
    comparison_no: Annotated[
        PaperNumber | None,
        Field(description="of the comparison of prices, or of the order on the 832 platform"),
    ] = None
    acceptance_no: PaperNumber | None = None
    invoice_no: PaperNumber | None = None
    voucher_no: PaperNumber | None = None
    reason: Words | None = None


class PaperView(BaseModel):
    """One paper of the set (DOMAIN: contract, invoice, acceptance …), and whether it is there."""

    paper: str
    is_there: bool
    numbers: list[str]


class PapersView(BaseModel):
    """Which papers of a purchase are there."""

    purchase_id: UUID
    is_complete: bool
    items: list[PaperView]


class LineView(BaseModel):
    """A line of a purchase; `jin` is the weight in 斤, to be shown."""

    id: UUID
    position: int
    gift_box_id: UUID | None
    product_id: UUID | None
    description: str | None
    boxes: int | None
    grams: int | None
    jin: str | None
    unit_price_fen: int | None
    amount_fen: int | None
    region_id: UUID | None
    certificate_id: UUID | None


class PurchaseView(BaseModel):
    """A purchase without its lines, as in a list."""

    id: UUID
    number: str
    supplier_id: UUID | None
    campaign_id: UUID | None
    supplement_to: UUID | None
    channel: Channel
    purchased_on: date | None
    purchased_year: int
    purchased_month: int | None
    is_year_inferred: bool
    is_approximate: bool
    source_text: str | None
    note: str | None
    total_fen: int | None
    least_days_left: int
    status: PurchaseStatus
    drafted_by: UUID
    drafted_at: Instant
    submitted_by: UUID | None
    submitted_at: Instant | None
    approved_by: UUID | None
    approved_at: Instant | None
    declined_by: UUID | None
    declined_at: Instant | None
    decline_reason: str | None
    cancelled_by: UUID | None
    cancelled_at: Instant | None
    cancel_reason: str | None
    contract_no: str | None
    comparison_no: str | None
    acceptance_no: str | None
    invoice_no: str | None
    voucher_no: str | None
    version: int
    is_sample: bool
