"""Every `select` about campaigns and offers."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.campaigns.errors import CampaignNotFound, OfferNotFound
from app.campaigns.rules import CampaignStatus, Stage
from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.pickup.tables import PickupPoint, Slot
from app.platform.clock import local_date
from app.platform.paging import Page, page_of, seek
from app.regions.tables import PartnerRegion
from app.unions.tables import Member


async def get_campaign(session: AsyncSession, campaign_id: UUID, *, drafts: bool = True) -> Campaign:
    """Return a campaign of the session's unions, or raise CampaignNotFound."""
    campaign = (
        await session.execute(select(Campaign).where(Campaign.id == campaign_id))
    ).scalar_one_or_none()
    if campaign is None or (campaign.stage == Stage.DRAFT and not drafts):
        raise CampaignNotFound()
    return campaign


async def lock_campaign(session: AsyncSession, campaign_id: UUID) -> Campaign:
    """Lock and return a campaign of the session's unions, or raise CampaignNotFound."""
    wanted = select(Campaign).where(Campaign.id == campaign_id).with_for_update()
    campaign = (await session.execute(wanted)).scalar_one_or_none()
    if campaign is None:
        raise CampaignNotFound()
    return campaign


async def get_offer(session: AsyncSession, offer_id: UUID) -> Offer:
    """Return an offer of the session's unions, or raise OfferNotFound."""
    offer = (await session.execute(select(Offer).where(Offer.id == offer_id))).scalar_one_or_none()
    if offer is None:
        raise OfferNotFound()
    return offer


async def list_campaigns(
    session: AsyncSession,
    *,
    status: CampaignStatus | None,
    drafts: bool,
    now: datetime,
    limit: int,
    after: tuple[str, ...] | None,
) -> Page[Campaign]:
    """Return campaigns, the ones to be collected first on top; drafts only when asked for."""
    wanted = select(Campaign)
    if not drafts:
        wanted = wanted.where(Campaign.stage != Stage.DRAFT)
    if status is not None:
        wanted = wanted.where(_is(status, now))
    if after is not None:
        wanted = wanted.where(
            tuple_(Campaign.pickup_from, Campaign.id) > seek(after, date.fromisoformat, UUID)
        )
    rows = (
        await session.execute(wanted.order_by(Campaign.pickup_from, Campaign.id).limit(limit + 1))
    ).scalars()
    return page_of(list(rows), limit=limit, key=lambda found: (found.pickup_from.isoformat(), str(found.id)))


def _is(status: CampaignStatus, now: datetime) -> ColumnElement[bool]:
    """Return the SQL form of `rules.campaign_status(…) == status`; a test compares the two."""
    published = Campaign.stage == Stage.PUBLISHED
    today = local_date(now)
    match status:
        case CampaignStatus.SCHEDULED:
            return and_(published, Campaign.order_opens_at > now)
        case CampaignStatus.OPEN:
            return and_(published, Campaign.order_opens_at <= now, Campaign.order_closes_at > now)
        case CampaignStatus.PICKUP:
            return and_(published, Campaign.order_closes_at <= now, Campaign.pickup_until >= today)
        case CampaignStatus.CLOSED:
            return and_(published, Campaign.order_closes_at <= now, Campaign.pickup_until < today)
        case _:
            return Campaign.stage == status.value


async def find_offers(
    session: AsyncSession, campaign_ids: Collection[UUID]
) -> Sequence[tuple[Offer, GiftBox, PickupPoint, PartnerRegion | None]]:
    """Return the offers of campaigns with their gift boxes, pickup points and regions of origin."""
    region = aliased(PartnerRegion)
    wanted = (
        select(Offer, GiftBox, PickupPoint, region)
        .join(GiftBox, GiftBox.id == Offer.gift_box_id)
        .join(PickupPoint, PickupPoint.id == Offer.pickup_point_id)
        .outerjoin(region, region.id == GiftBox.region_id)
        .where(Offer.campaign_id.in_(campaign_ids))
        .order_by(Offer.campaign_id, Offer.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in await session.execute(wanted)]


async def find_components(
    session: AsyncSession, gift_box_ids: Collection[UUID]
) -> Sequence[tuple[GiftBoxComponent, Product]]:
    """Return what is in gift boxes, in the order of the label."""
    wanted = (
        select(GiftBoxComponent, Product)
        .join(Product, Product.id == GiftBoxComponent.product_id)
        .where(GiftBoxComponent.gift_box_id.in_(gift_box_ids))
        .order_by(GiftBoxComponent.gift_box_id, GiftBoxComponent.position)
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def get_member_status(session: AsyncSession, member_id: UUID) -> str:
    """Return the state of a membership record."""
    found = await session.execute(select(Member.status).where(Member.id == member_id))
    return str(found.scalar_one())


async def count_offers(session: AsyncSession, campaign_id: UUID) -> int:
    """Return how many offers a campaign has."""
    wanted = select(func.count()).select_from(Offer).where(Offer.campaign_id == campaign_id)
    return int((await session.execute(wanted)).scalar_one())


async def has_point_without_slots(session: AsyncSession, campaign_id: UUID) -> bool:
    """Return whether a campaign offers a box at a pickup point where it has no slots."""
    slots = select(Slot.id).where(
        Slot.campaign_id == Offer.campaign_id, Slot.pickup_point_id == Offer.pickup_point_id
    )
    wanted = select(Offer.id).where(Offer.campaign_id == campaign_id, ~slots.exists()).limit(1)
    return (await session.execute(wanted)).first() is not None
