"""Bodies of campaigns and offers."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.campaigns.rules import Allocation, CampaignStatus
from app.platform.clock import GivenDay, GivenInstant, Instant
from app.platform.text import LINE
from app.unions.rules import MemberStatus

Title = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=1440)]


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
    """A gift box as it is offered."""

    id: UUID
    name: str
    unit: str
    gross_weight_grams: int
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
    status: CampaignStatus
    allocation: Allocation
    has_waitlist: bool
    per_member_limit: int
    eligible_statuses: list[MemberStatus]
    order_opens_at: Instant
    order_closes_at: Instant
    pickup_from: date
    pickup_until: date
    early_minutes: int
    late_minutes: int
    sample: bool
    version: int
    offers: list[OfferView]


class CampaignDraft(BaseModel):
    """What an officer sends to draft a campaign."""

    model_config = ConfigDict(extra="forbid")

    title: Title
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


class CampaignChange(BaseModel):
    """What an officer may change of a campaign; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    order_opens_at: GivenInstant | None = None
    order_closes_at: GivenInstant | None = None
    pickup_from: GivenDay | None = None
    pickup_until: GivenDay | None = None


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


class RuleView(BaseModel):
    """One rule of eligibility, in words, with what to do when it fails."""

    code: str
    passed: bool
    detail: str
    action: str | None


class EligibilityView(BaseModel):
    """Whether the caller may order in a campaign, and why."""

    eligible: bool
    rules: list[RuleView]
