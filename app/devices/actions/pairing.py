"""Pairing a device: the officer's code, and the device that brings it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import Trace, record
from app.access.policy import Role
from app.access.tokens import Opening, open_session
from app.devices import queries
from app.devices.errors import PairingRefused, PeriodInvalid
from app.devices.rules.one_time_codes import PAIRING
from app.devices.rules.signature import DeviceKey
from app.devices.schemas import PairingDraft
from app.devices.tables import Device, DevicePairing
from app.pickup.queries import get_point
from app.platform.clock import shown
from app.platform.ids import new_id

LONGEST_PERIOD = timedelta(days=90)
"""As long as a device's session lasts; a device that stays longer is paired anew."""


async def add_pairing(
    session: AsyncSession, draft: PairingDraft, *, code: str, union_id: UUID, created_by: UUID, now: datetime
) -> DevicePairing:
    """Keep what a code will pair; an earlier unused code for a device of this name stops at once.

    Raises PointNotFound, and PeriodInvalid for a time that is over or ends after `LONGEST_PERIOD`.
    """
    if not now < draft.valid_until <= now + LONGEST_PERIOD:
        raise PeriodInvalid(valid_from=shown(draft.valid_from))
    await get_point(session, draft.pickup_point_id)
    open_ones = update(DevicePairing).where(
        DevicePairing.union_id == union_id,
        DevicePairing.name == draft.name,
        DevicePairing.used_at.is_(None),
        DevicePairing.expires_at > now,
        DevicePairing.created_at < now,
    )
    await session.execute(open_ones.values(expires_at=now))
    pairing = DevicePairing(
        id=new_id(),
        union_id=union_id,
        code_digest=PAIRING.digest(code),
        created_by=created_by,
        created_at=now,
        expires_at=now + PAIRING.life,
        **draft.model_dump(),
    )
    session.add(pairing)
    await session.flush()
    return pairing


async def pair_device(
    session: AsyncSession, digest: bytes, *, key: DeviceKey, now: datetime
) -> tuple[Device, str]:
    """Turn a pairing code into a device, once; return it and the token of its session.

    The caller has checked that the device holds the private half. Raises PairingRefused.
    """
    pairing = await queries.lock_pairing(session, digest, now=now)
    if pairing is None or pairing.valid_until <= now:
        raise PairingRefused()
    pairing.used_at = now
    device = Device(
        id=new_id(),
        union_id=pairing.union_id,
        name=pairing.name,
        pickup_point_id=pairing.pickup_point_id,
        algorithm=key.algorithm.value,
        public_key=key.raw,
        valid_from=pairing.valid_from,
        valid_until=pairing.valid_until,
        created_by=pairing.created_by,
        paired_at=now,
        version=1,
    )
    session.add(device)
    await session.flush()
    opening = Opening(
        device.id, Role.PICKUP_DEVICE, device.union_id, [device.union_id], label=device.name[:40]
    )
    token = open_session(session, opening, now=now)
    details = {"algorithm": device.algorithm, "pickup_point_id": str(device.pickup_point_id)}
    trace = Trace("devices.paired", device.union_id, subject=("device", device.id), details=details)
    record(session, trace, now=now)
    await session.flush()
    return device, token
