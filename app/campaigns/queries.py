"""Every `select` about campaigns and offers."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, bindparam, cast, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.types import Uuid

from app.access.scope import in_scope, read_scoped
from app.campaigns.errors import (
    CampaignNotFound,
    CampaignSealed,
    CorrectionNotFound,
    ExceptionNotFound,
    OfferNotFound,
)
from app.campaigns.rules import (
    STANDING_EXCEPTIONS,
    CampaignStatus,
    CorrectionStatus,
    ExceptionStatus,
    Stage,
)
from app.campaigns.tables import Campaign, CorrectionRequest, EligibilityException, ListEntry, Offer
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.pickup.tables import PickupPoint, Slot
from app.platform.clock import local_date
from app.platform.paging import Page, page_of, seek, text_key
from app.regions.tables import PartnerRegion
from app.unions.errors import PersonNotFound
from app.unions.tables import Member, Union

_UUIDS = ARRAY(Uuid(as_uuid=True))
_IDS = any_(cast(bindparam("ids", type_=_UUIDS), _UUIDS))
_CAMPAIGN_IDS = any_(cast(bindparam("campaign_ids", type_=_UUIDS), _UUIDS))
_PARENTS = select(Union.id, Union.parent_id).where(Union.id == _IDS)
_LISTED = select(ListEntry.campaign_id, ListEntry.member_id).where(
    ListEntry.member_id == _IDS, ListEntry.campaign_id == _CAMPAIGN_IDS, in_scope(ListEntry)
)
_WAIVERS = (
    select(
        EligibilityException.campaign_id,
        EligibilityException.member_id,
        EligibilityException.rules,
        EligibilityException.reason_code,
    )
    .where(
        EligibilityException.member_id == _IDS,
        EligibilityException.campaign_id == _CAMPAIGN_IDS,
        EligibilityException.status == literal_column(f"'{ExceptionStatus.APPROVED}'"),
        in_scope(EligibilityException),
    )
    .order_by(EligibilityException.id)
)
_HELD_WAIVERS = _WAIVERS.with_for_update(read=True)


async def find_unit_parents(session: AsyncSession, unit_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Return which union each unit belongs to: a group to its grassroots union, that one to the street."""
    if not unit_ids:
        return {}
    rows = await read_scoped(session, _PARENTS, {"ids": sorted(unit_ids)})
    return {row.id: row.parent_id for row in rows}


async def find_listed(
    session: AsyncSession, member_ids: Collection[UUID], *, campaign_ids: Collection[UUID]
) -> set[tuple[UUID, UUID]]:
    """Return (campaign id, member id) of who is on the lists of campaigns."""
    if not member_ids:
        return set()
    values = {"ids": sorted(member_ids), "campaign_ids": sorted(campaign_ids)}
    return {(row.campaign_id, row.member_id) for row in await read_scoped(session, _LISTED, values)}


async def find_waivers(
    session: AsyncSession, pairs: Collection[tuple[UUID, UUID]], *, hold: bool = False
) -> dict[tuple[UUID, UUID], dict[str, str]]:
    """Return the rules that approved exceptions set aside, with the codes of their reasons.

    By (campaign id, member id). With `hold` nobody withdraws them before the transaction ends.
    """
    if not pairs:
        return {}
    values = {"ids": sorted({pair[1] for pair in pairs}), "campaign_ids": sorted({pair[0] for pair in pairs})}
    rows = await read_scoped(session, _HELD_WAIVERS if hold else _WAIVERS, values)
    return {(row.campaign_id, row.member_id): dict.fromkeys(row.rules, row.reason_code) for row in rows}


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


async def lock_unsealed(session: AsyncSession, campaign_id: UUID) -> Campaign:
    """Lock and return a campaign that may still change; raise CampaignNotFound, CampaignSealed."""
    campaign = await lock_campaign(session, campaign_id)
    if campaign.sealed_at is not None:
        raise CampaignSealed()
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


async def count_offers(session: AsyncSession, campaign_id: UUID) -> int:
    """Return how many offers a campaign has."""
    wanted = select(func.count()).select_from(Offer).where(Offer.campaign_id == campaign_id)
    return int((await session.execute(wanted)).scalar_one())


async def find_offered_kinds(session: AsyncSession, campaign_id: UUID) -> set[str]:
    """Return which kinds of things a campaign offers: boxes, places."""
    wanted = select(GiftBox.kind).join(Offer, Offer.gift_box_id == GiftBox.id)
    return set((await session.scalars(wanted.where(Offer.campaign_id == campaign_id).distinct())).all())


async def has_point_without_slots(session: AsyncSession, campaign_id: UUID) -> bool:
    """Return whether a campaign offers a box at a pickup point where it has no slots."""
    slots = select(Slot.id).where(
        Slot.campaign_id == Offer.campaign_id, Slot.pickup_point_id == Offer.pickup_point_id
    )
    wanted = select(Offer.id).where(Offer.campaign_id == campaign_id, ~slots.exists()).limit(1)
    return (await session.execute(wanted)).first() is not None


async def count_units(session: AsyncSession, unit_ids: Collection[UUID], *, street_id: UUID) -> int:
    """Return how many of these are units of a street union; the street itself is none."""
    wanted = select(func.count()).where(
        Union.id.in_(unit_ids), Union.street_id == street_id, Union.id != street_id
    )
    return int((await session.execute(wanted)).scalar_one())


async def count_campaigns(session: AsyncSession, campaign_ids: Collection[UUID]) -> int:
    """Return how many of these campaigns the session's unions have."""
    wanted = select(func.count()).select_from(Campaign).where(Campaign.id.in_(campaign_ids))
    return int((await session.execute(wanted)).scalar_one())


async def find_members_by_number(session: AsyncSession, numbers: Collection[str]) -> dict[str, UUID]:
    """Return the ids of members by their numbers."""
    rows = await session.execute(select(Member.number, Member.id).where(Member.number.in_(numbers)))
    return {row.number: row.id for row in rows}


async def find_listed_members(session: AsyncSession, campaign_id: UUID) -> set[UUID]:
    """Return who is on the list of a campaign."""
    wanted = select(ListEntry.member_id).where(ListEntry.campaign_id == campaign_id)
    return set((await session.execute(wanted)).scalars())


async def list_entries(
    session: AsyncSession, campaign_id: UUID, *, limit: int, after: tuple[str, ...] | None
) -> Page[tuple[ListEntry, Member]]:
    """Return the list of a campaign with its members, by member id."""
    wanted = (
        select(ListEntry, Member)
        .join(Member, Member.id == ListEntry.member_id)
        .where(ListEntry.campaign_id == campaign_id)
    )
    if after is not None:
        wanted = wanted.where(ListEntry.member_id > seek(after, text_key, UUID)[1])
    rows = await session.execute(wanted.order_by(ListEntry.member_id).limit(limit + 1))
    found = [(row[0], row[1]) for row in rows]
    return page_of(found, limit=limit, key=lambda one: ("member", str(one[0].member_id)))


async def lock_exception(session: AsyncSession, exception_id: UUID) -> EligibilityException:
    """Lock and return an individual exception, or raise ExceptionNotFound."""
    wanted = select(EligibilityException).where(EligibilityException.id == exception_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise ExceptionNotFound()
    return found


async def find_standing_exception(
    session: AsyncSession, campaign_id: UUID, *, member_id: UUID
) -> EligibilityException | None:
    """Return the exception of a member in a campaign that is asked for or approved."""
    wanted = select(EligibilityException).where(
        EligibilityException.campaign_id == campaign_id,
        EligibilityException.member_id == member_id,
        EligibilityException.status.in_(sorted(STANDING_EXCEPTIONS)),
    )
    return (await session.execute(wanted)).scalar_one_or_none()


async def list_exceptions(
    session: AsyncSession,
    *,
    campaign_id: UUID | None,
    status: ExceptionStatus | None,
    limit: int,
    after: tuple[str, ...] | None,
) -> Page[tuple[EligibilityException, Member]]:
    """Return individual exceptions with their members, newest first."""
    wanted = select(EligibilityException, Member).join(Member, Member.id == EligibilityException.member_id)
    if campaign_id is not None:
        wanted = wanted.where(EligibilityException.campaign_id == campaign_id)
    if status is not None:
        wanted = wanted.where(EligibilityException.status == status)
    if after is not None:
        wanted = wanted.where(EligibilityException.id < seek(after, text_key, UUID)[1])
    rows = await session.execute(wanted.order_by(EligibilityException.id.desc()).limit(limit + 1))
    found = [(row[0], row[1]) for row in rows]
    return page_of(found, limit=limit, key=lambda one: ("id", str(one[0].id)))


async def get_correction(
    session: AsyncSession, correction_id: UUID, *, lock: bool = False
) -> CorrectionRequest:
    """Return a request to correct a record, locked if asked for, or raise CorrectionNotFound."""
    wanted = select(CorrectionRequest).where(CorrectionRequest.id == correction_id)
    found = (await session.execute(wanted.with_for_update() if lock else wanted)).scalar_one_or_none()
    if found is None:
        raise CorrectionNotFound()
    return found


async def count_open_corrections(session: AsyncSession, member_id: UUID) -> int:
    """Return how many requests of a member are open."""
    wanted = select(func.count()).where(
        CorrectionRequest.member_id == member_id, CorrectionRequest.status == CorrectionStatus.OPEN
    )
    return int((await session.execute(wanted.select_from(CorrectionRequest))).scalar_one())


async def list_corrections(
    session: AsyncSession,
    *,
    member_id: UUID | None = None,
    status: CorrectionStatus | None,
    limit: int,
    after: tuple[str, ...] | None,
) -> Page[tuple[CorrectionRequest, Member]]:
    """Return requests to correct records with their members, oldest first; of one member or of all."""
    wanted = select(CorrectionRequest, Member).join(Member, Member.id == CorrectionRequest.member_id)
    if member_id is not None:
        wanted = wanted.where(CorrectionRequest.member_id == member_id)
    if status is not None:
        wanted = wanted.where(CorrectionRequest.status == status)
    if after is not None:
        wanted = wanted.where(CorrectionRequest.id > seek(after, text_key, UUID)[1])
    rows = await session.execute(wanted.order_by(CorrectionRequest.id).limit(limit + 1))
    found = [(row[0], row[1]) for row in rows]
    return page_of(found, limit=limit, key=lambda one: ("id", str(one[0].id)))


async def lock_member(session: AsyncSession, member_id: UUID) -> Member:
    """Lock and return a member of the session's unions, or raise PersonNotFound."""
    wanted = select(Member).where(Member.id == member_id).with_for_update(key_share=True)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise PersonNotFound()
    return found


async def find_members_by_id(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, Member]:
    """Return members of the session's unions by their ids."""
    found = await session.execute(select(Member).where(Member.id.in_(member_ids)))
    return {member.id: member for member in found.scalars()}


async def find_campaigns_before(
    session: AsyncSession, campaign: Campaign, *, only: Collection[UUID]
) -> list[Campaign]:
    """Return the published campaigns of the same union that give their members up after their retention.

    All others but this one, or those in `only` if there are any; samples never do.
    """
    wanted = select(Campaign).where(
        Campaign.union_id == campaign.union_id,
        Campaign.id != campaign.id,
        Campaign.stage == Stage.PUBLISHED,
        Campaign.is_sample.is_(False),
    )
    if only:
        wanted = wanted.where(Campaign.id.in_(only))
    return list((await session.execute(wanted.order_by(Campaign.id))).scalars())
