"""What people do with campaigns: draft, change, add offers, publish."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.errors import (
    CampaignIncomplete,
    CampaignNotDraft,
    KindMismatch,
    OwnDraft,
    WindowsInvalid,
)
from app.campaigns.queries import (
    count_offers,
    find_offered_kinds,
    has_point_without_slots,
    lock_campaign,
    lock_unsealed,
)
from app.campaigns.rules import Stage, Windows, offers_kind, windows_agree
from app.campaigns.schemas import CampaignChange, CampaignDraft, OfferDraft
from app.campaigns.tables import Campaign, Offer
from app.catalog.queries import get_gift_box
from app.pickup.actions import check_slots_inside
from app.pickup.queries import count_slots, get_point
from app.pickup.rules import PickupDays
from app.platform.errors import PreconditionFailed
from app.platform.ids import new_id

_EXTENDING = {"order_closes_at", "pickup_until"}


async def draft_campaign(
    session: AsyncSession, draft: CampaignDraft, *, union_id: UUID, drafted_by: UUID
) -> Campaign:
    """Draft a campaign of a street union; nobody but staff sees it before it is published.

    Raises WindowsInvalid.
    """
    campaign = Campaign(
        id=new_id(),
        union_id=union_id,
        stage=Stage.DRAFT.value,
        drafted_by=drafted_by,
        **draft.model_dump(exclude={"eligible_statuses", "allocation", "kind"}),
        kind=draft.kind.value,
        allocation=draft.allocation.value,
        eligible_statuses=[status.value for status in draft.eligible_statuses],
        version=1,
        is_sample=False,
    )
    _check_windows(campaign)
    session.add(campaign)
    await session.flush()
    return campaign


def _check_windows(campaign: Campaign) -> None:
    windows = Windows(
        campaign.order_opens_at, campaign.order_closes_at, campaign.pickup_from, campaign.pickup_until
    )
    if not windows_agree(windows):
        raise WindowsInvalid()


async def change_campaign(
    session: AsyncSession, campaign_id: UUID, change: CampaignChange, *, seen_version: int | None
) -> Campaign:
    """Change a campaign that the caller saw at `seen_version` (None: at any).

    After publication only later ends are allowed, so that nobody loses what was announced.
    Raises CampaignNotFound, CampaignSealed, PreconditionFailed, CampaignNotDraft, WindowsInvalid,
    OutsideWindow.
    """
    campaign = await lock_unsealed(session, campaign_id)
    if seen_version not in {None, campaign.version}:
        raise PreconditionFailed(version=campaign.version)
    if campaign.stage == Stage.CANCELLED or (
        campaign.stage == Stage.PUBLISHED and not _only_extends(campaign, change)
    ):
        raise CampaignNotDraft()
    days_before = PickupDays(campaign.pickup_from, campaign.pickup_until)
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(campaign, name, value)
    _check_windows(campaign)
    days = PickupDays(campaign.pickup_from, campaign.pickup_until)
    if days != days_before:
        await check_slots_inside(session, campaign.id, days)
    campaign.version += 1
    await session.flush()
    return campaign


def _only_extends(campaign: Campaign, change: CampaignChange) -> bool:
    later = change.order_closes_at is None or change.order_closes_at >= campaign.order_closes_at
    longer = change.pickup_until is None or change.pickup_until >= campaign.pickup_until
    return later and longer and change.model_dump(exclude_none=True).keys() <= _EXTENDING


async def add_offer(session: AsyncSession, campaign_id: UUID, draft: OfferDraft) -> Offer:
    """Offer a gift box at a pickup point in a draft, or a place where a visit gathers.

    Raises CampaignNotFound, CampaignNotDraft, GiftBoxNotFound, PointNotFound, KindMismatch; a second offer of
    the same box at the same point is refused by the database.
    """
    campaign = await lock_campaign(session, campaign_id)
    if campaign.stage != Stage.DRAFT:
        raise CampaignNotDraft()
    box = await get_gift_box(session, draft.gift_box_id)
    if not offers_kind(campaign.kind, box.kind):
        raise KindMismatch()
    await get_point(session, draft.pickup_point_id)
    offer = Offer(
        id=new_id(),
        union_id=campaign.union_id,
        campaign_id=campaign.id,
        promised_count=0,
        waitlisted_count=0,
        version=1,
        **draft.model_dump(),
    )
    session.add(offer)
    await session.flush()
    return offer


async def publish_campaign(
    session: AsyncSession, campaign_id: UUID, *, published_by: UUID, now: datetime
) -> Campaign:
    """Publish a draft: from then on members see it, and order when its window opens.

    Two people: who drafted it does not publish it. Wherever a box is offered there must be slots, and a visit
    offers places only. Raises CampaignNotFound, CampaignNotDraft, OwnDraft, CampaignIncomplete, KindMismatch.
    """
    campaign = await lock_campaign(session, campaign_id)
    if campaign.stage != Stage.DRAFT:
        raise CampaignNotDraft()
    if campaign.drafted_by == published_by:
        raise OwnDraft()
    lacks_slots = await count_slots(session, campaign_id) == 0
    lacking = {
        "offers": await count_offers(session, campaign_id) == 0,
        "slots": lacks_slots or await has_point_without_slots(session, campaign_id),
    }
    missing = [name for name, is_lacking in lacking.items() if is_lacking]
    if missing:
        raise CampaignIncomplete(missing=missing)
    if not all(offers_kind(campaign.kind, kind) for kind in await find_offered_kinds(session, campaign_id)):
        raise KindMismatch()
    campaign.stage, campaign.published_by, campaign.published_at = Stage.PUBLISHED.value, published_by, now
    campaign.version += 1
    await session.flush()
    return campaign
