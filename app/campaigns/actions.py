"""What people do with campaigns: draft, change, add offers, publish."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.errors import (
    CampaignIncomplete,
    CampaignNotDraft,
    OwnDraft,
    WindowsInvalid,
)
from app.campaigns.queries import count_offers, lock_campaign
from app.campaigns.rules import Stage
from app.campaigns.schemas import CampaignChange, CampaignDraft, OfferDraft
from app.campaigns.tables import Campaign, Offer
from app.catalog.queries import get_gift_box
from app.pickup.queries import count_slots, get_point
from app.platform.errors import PreconditionFailed
from app.platform.ids import new_id


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
        **draft.model_dump(exclude={"eligible_statuses", "allocation"}),
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
    if campaign.order_closes_at <= campaign.order_opens_at or campaign.pickup_until < campaign.pickup_from:
        raise WindowsInvalid()


async def change_campaign(
    session: AsyncSession, campaign_id: UUID, change: CampaignChange, *, seen_version: int
) -> Campaign:
    """Change a campaign that the caller saw at `seen_version`.

    After publication only later ends are allowed, so that nobody loses what was announced.
    Raises CampaignNotFound, PreconditionFailed, CampaignNotDraft, WindowsInvalid.
    """
    campaign = await lock_campaign(session, campaign_id)
    if campaign.version != seen_version:
        raise PreconditionFailed()
    if campaign.stage == Stage.CANCELLED or (
        campaign.stage == Stage.PUBLISHED and not _only_extends(campaign, change)
    ):
        raise CampaignNotDraft()
    for name, value in change.model_dump(exclude_none=True).items():
        setattr(campaign, name, value)
    _check_windows(campaign)
    campaign.version += 1
    await session.flush()
    return campaign


def _only_extends(campaign: Campaign, change: CampaignChange) -> bool:
    later = change.order_closes_at is None or change.order_closes_at >= campaign.order_closes_at
    longer = change.pickup_until is None or change.pickup_until >= campaign.pickup_until
    return later and longer and change.order_opens_at is None and change.pickup_from is None


async def add_offer(session: AsyncSession, campaign_id: UUID, draft: OfferDraft) -> Offer:
    """Offer a gift box at a pickup point in a draft.

    Raises CampaignNotFound, CampaignNotDraft, GiftBoxNotFound, PointNotFound; a second offer of the
    same box at the same point is refused by the database.
    """
    campaign = await lock_campaign(session, campaign_id)
    if campaign.stage != Stage.DRAFT:
        raise CampaignNotDraft()
    await get_gift_box(session, draft.gift_box_id)
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

    Two people: who drafted it does not publish it. Raises CampaignNotFound, CampaignNotDraft,
    OwnDraft, CampaignIncomplete.
    """
    campaign = await lock_campaign(session, campaign_id)
    if campaign.stage != Stage.DRAFT:
        raise CampaignNotDraft()
    if campaign.drafted_by == published_by:
        raise OwnDraft()
    counted = {
        "offers": await count_offers(session, campaign_id),
        "slots": await count_slots(session, campaign_id),
    }
    missing = [name for name, count in counted.items() if count == 0]
    if missing:
        raise CampaignIncomplete(missing=missing)
    campaign.stage, campaign.published_by, campaign.published_at = Stage.PUBLISHED.value, published_by, now
    campaign.version += 1
    await session.flush()
    return campaign
