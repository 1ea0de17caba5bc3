"""Lots, balances and movements as they are sent and answered; numbers are boxes (份)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.platform.clock import Instant
from app.platform.text import LINE
from app.stock.rules.ledger import AccountKind, LotKind, MovementKind

Reason = Annotated[
    str,
    Field(min_length=2, max_length=200, pattern=LINE, description="why; no names and no numbers of people"),
    AfterValidator(str.strip),
]


class LotView(BaseModel):
    """A lot; `kind` is `unrecorded` for the one that stands for boxes whose lot nobody recorded."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    gift_box_id: UUID
    kind: LotKind
    number: str
    produced_on: date | None
    best_before_on: date | None
    origin_code: str | None
    origin_note: str | None
    recalled_at: Instant | None
    recalled_by: UUID | None
    recall_reason: str | None
    created_at: Instant
    is_sample: bool


class AccountView(BaseModel):
    """How many boxes of a lot an account holds; `pickup_point_id` where accounts are by pickup point."""

    kind: AccountKind
    pickup_point_id: UUID | None
    boxes: int


class LotFiguresView(BaseModel):
    """What became of a lot: received = handed over + returned + damaged + donated + on hand + in transit
    + variance; `adds_up` says whether that holds.
    """

    model_config = ConfigDict(from_attributes=True)

    consigned: int
    received: int
    missing: int
    handed_over: int
    returned: int
    damaged: int
    donated: int
    on_hand: int
    in_transit: int
    variance: int
    accounted: int
    adds_up: bool


class LotDetailView(LotView):
    """A lot with what every account holds of it, and what became of it."""

    accounts: list[AccountView]
    figures: LotFiguresView


class BalanceView(AccountView):
    """What an account holds of a lot."""

    id: UUID
    lot_id: UUID
    lot_number: str
    lot_kind: LotKind
    gift_box_id: UUID
    best_before_on: date | None
    is_recalled: bool


class MovementView(BaseModel):
    """Boxes that went from one account to another; a consignment comes from none."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    lot_id: UUID
    kind: MovementKind
    boxes: int
    from_kind: AccountKind | None
    from_point_id: UUID | None
    to_kind: AccountKind
    to_point_id: UUID | None
    document_id: UUID | None
    event_id: UUID | None
    posted_by: UUID | None
    posted_at: Instant
    reason: str | None


class DifferenceView(BaseModel):
    """Where the books contradict each other: an account's balance (`held`) and its movements (`expected`).

    Without `kind`: all balances of the lot, and what was consigned.
    """

    lot_id: UUID
    kind: AccountKind | None
    pickup_point_id: UUID | None
    held: int
    expected: int


class ProofView(BaseModel):
    """Whether every balance is what its movements add up to; of many differences the first 200 are shown."""

    is_proven: bool
    difference_count: int
    differences: list[DifferenceView]


class RecallDraft(BaseModel):
    """Why a lot is recalled, or given free."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class AttributionDraft(BaseModel):
    """Boxes that were handed over at a point without a recorded lot, and were of this lot.

    `event_id` is the scan that handed them over, where somebody knows: a recall then finds who has them.
    """

    model_config = ConfigDict(extra="forbid")

    lot_id: UUID
    pickup_point_id: UUID
    boxes: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    reason: Reason
    event_id: UUID | None = None


class AttributionView(BaseModel):
    """What was attributed: `id` is the `document_id` of its movements, `unrecorded_left` is still to do."""

    id: UUID
    lot_id: UUID
    pickup_point_id: UUID
    boxes: int
    unrecorded_left: int
