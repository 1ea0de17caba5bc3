"""Writing the orders of an edition, with the counters of its offers and slots."""

from dataclasses import dataclass, fields
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from app.demo.editions import Edition
from app.orders.rules.desk import OrderState
from app.orders.rules.states import Channel, OrderStatus
from app.pickup.tables import Slot
from app.platform.clock import SHANGHAI

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LENGTH = 8
# Above 1, early slots fill before late ones, as they do wherever people may choose.
_EARLY_BIRDS = 1.3


@dataclass(frozen=True, slots=True)
class Recipient:
    """A member who orders; without a telephone the desk orders for them."""

    id: UUID
    unit_id: UUID
    has_mobile: bool


class Ledger:
    """The orders of one edition: each has its own number, and no offer or slot gives more than it has."""

    def __init__(self, edition: Edition, dice: Random) -> None:
        """Write into `edition`; the dice choose numbers and slots."""
        self._edition = edition
        self._dice = dice
        self._numbers: set[str] = set()

    def place(self, recipient: Recipient, station: str, *, at: datetime) -> OrderState:
        """Add an order for one box that has still to be booked. ValueError if no box is left."""
        offer = self._edition.offers[station]
        if offer.promised_count >= offer.quota:
            raise ValueError("the demo promises more boxes than it has")
        offer.promised_count += 1
        order = OrderState(
            id=id_at(at, self._dice),
            number=self._number(at),
            campaign_id=offer.campaign_id,
            offer_id=offer.id,
            pickup_point_id=offer.pickup_point_id,
            member_id=recipient.id,
            unit_id=recipient.unit_id,
            slot_id=None,
            quantity=1,
            status=OrderStatus.TO_BOOK,
            channel=Channel.MEMBER if recipient.has_mobile else Channel.DESK,
            placed_at=at,
        )
        self._edition.orders.append(order)
        return order

    def book(self, order: OrderState, station: str, *, at: datetime) -> Slot:
        """Give the order a place in a slot, early ones being liked best. IndexError if all are full."""
        free = [slot for slot in self._edition.slots[station] if slot.booked_count < slot.capacity]
        slot = free[int(len(free) * self._dice.random() ** _EARLY_BIRDS)]
        slot.booked_count += 1
        order.slot_id, order.status, order.booked_at = slot.id, OrderStatus.BOOKED, at
        order.version += order.placed_at != at
        return slot

    def _number(self, at: datetime) -> str:
        while True:
            symbols = "".join(self._dice.choices(_SYMBOLS, k=_NUMBER_LENGTH))
            number = f"{at.astimezone(SHANGHAI):%y%m%d}-{symbols}"
            if number not in self._numbers:
                self._numbers.add(number)
                return number


def id_at(at: datetime, dice: Random) -> UUID:
    """Return a UUIDv7 of that instant (RFC 9562 section 5.7): lists by id are lists by time here too."""
    value = int(at.timestamp() * 1_000) << 80 | dice.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def order_rows(edition: Edition) -> list[dict[str, Any]]:
    """Return the rows of the edition's orders."""
    names = [field.name for field in fields(OrderState)]
    union_id = edition.campaign.union_id
    return [
        {name: getattr(order, name) for name in names} | {"union_id": union_id} for order in edition.orders
    ]
