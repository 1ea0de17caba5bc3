"""Routes of individual exceptions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.access.vault import Place, keys_of
from app.campaigns import actions, queries
from app.campaigns.actions.exceptions import TABLE
from app.campaigns.api.eligible import masked_member
from app.campaigns.errors import (
    CampaignNotFound,
    ExceptionDecided,
    ExceptionNotFound,
    ExceptionStands,
    OwnException,
)
from app.campaigns.rules import ExceptionStatus
from app.campaigns.schemas import ExceptionDraft, ExceptionView, NewExceptionView
from app.campaigns.tables import EligibilityException
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.keeping import Keeper
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.unions.errors import PersonNotFound
from app.unions.tables import Member

router = APIRouter(route_class=StrictRoute, tags=["eligibility"])
_KEYED = (KeyRequired, KeyReused, KeyInFlight)
_DECIDED = describe(ExceptionNotFound, ExceptionDecided, OwnException, *_KEYED)
_PLAIN = (
    "id", "campaign_id", "rules", "reason_code", "status", "requested_by", "requested_at", "decided_by",
    "decided_at",
)  # fmt: skip
Approver = Annotated[Actor, require(Permission.EXCEPTIONS_APPROVE)]


class ExceptionsRequest(PageRequest):
    """Which exceptions are asked for."""

    campaign_id: UUID | None = None
    status: ExceptionStatus | None = None


@router.post(
    "/campaigns/{campaign_id}/exceptions",
    status_code=201,
    name="request_exception",
    response_model=NewExceptionView,
    responses=describe(CampaignNotFound, PersonNotFound, ExceptionStands, OwnException, Conflict, *_KEYED),
)
async def request_exception(
    campaign_id: UUID,
    body: ExceptionDraft,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.EXCEPTIONS_REQUEST)],
) -> Response:
    """Ask that one member may order although rules are against it; it counts when another approves it."""
    asked = await actions.request_exception(session, campaign_id, body, by=actor, now=utc_now())
    return await keeper.keep(NewExceptionView.model_validate(asked, from_attributes=True))


async def _decide(
    session: AsyncSession, exception_id: UUID, decision: ExceptionStatus, *, keeper: Keeper, actor: Actor
) -> Response:
    asked = await actions.decide_exception(session, exception_id, decision, by=actor, now=utc_now())
    return await keeper.keep(NewExceptionView.model_validate(asked, from_attributes=True), status=200)


@router.post(
    "/exceptions/{exception_id}/approve",
    name="approve_exception",
    response_model=NewExceptionView,
    responses=_DECIDED,
)
async def approve_exception(
    exception_id: UUID, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Approve an exception: from now on the member passes the rules it names."""
    return await _decide(session, exception_id, ExceptionStatus.APPROVED, keeper=keeper, actor=actor)


@router.post(
    "/exceptions/{exception_id}/decline",
    name="decline_exception",
    response_model=NewExceptionView,
    responses=_DECIDED,
)
async def decline_exception(
    exception_id: UUID, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Decline an exception that was asked for."""
    return await _decide(session, exception_id, ExceptionStatus.DECLINED, keeper=keeper, actor=actor)


@router.post(
    "/exceptions/{exception_id}/withdraw",
    name="withdraw_exception",
    response_model=NewExceptionView,
    responses=_DECIDED,
)
async def withdraw_exception(
    exception_id: UUID, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Withdraw an exception; orders that were placed by it stay."""
    return await _decide(session, exception_id, ExceptionStatus.WITHDRAWN, keeper=keeper, actor=actor)


@router.get(
    "/exceptions",
    name="list_exceptions",
    response_model=PageView[ExceptionView],
    responses=describe(CursorInvalid),
)
async def list_exceptions(
    page: Annotated[ExceptionsRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.EXCEPTIONS_READ)],
) -> PageView[ExceptionView]:
    """Return individual exceptions with their reasons, newest first."""
    found = await queries.list_exceptions(
        session, campaign_id=page.campaign_id, status=page.status, limit=page.limit, after=page.after
    )
    items = [await _view(session, asked, member) for asked, member in found.items]
    return PageView(items=items, next=found.next)


async def _view(session: AsyncSession, asked: EligibilityException, member: Member) -> ExceptionView:
    keys = await keys_of(session, asked.union_id)
    words = {
        name: None
        if (value := getattr(asked, name)) is None
        else keys.open(Place(TABLE, name, asked.id), value)
        for name in ("reason", "evidence")
    }
    plain = {name: getattr(asked, name) for name in _PLAIN}
    return ExceptionView(member=await masked_member(session, member), **plain, **words)
