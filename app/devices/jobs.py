"""What happens to devices in time: nonces and pairing codes that can count no more are deleted."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.devices.rules.signature import MOST_SKEW
from app.devices.tables import DeviceNonce, DevicePairing

NONCES_KEPT = 2 * MOST_SKEW + timedelta(minutes=1)
PAIRINGS_KEPT = timedelta(days=1)


async def tidy_devices(session: AsyncSession, *, now: datetime) -> None:
    """Delete nonces of calls that are too old to be believed, and codes that ended a day ago.

    A call is believed for five minutes around its own time, so a nonce is needed for ten minutes at most
    after it came.
    """
    await session.execute(delete(DeviceNonce).where(DeviceNonce.used_at < now - NONCES_KEPT))
    await session.execute(delete(DevicePairing).where(DevicePairing.expires_at < now - PAIRINGS_KEPT))
