"""Accounts and movements: where boxes can be, and how they get there."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class AccountKind(StrEnum):
    """Where boxes of a lot are, or what became of them."""

    SUPPLIER = "supplier"
    """Consigned and not (yet) delivered: what stays here is missing."""
    IN_TRANSIT = "in_transit"
    PICKUP_POINT = "pickup_point"
    QUARANTINE = "quarantine"
    """Damaged, or held back by a recall: at a pickup point, and not to be handed over."""
    HANDED_OVER = "handed_over"
    RETURNED = "returned"
    LOSS = "loss"
    DONATED = "donated"
    VARIANCE = "variance"
    """What counting found too few (above zero) or too many (below): the only account that may be negative."""


AT_A_POINT = frozenset({AccountKind.PICKUP_POINT, AccountKind.QUARANTINE, AccountKind.HANDED_OVER})
"""Accounts that every pickup point has of its own; of the others a union has one each."""


class MovementKind(StrEnum):
    """What happened to the boxes."""

    CONSIGNED = "consigned"
    """The supplier answers for a lot: the only movement that comes from nowhere."""
    RECEIVED = "received"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    HANDED_OVER = "handed_over"
    UNDONE = "undone"
    SWAPPED_IN = "swapped_in"
    SWAPPED_OUT = "swapped_out"
    COUNTED = "counted"
    QUARANTINED = "quarantined"
    RELEASED = "released"
    WRITTEN_OFF = "written_off"
    RETURNED = "returned"
    DONATED = "donated"
    ATTRIBUTED = "attributed"
    """A box that was handed over without a known lot turns out to be of this one."""


class LotKind(StrEnum):
    """Whether a lot was received, or stands for boxes whose lot nobody recorded (one for each gift box)."""

    RECEIVED = "received"
    UNRECORDED = "unrecorded"


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One place for the boxes of a lot; `point_id` is the pickup point where the kind asks for one.

    Raises ValueError if a point is missing or too many.
    """

    kind: AccountKind
    point_id: UUID | None = None

    def __post_init__(self) -> None:
        """Refuse an account that cannot be."""
        if (self.kind in AT_A_POINT) != (self.point_id is not None):
            raise ValueError(f"{self.kind} and a pickup point do not go together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A movement to be posted: `boxes` (above zero) of a lot from one account to another.

    `source` is None for `consigned` only. `document_id` is what it belongs to (a receipt, a transfer,
    a stocktake, a disposal), `event_id` the scan that handed a box over.
    """

    lot_id: UUID
    boxes: int
    source: Account | None
    target: Account
    kind: MovementKind
    document_id: UUID | None = None
    event_id: UUID | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no movement."""
        if self.boxes <= 0:
            raise ValueError("a movement moves at least one box")
        if (self.source is None) != (self.kind is MovementKind.CONSIGNED):
            raise ValueError("only a consignment comes from nowhere")
        if self.source == self.target:
            raise ValueError("a movement goes from one account to another")
