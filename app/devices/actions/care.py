"""Looking after devices: changing one, revoking one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.calls import explain
from app.access.tokens import revoke_tokens_of
from app.devices import queries
from app.devices.actions.pairing import LONGEST_PERIOD
from app.devices.errors import DeviceRevoked, PeriodInvalid
from app.devices.schemas import DeviceChange
from app.devices.tables import Device
from app.pickup.queries import get_point
from app.platform.clock import shown
from app.platform.errors import PreconditionFailed
from app.platform.listening import CHANNEL

TOPIC = "devices"


async def change_device(
    session: AsyncSession, device_id: UUID, change: DeviceChange, *, seen_version: int | None
) -> Device:
    """Change name, pickup point or end of a device that the caller saw at `seen_version` (None: at any).

    Raises DeviceNotFound, PreconditionFailed, DeviceRevoked, PointNotFound, PeriodInvalid.
    """
    device = await queries.lock_device(session, device_id)
    if seen_version not in {None, device.version}:
        raise PreconditionFailed(version=device.version)
    if device.revoked_at is not None:
        raise DeviceRevoked()
    given = {name: value for name, value in change.model_dump().items() if value is not None}
    if "pickup_point_id" in given:
        await get_point(session, given["pickup_point_id"])
    until = given.get("valid_until", device.valid_until)
    if not device.valid_from < until <= max(device.paired_at + LONGEST_PERIOD, device.valid_until):
        raise PeriodInvalid(valid_from=shown(device.valid_from))
    for name, value in given.items():
        setattr(device, name, value)
    device.version += 1
    await session.flush()
    await tell_of_device(session, device_id)
    return device


async def revoke_device(
    session: AsyncSession, device_id: UUID, *, by: UUID, reason: str, now: datetime
) -> Device:
    """Revoke a device: its sessions, and those of the clerks at it, end on every worker at the commit.

    One that was revoked before stays as it is. Raises DeviceNotFound.
    """
    device = await queries.lock_device(session, device_id)
    if device.revoked_at is not None:
        return device
    device.revoked_at, device.revoked_by, device.revoke_reason = now, by, reason
    device.version += 1
    await session.flush()
    await revoke_tokens_of(session, device_id, now=now)
    await tell_of_device(session, device_id)
    explain(session, reason)
    return device


async def tell_of_device(session: AsyncSession, device_id: UUID) -> None:
    """Make every worker read a device anew when the transaction commits."""
    await session.execute(select(func.pg_notify(CHANNEL, f"{TOPIC}:{device_id}")))
