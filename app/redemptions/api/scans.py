"""The route of one scan at the pickup table."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.access.deps import IdempotencyKey, require
from app.access.policy import Permission
from app.devices.errors import OutsidePeriod, WrongPickupPoint
from app.devices.rules.binding import PairedDevice, check_place
from app.pickup.errors import PointNotFound
from app.platform.clock import utc_now
from app.platform.errors import Conflict, DomainError, KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.idempotency import Claim, fingerprint
from app.platform.keeping import REPLAYED, json_answer
from app.platform.problems import describe
from app.redemptions.actions.redeem import FirstAnswer
from app.redemptions.errors import WrongLot, WrongQuantity
from app.redemptions.rules.reading import believed_time, read_code
from app.redemptions.rules.reasons import Reason
from app.redemptions.rules.short_code import looks_like_short_code
from app.redemptions.rules.table import Scan
from app.redemptions.schemas import RedemptionRequest, RedemptionView
from app.stock.errors import LotNotFound

router = APIRouter(route_class=StrictRoute, tags=["redemptions"])
_KEYED = (KeyReused, KeyRequired, KeyInFlight, Conflict)
_WRONG = {Reason.UNKNOWN, Reason.INVALID_CODE}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a scan comes from: the clerk, the name of the device, and the paired device if it is one."""

    staff_id: UUID
    device_id: str | None = None
    device: PairedDevice | None = None
    is_offline: bool = False


async def scan_of(
    request: Request, actor: Actor, body: RedemptionRequest, *, at: datetime, source: Source
) -> Scan:
    """Return the scan of a body; the signature is checked here, outside of every lock."""
    clerk = await request.app.state.people.about(actor, source.staff_id)
    keys = await request.app.state.key_ring.keys()
    believed = believed_time(body.scanned_at, at) if source.is_offline else min(body.scanned_at or at, at)
    # Without the device's time: an online scan that is uploaded again from the journal is the same event.
    # Without a lot that nobody scanned: what a release without lots has answered is the same event, too.
    apart = {"scanned_at", "staff_id"} | ({"lot_id"} if body.lot_id is None else set())
    asked = body.model_dump(mode="json", exclude=apart)
    return Scan(
        event_id=body.event_id,
        reading=read_code(body.code, keys, union_number=clerk.number),
        pickup_point_id=body.pickup_point_id,
        staff_id=source.staff_id,
        staff_name=clerk.staff_name,
        at=at,
        scanned_at=believed,
        fingerprint=fingerprint("POST", "/redemptions", body=asked),
        quantity=body.quantity,
        lot_id=body.lot_id,
        override_reason=body.override.reason if body.override else None,
        device_id=source.device_id,
        is_offline=source.is_offline,
        own_member_id=clerk.member_id,
        bound_point_id=source.device.pickup_point_id if source.device else None,
    )


@router.post(
    "/redemptions",
    name="redeem",
    response_model=RedemptionView,
    responses=describe(
        PointNotFound,
        WrongQuantity,
        WrongPickupPoint,
        OutsidePeriod,
        TooManyRequests,
        LotNotFound,
        WrongLot,
        *_KEYED,
    ),
)
async def redeem(
    request: Request,
    body: RedemptionRequest,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
    key: IdempotencyKey = None,
) -> Response:
    """Decide one scan. A refusal to hand over is a 200; the same event again gets the first answer.

    A clerk at a paired device hands over at the device's pickup point and within its time only. After ten
    wrong codes typed in five minutes, typed codes are refused for a while; the camera goes on.
    """
    now = utc_now()
    device = await request.app.state.device_guard.device_of(actor)
    if device is not None:
        check_place(device, body.pickup_point_id, at=now)
    is_typed = looks_like_short_code(body.code)
    if is_typed:
        request.app.state.typed_codes.check(actor, now=now)
    source = Source(actor.id, str(device.id) if device else None, device)
    scan = await scan_of(request, actor, body, at=now, source=source)
    if key is not None:
        scan = replace(scan, claim=Claim(actor.id, key, scan.fingerprint))
    outcome = await request.app.state.table_desks.submit(actor.union_id, scan)
    if isinstance(outcome, DomainError):
        raise outcome
    if is_typed and json.loads(outcome)["reason"] in _WRONG:
        await request.app.state.typed_codes.count_wrong(actor, body.event_id, now=now)
    return json_answer(outcome, headers=REPLAYED if isinstance(outcome, FirstAnswer) else None)
