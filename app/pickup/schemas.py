"""Bodies of pickup points and slots."""

from datetime import timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.pickup.rules import Crowd, crowd_of
from app.pickup.tables import Slot
from app.platform.clock import GivenDay, GivenTime, Instant
from app.platform.text import LINE

Line = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE), AfterValidator(str.strip)]
_LONGEST_PLAN = timedelta(days=62)


class SlotView(BaseModel):
    """A slot; `remaining` is a hint, the booking decides."""

    id: UUID
    pickup_point_id: UUID
    starts_at: Instant
    ends_at: Instant
    capacity: int
    remaining: int
    crowd: Crowd


def slot_view(slot: Slot) -> SlotView:
    """Return a slot as it is answered."""
    return SlotView(
        id=slot.id,
        pickup_point_id=slot.pickup_point_id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        capacity=slot.capacity,
        remaining=slot.capacity - slot.booked_count,
        crowd=crowd_of(slot.booked_count, slot.capacity),
    )


class PointDraft(BaseModel):
    """What an officer sends to make a pickup point."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    address: Line
    phone: Annotated[str | None, Field(pattern=r"^[0-9+() -]{5,30}$")] = None
    is_outdoor: Annotated[bool, Field(strict=True)] = False
    desk_count: Annotated[int, Field(strict=True, ge=1, le=50)] = 1


class PointView(BaseModel):
    """A pickup point."""

    id: UUID
    name: str
    address: str
    phone: str | None
    is_outdoor: bool
    desk_count: int
    is_sample: bool


class SlotPlan(BaseModel):
    """Days at a pickup point to be cut into slots; times are those of Asia/Shanghai."""

    model_config = ConfigDict(extra="forbid")

    pickup_point_id: UUID
    from_on: GivenDay
    until_on: GivenDay
    opens: GivenTime
    closes: GivenTime
    minutes: Annotated[int, Field(strict=True, ge=5, le=480)] = 30
    capacity: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    weekdays: Annotated[
        list[Annotated[int, Field(strict=True, ge=1, le=7)]],
        Field(min_length=1, max_length=7, description="1 is Monday"),
    ] = [1, 2, 3, 4, 5]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.until_on < self.from_on or self.until_on - self.from_on > _LONGEST_PLAN:
            raise ValueError("days")
        if self.closes <= self.opens:
            raise ValueError("times")
        return self


class NewSlotsView(BaseModel):
    """How many slots were added."""

    added: int


class CapacityChange(BaseModel):
    """The new number of places of a slot."""

    model_config = ConfigDict(extra="forbid")

    capacity: Annotated[int, Field(strict=True, ge=0, le=10_000)]
