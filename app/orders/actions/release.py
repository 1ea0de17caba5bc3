"""Taking back the orders of members who have left the union, where a campaign does not keep them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.orders.actions.admit import admit_orders
from app.orders.queries import find_orders_of_leavers
from app.orders.rules.commands import ReleaseOrder

MOST_AT_ONCE = 1_000


async def release_orders_of(session: AsyncSession, member_ids: Collection[UUID], *, now: datetime) -> int:
    """Take back uncollected orders of these members if they have left; return how many were looked at.

    Boxes and places are free in the same transaction and go to those who wait; each order leaves an event
    `order.released`. Campaigns that keep the orders of leavers keep them. The session's scope is one street
    union. Of more than 1,000 orders the rest is left to the job.
    """
    found = await find_orders_of_leavers(session, limit=MOST_AT_ONCE, member_ids=member_ids)
    if found:
        commands = [ReleaseOrder(order_id=order_id, at=now) for _, order_id in found]
        await admit_orders(session, found[0][0], commands)
    return len(found)
