"""Routes of the clerks at a device: PINs, signing in and out."""

import secrets
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.deps import Kept, Transaction, UnusedKey, database_of, require
from app.access.policy import Permission
from app.access.tokens import CLERK_AT_A_DEVICE
from app.devices import queries
from app.devices.actions.clerks import (
    keep_pin,
    keep_set_code,
    sign_clerk_in,
    sign_clerks_out,
    use_set_code,
)
from app.devices.api.care import NO_STORE
from app.devices.errors import ClerkNotFound, ClerkRefused, DeviceNotFound, OutsidePeriod, PinTooSimple
from app.devices.rules.binding import PairedDevice, check_period
from app.devices.rules.one_time_codes import PIN_SETTING
from app.devices.rules.pins import is_simple_pin
from app.devices.schemas import (
    ClerkSignIn,
    ClerkView,
    PinActivation,
    PinChange,
    PinCodeView,
    PinSetView,
    SignedOutView,
)
from app.platform.clock import utc_now
from app.platform.errors import Forbidden, KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.limits import Limit
from app.platform.problems import describe

router = APIRouter(route_class=StrictRoute, tags=["devices"])
TRIES_AT_A_DEVICE = Limit("devices.pin_of_device", 10, timedelta(minutes=5))
TRIES_OF_AN_ACCOUNT = Limit("devices.pin_of_account", 10, timedelta(minutes=5))


@router.put("/me/pin", name="set_own_pin", response_model=PinSetView, responses=describe(PinTooSimple))
async def set_own_pin(
    request: Request,
    body: PinChange,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
) -> PinSetView:
    """Set the PIN with which the caller signs in on shared devices; not from such a device."""
    if actor.device_id is not None:
        raise Forbidden()
    if is_simple_pin(body.pin):
        raise PinTooSimple()
    now, pin_hash = utc_now(), await request.app.state.staff_door.hasher.hash(body.pin)
    async with database_of(request).transaction(actor.scope) as session:
        await keep_pin(session, actor.id, union_id=actor.union_id, pin_hash=pin_hash, now=now)
        trace = Trace("devices.pin_set", actor.union_id, actor=actor, subject=("staff", actor.id))
        record(session, trace, now=now)
    return PinSetView(changed_at=now)


@router.post(
    "/staff/{staff_id}/pin-reset",
    status_code=201,
    name="reset_pin",
    response_model=PinCodeView,
    responses=describe(ClerkNotFound, KeyRequired),
)
async def reset_pin(
    staff_id: UUID,
    response: Response,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.DEVICES_WRITE)],
    _key: UnusedKey = None,
) -> PinCodeView:
    """Take a clerk's PIN away; return a code, shown this once, with which the clerk sets another on a device.

    Asking again makes another code, and the one before stops.
    """
    now, code = utc_now(), PIN_SETTING.make(secrets.randbits(PIN_SETTING.random_bits))
    until = await keep_set_code(session, staff_id, union_id=actor.union_id, code=code, now=now)
    response.headers.update(NO_STORE)
    return PinCodeView(code=PIN_SETTING.shown(code), expires_at=until)


@router.post(
    "/device/clerks/pin",
    name="activate_pin",
    response_model=PinSetView,
    responses=describe(ClerkRefused, PinTooSimple, TooManyRequests, KeyRequired, DeviceNotFound),
)
async def activate_pin(
    request: Request,
    body: PinActivation,
    actor: Annotated[Actor, require(Permission.DEVICES_USE)],
    _key: UnusedKey = None,
) -> PinSetView:
    """Set a clerk's PIN on a device, with the code that the officer gave out."""
    now = utc_now()
    device = await _device_of(request, actor)
    await _count_try(request, device, login=body.login)
    if is_simple_pin(body.pin):
        raise PinTooSimple()
    code, pin_hash = PIN_SETTING.read(body.code), await request.app.state.staff_door.hasher.hash(body.pin)
    if code is None:
        raise ClerkRefused()
    digest = PIN_SETTING.digest(code)
    async with database_of(request).transaction(actor.scope) as session:
        id = await use_set_code(session, body.login, digest=digest, pin_hash=pin_hash, now=now)
        trace = Trace("devices.pin_set", actor.union_id, actor=actor, subject=("staff", id))
        record(session, trace, now=now)
    return PinSetView(changed_at=now)


@router.post(
    "/device/clerks/sign-in",
    name="sign_clerk_in",
    response_model=ClerkView,
    responses=describe(
        ClerkRefused, ClerkNotFound, OutsidePeriod, TooManyRequests, KeyRequired, DeviceNotFound
    ),
)
async def sign_in(
    request: Request,
    response: Response,
    body: ClerkSignIn,
    actor: Annotated[Actor, require(Permission.DEVICES_USE)],
    _key: UnusedKey = None,
) -> ClerkView:
    """Let a clerk work at the device; whoever worked there before is signed out.

    A wrong login and a wrong PIN are refused alike, and take as long. Ten tries in five minutes, for the
    device and for the account; nothing is locked for good.
    """
    now = utc_now()
    device = await _device_of(request, actor)
    check_period(device, now)
    await _count_try(request, device, login=body.login)
    async with database_of(request).transaction(actor.scope) as session:
        found = await queries.find_clerk(session, body.login)
    known = found[1].pin_hash if found is not None and found[1] is not None else None
    fits = await request.app.state.staff_door.hasher.verify(body.pin, known)
    if not fits or found is None:
        subject = None if found is None else ("staff", found[0].id)
        refusal = Trace("devices.clerk_refused", actor.union_id, actor=actor, subject=subject)
        async with database_of(request).transaction(actor.scope) as session:
            record(session, refusal, now=now)
        raise ClerkRefused()
    async with database_of(request).transaction(actor.scope) as session:
        token = await sign_clerk_in(session, found[0], device=device, actor=actor, now=now)
    request.app.state.tokens.forget(device.id)
    await request.app.state.limiter.give_back(TRIES_OF_AN_ACCOUNT, f"{device.union_id}/{body.login}")
    response.headers.update(NO_STORE)
    clerk, until = found[0], now + CLERK_AT_A_DEVICE.most
    return ClerkView(token=token, staff_id=clerk.id, display_name=clerk.display_name, expires_at=until)


@router.post(
    "/device/clerks/sign-out",
    name="sign_clerks_out",
    response_model=SignedOutView,
    responses=describe(KeyRequired, KeyReused, KeyInFlight, DeviceNotFound),
)
async def sign_out(
    request: Request,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.DEVICES_USE)],
) -> Response:
    """Sign the clerk at the device out; the device stays what it is."""
    device = await _device_of(request, actor)
    view = SignedOutView(signed_out=await sign_clerks_out(session, device.id, now=utc_now()))
    return await keeper.keep(view, status=200)


async def _device_of(request: Request, actor: Actor) -> PairedDevice:
    """Return the device whose session this is; a token of a script is none and gets DeviceNotFound."""
    device: PairedDevice | None = await request.app.state.device_guard.device_of(actor)
    if device is None:
        raise DeviceNotFound()
    return device


async def _count_try(request: Request, device: PairedDevice, *, login: str) -> None:
    """Count a try at a PIN or a set code, whether the login exists or not; raise TooManyRequests."""
    now = utc_now()
    await request.app.state.limiter.take(TRIES_AT_A_DEVICE, str(device.id), now=now)
    await request.app.state.limiter.take(TRIES_OF_AN_ACCOUNT, f"{device.union_id}/{login}", now=now)
