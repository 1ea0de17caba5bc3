"""Routes of one hand-over: reading it, taking it back, swapping a damaged box."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission, may
from app.campaigns.errors import CampaignSealed
from app.devices.errors import OutsidePeriod, WrongPickupPoint
from app.devices.rules.binding import check_place
from app.orders.queries import get_order
from app.platform.clock import utc_now
from app.platform.errors import Conflict, KeyInFlight, KeyRequired, KeyReused
from app.platform.http import StrictRoute
from app.platform.idempotency import fingerprint
from app.platform.problems import describe
from app.redemptions import queries
from app.redemptions.actions.corrections import (
    ChangeAsked,
    find_held,
    lots_of,
    order_after,
    swap_boxes,
    undo_hand_over,
)
from app.redemptions.errors import (
    LotWithheld,
    NoBoxes,
    NotHandedOver,
    OverTheFreeMinutes,
    OwnOrder,
    RedemptionNotFound,
    UndoneAlready,
    WrongLot,
    WrongQuantity,
)
from app.redemptions.rules.changes import Asker
from app.redemptions.schemas import (
    ChangeOfHandOver,
    ChangeView,
    RedemptionRecordView,
    Swap,
    Undo,
)
from app.redemptions.tables import Redemption
from app.stock.errors import LotNotFound, NotEnoughStock

router = APIRouter(route_class=StrictRoute, tags=["redemptions"])
_CHANGE = (
    RedemptionNotFound, NotHandedOver, OwnOrder, UndoneAlready, CampaignSealed, OverTheFreeMinutes,
    WrongPickupPoint, OutsidePeriod, NotEnoughStock, Conflict, KeyReused, KeyRequired, KeyInFlight,
)  # fmt: skip


@router.get(
    "/redemptions/{event_id}",
    name="get_redemption",
    response_model=RedemptionRecordView,
    responses=describe(RedemptionNotFound),
)
async def get_redemption(
    event_id: UUID, session: Transaction, _: Annotated[Actor, require(Permission.CONFLICTS_READ)]
) -> RedemptionRecordView:
    """Return one scan as it is on record, with its lots and what was changed since; the name is masked."""
    known = await queries.get_redemption(session, event_id)
    order = await get_order(session, known.order_id) if known.order_id else None
    details = (await queries.find_details(session, [order.id]))[order.id] if order else None
    staff_name, _member = await queries.get_staff(session, known.staff_id)
    changes = [
        ChangeOfHandOver(
            event_id=change.event_id, kind=change.kind, quantity=change.quantity, reason=change.reason,
            at=change.at, by=name,
        )
        for change, name in await queries.list_changes(session, event_id)
    ]  # fmt: skip
    return RedemptionRecordView(
        order=order_after(order) if order else None,
        member_name_masked=details.member_name_masked if details else None,
        gift_box=details.gift_box if details else None,
        quantity_handed_over=known.quantity,
        redeemed_by=staff_name,
        lots=await lots_of(session, await find_held(session, event_id, known.pickup_point_id)),
        changes=changes,
        **_facts(known),
    )


def _facts(known: Redemption) -> dict[str, Any]:
    names = (
        "event_id", "result", "reason", "pickup_point_id", "first_portion", "override_reason", "is_offline",
        "device_id", "scanned_at", "received_at", "undone_at",
    )  # fmt: skip
    return {name: getattr(known, name) for name in names}


@router.post(
    "/redemptions/{event_id}/undo",
    name="undo_redemption",
    response_model=ChangeView,
    responses=describe(*_CHANGE),
)
async def undo_redemption(
    request: Request,
    event_id: UUID,
    body: Undo,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
) -> Response:
    """Take a hand-over back: boxes go to the stock, the order is open and its code good again.

    Within the free minutes whoever hands over may; later a supervisor; once the campaign is sealed nobody.
    The hand-over stays on record. The same event again gets the first answer.
    """
    asked = await _asked(request, session, event_id, body, actor=actor)
    return await keeper.keep(ChangeView.model_validate_json(await undo_hand_over(session, asked)), status=200)


@router.post(
    "/redemptions/{event_id}/swap",
    name="swap_redemption",
    response_model=ChangeView,
    responses=describe(WrongQuantity, NoBoxes, LotNotFound, WrongLot, LotWithheld, *_CHANGE),
)
async def swap_redemption(
    request: Request,
    event_id: UUID,
    body: Swap,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
) -> Response:
    """Swap damaged boxes: they are put aside, as many others change hands, and what the member has stays.

    Who may, and until when, is as for taking back. The same event again gets the first answer.
    """
    asked = await _asked(request, session, event_id, body, actor=actor)
    return await keeper.keep(ChangeView.model_validate_json(await swap_boxes(session, asked)), status=200)


async def _asked(
    request: Request, session: Transaction, of_event_id: UUID, body: Undo, *, actor: Actor
) -> ChangeAsked:
    now = utc_now()
    device = await request.app.state.device_guard.device_of(actor)
    if device is not None:
        known = await queries.get_redemption(session, of_event_id)
        check_place(device, known.pickup_point_id, at=now)
    clerk = await request.app.state.people.about(actor, actor.id)
    asker = Asker(
        staff_id=actor.id,
        staff_name=clerk.staff_name,
        member_id=clerk.member_id,
        may_correct=may(actor.role, Permission.REDEMPTIONS_CORRECT),
        free=timedelta(minutes=request.app.state.settings.undo_minutes),
    )
    return ChangeAsked(
        of_event_id=of_event_id,
        fingerprint=fingerprint("POST", request.scope["path"], body=body.model_dump(mode="json")),
        asker=asker,
        at=now,
        **body.__dict__,
    )
