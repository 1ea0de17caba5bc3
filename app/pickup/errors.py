"""What pickup points and slots can refuse."""

from app.platform.errors import DomainError


class PointNotFound(DomainError, code="pickup.point_not_found", status=404):
    """No such pickup point, or not yours."""


class SlotNotFound(DomainError, code="pickup.slot_not_found", status=404):
    """No such slot for this campaign and pickup point."""


class SlotFull(DomainError, code="pickup.slot_full", status=409):
    """Every place of the slot is taken."""


class SlotPast(DomainError, code="pickup.slot_past", status=409):
    """The slot is over."""


class OutsideWindow(
    DomainError, code="pickup.outside_window", status=409, shown=("pickup_from", "pickup_until")
):
    """Slots lie on the pickup days of their campaign only."""


class CapacityBelowBooked(DomainError, code="pickup.capacity_below_booked", status=409, shown=("booked",)):
    """The capacity cannot go below what is already booked."""
