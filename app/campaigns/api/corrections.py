"""Routes of corrections: the member says what is wrong, the administrator of the unit decides."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Recalled, Transaction, require
from app.access.policy import Permission
from app.access.vault import keys_of
from app.campaigns import actions, queries
from app.campaigns.actions.corrections import open_words, record_look, trace_correction
from app.campaigns.api.eligible import masked_member
from app.campaigns.errors import (
    CampaignNotFound,
    CorrectionBeyondUnits,
    CorrectionDecided,
    CorrectionNotFound,
    CorrectionsFull,
    CorrectionValueInvalid,
    OwnCorrection,
)
from app.campaigns.rules import CorrectionStatus
from app.campaigns.schemas import (
    CorrectionAcceptance,
    CorrectionDraft,
    CorrectionRefusal,
    CorrectionView,
    OwnCorrectionView,
    RevealedCorrectionView,
    Words,
)
from app.campaigns.tables import CorrectionRequest
from app.platform.clock import utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.limits import Limit
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.unions.errors import PersonNotFound
from app.unions.tables import Member

router = APIRouter(route_class=StrictRoute, tags=["eligibility"])
LOOKS = Limit("corrections.look", 60, timedelta(hours=1))
_PLAIN = ("id", "field", "status", "campaign_id", "filed_at", "due_on", "decided_at")
_KEYED = (KeyRequired, KeyReused, KeyInFlight)
_DECIDED = (CorrectionNotFound, CorrectionDecided, OwnCorrection, *_KEYED)
Decider = Annotated[Actor, require(Permission.CORRECTIONS_DECIDE)]
Own = Annotated[Actor, require(Permission.CORRECTIONS_OWN)]


class CorrectionsRequest(PageRequest):
    """Which requests are asked for."""

    status: CorrectionStatus | None = None


@router.post(
    "/me/corrections",
    status_code=201,
    name="file_correction",
    response_model=OwnCorrectionView,
    responses=describe(CampaignNotFound, PersonNotFound, CorrectionsFull, CorrectionValueInvalid, *_KEYED),
)
async def file_correction(
    body: CorrectionDraft, session: Transaction, keeper: Recalled, actor: Own
) -> Response:
    """Say what of one's own record is wrong; the administrator of the unit decides by the day shown."""
    if keeper.made_before is not None:
        filed = await queries.get_correction(session, keeper.made_before)
    else:
        filed = await actions.file_correction(session, body, by=actor, now=utc_now())
    return await keeper.keep_id(await _own_view(session, filed))


@router.get(
    "/me/corrections",
    name="list_my_corrections",
    response_model=PageView[OwnCorrectionView],
    responses=describe(CursorInvalid),
)
async def list_my_corrections(
    page: Annotated[CorrectionsRequest, Query()], session: Transaction, actor: Own
) -> PageView[OwnCorrectionView]:
    """Return the caller's own requests with their answers, oldest first."""
    found = await queries.list_corrections(
        session, member_id=actor.id, status=page.status, limit=page.limit, after=page.after
    )
    return PageView(items=[await _own_view(session, one) for one, _ in found.items], next=found.next)


@router.get(
    "/corrections",
    name="list_corrections",
    response_model=PageView[CorrectionView],
    responses=describe(CursorInvalid),
)
async def list_corrections(
    page: Annotated[CorrectionsRequest, Query()], session: Transaction, _: Decider
) -> PageView[CorrectionView]:
    """Return requests of the caller's unit or street, oldest first, masked and without their words."""
    found = await queries.list_corrections(session, status=page.status, limit=page.limit, after=page.after)
    items = [await _view(session, request, member) for request, member in found.items]
    return PageView(items=items, next=found.next)


@router.get(
    "/corrections/{correction_id}",
    name="reveal_correction",
    response_model=RevealedCorrectionView,
    responses=describe(CorrectionNotFound, TooManyRequests),
)
async def reveal_correction(
    request: Request,
    correction_id: UUID,
    reason: Annotated[Words, Query(description="why the words are looked at; the member can read it")],
    session: Transaction,
    actor: Decider,
) -> RevealedCorrectionView:
    """Return a request with its words; who looked and why is recorded."""
    now = utc_now()
    await request.app.state.limiter.take(LOOKS, str(actor.id), now=now)
    found = await queries.get_correction(session, correction_id)
    trace_correction(session, found, "revealed", by=actor, now=now, reason=reason)
    await record_look(session, found, by=actor, now=now, reason=reason)
    members = await queries.find_members_by_id(session, [found.member_id])
    masked = await _view(session, found, members[found.member_id])
    words = open_words(await keys_of(session, found.union_id), found)
    return RevealedCorrectionView(**masked.model_dump(), **words)


@router.post(
    "/corrections/{correction_id}/accept",
    name="accept_correction",
    response_model=CorrectionView,
    responses=describe(*_DECIDED, CorrectionValueInvalid, CorrectionBeyondUnits, PersonNotFound),
)
async def accept_correction(
    correction_id: UUID, body: CorrectionAcceptance, session: Transaction, keeper: Recalled, actor: Decider
) -> Response:
    """Correct the record as was asked, or to what the body says."""
    if keeper.made_before is not None:
        decided = await queries.get_correction(session, keeper.made_before)
    else:
        decided = await actions.accept_correction(session, correction_id, body.value, by=actor, now=utc_now())
    return await keeper.keep_id(await _decided_view(session, decided), status=200)


@router.post(
    "/corrections/{correction_id}/decline",
    name="decline_correction",
    response_model=CorrectionView,
    responses=describe(*_DECIDED),
)
async def decline_correction(
    correction_id: UUID, body: CorrectionRefusal, session: Transaction, keeper: Recalled, actor: Decider
) -> Response:
    """Leave the record as it is; the member reads why."""
    if keeper.made_before is not None:
        decided = await queries.get_correction(session, keeper.made_before)
    else:
        decided = await actions.decline_correction(
            session, correction_id, body.reason, by=actor, now=utc_now()
        )
    return await keeper.keep_id(await _decided_view(session, decided), status=200)


async def _own_view(session: AsyncSession, request: CorrectionRequest) -> OwnCorrectionView:
    words = open_words(await keys_of(session, request.union_id), request)
    return OwnCorrectionView(**{name: getattr(request, name) for name in _PLAIN}, **words)


async def _view(session: AsyncSession, request: CorrectionRequest, member: Member) -> CorrectionView:
    plain = {name: getattr(request, name) for name in _PLAIN}
    return CorrectionView(member=await masked_member(session, member), **plain)


async def _decided_view(session: AsyncSession, request: CorrectionRequest) -> CorrectionView:
    members = await queries.find_members_by_id(session, [request.member_id])
    return await _view(session, request, members[request.member_id])
