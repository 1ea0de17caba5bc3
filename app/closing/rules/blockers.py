"""What stands in the way of a closing: a code, and the row it is about."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class BlockerCode(StrEnum):
    """What stands in the way; texts are in `app/locales`, `message.closing_<code>`."""

    # Rows that contradict each other: somebody or something altered one.
    COLLECTED_WITHOUT_HAND_OVER = "collected_without_hand_over"
    HAND_OVER_NOT_COUNTED = "hand_over_not_counted"
    COUNT_DIFFERS = "count_differs"
    STATUS_CONTRADICTS = "status_contradicts"
    HAND_OVER_WITHOUT_MOVEMENT = "hand_over_without_movement"
    MOVEMENT_DIFFERS = "movement_differs"
    MOVEMENT_WITHOUT_HAND_OVER = "movement_without_hand_over"
    OVER_LIMIT = "over_limit"
    COUNTED_TWICE = "counted_twice"
    PROMISED_DIFFERS = "promised_differs"
    BOOKED_DIFFERS = "booked_differs"
    BALANCE_DIFFERS = "balance_differs"
    LOT_DOES_NOT_ADD_UP = "lot_does_not_add_up"
    UNIT_DOES_NOT_ADD_UP = "unit_does_not_add_up"
    CHANGED_SINCE = "changed_since"
    # Work that is not done.
    NOT_PUBLISHED = "not_published"
    MEMBERS_FORGOTTEN = "members_forgotten"
    WINDOW_OPEN = "window_open"
    ORDER_OPEN = "order_open"
    CONFLICT_OPEN = "conflict_open"
    EVENT_UNDECIDED = "event_undecided"
    IN_TRANSIT = "in_transit"
    STOCKTAKE_OPEN = "stocktake_open"
    STOCKTAKE_MISSING = "stocktake_missing"
    DISPOSAL_OPEN = "disposal_open"
    QUARANTINE_UNDECIDED = "quarantine_undecided"


class SubjectKind(StrEnum):
    """What a blocker is about."""

    CAMPAIGN = "campaign"
    ORDER = "order"
    MEMBER = "member"
    OFFER = "offer"
    SLOT = "slot"
    LOT = "lot"
    UNIT = "unit"
    POINT = "pickup_point"
    MOVEMENT = "movement"
    EVENT = "event"
    STOCKTAKE = "stocktake"
    DISPOSAL = "disposal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One thing that stands in the way; `member_id` is whose order or count it is, where it is somebody's.

    `values` fill the placeholders of the text: numbers, and names of places and goods, never of people.
    """

    code: BlockerCode
    kind: SubjectKind
    id: UUID
    number: str | None = None
    member_id: UUID | None = None
    unit_id: UUID | None = None
    values: dict[str, int | str] = field(default_factory=dict)


_TURN = {code: turn for turn, code in enumerate(BlockerCode)}


def order_of(blocker: Blocker) -> tuple[int, str]:
    """Return what blockers are sorted by: contradictions before work to be done, then by their subject."""
    return _TURN[blocker.code], str(blocker.id)
