"""Routes of closing a campaign: figures, what stands in the way, prepare, withdraw, seal, supplements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission, may
from app.campaigns.errors import CampaignNotFound
from app.campaigns.queries import get_campaign
from app.closing.actions import close
from app.closing.actions.look import Looker, closing_view, list_blockers, view_closing
from app.closing.actions.supplement import add_supplements
from app.closing.errors import (
    AlreadyPrepared,
    ClosingBlocked,
    ClosingNotFound,
    NothingLater,
    NotPrepared,
    NotSealed,
    OwnPreparation,
    PapersUnderWay,
)
from app.closing.queries.closings import hold_snapshot
from app.closing.schemas import (
    BlockerView,
    ClosingPreparation,
    ClosingView,
    DocumentOfClosing,
    SupplementsView,
)
from app.platform.clock import utc_now
from app.platform.errors import Conflict, Forbidden, KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.i18n import choose_language
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.privacy.actions.reveal import REVEALS
from app.unions.rules.looks import RevealReason

router = APIRouter(route_class=StrictRoute, tags=["closing"])
Reader = Annotated[Actor, require(Permission.DOCUMENTS_READ)]
Officer = Annotated[Actor, require(Permission.CLOSING_PREPARE)]
Chair = Annotated[Actor, require(Permission.CLOSING_SEAL)]
_KEYED = (KeyReused, KeyRequired, KeyInFlight, Conflict)


class BlockersRequest(PageRequest):
    """Which blockers are asked for; with a reason names are in full."""

    reason: RevealReason | None = None


@router.get(
    "/campaigns/{campaign_id}/closing",
    name="get_closing",
    response_model=ClosingView,
    responses=describe(CampaignNotFound),
)
async def get_closing(campaign_id: UUID, session: Transaction, _: Reader) -> ClosingView:
    """Return both identities of a campaign with all their numbers, as they are now or were sealed."""
    await hold_snapshot(session)
    campaign = await get_campaign(session, campaign_id)
    return await view_closing(session, campaign, now=utc_now())


@router.get(
    "/campaigns/{campaign_id}/closing/blockers",
    name="list_closing_blockers",
    response_model=PageView[BlockerView],
    responses=describe(CampaignNotFound, CursorInvalid, TooManyRequests),
)
async def get_blockers(
    request: Request,
    campaign_id: UUID,
    asked: Annotated[BlockersRequest, Query()],
    session: Transaction,
    actor: Reader,
) -> PageView[BlockerView]:
    """Return what stands in the way by name: masked, or in full for a reason that the member can read."""
    now = utc_now()
    await _allow_names(request, asked, actor=actor)
    await hold_snapshot(session)
    campaign = await get_campaign(session, campaign_id)
    looker = Looker(actor, choose_language(request.headers.get("accept-language")), asked.reason, now)
    page = await list_blockers(session, campaign, looker, limit=asked.limit, after=asked.after)
    return PageView(items=list(page.items), next=page.next)


async def _allow_names(request: Request, asked: BlockersRequest, *, actor: Actor) -> None:
    if asked.reason is None:
        return
    if not may(actor.role, Permission.MEMBERS_REVEAL):
        raise Forbidden()
    await request.app.state.limiter.take(REVEALS, str(actor.id), now=utc_now())


@router.post(
    "/campaigns/{campaign_id}/closing",
    status_code=201,
    name="prepare_closing",
    response_model=ClosingView,
    responses=describe(CampaignNotFound, AlreadyPrepared, ClosingBlocked, *_KEYED),
)
async def prepare(
    campaign_id: UUID, body: ClosingPreparation, session: Transaction, keeper: Kept, actor: Officer
) -> Response:
    """Freeze the figures of a campaign in which everything adds up; somebody else seals it."""
    wanted = close.Preparation(tuple(body.acknowledged_event_ids), body.note)
    closing = await close.prepare_closing(session, campaign_id, wanted, by=actor, now=utc_now())
    view = closing_view(campaign_id, closing, figures=closing.figures)
    return await keeper.keep(view)


@router.post(
    "/campaigns/{campaign_id}/closing/withdraw",
    name="withdraw_closing",
    response_model=ClosingView,
    responses=describe(CampaignNotFound, ClosingNotFound, NotPrepared, *_KEYED),
)
async def withdraw(campaign_id: UUID, session: Transaction, keeper: Kept, actor: Officer) -> Response:
    """Take a preparation back, so that the campaign can be put right and prepared again."""
    closing = await close.withdraw_closing(session, campaign_id, by=actor, now=utc_now())
    view = closing_view(campaign_id, closing, figures=closing.figures)
    return await keeper.keep(view, status=200)


@router.post(
    "/campaigns/{campaign_id}/closing/seal",
    name="seal_closing",
    response_model=ClosingView,
    responses=describe(
        CampaignNotFound, ClosingNotFound, NotPrepared, OwnPreparation, ClosingBlocked, *_KEYED
    ),
)
async def seal(campaign_id: UUID, session: Transaction, keeper: Kept, actor: Chair) -> Response:
    """Seal what somebody else prepared: everything is checked again, the final papers are asked for."""
    closing = await close.seal_closing(session, campaign_id, by=actor, now=utc_now())
    view = closing_view(campaign_id, closing, figures=closing.figures)
    return await keeper.keep(view, status=200)


@router.post(
    "/campaigns/{campaign_id}/closing/supplements",
    status_code=201,
    name="add_closing_supplements",
    response_model=SupplementsView,
    responses=describe(CampaignNotFound, NotSealed, NothingLater, PapersUnderWay, *_KEYED),
)
async def supplement(campaign_id: UUID, session: Transaction, keeper: Kept, actor: Officer) -> Response:
    """Ask for supplements to the sealed sign-off sheets: they list only what came in later."""
    closing, count, documents = await add_supplements(session, campaign_id, by=actor, now=utc_now())
    papers = [DocumentOfClosing.model_validate(one, from_attributes=True) for one in documents]
    return await keeper.keep(SupplementsView(id=closing.id, hand_overs=count, documents=papers))
