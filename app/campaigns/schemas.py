"""Bodies of campaigns and offers."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.campaigns.rules import (
    WAIVABLE,
    Allocation,
    CampaignKind,
    CampaignStatus,
    CorrectionField,
    CorrectionStatus,
    ExceptionReason,
    ExceptionStatus,
    Rule,
)
from app.catalog.schemas import ItemKind
from app.platform.clock import GivenDay, GivenInstant, Instant
from app.platform.text import LINE, WITHOUT_NUL
from app.unions.rules import MemberStatus

Title = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Words = Annotated[str, Field(min_length=2, max_length=200, pattern=LINE), AfterValidator(str.strip)]
Value = Annotated[str, Field(min_length=1, max_length=50, pattern=LINE)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=1440)]
Retention = Annotated[
    int,
    Field(
        strict=True,
        ge=30,
        le=1_095,
        description="days that orders keep their members after the last pickup day",
    ),
]


class ComponentView(BaseModel):
    """A product in a gift box; net content in grams or millilitres."""

    name: str
    quantity: int
    unit: str
    net_content_grams: int | None
    net_content_ml: int | None
    allergens: list[str]


class RegionView(BaseModel):
    """Where a gift box comes from."""

    name: str
    division_code: str
    province: str


class OfferedBoxView(BaseModel):
    """A gift box as it is offered, or a place on a visit, which weighs nothing."""

    id: UUID
    kind: ItemKind
    name: str
    unit: str
    gross_weight_grams: int | None
    components: list[ComponentView]
    origin_region: RegionView | None


class OfferedPointView(BaseModel):
    """A pickup point as it is offered."""

    id: UUID
    name: str
    address: str
    phone: str | None
    outdoor: bool


class OfferView(BaseModel):
    """A gift box at a pickup point; `remaining` is a hint, the order decides."""

    id: UUID
    gift_box: OfferedBoxView
    pickup_point: OfferedPointView
    quota: int
    remaining: int
    waitlisted: int
    version: int


class CampaignView(BaseModel):
    """A campaign with its offers."""

    id: UUID
    title: str
    kind: CampaignKind
    status: CampaignStatus
    allocation: Allocation
    has_waitlist: bool
    per_member_limit: int
    eligible_statuses: list[MemberStatus]
    eligible_unit_ids: list[UUID]
    not_received_months: int | None
    not_received_campaign_ids: list[UUID]
    is_listed_only: bool
    keeps_orders_of_leavers: bool
    order_opens_at: Instant
    order_closes_at: Instant
    pickup_from: date
    pickup_until: date
    early_minutes: int
    late_minutes: int
    retention_days: int
    sample: bool
    version: int
    offers: list[OfferView]


class CampaignDraft(BaseModel):
    """What an officer sends to draft a campaign; a `visit` offers places, and its kind never changes."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    kind: CampaignKind = CampaignKind.GIFT
    allocation: Allocation = Allocation.FIRST_COME
    has_waitlist: Annotated[bool, Field(strict=True)] = True
    per_member_limit: Annotated[int, Field(strict=True, ge=1, le=20)] = 1
    eligible_statuses: Annotated[list[MemberStatus], Field(min_length=1, max_length=4)] = [
        MemberStatus.ACTIVE
    ]
    order_opens_at: GivenInstant
    order_closes_at: GivenInstant
    pickup_from: GivenDay
    pickup_until: GivenDay
    early_minutes: Minutes = 30
    late_minutes: Minutes = 30
    retention_days: Retention = 90


class CampaignChange(BaseModel):
    """What an officer may change of a campaign; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    order_opens_at: GivenInstant | None = None
    order_closes_at: GivenInstant | None = None
    pickup_from: GivenDay | None = None
    pickup_until: GivenDay | None = None
    retention_days: Retention | None = None


class OfferDraft(BaseModel):
    """A gift box at a pickup point, to be offered in a draft."""

    model_config = ConfigDict(extra="forbid")

    gift_box_id: UUID
    pickup_point_id: UUID
    quota: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class NewOfferView(BaseModel):
    """An offer that was just made."""

    id: UUID
    campaign_id: UUID
    gift_box_id: UUID
    pickup_point_id: UUID
    quota: int
    version: int


def _each_once(given: list[UUID]) -> list[UUID]:
    return sorted(set(given))


def _waivable(given: list[Rule]) -> list[Rule]:
    if not set(given) <= WAIVABLE:
        raise ValueError("no exception sets this rule aside")
    return given


class RulesChange(BaseModel):
    """The rules of a campaign, all of them: what is left out is not asked for.

    `eligible_unit_ids`: members of these units and the groups below them; empty: of all units.
    `not_received_months`: nobody who collected a box so many calendar months ago or less, of the campaigns
    in `not_received_campaign_ids`, or of any if there are none. `keeps_orders_of_leavers`: who leaves the
    union after ordering may still collect.
    """

    model_config = ConfigDict(extra="forbid")

    eligible_statuses: Annotated[list[MemberStatus], Field(min_length=1, max_length=4)] = [
        MemberStatus.ACTIVE
    ]
    eligible_unit_ids: Annotated[list[UUID], Field(max_length=200), AfterValidator(_each_once)] = []
    not_received_months: Annotated[int | None, Field(strict=True, ge=1, le=36)] = None
    not_received_campaign_ids: Annotated[list[UUID], Field(max_length=50), AfterValidator(_each_once)] = []
    is_listed_only: Annotated[bool, Field(strict=True)] = False
    keeps_orders_of_leavers: Annotated[bool, Field(strict=True)] = True


class ListMode(StrEnum):
    """What a list of numbers is for."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class ListChange(BaseModel):
    """Members of a campaign's list, by their numbers."""

    model_config = ConfigDict(extra="forbid")

    mode: ListMode = ListMode.REPLACE
    member_numbers: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=32, pattern=LINE)]], Field(max_length=2_000)
    ]


class ListView(BaseModel):
    """What came of a change of a list; `unknown` are the numbers that nobody in the union has."""

    campaign_id: UUID
    version: int
    listed: int
    added: int
    removed: int
    unknown: list[str]


class MaskedMember(BaseModel):
    """A member as a list of others' affairs shows them."""

    id: UUID
    number: str
    name_masked: str
    unit_id: UUID


class ExceptionDraft(BaseModel):
    """Who may order although rules are against it, which rules, and why."""

    model_config = ConfigDict(extra="forbid")

    member_id: UUID
    rules: Annotated[list[Rule], Field(min_length=1, max_length=4), AfterValidator(_waivable)]
    reason_code: ExceptionReason = ExceptionReason.OTHER
    reason: Words
    evidence: Annotated[str | None, Field(max_length=200, pattern=WITHOUT_NUL)] = None


class ExceptionView(BaseModel):
    """An individual exception with its reason, for those who may read it."""

    id: UUID
    campaign_id: UUID
    member: MaskedMember
    rules: list[Rule]
    reason_code: ExceptionReason
    reason: str | None
    evidence: str | None
    status: ExceptionStatus
    requested_by: UUID
    requested_at: Instant
    decided_by: UUID | None
    decided_at: Instant | None


class NewExceptionView(BaseModel):
    """An exception that was just asked for or decided, without its words."""

    id: UUID
    campaign_id: UUID
    member_id: UUID
    rules: list[Rule]
    reason_code: ExceptionReason
    status: ExceptionStatus


class CorrectionDraft(BaseModel):
    """What of the caller's record is wrong; `wished` is what it should say, as far as they know."""

    model_config = ConfigDict(extra="forbid")

    field: CorrectionField
    message: Words
    wished: Value | None = None
    campaign_id: UUID | None = None


class CorrectionView(BaseModel):
    """A request to correct a record, as lists show it."""

    id: UUID
    member: MaskedMember
    field: CorrectionField
    status: CorrectionStatus
    campaign_id: UUID | None
    filed_at: Instant
    due_on: date
    decided_at: Instant | None


class OwnCorrectionView(BaseModel):
    """A member's own request, with their words and the answer."""

    id: UUID
    field: CorrectionField
    status: CorrectionStatus
    campaign_id: UUID | None
    message: str | None
    wished: str | None
    answer: str | None
    filed_at: Instant
    due_on: date
    decided_at: Instant | None


class RevealedCorrectionView(CorrectionView):
    """A request with its words, unmasked: looking at them leaves a trace."""

    message: str | None
    wished: str | None
    answer: str | None


class CorrectionAcceptance(BaseModel):
    """What the record is to say; left out: what the member wished. For a unit its id."""

    model_config = ConfigDict(extra="forbid")

    value: Value | None = None


class CorrectionRefusal(BaseModel):
    """Why the record stays as it is; the member reads it."""

    model_config = ConfigDict(extra="forbid")

    reason: Words


class RuleView(BaseModel):
    """One rule of eligibility, in words, with what to do when it fails."""

    code: str
    passed: bool
    detail: str
    action: str | None


class StandingException(BaseModel):
    """An approved exception in force, with the rules it sets aside."""

    id: UUID
    rules: list[Rule]
    reason_code: ExceptionReason
    approved_at: Instant


class CorrectionLink(BaseModel):
    """Where a member says that their record is wrong, and who looks after it."""

    href: str
    contact: str
    open: int


class EligibilityView(BaseModel):
    """Whether a member may order in a campaign, and why."""

    eligible: bool
    rules: list[RuleView]
    exception: StandingException | None
    correction: CorrectionLink
