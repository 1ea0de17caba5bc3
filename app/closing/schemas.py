"""Bodies and answers of closing a campaign."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.closing.rules.blockers import BlockerCode, SubjectKind
from app.closing.rules.states import ClosingStatus
from app.platform.clock import Instant


class ClosingPreparation(BaseModel):
    """What a closing is prepared with."""

    model_config = ConfigDict(extra="forbid")

    acknowledged_event_ids: Annotated[
        list[UUID],
        Field(max_length=200, description="reports of devices that belong to no order, and were looked into"),
    ] = []
    note: Annotated[str | None, Field(min_length=2, max_length=500, pattern=r"^[^\x00-\x1f]*$")] = None


class PeopleView(BaseModel):
    """The identity of people: eligible = collected + proxy + open + given up + cancelled + not collected.

    `rest_given_up` is part of collected; the last three before `boxes` are what `not_collected` is made of.
    """

    eligible: int
    collected: int
    proxy: int
    open: int
    given_up: int
    cancelled: int
    not_collected: int
    rest_given_up: int
    never_ordered: int
    unselected: int
    never_served: int
    boxes: int
    adds_up: bool


class UnitView(PeopleView):
    """The identity of people for one unit."""

    unit_id: UUID
    unit: str


class PointOfLotView(BaseModel):
    """What of a lot is, or was handed over, at one pickup point."""

    pickup_point_id: UUID
    name: str
    on_hand: int
    quarantine: int
    handed_over: int


class LotView(BaseModel):
    """The identity of goods for one lot: received = what became of it.

    handed over + returned + damaged + donated + on hand + in transit + variance; the whole lot counts, also
    what of it is at other points.
    """

    lot_id: UUID
    number: str
    kind: str
    gift_box: str
    consigned: int
    received: int
    handed_over: int
    returned: int
    damaged: int
    donated: int
    on_hand: int
    in_transit: int
    variance: int
    missing: int
    adds_up: bool
    points: list[PointOfLotView]


class CodeCount(BaseModel):
    """How many blockers of one kind there are."""

    code: BlockerCode
    count: int


class ClosingView(BaseModel):
    """Where a campaign stands on its way to be closed.

    `status` is null while nothing is prepared. Sealed figures are those of the seal and never change;
    `digest` is the SHA-256 of their canonical form.
    """

    id: UUID | None
    campaign_id: UUID
    status: ClosingStatus | None
    orders: int
    hand_overs: int
    boxes: int
    total: PeopleView
    units: list[UnitView]
    lots: list[LotView]
    blockers: list[CodeCount]
    digest: str | None
    note: str | None
    prepared_by: UUID | None
    prepared_at: Instant | None
    sealed_by: UUID | None
    sealed_at: Instant | None


class SubjectView(BaseModel):
    """What a blocker is about; `member_name` only for who asked with a reason."""

    kind: SubjectKind
    id: UUID
    number: str | None
    member_name_masked: str | None
    member_name: str | None
    unit: str | None


class BlockerView(BaseModel):
    """One thing that stands in the way of a closing."""

    code: BlockerCode
    title: str
    detail: str
    values: dict[str, Any]
    subject: SubjectView


class DocumentOfClosing(BaseModel):
    """A paper that a closing asked for."""

    id: UUID
    number: str | None
    pickup_point_id: UUID | None
    edition: str


class SupplementsView(BaseModel):
    """The supplements that were asked for, and how many hand-overs they list."""

    id: UUID
    hand_overs: int
    documents: list[DocumentOfClosing]
