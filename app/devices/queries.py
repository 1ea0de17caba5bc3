"""Every `select` about devices, their pairing codes and the clerks at them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.devices.errors import ClerkNotFound, DeviceNotFound
from app.devices.rules.binding import PairedDevice
from app.devices.rules.pins import WHO_STANDS_AT_A_DEVICE
from app.devices.rules.signature import Algorithm, DeviceKey
from app.devices.tables import ClerkPin, Device, DeviceClerk, DevicePairing
from app.pickup.tables import PickupPoint
from app.platform.paging import Page, instant_key, page_of, seek
from app.unions.tables import StaffAccount, Union


async def get_device(session: AsyncSession, device_id: UUID) -> Device:
    """Return a device of the session's unions, or raise DeviceNotFound."""
    found = (await session.execute(select(Device).where(Device.id == device_id))).scalar_one_or_none()
    if found is None:
        raise DeviceNotFound()
    return found


async def lock_device(session: AsyncSession, device_id: UUID) -> Device:
    """Lock and return a device of the session's unions, or raise DeviceNotFound."""
    wanted = select(Device).where(Device.id == device_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise DeviceNotFound()
    return found


async def find_paired(session: AsyncSession, device_id: UUID) -> PairedDevice | None:
    """Return what decides about the calls of a device; None when the session's unions have no such one."""
    found = (await session.execute(select(Device).where(Device.id == device_id))).scalar_one_or_none()
    if found is None:
        return None
    clerks = await session.execute(select(DeviceClerk.staff_id).where(DeviceClerk.device_id == device_id))
    return PairedDevice(
        id=found.id,
        union_id=found.union_id,
        key=DeviceKey(Algorithm(found.algorithm), found.public_key),
        pickup_point_id=found.pickup_point_id,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        paired_at=found.paired_at,
        revoked_at=found.revoked_at,
        clerks=frozenset(clerks.scalars()),
    )


async def list_devices(
    session: AsyncSession, *, is_revoked: bool | None, limit: int, after: tuple[str, ...] | None
) -> Page[Device]:
    """Return devices, the last paired first; `is_revoked` None means all of them."""
    wanted = select(Device)
    if is_revoked is not None:
        wanted = wanted.where(Device.revoked_at.is_not(None) if is_revoked else Device.revoked_at.is_(None))
    if after is not None:
        wanted = wanted.where(tuple_(Device.paired_at, Device.id) < seek(after, instant_key, UUID))
    found = await session.execute(wanted.order_by(Device.paired_at.desc(), Device.id.desc()).limit(limit + 1))
    return page_of(
        list(found.scalars()), limit=limit, key=lambda device: (device.paired_at.isoformat(), str(device.id))
    )


async def find_pairing_union(session: AsyncSession, digest: bytes) -> UUID | None:
    """Return the union that gave a pairing code out."""
    found = await session.execute(select(DevicePairing.union_id).where(DevicePairing.code_digest == digest))
    return found.scalar_one_or_none()


async def lock_pairing(session: AsyncSession, digest: bytes, *, now: datetime) -> DevicePairing | None:
    """Lock and return the pairing of a code that can still be used."""
    wanted = select(DevicePairing).where(
        DevicePairing.code_digest == digest, DevicePairing.used_at.is_(None), DevicePairing.expires_at > now
    )
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def get_place(session: AsyncSession, device: Device) -> tuple[Union, PickupPoint]:
    """Return the street union and the pickup point of a device."""
    found = await session.execute(
        select(Union, PickupPoint)
        .join(PickupPoint, PickupPoint.union_id == Union.id)
        .where(Union.id == device.union_id, PickupPoint.id == device.pickup_point_id)
    )
    row = found.one()
    return row[0], row[1]


async def get_clerk(session: AsyncSession, staff_id: UUID) -> StaffAccount:
    """Return an enabled account of the session's union that may stand at a device, or raise ClerkNotFound."""
    wanted = _clerks().where(StaffAccount.id == staff_id)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise ClerkNotFound()
    return found


async def find_clerk(session: AsyncSession, login: str) -> tuple[StaffAccount, ClerkPin | None] | None:
    """Return an enabled account that may stand at a device, with its PIN if it has one; always one query."""
    wanted = _clerks().add_columns(ClerkPin).outerjoin(ClerkPin, ClerkPin.staff_id == StaffAccount.id)
    found: Any = (await session.execute(wanted.where(StaffAccount.login == login))).one_or_none()
    return None if found is None else (found[0], found[1])


async def lock_pin(session: AsyncSession, staff_id: UUID) -> ClerkPin | None:
    """Lock and return the PIN record of an account."""
    found = await session.execute(select(ClerkPin).where(ClerkPin.staff_id == staff_id).with_for_update())
    return found.scalar_one_or_none()


def _clerks() -> Select[StaffAccount]:
    roles = [role.value for role in WHO_STANDS_AT_A_DEVICE]
    return select(StaffAccount).where(StaffAccount.role.in_(roles), StaffAccount.disabled_at.is_(None))
