"""The states of an order and what each of them means for counters and for the member."""

from enum import StrEnum


class OrderStatus(StrEnum):
    """The states of an order (see `app/orders/__init__.py` for the way between them)."""

    PENDING_DRAW = "pending_draw"
    UNSELECTED = "unselected"
    WAITLISTED = "waitlisted"
    TO_BOOK = "to_book"
    BOOKED = "booked"
    COLLECTED = "collected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    ON_HOLD = "on_hold"


class Channel(StrEnum):
    """How an order came in."""

    MEMBER = "member"
    DESK = "desk"
    REPRESENTATIVE = "representative"


LIVE = frozenset(
    {
        OrderStatus.PENDING_DRAW,
        OrderStatus.WAITLISTED,
        OrderStatus.TO_BOOK,
        OrderStatus.BOOKED,
        OrderStatus.COLLECTED,
        OrderStatus.ON_HOLD,
    }
)
"""While an order is in one of these, its member may have no other in the campaign."""

PROMISED = frozenset({OrderStatus.TO_BOOK, OrderStatus.BOOKED, OrderStatus.COLLECTED, OrderStatus.ON_HOLD})
"""In these states an order holds its boxes: they count in the offer's `promised_count`."""

NEVER_SERVED = "never_served"
"""The `cancel_reason` of an expired order that never held a box: it waited in vain, in line or for a draw."""

CANCELLABLE = LIVE - {OrderStatus.COLLECTED}
BOOKABLE = frozenset({OrderStatus.TO_BOOK, OrderStatus.BOOKED})
EXPIRING = frozenset(
    {OrderStatus.PENDING_DRAW, OrderStatus.WAITLISTED, OrderStatus.TO_BOOK, OrderStatus.BOOKED}
)
"""An order that is still in one of these when the pickup window has ended becomes `expired`."""
