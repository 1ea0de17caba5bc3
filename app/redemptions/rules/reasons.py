"""Why a box is not handed over, and what a hand-over may contradict."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a box is not handed over."""

    ALREADY_COLLECTED = "already_collected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_BOOKED = "not_booked"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    WRONG_PICKUP_POINT = "wrong_pickup_point"
    INVALID_CODE = "invalid_code"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    ON_HOLD = "on_hold"
    OWN_ORDER = "own_order"
    RECALLED = "recalled"
    """The lot of the carton that was scanned is recalled."""
    PAST_BEST_BEFORE = "past_best_before"


class ConflictReason(StrEnum):
    """What a hand-over contradicts: every `Reason` can be one, and boxes too many or of another kind."""

    ALREADY_COLLECTED = "already_collected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_BOOKED = "not_booked"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    WRONG_PICKUP_POINT = "wrong_pickup_point"
    INVALID_CODE = "invalid_code"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    ON_HOLD = "on_hold"
    OWN_ORDER = "own_order"
    RECALLED = "recalled"
    PAST_BEST_BEFORE = "past_best_before"
    WRONG_QUANTITY = "wrong_quantity"
    WRONG_LOT = "wrong_lot"


OVERRIDABLE = frozenset({Reason.NOT_BOOKED, Reason.TOO_EARLY, Reason.TOO_LATE})
"""A person at the table may hand over all the same, with a reason that is kept."""
