"""Bodies of orders."""

import json
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.orders.rules.desk import OfferState, OrderState, SlotState
from app.orders.rules.states import Channel, OrderStatus
from app.platform.clock import Instant, shown
from app.platform.text import WITHOUT_NUL


class OrderRequest(BaseModel):
    """What a member sends to order."""

    model_config = ConfigDict(extra="forbid")

    offer_id: UUID
    quantity: Annotated[int, Field(strict=True, ge=1, le=20)] = 1
    slot_id: UUID | None = None
    join_waitlist: Annotated[bool, Field(strict=True)] = False


class SlotChoice(BaseModel):
    """The slot that a member wants."""

    model_config = ConfigDict(extra="forbid")

    slot_id: UUID


class CancelRequest(BaseModel):
    """Why an order is given up; may be left out."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str | None, Field(max_length=200, pattern=WITHOUT_NUL)] = None


class QuotaChange(BaseModel):
    """The new quota of an offer."""

    model_config = ConfigDict(extra="forbid")

    quota: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class SlotOfOrder(BaseModel):
    """When the box is to be collected."""

    id: UUID
    starts_at: Instant
    ends_at: Instant


class OrderView(BaseModel):
    """An order as it is answered; `given_up_quantity` boxes are no longer part of `quantity`.

    `collected_at` is when the last of the `collected_quantity` boxes was handed over.
    """

    id: UUID
    number: str
    status: OrderStatus
    campaign_id: UUID
    offer_id: UUID
    pickup_point_id: UUID
    slot: SlotOfOrder | None
    quantity: int
    collected_quantity: int
    given_up_quantity: int
    channel: Channel
    placed_at: Instant
    booked_at: Instant | None
    collected_at: Instant | None
    cancelled_at: Instant | None


class QuotaView(BaseModel):
    """The counters of an offer."""

    id: UUID
    quota: int
    promised: int
    remaining: int
    waitlisted: int
    version: int


def order_answer(order: OrderState, slot: SlotState | None) -> str:
    """Return the JSON text of an order and its slot.

    Written out because it is on the hot path; OrderView documents it, and a test compares the two.
    """
    return json.dumps(order_fields(order, slot), separators=(",", ":"))


def order_fields(order: OrderState, slot: SlotState | None) -> dict[str, object]:
    """Return the members of an order's JSON object."""
    return {
        "id": str(order.id),
        "number": order.number,
        "status": order.status,
        "campaign_id": str(order.campaign_id),
        "offer_id": str(order.offer_id),
        "pickup_point_id": str(order.pickup_point_id),
        "slot": _slot(slot),
        "quantity": order.quantity,
        "collected_quantity": order.collected_count,
        "given_up_quantity": order.given_up_count,
        "channel": order.channel,
        "placed_at": shown(order.placed_at),
        "booked_at": _shown(order.booked_at),
        "collected_at": _shown(order.collected_at),
        "cancelled_at": _shown(order.cancelled_at),
    }


def _slot(slot: SlotState | None) -> dict[str, str] | None:
    if slot is None:
        return None
    return {"id": str(slot.id), "starts_at": shown(slot.starts_at), "ends_at": shown(slot.ends_at)}


def _shown(instant: datetime | None) -> str | None:
    return None if instant is None else shown(instant)


def offer_answer(offer: OfferState) -> str:
    """Return the JSON text of an offer's counters (QuotaView)."""
    view = QuotaView(
        id=offer.id,
        quota=offer.quota,
        promised=offer.promised_count,
        remaining=offer.remaining,
        waitlisted=offer.waitlisted_count,
        version=offer.version,
    )
    return view.model_dump_json()
