"""Routes of campaigns, offers and the slots of a campaign."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, database_of, require
from app.access.policy import Permission, Role, may
from app.campaigns import actions, queries
from app.campaigns.errors import (
    CampaignIncomplete,
    CampaignNotDraft,
    CampaignNotFound,
    CampaignSealed,
    KindMismatch,
    OwnDraft,
    WindowsInvalid,
)
from app.campaigns.rules import (
    CampaignStatus,
    Windows,
    campaign_status,
    remaining_boxes,
)
from app.campaigns.schemas import (
    CampaignChange,
    CampaignDraft,
    CampaignView,
    ComponentView,
    NewOfferView,
    OfferDraft,
    OfferedBoxView,
    OfferedPointView,
    OfferView,
    RegionView,
)
from app.campaigns.tables import Campaign
from app.catalog.errors import GiftBoxNotFound
from app.catalog.schemas import ItemKind
from app.pickup.actions import add_slots
from app.pickup.errors import OutsideWindow, PointNotFound
from app.pickup.queries import SlotsWanted, list_slots
from app.pickup.rules import PickupDays
from app.pickup.schemas import NewSlotsView, SlotPlan, SlotView, slot_view
from app.platform.clock import GivenDay, utc_now
from app.platform.errors import (
    Conflict,
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import NOT_MODIFIED, IfMatch, StrictRoute, seen_version, tagged
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe

router = APIRouter(route_class=StrictRoute, tags=["campaigns"])
_KEYED = (KeyReused, KeyRequired, KeyInFlight, Conflict)


class CampaignsRequest(PageRequest):
    """Which campaigns are asked for."""

    status: CampaignStatus | None = None


class SlotsRequest(PageRequest):
    """Which slots are asked for."""

    pickup_point_id: UUID | None = None
    on: GivenDay | None = None


async def _views(session: AsyncSession, campaigns: Sequence[Campaign], now: datetime) -> list[CampaignView]:
    found = await queries.find_offers(session, [campaign.id for campaign in campaigns])
    boxes = {box.id for _, box, _, _ in found}
    parts = await queries.find_components(session, boxes)
    views: dict[UUID, list[OfferView]] = {campaign.id: [] for campaign in campaigns}
    for offer, box, point, region in found:
        components = [
            ComponentView(quantity=part.quantity, **{name: getattr(product, name) for name in _PRODUCT})
            for part, product in parts
            if part.gift_box_id == box.id
        ]
        origin = RegionView.model_validate(region, from_attributes=True) if region else None
        views[offer.campaign_id].append(
            OfferView(
                id=offer.id,
                gift_box=OfferedBoxView(
                    id=box.id,
                    kind=ItemKind(box.kind),
                    name=box.name,
                    unit=box.unit,
                    gross_weight_grams=box.gross_weight_grams,
                    components=components,
                    origin_region=origin,
                ),
                pickup_point=OfferedPointView(
                    id=point.id,
                    name=point.name,
                    address=point.address,
                    phone=point.phone,
                    outdoor=point.is_outdoor,
                ),
                quota=offer.quota,
                remaining=remaining_boxes(
                    offer.quota, promised=offer.promised_count, waitlisted=offer.waitlisted_count
                ),
                waitlisted=offer.waitlisted_count,
                version=offer.version,
            )
        )
    return [_view(campaign, views[campaign.id], now) for campaign in campaigns]


_PRODUCT = ("name", "unit", "net_content_grams", "net_content_ml", "allergens")
_PLAIN = (
    "id", "title", "kind", "allocation", "has_waitlist", "per_member_limit", "eligible_statuses",
    "eligible_unit_ids", "not_received_months", "not_received_campaign_ids", "is_listed_only",
    "keeps_orders_of_leavers", "order_opens_at", "order_closes_at", "pickup_from", "pickup_until",
    "early_minutes", "late_minutes", "retention_days", "version",
)  # fmt: skip


def _view(campaign: Campaign, offers: list[OfferView], now: datetime) -> CampaignView:
    windows = Windows(
        campaign.order_opens_at, campaign.order_closes_at, campaign.pickup_from, campaign.pickup_until
    )
    return CampaignView(
        status=campaign_status(campaign.stage, windows, now=now),
        sample=campaign.is_sample,
        offers=offers,
        **{name: getattr(campaign, name) for name in _PLAIN},
    )


def _sees_drafts(actor: Actor) -> bool:
    return actor.role is not Role.MEMBER and (
        may(actor.role, Permission.CAMPAIGNS_WRITE) or may(actor.role, Permission.ORDERS_READ)
    )


@router.get(
    "/campaigns",
    name="list_campaigns",
    response_model=PageView[CampaignView],
    responses=describe(CursorInvalid) | NOT_MODIFIED,
)
async def list_campaigns(
    request: Request,
    asked: Annotated[CampaignsRequest, Query()],
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_READ)],
) -> Response:
    """Return campaigns, the ones to be collected first on top; at most one second old."""
    drafts = _sees_drafts(actor)

    async def make() -> bytes:
        now = utc_now()
        async with database_of(request).transaction(actor.scope) as session:
            page = await queries.list_campaigns(
                session, status=asked.status, drafts=drafts, now=now, limit=asked.limit, after=asked.after
            )
            view = PageView[CampaignView](items=await _views(session, page.items, now), next=page.next)
        return view.model_dump_json().encode()

    key = ("campaigns", actor.scope, drafts, asked.status, asked.limit, asked.cursor)
    return tagged(request, await request.app.state.snapshots.get(key, make))


@router.get(
    "/campaigns/{campaign_id}",
    name="get_campaign",
    response_model=CampaignView,
    responses=describe(CampaignNotFound) | NOT_MODIFIED,
)
async def get_campaign(
    request: Request,
    campaign_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_READ)],
) -> Response:
    """Return one campaign; its entity tag begins with the version that a change has to name."""
    campaign = await queries.get_campaign(session, campaign_id, drafts=_sees_drafts(actor))
    (view,) = await _views(session, [campaign], utc_now())
    return tagged(request, view.model_dump_json().encode(), version=view.version)


@router.post(
    "/campaigns",
    status_code=201,
    name="draft_campaign",
    response_model=CampaignView,
    responses=describe(WindowsInvalid, *_KEYED),
)
async def draft_campaign(
    body: CampaignDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_WRITE)],
) -> Response:
    """Draft a campaign."""
    campaign = await actions.draft_campaign(session, body, union_id=actor.union_id, drafted_by=actor.id)
    return await keeper.keep(_view(campaign, [], utc_now()))


@router.patch(
    "/campaigns/{campaign_id}",
    name="change_campaign",
    response_model=CampaignView,
    responses=describe(
        CampaignNotFound,
        CampaignNotDraft,
        CampaignSealed,
        WindowsInvalid,
        OutsideWindow,
        PreconditionFailed,
        PreconditionRequired,
    ),
)
async def change_campaign(
    campaign_id: UUID,
    body: CampaignChange,
    session: Transaction,
    _: Annotated[Actor, require(Permission.CAMPAIGNS_WRITE)],
    if_match: IfMatch = None,
) -> CampaignView:
    """Change a draft, or move the ends of a published campaign further away."""
    campaign = await actions.change_campaign(session, campaign_id, body, seen_version=seen_version(if_match))
    (view,) = await _views(session, [campaign], utc_now())
    return view


@router.post(
    "/campaigns/{campaign_id}/publish",
    name="publish_campaign",
    response_model=CampaignView,
    responses=describe(
        CampaignNotFound, CampaignNotDraft, CampaignIncomplete, KindMismatch, OwnDraft, *_KEYED
    ),
)
async def publish_campaign(
    campaign_id: UUID,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_PUBLISH)],
) -> Response:
    """Publish a campaign that somebody else drafted."""
    now = utc_now()
    campaign = await actions.publish_campaign(session, campaign_id, published_by=actor.id, now=now)
    (view,) = await _views(session, [campaign], now)
    return await keeper.keep(view, status=200)


@router.post(
    "/campaigns/{campaign_id}/offers",
    status_code=201,
    name="add_offer",
    response_model=NewOfferView,
    responses=describe(
        CampaignNotFound, CampaignNotDraft, GiftBoxNotFound, KindMismatch, PointNotFound, *_KEYED
    ),
)
async def add_offer(
    campaign_id: UUID,
    body: OfferDraft,
    session: Transaction,
    keeper: Kept,
    _: Annotated[Actor, require(Permission.CAMPAIGNS_WRITE)],
) -> Response:
    """Offer a gift box at a pickup point."""
    offer = await actions.add_offer(session, campaign_id, body)
    return await keeper.keep(NewOfferView.model_validate(offer, from_attributes=True))


@router.get(
    "/campaigns/{campaign_id}/slots",
    name="list_slots",
    response_model=PageView[SlotView],
    responses=describe(CampaignNotFound, CursorInvalid) | NOT_MODIFIED,
)
async def get_slots(
    request: Request,
    campaign_id: UUID,
    asked: Annotated[SlotsRequest, Query()],
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_READ)],
) -> Response:
    """Return the slots of a campaign by time, with what is free; at most one second old.

    Members see those that are not over; staff see all.
    """
    drafts, is_member = _sees_drafts(actor), actor.role is Role.MEMBER

    async def make() -> bytes:
        now = utc_now() if is_member else None
        which = SlotsWanted(point_id=asked.pickup_point_id, on=asked.on, not_over_at=now)
        async with database_of(request).transaction(actor.scope) as session:
            await queries.get_campaign(session, campaign_id, drafts=drafts)
            page = await list_slots(session, campaign_id, which=which, limit=asked.limit, after=asked.after)
        view = PageView[SlotView](items=[slot_view(slot) for slot in page.items], next=page.next)
        return view.model_dump_json().encode()

    # `asked` is in the key as a whole: what it asks for decides the answer.
    key = ("slots", actor.scope, drafts, is_member, campaign_id, asked.model_dump_json())
    return tagged(request, await request.app.state.snapshots.get(key, make))


@router.post(
    "/campaigns/{campaign_id}/slots",
    status_code=201,
    name="add_slots",
    response_model=NewSlotsView,
    responses=describe(CampaignNotFound, CampaignSealed, PointNotFound, OutsideWindow, *_KEYED),
)
async def plan_slots(
    campaign_id: UUID,
    body: SlotPlan,
    session: Transaction,
    keeper: Kept,
    _: Annotated[Actor, require(Permission.PICKUP_WRITE)],
) -> Response:
    """Cut pickup days of the campaign at a point into slots; those that are there stay as they are."""
    campaign = await queries.lock_unsealed(session, campaign_id)
    within = PickupDays(campaign.pickup_from, campaign.pickup_until)
    added = await add_slots(session, campaign.id, body, union_id=campaign.union_id, within=within)
    return await keeper.keep(NewSlotsView(added=added))
