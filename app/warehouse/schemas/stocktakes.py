"""Bodies of stocktakes."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.platform.clock import GivenInstant, Instant
from app.warehouse.rules.states import StocktakeStatus
from app.warehouse.schemas.papers import Some, Words


class StocktakeDraft(BaseModel):
    """The pickup point whose boxes are to be counted."""

    model_config = ConfigDict(extra="forbid")

    pickup_point_id: UUID
    note: Words | None = None


class CountedLine(BaseModel):
    """Boxes of a lot that somebody counted: whole ones, and damaged ones set aside."""

    model_config = ConfigDict(extra="forbid")

    lot_id: UUID
    good: Some
    damaged: Some = 0


class CountSheet(BaseModel):
    """One person's count; `counted_at` is when the counting was done, now if left out."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[CountedLine], Field(min_length=1, max_length=1_000)]
    counted_at: GivenInstant | None = None


class StocktakeApproval(BaseModel):
    """The differences that the approver saw: boxes missing and boxes too many."""

    model_config = ConfigDict(extra="forbid")

    short: Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
    over: Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
    reason: Words


class LotToCount(BaseModel):
    """A lot that this round asks for; how many boxes of it there should be is not said."""

    lot_id: UUID
    lot_number: str
    gift_box_id: UUID
    gift_box: str
    best_before_on: date | None


class CountView(BaseModel):
    """Who counted in which round, and when; not what."""

    id: UUID
    round: int
    staff_id: UUID
    counted_at: Instant
    sent_at: Instant


class CountedView(BaseModel):
    """What one count says of a lot."""

    count_id: UUID
    round: int
    staff_id: UUID
    counted_at: Instant
    good: int
    damaged: int


class FindingView(BaseModel):
    """What was found of a lot, beside what the books said at the time of the count that counts.

    `frozen_*` is what they said when the stocktake was opened; null for a lot that nobody expected.
    `posted_*` is null until the differences are posted.
    """

    lot_id: UUID
    lot_number: str
    gift_box_id: UUID
    gift_box: str
    frozen_good: int | None
    frozen_damaged: int | None
    book_good: int
    book_damaged: int
    counted_good: int
    counted_damaged: int
    posted_good: int | None
    posted_damaged: int | None
    counts: list[CountedView]


class StocktakeSummary(BaseModel):
    """A stocktake in a list."""

    id: UUID
    number: str
    pickup_point_id: UUID
    status: StocktakeStatus
    round: int
    note: str | None
    opened_by: UUID
    opened_at: Instant
    closed_at: Instant | None
    decided_by: UUID | None
    decided_at: Instant | None
    decision_reason: str | None


class StocktakeView(StocktakeSummary):
    """A stocktake; while it is counted, neither counts nor books are shown to anybody."""

    counts: list[CountView]
    to_count: list[LotToCount]
    findings: list[FindingView]
    short: int | None
    over: int | None
