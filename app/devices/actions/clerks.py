"""The clerks at a device: their PINs, signing in, signing out."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.policy import Role
from app.access.tokens import AccessToken, Opening, open_session, tell_workers
from app.devices import queries
from app.devices.actions.care import tell_of_device
from app.devices.errors import ClerkRefused
from app.devices.rules.binding import PairedDevice
from app.devices.rules.one_time_codes import PIN_SETTING
from app.devices.tables import ClerkPin, DeviceClerk
from app.unions.tables import StaffAccount


async def keep_pin(
    session: AsyncSession, staff_id: UUID, *, union_id: UUID, pin_hash: str, now: datetime
) -> None:
    """Set the PIN of an account; a code that would set another one stops."""
    values = {"pin_hash": pin_hash, "code_digest": None, "code_expires_at": None, "changed_at": now}
    await _keep(session, staff_id, union_id=union_id, values=values)


async def keep_set_code(
    session: AsyncSession, staff_id: UUID, *, union_id: UUID, code: str, now: datetime
) -> datetime:
    """Take an account's PIN away and keep a code that sets a fresh one; return when the code ends.

    Raises ClerkNotFound for an account that never stands at a device.
    """
    await queries.get_clerk(session, staff_id)
    until = now + PIN_SETTING.life
    digest = PIN_SETTING.digest(code)
    values = {"pin_hash": None, "code_digest": digest, "code_expires_at": until, "changed_at": now}
    await _keep(session, staff_id, union_id=union_id, values=values)
    return until


async def use_set_code(
    session: AsyncSession, login: str, *, digest: bytes, pin_hash: str, now: datetime
) -> UUID:
    """Set the PIN of an account with the officer's code, once; return the account. Raises ClerkRefused."""
    found = await queries.find_clerk(session, login)
    pin = None if found is None else await queries.lock_pin(session, found[0].id)
    if pin is None or pin.code_digest != digest or pin.code_expires_at is None or pin.code_expires_at <= now:
        raise ClerkRefused()
    pin.pin_hash, pin.code_digest, pin.code_expires_at, pin.changed_at = pin_hash, None, None, now
    await session.flush()
    return pin.staff_id


async def sign_clerk_in(
    session: AsyncSession, clerk: StaffAccount, *, device: PairedDevice, actor: Actor, now: datetime
) -> str:
    """Open the session of a clerk at a device and return its token; whoever stood there before is signed out.

    At a device everybody is a station clerk, an officer too: a PIN is a short secret. Raises ClerkNotFound
    when the account was disabled meanwhile.
    """
    await queries.get_clerk(session, clerk.id)
    await sign_clerks_out(session, device.id, now=now)
    who = {"device_id": device.id, "staff_id": clerk.id, "union_id": device.union_id}
    seen = insert(DeviceClerk).values(**who, first_at=now, last_at=now)
    await session.execute(
        seen.on_conflict_do_update(index_elements=["device_id", "staff_id"], set_={"last_at": now})
    )
    if clerk.id not in device.clerks:
        await tell_of_device(session, device.id)
    opening = Opening(clerk.id, Role.STATION_CLERK, device.union_id, [device.union_id], device_id=device.id)
    token = open_session(session, opening, now=now)
    trace = Trace("devices.clerk_signed_in", device.union_id, actor=actor, subject=("staff", clerk.id))
    record(session, trace, now=now)
    await session.flush()
    return token


async def sign_clerks_out(session: AsyncSession, device_id: UUID, *, now: datetime) -> int:
    """End the sessions of the clerks at a device, not its own; return how many there were."""
    clerks = update(AccessToken).where(
        AccessToken.device_id == device_id,
        AccessToken.staff_id.is_not(None),
        AccessToken.revoked_at.is_(None),
        AccessToken.expires_at > now,
    )
    ended = await session.execute(clerks.values(revoked_at=now).returning(AccessToken.id))
    count = len(ended.all())
    if count:
        await tell_workers(session, device_id)
    return count


async def _keep(
    session: AsyncSession, staff_id: UUID, *, union_id: UUID, values: Mapping[str, object]
) -> None:
    row = insert(ClerkPin).values(staff_id=staff_id, union_id=union_id, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["staff_id"], set_=dict(values)))
