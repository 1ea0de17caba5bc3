"""Routes of a device itself: being paired, and what it is."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Transaction, UnusedKey, database_of, public, require
from app.access.policy import Permission
from app.access.scope import every_union, one_union
from app.devices import queries
from app.devices.actions.pairing import pair_device
from app.devices.api.care import NO_STORE
from app.devices.errors import DeviceNotFound, PairingRefused
from app.devices.rules.one_time_codes import PAIRING
from app.devices.rules.signature import DeviceKey, from_base64url, pairing_text
from app.devices.schemas import OwnDeviceView, PairedView, PairingRequest, PointOfDevice, UnionOfDevice
from app.devices.tables import Device
from app.platform.clock import utc_now
from app.platform.errors import (
    BodyTooLarge,
    Busy,
    Conflict,
    KeyRequired,
    MalformedRequest,
    StorageFull,
    TooManyRequests,
    Unavailable,
)
from app.platform.http import StrictRoute
from app.platform.limits import Limit
from app.platform.problems import describe
from app.sign_in.actions.staff_door import network_of

router = APIRouter(route_class=StrictRoute, tags=["devices"])
PAIRINGS_OF_AN_ADDRESS = Limit("devices.pair", 10, timedelta(minutes=10))


@router.post(
    "/devices/pair",
    status_code=201,
    name="pair_device",
    dependencies=[public()],
    response_model=PairedView,
    responses=describe(
        PairingRefused,
        TooManyRequests,
        Conflict,
        MalformedRequest,
        KeyRequired,
        BodyTooLarge,
        Busy,
        Unavailable,
        StorageFull,
        common=False,
    ),
)
async def pair(
    request: Request, body: PairingRequest, response: Response, _key: UnusedKey = None
) -> PairedView:
    """Turn a pairing code into a paired device with a session of its own; the code is used up by it.

    `proof` signs `grainline-device-pairing/v1`, the 26 symbols of the code, the algorithm and `public_key`,
    each on a line (docs/device-requests.md). Whatever is wrong with code or proof, the refusal is the same.
    """
    now = utc_now()
    address, limiter = network_of(request.client.host if request.client else "-"), request.app.state.limiter
    await limiter.take(PAIRINGS_OF_AN_ADDRESS, address, now=now)
    key, digest = _proved(body)
    async with database_of(request).transaction(every_union("a pairing code says whose it is")) as session:
        union_id = await queries.find_pairing_union(session, digest)
    if union_id is None:
        raise PairingRefused()
    async with database_of(request).transaction(one_union(union_id)) as session:
        device, token = await pair_device(session, digest, key=key, now=now)
        place = await _place(session, device)
    await limiter.give_back(PAIRINGS_OF_AN_ADDRESS, address)
    response.headers.update(NO_STORE)
    return PairedView(**place, token=token)


@router.get(
    "/device",
    name="get_own_device",
    response_model=OwnDeviceView,
    responses=describe(DeviceNotFound),
)
async def own_device(
    request: Request,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.DEVICES_USE)],
) -> OwnDeviceView:
    """Tell a device what it is, where and until when it may be used, and which signing keys to hold."""
    device = await queries.get_device(session, actor.device_id or actor.id)
    version = await request.app.state.key_ring.version()
    return OwnDeviceView(**await _place(session, device), name=device.name, key_list_version=version)


def _proved(body: PairingRequest) -> tuple[DeviceKey, bytes]:
    """Return the key that a device has shown to hold, and the digest of its code; raise PairingRefused."""
    code = PAIRING.read(body.pairing_code)
    try:
        key = DeviceKey(body.algorithm, from_base64url(body.public_key))
        proof = from_base64url(body.proof)
    except ValueError:
        raise PairingRefused() from None
    text = pairing_text(code or "", algorithm=body.algorithm.value, public_key=body.public_key)
    if code is None or not key.has_signed(text, proof):
        raise PairingRefused()
    return key, PAIRING.digest(code)


async def _place(session: AsyncSession, device: Device) -> dict[str, object]:
    union, point = await queries.get_place(session, device)
    return {
        "device_id": device.id,
        "union": UnionOfDevice(id=union.id, name=union.name, number=union.number),
        "pickup_point": PointOfDevice(id=point.id, name=point.name),
        "valid_from": device.valid_from,
        "valid_until": device.valid_until,
    }
