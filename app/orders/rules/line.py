"""How far into the waiting lists a batch can get, so that no more of them is read and locked."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.orders.rules.commands import (
    CancelOrder,
    ChangeQuota,
    Command,
    ExpireOrder,
    ReleaseOrder,
    ServeLine,
)
from app.orders.rules.desk import OfferState, OrderState


def line_needed(
    commands: Sequence[Command], offers: Mapping[UUID, OfferState], *, orders: Mapping[UUID, OrderState]
) -> dict[UUID, int]:
    """Return of which offers the batch may serve the waiting list, and how many of its first it needs.

    Whoever is served takes at least one box, and boxes come from three sources: those that nobody
    holds, a higher quota, the orders that end in the batch. An order that ends while it waits leaves
    the line and counts in the same way. So when all that were read are served or gone, no box is left
    that a newcomer of the batch could get before those who were not read. Somebody who waits and is no
    longer eligible leaves the line and takes none; what is left then goes out in the next batch (ServeLine),
    and no newcomer gets it before, because others still wait.
    """
    ending = {
        c.order_id for c in commands if isinstance(c, CancelOrder | ExpireOrder | ReleaseOrder)
    } & orders.keys()
    serving = {
        orders[c.order_id].offer_id
        for c in commands
        if isinstance(c, CancelOrder | ReleaseOrder) and c.order_id in ending
    }
    serving |= {c.offer_id for c in commands if isinstance(c, ServeLine)}
    quotas: dict[UUID, int] = {}
    for command in commands:
        if isinstance(command, ChangeQuota):
            quotas[command.offer_id] = max(command.quota, quotas.get(command.offer_id, 0))
    needed = {}
    for offer_id in (serving | quotas.keys()) & offers.keys():
        offer = offers[offer_id]
        if offer.waitlisted_count:
            mine = [orders[id] for id in ending if orders[id].offer_id == offer_id]
            boxes = max(quotas.get(offer_id, 0), offer.quota) - offer.promised_count
            most = boxes + sum(order.quantity for order in mine)
            needed[offer_id] = min(most, offer.waitlisted_count)
    return needed
