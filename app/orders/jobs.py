"""What becomes of orders by itself, in time."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import Scope, every_union, one_union
from app.orders.actions.admit import admit_orders
from app.orders.queries import find_overdue
from app.orders.rules.commands import ExpireOrder
from app.platform.clock import local_date

BATCH = 100
Open = Callable[[Scope], AbstractAsyncContextManager[AsyncSession]]


async def expire_orders(transaction: Open, *, now: datetime) -> int:
    """Expire uncollected orders whose pickup window has ended (逾期未领视为放弃); return how many.

    Each union's orders in one transaction; run twice, it does nothing twice.
    """
    async with transaction(every_union("orders of every union run out")) as session:
        overdue = await find_overdue(session, local_date(now), limit=BATCH)
    by_union: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for union_id, order_id in overdue:
        by_union[union_id].append(order_id)
    for union_id, order_ids in by_union.items():
        async with transaction(one_union(union_id)) as session:
            await admit_orders(
                session, union_id, [ExpireOrder(order_id=order_id, at=now) for order_id in order_ids]
            )
    return len(overdue)
