"""Bodies of codes, scans and conflicts."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from app.orders.rules.states import OrderStatus
from app.orders.schemas import SlotOfOrder
from app.platform.clock import GivenInstant, Instant, shown
from app.platform.text import LINE, WITHOUT_NUL
from app.redemptions.rules.changes import ChangeKind
from app.redemptions.rules.keys import KeyState
from app.redemptions.rules.reasons import ConflictReason, Reason
from app.redemptions.rules.table import Decision, OrderDetails

CodeText = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=WITHOUT_NUL)]
Why = Annotated[str, Field(min_length=2, max_length=200, pattern=LINE), AfterValidator(str.strip)]


class CodeView(BaseModel):
    """The pickup code of an order: `code` is what stands in the QR picture."""

    code: str
    short_code: str
    payload_format: Literal["GL1"]
    key_id: int
    valid_from: Instant
    valid_until: Instant


class Override(BaseModel):
    """Why the box is handed over although it is too early or late, or nothing is booked."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


class RedemptionRequest(BaseModel):
    """One scan: `code` is the scanned text or the typed short code, `event_id` was made by the device.

    `quantity` is how many boxes change hands now: fewer than are left leave the order open; without it, all
    that are left. `lot_id` is the lot on the carton; without it, the lot that goes off first is recorded.
    """

    model_config = ConfigDict(extra="forbid")

    event_id: UUID
    code: CodeText
    pickup_point_id: UUID
    scanned_at: GivenInstant | None = None
    quantity: Annotated[int | None, Field(strict=True, ge=1, le=20)] = None
    lot_id: UUID | None = None
    override: Override | None = None


_LONGEST_INSTANT = 64


def _or_none(given: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(given)
    except ValidationError:
        if isinstance(given, str) and len(given) <= _LONGEST_INSTANT:
            return None
        raise


class RecordedScan(RedemptionRequest):
    """A scan that was recorded offline; a clock that tells nonsense takes nothing away from it.

    `staff_id` is the clerk who stood at the device; without it, whoever hands the scan in.
    """

    staff_id: UUID | None = None
    scanned_at: Annotated[GivenInstant | None, WrapValidator(_or_none)] = None


class RedemptionBatch(BaseModel):
    """Scans that a device recorded offline: boxes that were handed over.

    Each event has the form of a RedemptionRequest. What cannot be read is kept for a person.
    """

    model_config = ConfigDict(extra="forbid")

    device_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    events: Annotated[list[Any], Field(min_length=1, max_length=500)]


class ScannedOrder(BaseModel):
    """What the clerk sees of an order; `remaining_quantity` are still to be handed over after this scan."""

    id: UUID
    number: str
    member_name_masked: str | None
    gift_box: str
    quantity: int
    remaining_quantity: int | None = None
    pickup_point: str
    slot: SlotOfOrder | None


class RedemptionView(BaseModel):
    """The answer to a scan; when it was collected before: when, by whom, where and by which event.

    `quantity_handed_over` boxes changed hands with this scan; None in answers of older releases.
    """

    result: Literal["handed_over", "refused"]
    reason: Reason | None
    order: ScannedOrder | None
    quantity_handed_over: int | None = None
    redeemed_at: Instant | None
    redeemed_by: str | None
    redeemed_at_point: str | None
    first_event_id: UUID | None


class BatchResult(BaseModel):
    """What became of one event of a batch: an answer, or the code of the problem with it."""

    event_id: UUID | None
    answer: RedemptionView | None
    problem: str | None

    @property
    def why_unplaced(self) -> str | None:
        """Why nobody can tell which order the event belongs to, or None if it has one."""
        if self.answer is None or self.answer.order is not None:
            return self.problem
        return self.answer.reason


class BatchView(BaseModel):
    """Results in the order of the events."""

    results: list[BatchResult]


class Undo(BaseModel):
    """Why a hand-over is taken back; `event_id` was made by the device."""

    model_config = ConfigDict(extra="forbid")

    event_id: UUID
    reason: Why


class Swap(Undo):
    """Why boxes are swapped, how many, and the lot on the carton of the new ones if it was scanned."""

    quantity: Annotated[int, Field(strict=True, ge=1, le=20)] = 1
    lot_id: UUID | None = None


class LotOfHandOver(BaseModel):
    """Boxes of a lot that the member holds; `number` is None where nobody recorded the lot."""

    lot_id: UUID
    number: str | None
    boxes: int


class ChangedOrder(BaseModel):
    """An order after a hand-over of it was changed."""

    id: UUID
    number: str
    status: OrderStatus
    quantity: int
    remaining_quantity: int


class ChangeView(BaseModel):
    """A hand-over was undone, or boxes of it swapped; `lots` are what the member has of it now."""

    event_id: UUID
    kind: ChangeKind
    of_event_id: UUID
    pickup_point_id: UUID
    quantity: int
    reason: str
    at: Instant
    by: str
    order: ChangedOrder
    lots: list[LotOfHandOver]


class ChangeOfHandOver(BaseModel):
    """What was changed of a hand-over."""

    event_id: UUID
    kind: ChangeKind
    quantity: int
    reason: str
    at: Instant
    by: str


class RedemptionRecordView(BaseModel):
    """A scan as it is on record, with what was changed since; the order as it is now."""

    event_id: UUID
    result: Literal["handed_over", "refused"]
    reason: Reason | None
    order: ChangedOrder | None
    member_name_masked: str | None
    gift_box: str | None
    pickup_point_id: UUID
    quantity_handed_over: int | None
    first_portion: int | None
    override_reason: str | None
    is_offline: bool
    device_id: str | None
    scanned_at: Instant
    received_at: Instant
    redeemed_by: str
    undone_at: Instant | None
    lots: list[LotOfHandOver]
    changes: list[ChangeOfHandOver]


class CardOfOrder(BaseModel):
    """The public origin card of a lot; `path` opens it on this service."""

    reference: str
    path: str


class OrderOriginView(BaseModel):
    """Where the boxes of an order come from.

    Once some were handed over: the lots of these, as recorded; until then the lots at the order's pickup
    point from which they may come (at most 5). Boxes without a recorded lot have no card.
    """

    order_id: UUID
    is_handed_over: bool
    cards: list[CardOfOrder]


class ConflictSide(BaseModel):
    """One scan of a conflict."""

    event_id: UUID
    pickup_point_id: UUID
    device_id: str | None
    scanned_at: Instant
    received_at: Instant


class ConflictView(BaseModel):
    """Hand-overs that contradict each other, or the state of the order."""

    id: UUID
    order_id: UUID
    reason: ConflictReason
    status: Literal["open", "resolved"]
    noticed_at: Instant
    first: ConflictSide | None
    second: ConflictSide


class SigningKeyView(BaseModel):
    """A key that verifies pickup codes (`public_key` is raw, base64url), but for one that is `withdrawn`."""

    id: int
    algorithm: Literal["ed25519"]
    public_key: str
    state: KeyState
    published_at: Instant
    state_since: Instant


class SigningKeysView(BaseModel):
    """All keys; `version` changes with them, and a copy is good for `good_for_seconds`."""

    version: str
    good_for_seconds: int
    keys: list[SigningKeyView]


class KeyWithdrawal(BaseModel):
    """Why a key is withdrawn."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


_NAMELESS = '"member_name_masked":null'


def answer_of(decision: Decision) -> str:
    """Return the JSON text of an answer (RedemptionView) as it is stored: without the member's name."""
    order, details, first = decision.order, decision.details, decision.first
    shown_order = None
    if order is not None and details is not None:
        shown_order = {
            "id": str(order.id),
            "number": order.number,
            "member_name_masked": None,
            "gift_box": details.gift_box,
            "quantity": order.quantity,
            "remaining_quantity": decision.left,
            "pickup_point": details.pickup_point,
            "slot": _slot(details),
        }
    return _text(
        {
            "result": "handed_over" if decision.is_handed_over else "refused",
            "reason": decision.reason,
            "order": shown_order,
            "quantity_handed_over": decision.boxes,
            "redeemed_at": shown(first.at) if first else None,
            "redeemed_by": first.staff_name if first else None,
            "redeemed_at_point": first.pickup_point if first else None,
            "first_event_id": str(first.event_id) if first else None,
        }
    )


def named(stored: str, details: OrderDetails | None) -> str:
    """Return a stored answer with the member's masked name in its place.

    No value can hold the text that is looked for: its quotation marks would be escaped.
    """
    if details is None:
        return stored
    return stored.replace(_NAMELESS, _NAMELESS[:-4] + _text(details.member_name_masked), 1)


def _slot(details: OrderDetails) -> dict[str, str] | None:
    if details.slot_id is None or details.slot_starts_at is None or details.slot_ends_at is None:
        return None
    return {
        "id": str(details.slot_id),
        "starts_at": shown(details.slot_starts_at),
        "ends_at": shown(details.slot_ends_at),
    }


def _text(answer: Any) -> str:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
