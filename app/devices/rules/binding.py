"""What a device is bound to, and what of its record is believed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.devices.errors import OutsidePeriod, WrongPickupPoint
from app.devices.rules.signature import MOST_SKEW, DeviceKey
from app.platform.clock import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDevice:
    """A device as a worker knows it; its time includes `valid_from` and not `valid_until`."""

    id: UUID
    union_id: UUID
    key: DeviceKey
    pickup_point_id: UUID
    valid_from: datetime
    valid_until: datetime
    paired_at: datetime
    revoked_at: datetime | None
    clerks: frozenset[UUID]


class Doubt(StrEnum):
    """Why something that a device recorded is kept for a person and not merged."""

    REVOKED = "devices.revoked"
    OUTSIDE_PERIOD = "devices.outside_period"
    UNKNOWN_CLERK = "devices.unknown_clerk"


def check_period(device: PairedDevice, at: datetime) -> None:
    """Raise OutsidePeriod unless the device may be used for handing over now."""
    if not device.valid_from <= at < device.valid_until:
        raise OutsidePeriod(valid_from=shown(device.valid_from), valid_until=shown(device.valid_until))


def check_place(device: PairedDevice, pickup_point_id: UUID, *, at: datetime) -> None:
    """Raise WrongPickupPoint or OutsidePeriod unless the device may hand a box over there and now."""
    if pickup_point_id != device.pickup_point_id:
        raise WrongPickupPoint(pickup_point_id=device.pickup_point_id)
    check_period(device, at)


def doubt_of(device: PairedDevice, recorded_at: datetime | None) -> Doubt | None:
    """Return why a scan that the device recorded at its own time (None: unreadable) is not merged.

    Whoever holds a revoked device can write anything down, so a time that is missing counts as after it. A
    time before the pairing or outside the period, by more than the skew that a call may have, cannot be: the
    clock, or the record, is wrong.
    """
    if device.revoked_at is not None and (recorded_at is None or recorded_at >= device.revoked_at):
        return Doubt.REVOKED
    begins = max(device.valid_from, device.paired_at)
    is_within = recorded_at is None or begins - MOST_SKEW <= recorded_at < device.valid_until + MOST_SKEW
    if not is_within:
        return Doubt.OUTSIDE_PERIOD
    return None


def device_named(name: str) -> UUID | None:
    """Return the device that a name in an upload stands for, if it can be one."""
    try:
        return UUID(name)
    except ValueError:
        return None


def clerk_of(device: PairedDevice | None, named: UUID | None, *, uploader: UUID | None) -> UUID | None:
    """Return the clerk of a recorded scan: who is named, else who hands it in; None if that cannot be.

    Only a paired device can speak for somebody else, and only for those who have signed in on it. A device
    that hands in by itself (`uploader` None) has to name the clerk.
    """
    if named is None or named == uploader:
        return uploader
    return named if device is not None and named in device.clerks else None
