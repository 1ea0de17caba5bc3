"""What ordering can refuse."""

from app.platform.errors import DomainError


class OrderNotFound(DomainError, code="orders.not_found", status=404):
    """No such order, or not yours."""


class AlreadyOrdered(DomainError, code="orders.already_ordered", status=409):
    """The member has an order in this campaign."""


class QuantityOverLimit(DomainError, code="orders.quantity_over_limit", status=409, shown=("limit",)):
    """More boxes than one member may have."""


class WaitlistClosed(DomainError, code="orders.no_waitlist", status=409):
    """Sold out, and the campaign keeps no waiting list."""


class NotBookable(DomainError, code="orders.not_bookable", status=409, shown=("order_status",)):
    """An order in this state cannot book a slot."""


class NotCancellable(DomainError, code="orders.not_cancellable", status=409, shown=("order_status",)):
    """An order in this state cannot be cancelled."""


class QuotaBelowPromised(DomainError, code="orders.quota_below_promised", status=409, shown=("promised",)):
    """The quota cannot go below what is already promised."""
