"""Routes of who may order in a campaign: its rules and its list."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.access.vault import keys_of
from app.campaigns import actions, queries
from app.campaigns.errors import (
    CampaignNotDraft,
    CampaignNotFound,
    CampaignSealed,
    RetentionTooShort,
    RulesInvalid,
)
from app.campaigns.schemas import ListChange, ListView, MaskedMember, RulesChange
from app.campaigns.tables import Campaign
from app.platform.clock import utc_now
from app.platform.errors import PreconditionFailed, PreconditionRequired
from app.platform.http import IfMatch, StrictRoute, seen_version
from app.platform.keeping import json_answer
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.unions.rules import mask_name
from app.unions.tables import Member, open_particulars

router = APIRouter(route_class=StrictRoute, tags=["eligibility"])
_CHANGE = (CampaignNotFound, CampaignNotDraft, CampaignSealed, PreconditionFailed, PreconditionRequired)


class RulesView(RulesChange):
    """The rules of a campaign."""

    campaign_id: UUID
    version: int


async def masked_member(session: AsyncSession, member: Member) -> MaskedMember:
    """Return a member as lists of others' affairs show them."""
    name = open_particulars(await keys_of(session, member.union_id), member).name
    return MaskedMember(
        id=member.id, number=member.number, name_masked=mask_name(name), unit_id=member.unit_id
    )


def rules_view(campaign: Campaign) -> RulesView:
    """Return the rules of a campaign as they are answered."""
    values = {name: getattr(campaign, name) for name in RulesChange.model_fields}
    return RulesView(campaign_id=campaign.id, version=campaign.version, **values)


@router.put(
    "/campaigns/{campaign_id}/rules",
    name="change_rules",
    response_model=RulesView,
    responses=describe(RulesInvalid, RetentionTooShort, *_CHANGE),
)
async def change_rules(
    campaign_id: UUID,
    body: RulesChange,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_WRITE)],
    if_match: IfMatch = None,
) -> RulesView:
    """Set who may order, also after publication; what was ordered stays (see `eligibility-impact` first)."""
    seen = seen_version(if_match)
    campaign = await actions.change_rules(
        session, campaign_id, body, by=actor, seen_version=seen, now=utc_now()
    )
    return rules_view(campaign)


@router.put(
    "/campaigns/{campaign_id}/list",
    name="change_list",
    response_model=ListView,
    responses=describe(*_CHANGE),
)
async def change_list(
    campaign_id: UUID,
    body: ListChange,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.CAMPAIGNS_WRITE)],
    if_match: IfMatch = None,
) -> Response:
    """Put members on the list of a campaign by their numbers, take them off, or replace it."""
    seen = seen_version(if_match)
    listed = await actions.change_list(session, campaign_id, body, by=actor, seen_version=seen, now=utc_now())
    view = ListView(
        campaign_id=listed.campaign.id,
        version=listed.campaign.version,
        listed=listed.listed,
        added=listed.added,
        removed=listed.removed,
        unknown=listed.unknown,
    )
    return json_answer(view.model_dump_json())


@router.get(
    "/campaigns/{campaign_id}/list",
    name="get_list",
    response_model=PageView[MaskedMember],
    responses=describe(CampaignNotFound, CursorInvalid),
)
async def get_list(
    campaign_id: UUID,
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.MEMBERS_READ)],
) -> PageView[MaskedMember]:
    """Return who is on the list of a campaign, masked."""
    await queries.get_campaign(session, campaign_id)
    found = await queries.list_entries(session, campaign_id, limit=page.limit, after=page.after)
    items = [await masked_member(session, member) for _, member in found.items]
    return PageView(items=items, next=found.next)
