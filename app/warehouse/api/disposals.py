"""Routes of disposals."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.campaigns.errors import CampaignNotFound
from app.pickup.errors import PointNotFound
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.stock.errors import LotNotFound, NotEnoughStock
from app.warehouse.actions import disposals as actions
from app.warehouse.errors import (
    CoverageBroken,
    DisposalDecided,
    DisposalNotFound,
    KindUnfit,
    LotHeldBack,
    NotThere,
    OwnStep,
)
from app.warehouse.queries import papers as queries
from app.warehouse.rules.states import DisposalStatus
from app.warehouse.schemas.papers import (
    Decision,
    DisposalApproval,
    DisposalDraft,
    DisposalLineView,
    DisposalView,
)
from app.warehouse.tables.disposals import Disposal

router = APIRouter(route_class=StrictRoute, tags=["stock"])
_KEYED = (KeyRequired, KeyReused, KeyInFlight, Conflict)
Reader = Annotated[Actor, require(Permission.STOCK_READ)]
Keeping = Annotated[Actor, require(Permission.STOCK_WRITE)]
Approver = Annotated[Actor, require(Permission.STOCK_APPROVE)]


class DisposalsRequest(PageRequest):
    """Which disposals are asked for."""

    status: DisposalStatus | None = None
    campaign_id: UUID | None = None


@router.post(
    "/stock/disposals",
    status_code=201,
    name="request_disposal",
    response_model=DisposalView,
    responses=describe(LotNotFound, PointNotFound, CampaignNotFound, KindUnfit, LotHeldBack, *_KEYED),
)
async def request_disposal(
    body: DisposalDraft, session: Transaction, keeper: Kept, actor: Keeping
) -> Response:
    """Ask that boxes be written off, returned, donated or released; nothing moves before it is approved."""
    disposal = await actions.request_disposal(session, body, by=actor, now=utc_now())
    return await keeper.keep(await _view(session, disposal))


@router.get(
    "/stock/disposals",
    name="list_disposals",
    response_model=PageView[DisposalView],
    responses=describe(CursorInvalid),
)
async def list_disposals(
    asked: Annotated[DisposalsRequest, Query()], session: Transaction, _: Reader
) -> PageView[DisposalView]:
    """Return disposals, newest first."""
    found = await queries.list_disposals(
        session, page=asked, status=asked.status, campaign_id=asked.campaign_id
    )
    return PageView(items=await _views(session, found.items), next=found.next)


@router.get(
    "/stock/disposals/{disposal_id}",
    name="get_disposal",
    response_model=DisposalView,
    responses=describe(DisposalNotFound),
)
async def get_disposal(disposal_id: UUID, session: Transaction, _: Reader) -> DisposalView:
    """Return one disposal."""
    return await _view(session, await queries.get_disposal(session, disposal_id))


@router.post(
    "/stock/disposals/{disposal_id}/approve",
    name="approve_disposal",
    response_model=DisposalView,
    responses=describe(
        DisposalNotFound,
        DisposalDecided,
        OwnStep,
        NotThere,
        LotHeldBack,
        CoverageBroken,
        NotEnoughStock,
        *_KEYED,
    ),
)
async def approve_disposal(
    disposal_id: UUID, body: DisposalApproval, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Approve what somebody else asked for; its boxes move now."""
    disposal = await actions.approve_disposal(session, disposal_id, body, by=actor, now=utc_now())
    return await keeper.keep(await _view(session, disposal), status=200)


@router.post(
    "/stock/disposals/{disposal_id}/decline",
    name="decline_disposal",
    response_model=DisposalView,
    responses=describe(DisposalNotFound, DisposalDecided, OwnStep, *_KEYED),
)
async def decline_disposal(
    disposal_id: UUID, body: Decision, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Decline what somebody else asked for; nothing moves."""
    now = utc_now()
    disposal = await actions.decline_disposal(session, disposal_id, reason=body.reason, by=actor, now=now)
    return await keeper.keep(await _view(session, disposal), status=200)


@router.post(
    "/stock/disposals/{disposal_id}/withdraw",
    name="withdraw_disposal",
    response_model=DisposalView,
    responses=describe(DisposalNotFound, DisposalDecided, OwnStep, *_KEYED),
)
async def withdraw_disposal(
    disposal_id: UUID, body: Decision, session: Transaction, keeper: Kept, actor: Keeping
) -> Response:
    """Withdraw what one has asked for oneself; nothing moves."""
    now = utc_now()
    disposal = await actions.withdraw_disposal(session, disposal_id, reason=body.reason, by=actor, now=now)
    return await keeper.keep(await _view(session, disposal), status=200)


async def _view(session: AsyncSession, disposal: Disposal) -> DisposalView:
    return (await _views(session, [disposal]))[0]


async def _views(session: AsyncSession, disposals: Sequence[Disposal]) -> list[DisposalView]:
    lines: dict[UUID, list[DisposalLineView]] = {disposal.id: [] for disposal in disposals}
    for line in await queries.find_disposal_lines(session, lines):
        lines[line.disposal_id].append(DisposalLineView.model_validate(line, from_attributes=True))
    plain = DisposalView.model_fields.keys() - {"lines", "evidence_sha256"}
    return [
        DisposalView(
            lines=lines[one.id],
            evidence_sha256=one.evidence_sha256.hex() if one.evidence_sha256 else None,
            **{name: getattr(one, name) for name in plain},
        )
        for one in disposals
    ]
