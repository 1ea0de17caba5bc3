"""Routes of recalls: who has boxes of a lot."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, UnusedKey, require
from app.access.policy import Permission
from app.access.vault import UnionKeys, keys_of
from app.platform.clock import local_date, utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, page_of
from app.platform.problems import describe
from app.stock.errors import LotNotFound
from app.stock.queries.lots import get_lot
from app.unions.queries import find_union_names
from app.unions.rules import mask_mobile, mask_name
from app.unions.schemas import UnionRef
from app.unions.tables import open_particulars
from app.warehouse.actions import recalls as actions
from app.warehouse.errors import LotNotRecalled
from app.warehouse.queries import recipients as queries
from app.warehouse.rules.recipients import RecipientState
from app.warehouse.schemas.recipients import (
    NoticesView,
    NoticesWanted,
    RecipientsView,
    RecipientTotals,
    RecipientView,
    RevealedRecipients,
    RevealWanted,
    StateTotals,
)

router = APIRouter(route_class=StrictRoute, tags=["stock"])
Recaller = Annotated[Actor, require(Permission.LOTS_RECALL)]


class RecipientsRequest(PageRequest):
    """Which recipients are asked for."""

    state: RecipientState | None = None


@router.get(
    "/lots/{lot_id}/recipients",
    name="list_recipients",
    response_model=RecipientsView,
    responses=describe(LotNotFound, CursorInvalid),
)
async def list_recipients(
    lot_id: UUID, asked: Annotated[RecipientsRequest, Query()], session: Transaction, _: Recaller
) -> RecipientsView:
    """Return who received boxes of a lot, or may have; masked, the numbers of all of them first."""
    lot = await get_lot(session, lot_id)
    presences = await queries.find_presences(session, lot.id, today=local_date(utc_now()))
    found = await queries.list_recipients(session, lot, presences, page=asked, state=asked.state)
    totals = await queries.count_recipients(session, lot, presences)
    page = page_of(found, limit=asked.limit, key=lambda one: (str(one.order_id), one.state.value))
    keys = await keys_of(session, lot.union_id)
    units = await find_union_names(session, {one.member.unit_id for one in page.items})
    items = [_view(one, keys, units) for one in page.items]
    return RecipientsView(totals=_totals(totals), items=items, next=page.next)


@router.post(
    "/lots/{lot_id}/recipients/reveal",
    name="reveal_recipients",
    response_model=RevealedRecipients,
    responses=describe(LotNotFound, TooManyRequests, KeyRequired),
)
async def reveal_recipients(
    request: Request,
    lot_id: UUID,
    body: RevealWanted,
    session: Transaction,
    actor: Recaller,
    _key: UnusedKey = None,
) -> RevealedRecipients:
    """Show names and mobiles of recipients, for a reason; each of them can read who looked and why."""
    now = utc_now()
    await get_lot(session, lot_id)
    await request.app.state.limiter.take(actions.REVEALS, str(actor.id), now=now)
    return RevealedRecipients(items=await actions.reveal_recipients(session, lot_id, body, by=actor, now=now))


@router.post(
    "/lots/{lot_id}/recall/notices",
    name="send_recall_notices",
    response_model=NoticesView,
    responses=describe(LotNotFound, LotNotRecalled, KeyRequired, KeyReused, KeyInFlight, Conflict),
)
async def send_recall_notices(
    lot_id: UUID, body: NoticesWanted, session: Transaction, keeper: Kept, actor: Recaller
) -> Response:
    """Have everybody told who holds boxes of a recalled lot; nobody is told twice."""
    now = utc_now()
    told = await actions.send_notices(session, lot_id, with_possible=body.with_possible, by=actor, now=now)
    view = NoticesView(lot_id=lot_id, told=told.now, told_before=told.before)
    return await keeper.keep(view, status=200)


def _view(one: queries.Recipient, keys: UnionKeys, units: dict[UUID, str]) -> RecipientView:
    member = one.member
    known = None if member.erased_at else open_particulars(keys, member)
    return RecipientView(
        order_id=one.order_id,
        order_number=one.order_number,
        state=one.state,
        boxes=one.boxes,
        pickup_point_id=one.point_id,
        received_at=one.received_at,
        member_id=member.id,
        unit=UnionRef(id=member.unit_id, name=units[member.unit_id]),
        name=mask_name(known.name) if known else None,
        mobile_masked=mask_mobile(known.mobile) if known else None,
    )


def _totals(found: queries.Totals) -> RecipientTotals:
    states = {
        state.value: StateTotals(orders=found.orders.get(state, 0), boxes=found.boxes.get(state, 0))
        for state in RecipientState
    }
    return RecipientTotals(without_order=found.without_order, **states)
