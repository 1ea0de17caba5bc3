"""What devices can be refused."""

from app.platform.errors import DomainError


class DeviceNotFound(DomainError, code="devices.not_found", status=404):
    """No such device, or not yours."""


class PairingRefused(DomainError, code="devices.pairing_refused", status=403):
    """The pairing code is wrong, used or over, or the proof is not the key's: never said which."""


class DeviceRevoked(DomainError, code="devices.revoked", status=409):
    """A revoked device stays revoked; it is paired anew."""


class PeriodInvalid(DomainError, code="devices.period_invalid", status=409, shown=("valid_from",)):
    """A device's time has to end after it begins."""


class WrongPickupPoint(
    DomainError, code="devices.wrong_pickup_point", status=403, shown=("pickup_point_id",)
):
    """A device hands over at its own pickup point only; `pickup_point_id` is that."""


class OutsidePeriod(
    DomainError, code="devices.outside_period", status=403, shown=("valid_from", "valid_until")
):
    """A device hands over within its time only."""


class NotThisDevice(DomainError, code="devices.not_this_device", status=403):
    """Scans of a paired device are handed in by the device itself, or by an officer."""


class ClerkRefused(DomainError, code="devices.clerk_refused", status=403):
    """Login and PIN, or login and set code, do not belong together: never said which is wrong."""


class PinTooSimple(DomainError, code="devices.pin_too_simple", status=409):
    """A PIN that everybody tries first."""


class ClerkNotFound(DomainError, code="devices.clerk_not_found", status=404):
    """No such account that hands boxes over, or not yours."""


class UnknownClerk(DomainError, code="devices.unknown_clerk", status=409):
    """A record names no clerk who ever signed in on its device; it is kept for a person."""
