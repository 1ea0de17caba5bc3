"""Routes of those who work with personal data: looks, requests for erasure, receipts, the list of members."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, UnusedKey, require
from app.access.policy import Permission
from app.platform.clock import utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.i18n import choose_language
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.privacy import queries
from app.privacy.actions import erase
from app.privacy.actions.export import EXPORTS, export_members
from app.privacy.actions.reveal import REVEALS, Look, reveal
from app.privacy.errors import (
    ErasureDecided,
    ErasureNotFound,
    NothingToReveal,
    OrderStillOpen,
    ReceiptNotFound,
)
from app.privacy.rules import ErasureStatus
from app.privacy.schemas import (
    DeclineRequest,
    ErasureView,
    ExportRequest,
    ReceiptView,
    RevealedView,
    RevealRequest,
)
from app.privacy.tables import DeletionReceipt

router = APIRouter(route_class=StrictRoute, tags=["privacy"])
Looker = Annotated[Actor, require(Permission.MEMBERS_REVEAL)]
Eraser = Annotated[Actor, require(Permission.MEMBERS_ERASE)]
_KEYED = (KeyRequired, KeyReused, KeyInFlight)
_REVEAL = describe(NothingToReveal, TooManyRequests, KeyRequired)
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {WORKBOOK: {"schema": {"type": "string", "format": "binary"}}}}
}


class ErasureQuery(PageRequest):
    """Which requests are asked for."""

    status: ErasureStatus | None = None


@router.post(
    "/members/{member_id}/reveal", name="reveal_member", response_model=RevealedView, responses=_REVEAL
)
async def reveal_member(
    request: Request,
    member_id: UUID,
    body: RevealRequest,
    session: Transaction,
    actor: Looker,
    _key: UnusedKey = None,
) -> RevealedView:
    """Show a member's data unmasked, for a reason; the member can read who looked and why."""
    now = utc_now()
    member = await queries.get_reveal_target(session, member_id)
    await request.app.state.limiter.take(REVEALS, str(actor.id), now=now)
    return await reveal(session, member, Look(actor, body, now))


@router.post(
    "/orders/{order_id}/reveal", name="reveal_holder", response_model=RevealedView, responses=_REVEAL
)
async def reveal_holder(
    request: Request,
    order_id: UUID,
    body: RevealRequest,
    session: Transaction,
    actor: Looker,
    _key: UnusedKey = None,
) -> RevealedView:
    """Show the data of the member who holds an order, for a reason."""
    now = utc_now()
    member = await queries.get_holder(session, order_id)
    await request.app.state.limiter.take(REVEALS, str(actor.id), now=now)
    return await reveal(session, member, Look(actor, body, now))


@router.post(
    "/members/exports",
    name="export_members",
    response_class=Response,
    responses=_FILE | describe(TooManyRequests, KeyRequired),
)
async def export(
    request: Request,
    body: ExportRequest,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.MEMBERS_EXPORT)],
    _key: UnusedKey = None,
) -> Response:
    """Return the members of the union as a workbook: masked, marked with who took it and when."""
    now = utc_now()
    await request.app.state.limiter.take(EXPORTS, str(actor.id), now=now)
    language = choose_language(request.headers.get("accept-language"))
    content = await export_members(session, actor, wanted=body, language=language, now=now)
    headers = {"Content-Disposition": 'attachment; filename="members.xlsx"', "Cache-Control": "no-store"}
    return Response(content, media_type=WORKBOOK, headers=headers)


@router.get(
    "/erasure-requests",
    name="list_erasures",
    response_model=PageView[ErasureView],
    responses=describe(CursorInvalid),
)
async def list_erasures(
    query: Annotated[ErasureQuery, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.MEMBERS_READ)],
) -> PageView[ErasureView]:
    """Return the requests for erasure, newest first."""
    found = await queries.list_erasures(session, page=query, status=query.status)
    items = [ErasureView.model_validate(one, from_attributes=True) for one in found.items]
    return PageView(items=items, next=found.next)


@router.post(
    "/erasure-requests/{request_id}/carry-out",
    name="carry_out_erasure",
    response_model=ReceiptView,
    responses=describe(ErasureNotFound, ErasureDecided, OrderStillOpen, *_KEYED),
)
async def carry_out(request_id: UUID, session: Transaction, keeper: Kept, actor: Eraser) -> Response:
    """Erase the member who asked for it; the answer is the receipt."""
    _, receipt = await erase.carry_out_erasure(session, request_id, actor=actor, now=utc_now())
    return await keeper.keep(_receipt_view(receipt), status=200)


@router.post(
    "/erasure-requests/{request_id}/decline",
    name="decline_erasure",
    response_model=ErasureView,
    responses=describe(ErasureNotFound, ErasureDecided, *_KEYED),
)
async def decline(
    request_id: UUID, body: DeclineRequest, session: Transaction, keeper: Kept, actor: Eraser
) -> Response:
    """Decline a request for erasure, with the reason that the member reads."""
    request = await erase.decline_erasure(session, request_id, actor=actor, reason=body.reason, now=utc_now())
    return await keeper.keep(ErasureView.model_validate(request, from_attributes=True), status=200)


@router.get(
    "/deletion-receipts",
    name="list_receipts",
    response_model=PageView[ReceiptView],
    responses=describe(CursorInvalid),
)
async def list_receipts(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.RETENTION_READ)],
) -> PageView[ReceiptView]:
    """Return what was erased, newest first."""
    found = await queries.list_receipts(session, page=page)
    return PageView(items=[_receipt_view(one) for one in found.items], next=found.next)


@router.get(
    "/deletion-receipts/{receipt_id}",
    name="get_receipt",
    response_model=ReceiptView,
    responses=describe(ReceiptNotFound),
)
async def get_receipt(
    receipt_id: UUID, session: Transaction, _: Annotated[Actor, require(Permission.RETENTION_READ)]
) -> ReceiptView:
    """Return one deletion receipt."""
    return _receipt_view(await queries.get_receipt(session, receipt_id))


def _receipt_view(row: DeletionReceipt) -> ReceiptView:
    return ReceiptView(
        id=row.id, kind=row.kind, subject_id=row.subject_id, carried_out_at=row.carried_out_at,
        counts=row.counts, kept=row.kept, digest=row.digest.hex(),
    )  # fmt: skip
