"""Bodies of the figures for street and district."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from app.platform.clock import FIRST_YEAR, LAST_YEAR, GivenDay, Instant
from app.platform.paging import PageRequest, PageView
from app.platform.text import LINE
from app.reports.rules.shares import WHOLE_BASIS_POINTS
from app.reports.rules.spending import By, Period, Side

GivenYear = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
Basis = Annotated[str, Field(min_length=2, max_length=200, pattern=r"^\S(?:[^\x00-\x1f\x7f]*\S)?$")]
Count = Annotated[
    int | None, Field(description="null: fewer than 5 people, or would tell of a group of fewer than 5")
]


class PeriodRequest(PageRequest):
    """A year, or days from `from` to `until`, both included."""

    year: GivenYear | None = None
    since: Annotated[GivenDay | None, Field(alias="from")] = None
    until: GivenDay | None = None

    @property
    def period(self) -> Period:
        """The time that is asked for."""
        return Period(self.year, self.since, self.until)


class SpendingRequest(PeriodRequest):
    """By what spending is added up, and over which time."""

    by: By


class SpendingSourcesRequest(SpendingRequest):
    """Which row of the figure is asked about; without `key`: the total."""

    key: Annotated[str | None, Query(min_length=1, max_length=80, pattern=LINE)] = None


class UnpricedView(BaseModel):
    """Lines without a known amount: how many, and in which words (the first ten); they are no money."""

    lines_count: int
    words: list[str]


class SpendingSums(BaseModel):
    """Sums of lines. Boxes are gift boxes, pieces other goods; grams only where they are on record."""

    amount_fen: int
    boxes: int
    pieces: int
    grams: int
    is_lower_bound: bool
    """Some quantity is told of and not measured: there was at least so much."""
    lines_count: int
    purchases_count: int
    unpriced: UnpricedView


class SpendingRow(SpendingSums):
    """One row; `key` names it to `/figures/spending/sources`, `none` stands for what is not known."""

    key: str
    label: str | None


class TermsView(BaseModel):
    """What helping partner regions was called in the year."""

    aided_purchase: str
    region: str
    product: str
    ratio: str
    statistics: str


class SpendingView(PageView[SpendingRow]):
    """Rows, the greatest amount first; amounts, boxes, pieces, grams and lines of all rows make the total.

    A purchase with lines in two rows counts in both, and once in the total. `undated_count` purchases have no
    day and are in no range of days.
    """

    by: By
    total: SpendingSums
    undated_count: int
    terms: TermsView


class SourceLine(BaseModel):
    """A line of an approved purchase."""

    model_config = ConfigDict(from_attributes=True)

    purchase_id: UUID
    purchase_number: str
    union_id: UUID
    union_name: str
    channel: str
    purchased_on: date | None
    purchased_year: int
    purchased_month: int | None
    is_year_inferred: bool
    is_approximate: bool
    source_text: str | None
    supplier_name: str | None
    line_id: UUID
    position: int
    what: str
    region_id: UUID | None
    region_name: str | None
    boxes: int | None
    grams: int | None
    unit_price_fen: int | None
    amount_fen: int | None
    is_sample: bool


class TargetBody(BaseModel):
    """A share, in hundredths of a percent, of what `basis` says."""

    model_config = ConfigDict(extra="forbid")

    percent_basis_points: Annotated[int, Field(strict=True, ge=0, le=WHOLE_BASIS_POINTS)]
    basis: Basis


class TargetView(BaseModel):
    """The target of a union for a year; `version` goes into `If-Match` (0 where none is set)."""

    union_id: UUID
    year: int
    percent_basis_points: int
    percent: str
    basis: str
    set_at: Instant
    version: int
    is_sample: bool


class TargetsRequest(PageRequest):
    """Of which year; of all years without one."""

    year: GivenYear | None = None


class YearRequest(PageRequest):
    """Of which year."""

    year: GivenYear


class ShareSums(BaseModel):
    """Amounts in fen; the share exactly (in lowest terms) and rounded to two places, null of nothing."""

    numerator_fen: int
    denominator_fen: int
    fraction: str | None
    percent: str | None
    purchases_count: int
    unpriced_count: int
    """Lines without a known amount, on neither side."""


class ShareRow(ShareSums):
    """A street union's share; without a target of its own there is none to compare with."""

    union_id: UUID
    union_name: str
    target: TargetView | None
    is_reached: bool | None
    """Compared exactly, never after rounding; null without a target or without purchases."""


class ShareView(PageView[ShareRow]):
    """The street unions and all of them together; targets are theirs, the total has none."""

    year: int
    total: ShareSums
    targets_count: int
    reached_count: int
    terms: TermsView


class ShareSourcesRequest(YearRequest):
    """Which side of whose share; without `union_id`: of all."""

    side: Side
    union_id: UUID | None = None


class CoverageRequest(YearRequest):
    """Of which year, by union or by unit."""

    by_unit: bool = False


class StandingView(BaseModel):
    """Active members, each counted once: active = received + nothing, nothing = the three reasons."""

    active: Count
    received: Count
    nothing: Count
    never_ordered: Count
    not_collected: Count
    not_eligible: Count


class CoverageRow(StandingView):
    """A street union or, by unit, a unit of one."""

    union_id: UUID
    unit_id: UUID | None
    name: str
    forgotten_count: int | None
    """Orders with boxes handed over in the year that belong to nobody any more; null by unit."""


class CoverageView(PageView[CoverageRow]):
    """Who received nothing this year, as counts.

    `is_complete` is false once the time of retention of some campaign is over: who received those
    `forgotten_count` boxes cannot be told, so `received` is a lower and `nothing` an upper bound.
    """

    year: int
    campaigns_count: int
    total: StandingView
    forgotten_count: int
    is_complete: bool
    is_exact: bool
    """False where small groups are hidden from this account."""
