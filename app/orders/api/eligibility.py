"""Routes of why a member may or may not order: to the member, to the desk, to who changes the rules."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Transaction, require
from app.access.policy import Permission
from app.campaigns import queries
from app.campaigns.api.eligible import masked_member
from app.campaigns.errors import CampaignNotFound
from app.campaigns.rules import (
    CORRECTIONS_AT,
    EligibilityRules,
    ExceptionStatus,
    RuleResult,
    is_eligible,
    received_free_on,
)
from app.campaigns.schemas import (
    CorrectionLink,
    EligibilityView,
    MaskedMember,
    RuleView,
    StandingException,
)
from app.campaigns.tables import Campaign
from app.orders.actions.eligibility import Explained, explain_eligibility, find_affected, rules_of
from app.orders.rules.desk import MemberState
from app.orders.rules.states import OrderStatus
from app.platform.clock import local_date, utc_now
from app.platform.http import StrictRoute
from app.platform.i18n import Language, choose_language, said, text
from app.platform.paging import CursorInvalid, PageRequest, PageView, page_of, seek, text_key
from app.platform.problems import describe
from app.unions.errors import PersonNotFound
from app.unions.queries import get_member, get_union
from app.unions.rules import MemberStatus
from app.unions.tables import Member

router = APIRouter(route_class=StrictRoute, tags=["eligibility"])


class ImpactRequest(PageRequest):
    """Rules to be tried out; what is left out is as the campaign has it."""

    eligible_statuses: Annotated[list[MemberStatus] | None, Field(max_length=4)] = None
    eligible_unit_ids: Annotated[list[UUID] | None, Field(max_length=200)] = None
    not_received_months: Annotated[int | None, Field(ge=1, le=36)] = None
    not_received_campaign_ids: Annotated[list[UUID] | None, Field(max_length=50)] = None
    is_listed_only: bool | None = None


class AffectedOrderView(BaseModel):
    """A live order whose member the rules would no longer let order."""

    id: UUID
    number: str
    status: OrderStatus
    member: MaskedMember
    failing: list[str]


@router.get(
    "/me/eligibility",
    name="get_eligibility",
    response_model=EligibilityView,
    responses=describe(CampaignNotFound, PersonNotFound),
)
async def get_eligibility(
    request: Request,
    campaign_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> EligibilityView:
    """Return whether the caller may order in a campaign, rule by rule, in words, and what to do next."""
    campaign = await queries.get_campaign(session, campaign_id, drafts=False)
    member = await get_member(session, actor.id)
    return await _explain(request, session, campaign, member)


@router.get(
    "/members/{member_id}/eligibility",
    name="get_member_eligibility",
    response_model=EligibilityView,
    responses=describe(CampaignNotFound, PersonNotFound),
)
async def get_member_eligibility(
    request: Request,
    member_id: UUID,
    campaign_id: UUID,
    session: Transaction,
    _: Annotated[Actor, require(Permission.MEMBERS_READ)],
) -> EligibilityView:
    """Return to staff what a member is told about a campaign, to explain it at the desk."""
    member = await get_member(session, member_id)
    campaign = await queries.get_campaign(session, campaign_id)
    if campaign.union_id != member.union_id:
        raise CampaignNotFound()
    return await _explain(request, session, campaign, member)


@router.get(
    "/campaigns/{campaign_id}/eligibility-impact",
    name="get_eligibility_impact",
    response_model=PageView[AffectedOrderView],
    responses=describe(CampaignNotFound, CursorInvalid),
)
async def get_eligibility_impact(
    campaign_id: UUID,
    asked: Annotated[ImpactRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.ORDERS_READ)],
) -> PageView[AffectedOrderView]:
    """Return the live orders that rules would not allow, masked: those asked about, or as they are.

    It only looks: orders stay, whatever the rules become.
    """
    campaign = await queries.get_campaign(session, campaign_id)
    after = seek(asked.after, text_key, UUID)[1] if asked.after is not None else None
    found = await find_affected(
        session, campaign_id, rules=_tried(campaign, asked), at=utc_now(), limit=asked.limit + 1, after=after
    )
    page = page_of(found, limit=asked.limit, key=lambda one: ("order", str(one.order.id)))
    members = await queries.find_members_by_id(session, {one.order.member_id for one in page.items})
    items = [
        AffectedOrderView(
            id=one.order.id,
            number=one.order.number,
            status=OrderStatus(one.order.status),
            member=await masked_member(session, members[one.order.member_id]),
            failing=list(one.failing),
        )
        for one in page.items
    ]
    return PageView(items=items, next=page.next)


def _tried(campaign: Campaign, asked: ImpactRequest) -> EligibilityRules:
    now = rules_of(campaign)
    return EligibilityRules(
        asked.eligible_statuses or now.statuses,
        now.unit_ids if asked.eligible_unit_ids is None else asked.eligible_unit_ids,
        asked.not_received_months or now.not_received_months,
        now.not_received_campaign_ids
        if asked.not_received_campaign_ids is None
        else asked.not_received_campaign_ids,
        now.is_listed_only if asked.is_listed_only is None else asked.is_listed_only,
    )


async def _explain(
    request: Request, session: AsyncSession, campaign: Campaign, member: Member
) -> EligibilityView:
    language = choose_language(request.headers.get("accept-language"))
    state = MemberState(member.id, member.unit_id, member.status)
    explained = await explain_eligibility(session, campaign, member=state, at=utc_now())
    words = await _words(session, member, explained, language=language)
    standing = await queries.find_standing_exception(session, campaign.id, member_id=member.id)
    exception = None
    if standing is not None and standing.status == ExceptionStatus.APPROVED:
        values = {name: getattr(standing, name) for name in ("id", "rules", "reason_code")}
        exception = StandingException(approved_at=standing.decided_at, **values)
    open_count = await queries.count_open_corrections(session, member.id)
    return EligibilityView(
        eligible=is_eligible(explained.results),
        rules=[_rule_view(one, words, language=language) for one in explained.results],
        exception=exception,
        correction=CorrectionLink(href=CORRECTIONS_AT, contact=words["contact"], open=open_count),
    )


async def _words(
    session: AsyncSession, member: Member, explained: Explained, *, language: Language
) -> dict[str, Any]:
    """Return what the texts of the rules say about this member, and where they may ask."""
    unit, street = await get_union(session, member.unit_id), await get_union(session, member.union_id)
    reachable = next((one for one in (unit, street) if one.hotline), None)
    contact = unit.name
    if reachable is not None:
        contact = text(
            language, "message.contact", part="detail", name=reachable.name, phone=reachable.hotline
        )
    months, received_at = explained.rules.not_received_months, explained.facts.last_received_at
    free_on = received_free_on(received_at, months) if months else None
    return {
        "unit": unit.name,
        "status": text(language, f"message.status_{member.status}", part="detail"),
        "contact": contact,
        "months": months,
        "received_on": _day(local_date(received_at), language) if received_at else None,
        "free_on": _day(free_on, language) if free_on else None,
    }


def _day(day: date, language: Language) -> str:
    """Return a day with its year: it may be long ago."""
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh-CN" else said(day, language)


def _rule_view(result: RuleResult, words: dict[str, Any], *, language: Language) -> RuleView:
    key = f"rule.{result.code}"
    if result.exception is not None:
        detail = text(language, "message.passed_by_exception", part="detail")
    else:
        detail = text(language, key, part="passed" if result.passed else "failed", **words)
    action = None if result.passed else text(language, key, part="action", **words)
    return RuleView(code=result.code, passed=result.passed, detail=detail, action=action)
