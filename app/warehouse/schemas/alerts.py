"""Bodies of alerts and coverage."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel

from app.platform.clock import Instant
from app.warehouse.rules.alerts import AlertCode


class Named(BaseModel):
    """An id and a name."""

    id: UUID
    name: str


class AlertView(BaseModel):
    """Something to look at; `code` is stable, `text` is for people, `boxes` is how many are concerned.

    `at` is the beginning of the first slot that is short; the numbers of a shortage are null in other alerts.
    """

    code: AlertCode
    text: str
    gift_box: Named
    pickup_point: Named | None
    lot_id: UUID | None
    lot_number: str | None
    best_before_on: date | None
    boxes: int
    at: Instant | None
    on_hand: int | None
    promised: int | None
    booked: int | None
    arriving: int | None


class CoverageView(BaseModel):
    """Boxes of a gift box at a pickup point: there, promised, and when they first do not suffice."""

    gift_box: Named
    pickup_point: Named
    on_hand: int
    promised: int
    booked: int
    arriving: int
    short_by: int
    first_short_at: Instant | None
    short_then: int
