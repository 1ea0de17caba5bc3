"""Routes of purchases."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.campaigns.errors import CampaignNotFound
from app.catalog.errors import GiftBoxNotFound, ProductNotFound, RegionNotFound
from app.platform.clock import FIRST_YEAR, LAST_YEAR, utc_now
from app.platform.errors import (
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import NOT_MODIFIED, IfMatch, StrictRoute, seen_version, tagged
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.procurement.actions import purchases as actions
from app.procurement.errors import (
    CertificateDoubtful,
    CertificateNotFound,
    OwnPurchase,
    PaperRecorded,
    PurchaseIncomplete,
    PurchaseNotFound,
    ReceivedAlready,
    StepNotPossible,
    SupplierInactive,
    SupplierNotFound,
    YearFixed,
)
from app.procurement.queries import purchases as queries
from app.procurement.queries.views import papers_view, purchase_view
from app.procurement.rules.states import Channel, PurchaseStatus
from app.procurement.schemas.purchases import (
    PaperNumbers,
    PapersView,
    PurchaseChange,
    PurchaseDraft,
    PurchaseView,
    StepReason,
)
from app.procurement.schemas.receipts import WholePurchaseView

router = APIRouter(route_class=StrictRoute, tags=["procurement"])
_KEYED = (KeyReused, KeyRequired, KeyInFlight)
_NAMED = (
    PurchaseNotFound,
    SupplierNotFound,
    CampaignNotFound,
    GiftBoxNotFound,
    ProductNotFound,
    RegionNotFound,
    CertificateNotFound,
    CertificateDoubtful,
)
Reader = Annotated[Actor, require(Permission.PROCUREMENT_READ)]
Writer = Annotated[Actor, require(Permission.PROCUREMENT_WRITE)]
Approver = Annotated[Actor, require(Permission.PROCUREMENT_APPROVE)]


class PurchasesRequest(PageRequest):
    """Which purchases are asked for."""

    status: PurchaseStatus | None = None
    channel: Channel | None = None
    year: Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR)] = None
    campaign_id: UUID | None = None
    has_campaign: bool | None = None
    supplier_id: UUID | None = None
    region_id: Annotated[UUID | None, Query(description="of at least one line")] = None


@router.get(
    "/procurements",
    name="list_purchases",
    response_model=PageView[PurchaseView],
    responses=describe(CursorInvalid),
)
async def list_purchases(
    page: Annotated[PurchasesRequest, Query()], session: Transaction, _: Reader
) -> PageView[PurchaseView]:
    """Return purchases, the last drafted first; those without a campaign too."""
    wanted = queries.PurchasesWanted(**page.model_dump(exclude={"limit", "cursor"}))
    found = await queries.list_purchases(session, wanted, limit=page.limit, after=page.after)
    items = [PurchaseView.model_validate(purchase, from_attributes=True) for purchase in found.items]
    return PageView(items=items, next=found.next)


@router.get(
    "/procurements/{purchase_id}",
    name="get_purchase",
    response_model=WholePurchaseView,
    responses=describe(PurchaseNotFound) | NOT_MODIFIED,
)
async def get_purchase(request: Request, purchase_id: UUID, session: Transaction, _: Reader) -> Response:
    """Return a purchase with its lines, receipts and lots; its entity tag begins with its version."""
    view = await purchase_view(session, await queries.get_purchase(session, purchase_id))
    return tagged(request, view.model_dump_json().encode(), version=view.version)


@router.post(
    "/procurements",
    status_code=201,
    name="draft_purchase",
    response_model=WholePurchaseView,
    responses=describe(*_NAMED, *_KEYED),
)
async def draft_purchase(body: PurchaseDraft, session: Transaction, keeper: Kept, actor: Writer) -> Response:
    """Draft a purchase, for a campaign or without one."""
    purchase = await actions.draft_purchase(
        session, body, union_id=actor.union_id, drafted_by=actor.id, now=utc_now()
    )
    return await keeper.keep(await purchase_view(session, purchase))


@router.patch(
    "/procurements/{purchase_id}",
    name="change_purchase",
    response_model=WholePurchaseView,
    responses=describe(
        *_NAMED, StepNotPossible, YearFixed, PurchaseIncomplete, PreconditionFailed, PreconditionRequired
    ),
)
async def change_purchase(
    purchase_id: UUID, body: PurchaseChange, session: Transaction, actor: Writer, if_match: IfMatch = None
) -> WholePurchaseView:
    """Change a draft; given lines take the place of all lines."""
    seen = seen_version(if_match)
    purchase = await actions.change_purchase(session, purchase_id, body, by=actor, seen_version=seen)
    return await purchase_view(session, purchase)


@router.post(
    "/procurements/{purchase_id}/submit",
    name="submit_purchase",
    response_model=WholePurchaseView,
    responses=describe(
        PurchaseNotFound, StepNotPossible, PurchaseIncomplete, SupplierInactive, CertificateDoubtful, *_KEYED
    ),
)
async def submit_purchase(purchase_id: UUID, session: Transaction, keeper: Kept, actor: Writer) -> Response:
    """Hand a draft in for approval."""
    purchase = await actions.submit_purchase(session, purchase_id, by=actor, now=utc_now())
    return await keeper.keep(await purchase_view(session, purchase), status=200)


@router.post(
    "/procurements/{purchase_id}/approve",
    name="approve_purchase",
    response_model=WholePurchaseView,
    responses=describe(
        PurchaseNotFound, StepNotPossible, OwnPurchase, PurchaseIncomplete, SupplierInactive,
        CertificateDoubtful, *_KEYED,
    ),
)  # fmt: skip
async def approve_purchase(
    purchase_id: UUID, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Approve a purchase that somebody else drafted and submitted."""
    purchase = await actions.approve_purchase(session, purchase_id, by=actor, now=utc_now())
    return await keeper.keep(await purchase_view(session, purchase), status=200)


@router.post(
    "/procurements/{purchase_id}/decline",
    name="decline_purchase",
    response_model=WholePurchaseView,
    responses=describe(PurchaseNotFound, StepNotPossible, OwnPurchase, *_KEYED),
)
async def decline_purchase(
    purchase_id: UUID, body: StepReason, session: Transaction, keeper: Kept, actor: Approver
) -> Response:
    """Decline a purchase that somebody else drafted and submitted."""
    purchase = await actions.decline_purchase(session, purchase_id, body.reason, by=actor, now=utc_now())
    return await keeper.keep(await purchase_view(session, purchase), status=200)


@router.post(
    "/procurements/{purchase_id}/cancel",
    name="cancel_purchase",
    response_model=WholePurchaseView,
    responses=describe(PurchaseNotFound, StepNotPossible, ReceivedAlready, *_KEYED),
)
async def cancel_purchase(
    purchase_id: UUID, body: StepReason, session: Transaction, keeper: Kept, actor: Writer
) -> Response:
    """Cancel a purchase of which nothing was received."""
    purchase = await actions.cancel_purchase(session, purchase_id, body.reason, by=actor, now=utc_now())
    return await keeper.keep(await purchase_view(session, purchase), status=200)


@router.get(
    "/procurements/{purchase_id}/papers",
    name="get_purchase_papers",
    response_model=PapersView,
    responses=describe(PurchaseNotFound),
)
async def get_papers(purchase_id: UUID, session: Transaction, _: Reader) -> PapersView:
    """Return which papers of a purchase are there, and which an auditor would miss."""
    return await papers_view(session, await queries.get_purchase(session, purchase_id))


@router.post(
    "/procurements/{purchase_id}/papers",
    name="record_purchase_papers",
    response_model=WholePurchaseView,
    responses=describe(PurchaseNotFound, StepNotPossible, PaperRecorded, *_KEYED),
)
async def record_papers(
    purchase_id: UUID, body: PaperNumbers, session: Transaction, keeper: Kept, actor: Writer
) -> Response:
    """Record numbers of papers: all that may be added to an approved purchase."""
    purchase = await actions.record_papers(session, purchase_id, body, by=actor, now=utc_now())
    return await keeper.keep(await purchase_view(session, purchase), status=200)
