"""Routes for those who look after devices: pairing codes, the list, changes, revocation."""

import asyncio
import secrets
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, UnusedKey, require
from app.access.policy import Permission
from app.devices import queries
from app.devices.actions.care import change_device, revoke_device
from app.devices.actions.pairing import add_pairing
from app.devices.errors import DeviceNotFound, DeviceRevoked, PeriodInvalid
from app.devices.rules.one_time_codes import PAIRING, PREFIX
from app.devices.schemas import (
    DeviceChange,
    DeviceView,
    PairingDraft,
    PairingView,
    Revocation,
    device_view,
)
from app.pickup.errors import PointNotFound
from app.platform.clock import utc_now
from app.platform.errors import (
    Conflict,
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import IfMatch, StrictRoute, seen_version
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.platform.qr import qr_svg

router = APIRouter(route_class=StrictRoute, tags=["devices"])
NO_STORE = {"Cache-Control": "no-store"}


@router.post(
    "/devices/pairings",
    status_code=201,
    name="add_pairing",
    response_model=PairingView,
    responses=describe(PointNotFound, PeriodInvalid, KeyRequired),
)
async def pairing(
    body: PairingDraft,
    response: Response,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.DEVICES_WRITE)],
    _key: UnusedKey = None,
) -> PairingView:
    """Give out a one-time code that pairs a device, good for ten minutes and shown this once.

    Asking again makes another code; the one before for a device of the same name stops. So a repeated call is
    harmless, and no answer is kept with its key: the code would be in it.
    """
    code = PAIRING.make(secrets.randbits(PAIRING.random_bits))
    who = {"union_id": actor.union_id, "created_by": actor.id}
    made = await add_pairing(session, body, code=code, now=utc_now(), **who)
    response.headers.update(NO_STORE)
    picture = await asyncio.to_thread(qr_svg, PREFIX + code)
    return PairingView(
        pairing_code=PAIRING.shown(code),
        payload=PREFIX + code,
        qr_svg=picture.decode(),
        expires_at=made.expires_at,
    )


class DevicesRequest(PageRequest):
    """Which devices are asked for."""

    is_revoked: bool | None = None


@router.get(
    "/devices",
    name="list_devices",
    response_model=PageView[DeviceView],
    responses=describe(CursorInvalid),
)
async def list_devices(
    asked: Annotated[DevicesRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.DEVICES_READ)],
) -> PageView[DeviceView]:
    """Return the devices of the union, the last paired first: where, until when, and when last seen."""
    found = await queries.list_devices(
        session, is_revoked=asked.is_revoked, limit=asked.limit, after=asked.after
    )
    return PageView(items=[device_view(device) for device in found.items], next=found.next)


@router.get(
    "/devices/{device_id}",
    name="get_device",
    response_model=DeviceView,
    responses=describe(DeviceNotFound),
)
async def get_device(
    device_id: UUID,
    response: Response,
    session: Transaction,
    _: Annotated[Actor, require(Permission.DEVICES_READ)],
) -> DeviceView:
    """Return a device; its `ETag` is the version that a change names."""
    device = await queries.get_device(session, device_id)
    response.headers["ETag"] = f'"{device.version}"'
    return device_view(device)


@router.patch(
    "/devices/{device_id}",
    name="change_device",
    response_model=DeviceView,
    responses=describe(
        DeviceNotFound, DeviceRevoked, PointNotFound, PeriodInvalid, PreconditionFailed, PreconditionRequired
    ),
)
async def change(
    device_id: UUID,
    body: DeviceChange,
    session: Transaction,
    _: Annotated[Actor, require(Permission.DEVICES_WRITE)],
    if_match: IfMatch = None,
) -> DeviceView:
    """Change what a device is called, where it stands or until when it may be used."""
    seen = seen_version(if_match)
    return device_view(await change_device(session, device_id, body, seen_version=seen))


@router.post(
    "/devices/{device_id}/revoke",
    name="revoke_device",
    response_model=DeviceView,
    responses=describe(DeviceNotFound, Conflict, KeyReused, KeyRequired, KeyInFlight),
)
async def revoke(
    device_id: UUID,
    body: Revocation,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.DEVICES_WRITE)],
) -> Response:
    """Revoke a device that is lost or done: it and the clerks at it are signed out everywhere, at once."""
    device = await revoke_device(session, device_id, by=actor.id, reason=body.reason, now=utc_now())
    return await keeper.keep(device_view(device), status=200)
