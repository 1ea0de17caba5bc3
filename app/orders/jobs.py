"""What becomes of orders by itself, in time."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import Scope, every_union, one_union
from app.orders.actions.admit import admit_orders
from app.orders.queries import find_overdue
from app.orders.rules.commands import ExpireOrder
from app.platform.clock import local_date
from app.platform.database import refusal_of
from app.platform.errors import Busy, StorageFull, Unavailable

BATCH = 100
Open = Callable[[Scope], AbstractAsyncContextManager[AsyncSession]]
log = structlog.get_logger()


async def expire_orders(transaction: Open, *, now: datetime) -> int:
    """Expire uncollected orders whose pickup window has ended (逾期未领视为放弃); return how many it was.

    Each union's orders in one transaction; run twice, it does nothing twice. An order that cannot be
    expired is logged and passed: it holds up neither the others of its union nor those of others.
    Raises what the database raises when it is down or full.
    """
    count, last = 0, None
    while True:
        async with transaction(every_union("orders of every union run out")) as session:
            overdue = await find_overdue(session, local_date(now), limit=BATCH, after=last)
        by_union: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for union_id, order_id in overdue:
            by_union[union_id].append(order_id)
        for union_id, order_ids in by_union.items():
            count += await _expire(transaction, union_id, order_ids=order_ids, now=now)
        if len(overdue) < BATCH:
            return count
        last = overdue[-1][1]


async def _expire(transaction: Open, union_id: UUID, *, order_ids: Sequence[UUID], now: datetime) -> int:
    """Expire orders of one union, one by one if it fails for all together; return for how many it did not."""
    try:
        async with transaction(one_union(union_id)) as session:
            commands = [ExpireOrder(order_id=order_id, at=now) for order_id in order_ids]
            await admit_orders(session, union_id, commands)
    except Exception as error:
        refusal = refusal_of(error)
        if isinstance(refusal, Unavailable | StorageFull):
            raise
        name = str(order_ids[0]) if len(order_ids) == 1 else None
        log.warning("expiry.failed", error=type(error).__name__, size=len(order_ids), name=name)
        # Locked by somebody else: one by one, each of them would wait as long. The next run has them.
        if len(order_ids) == 1 or isinstance(refusal, Busy):
            return 0
    else:
        return len(order_ids)
    return sum(
        [await _expire(transaction, union_id, order_ids=[order_id], now=now) for order_id in order_ids]
    )
