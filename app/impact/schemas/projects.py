"""Bodies of aid projects, their results and totals."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.impact.rules.measures import Basis, EvidenceKind, Form, Measure, ProjectKind, ProjectStatus, Role
from app.impact.rules.totals import Why
from app.platform.clock import GivenDay
from app.platform.text import LINE

MOST_SITES = 10
Line = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Words = Annotated[str, Field(min_length=1, max_length=500, pattern=LINE), AfterValidator(str.strip)]
Year = Annotated[int, Field(strict=True, ge=1949, le=2100)]
Figure = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000_000)]
Group = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class EvidenceDraft(BaseModel):
    """What proves a figure: a document at an address, a file by its SHA-256, or both."""

    model_config = ConfigDict(extra="forbid")

    kind: EvidenceKind
    title: Line
    url: Annotated[str | None, Field(max_length=500, pattern=r"^https?://[\x21-\x7e]+$")] = None
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None
    on: GivenDay | None = None
    page: Annotated[str | None, Field(min_length=1, max_length=40, pattern=LINE)] = None


class ResultDraft(BaseModel):
    """A figure as it was stated.

    `value` alone is an exact number; `minimum` and `maximum` a range; `maximum` alone is not reached (不足),
    `minimum` alone is (上万). An outcome in words (`outcome`) has none. 人次 is no 人.
    `overlap` names the results of this union that count the same people.
    """

    model_config = ConfigDict(extra="forbid")

    role: Role = Role.OUTCOME
    measure: Measure
    unit: Annotated[str, Field(max_length=8, pattern=r"^[^\x00-\x1f\x7f]*$")]
    subject: Annotated[str | None, Field(min_length=1, max_length=40, pattern=LINE)] = None
    value: Figure | None = None
    minimum: Figure | None = None
    maximum: Annotated[int | None, Field(strict=True, ge=1, le=1_000_000_000_000)] = None
    basis: Basis
    quote: Words
    year: Year | None = None
    year_is_inferred: Annotated[bool, Field(strict=True)] = False
    stated_on: GivenDay | None = None
    overlap: Group | None = None
    evidence: EvidenceDraft | None = None


class SiteDraft(BaseModel):
    """A partner region and, where it is known, a place in it."""

    model_config = ConfigDict(extra="forbid")

    region_id: UUID
    place_id: UUID | None = None


class ProjectDraft(BaseModel):
    """An aid project of the caller's own union, in the words of its year."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    kind: ProjectKind
    partner: Line | None = None
    summary: Words | None = None
    activities: Annotated[list[Line], Field(max_length=20)] = []
    since_year: Year | None = None
    until_year: Year | None = None
    held_on: GivenDay | None = None
    year_is_inferred: Annotated[bool, Field(strict=True)] = False
    sites: Annotated[list[SiteDraft], Field(min_length=1, max_length=MOST_SITES)]


class ProjectChange(BaseModel):
    """What is to change of a project; what is left out stays. A published one becomes a draft again."""

    model_config = ConfigDict(extra="forbid")

    title: Line | None = None
    kind: ProjectKind | None = None
    partner: Line | None = None
    summary: Words | None = None
    activities: Annotated[list[Line] | None, Field(max_length=20)] = None
    since_year: Year | None = None
    until_year: Year | None = None
    held_on: GivenDay | None = None
    year_is_inferred: Annotated[bool | None, Field(strict=True)] = None
    sites: Annotated[list[SiteDraft] | None, Field(min_length=1, max_length=MOST_SITES)] = None


class EvidenceView(BaseModel):
    """What proves a figure."""

    kind: EvidenceKind
    title: str
    url: str | None
    sha256: str | None
    on: date | None
    page: str | None


class ResultView(BaseModel):
    """A figure as it was stated; `overlaps` are results that count the same people: never add them."""

    id: UUID
    role: Role
    measure: Measure
    unit: str
    subject: str | None
    form: Form
    value: int | None
    minimum: int | None
    maximum: int | None
    basis: Basis
    quote: str
    year: int | None
    year_is_inferred: bool
    stated_on: date | None
    evidence: EvidenceView | None
    is_overlapping: bool
    overlaps: list[UUID]


class SponsorView(BaseModel):
    """The union that does it."""

    id: UUID
    name: str
    level: str


class SiteView(BaseModel):
    """Where it is done."""

    region_id: UUID
    region: str
    division_code: str
    place_id: UUID | None
    place: str | None
    township: str | None
    place_code: str | None


class ProjectView(BaseModel):
    """An aid project with its results."""

    id: UUID
    title: str
    kind: ProjectKind
    sponsor: SponsorView
    partner: str | None
    summary: str | None
    activities: list[str]
    since_year: int | None
    until_year: int | None
    held_on: date | None
    year_is_inferred: bool
    status: ProjectStatus
    sites: list[SiteView]
    results: list[ResultView]
    sample: bool
    version: int


class TotalView(BaseModel):
    """A sum of results of one measure, unit and basis."""

    measure: Measure
    unit: str
    basis: Basis
    value: int
    result_ids: list[UUID]


class LeftOutView(BaseModel):
    """A result that is in no sum, and why."""

    result_id: UUID
    project_id: UUID
    measure: Measure
    unit: str
    quote: str
    why: Why


class TotalsView(BaseModel):
    """What adds up, and everything that does not."""

    totals: list[TotalView]
    left_out: list[LeftOutView]
