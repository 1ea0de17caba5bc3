"""Bodies of transfers and disposals."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.platform.clock import Instant
from app.platform.text import LINE
from app.warehouse.rules.states import DisposalKind, DisposalStatus, StockPlace, TransferStatus

Words = Annotated[str, Field(min_length=2, max_length=200, pattern=LINE), AfterValidator(str.strip)]
Boxes = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Some = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class TransferWanted(BaseModel):
    """Boxes of one lot, or of a gift box: then the lots that go off first are taken."""

    model_config = ConfigDict(extra="forbid")

    lot_id: UUID | None = None
    gift_box_id: UUID | None = None
    boxes: Boxes

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "TransferWanted":
        if (self.lot_id is None) == (self.gift_box_id is None):
            raise ValueError("a lot or a gift box")
        return self


class TransferDraft(BaseModel):
    """Boxes to be sent from one pickup point to another.

    `asks_exception`: if too few would be left for what is promised, wait for somebody who may approve it.
    """

    model_config = ConfigDict(extra="forbid")

    from_point_id: UUID
    to_point_id: UUID
    lines: Annotated[list[TransferWanted], Field(min_length=1, max_length=100)]
    reason: Words
    asks_exception: bool = False


class Decision(BaseModel):
    """Why something is approved or declined."""

    model_config = ConfigDict(extra="forbid")

    reason: Words


class ArrivedLine(BaseModel):
    """How the boxes of a lot arrived; the three add up to what was sent."""

    model_config = ConfigDict(extra="forbid")

    lot_id: UUID
    good: Some
    damaged: Some = 0
    missing: Some = 0


class Arrival(BaseModel):
    """What arrived, lot by lot."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[ArrivedLine], Field(min_length=1, max_length=200)]
    note: Words | None = None


class TransferLineView(BaseModel):
    """Boxes of a lot that were sent, and how they arrived (null: on their way)."""

    lot_id: UUID
    boxes: int
    good: int | None
    damaged: int | None
    missing: int | None


class TransferView(BaseModel):
    """A transfer."""

    id: UUID
    number: str
    status: TransferStatus
    from_point_id: UUID
    to_point_id: UUID
    reason: str
    lines: list[TransferLineView]
    dispatched_by: UUID
    asked_at: Instant
    dispatched_at: Instant | None
    decided_by: UUID | None
    decided_at: Instant | None
    decision_reason: str | None
    arrived_by: UUID | None
    arrived_at: Instant | None
    arrival_note: str | None


class DisposalLineDraft(BaseModel):
    """Boxes of a lot at a pickup point: of those to be handed over, or of those in quarantine."""

    model_config = ConfigDict(extra="forbid")

    lot_id: UUID
    pickup_point_id: UUID
    place: StockPlace
    boxes: Boxes


class DisposalDraft(BaseModel):
    """What is to become of boxes.

    `party` is the organisation that gets them (no person), `evidence_sha256` the hash of a picture or paper
    that is kept elsewhere, `campaign_id` the campaign whose leftovers they are.
    """

    model_config = ConfigDict(extra="forbid")

    kind: DisposalKind
    lines: Annotated[list[DisposalLineDraft], Field(min_length=1, max_length=200)]
    reason: Words
    party: Words | None = None
    evidence_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    campaign_id: UUID | None = None


class DisposalApproval(BaseModel):
    """Why a disposal is approved; `despite_promises` if fewer boxes than are promised stay at a point."""

    model_config = ConfigDict(extra="forbid")

    reason: Words | None = None
    despite_promises: bool = False


class DisposalLineView(BaseModel):
    """Boxes of a lot at one place."""

    lot_id: UUID
    pickup_point_id: UUID
    place: StockPlace
    boxes: int


class DisposalView(BaseModel):
    """A disposal."""

    id: UUID
    number: str
    kind: DisposalKind
    status: DisposalStatus
    campaign_id: UUID | None
    reason: str
    party: str | None
    evidence_sha256: str | None
    lines: list[DisposalLineView]
    requested_by: UUID
    requested_at: Instant
    decided_by: UUID | None
    decided_at: Instant | None
    decision_reason: str | None
