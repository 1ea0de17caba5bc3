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
from app.orders.queries import find_orders_of_leavers, find_overdue, find_unserved_offers
from app.orders.rules.commands import Command, ExpireOrder, ReleaseOrder, ServeLine
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
            commands = [ExpireOrder(order_id=order_id, at=now) for order_id in order_ids]
            count += await _submit(transaction, union_id, commands=commands)
        if len(overdue) < BATCH:
            return count
        last = overdue[-1][1]


async def release_orders_of_leavers(transaction: Open, *, now: datetime) -> int:
    """Take back the orders of members who have left, where their campaigns do not keep them; return how many.

    Whoever changed the record: an import, a correction, an administrator. At most a hundred in one run.
    """
    async with transaction(every_union("members of every union leave")) as session:
        found = await find_orders_of_leavers(session, limit=BATCH)
    return await _submit_by_union(
        transaction, [(union_id, ReleaseOrder(order_id=order_id, at=now)) for union_id, order_id in found]
    )


async def serve_lines(transaction: Open, *, now: datetime) -> int:
    """Give free boxes to those who wait for them; return for how many offers that was tried.

    Boxes are free while somebody waits only when those who came first may no longer order.
    """
    async with transaction(every_union("lines of every union are served")) as session:
        found = await find_unserved_offers(session, limit=BATCH)
    return await _submit_by_union(
        transaction, [(union_id, ServeLine(offer_id=offer_id, at=now)) for union_id, offer_id in found]
    )


async def _submit_by_union(transaction: Open, found: Sequence[tuple[UUID, Command]]) -> int:
    by_union: defaultdict[UUID, list[Command]] = defaultdict(list)
    for union_id, command in found:
        by_union[union_id].append(command)
    return sum(
        [await _submit(transaction, union_id, commands=commands) for union_id, commands in by_union.items()]
    )


async def _submit(transaction: Open, union_id: UUID, *, commands: Sequence[Command]) -> int:
    """Submit commands of one union, one by one if it fails for all together; return how many went well."""
    try:
        async with transaction(one_union(union_id)) as session:
            await admit_orders(session, union_id, commands)
    except Exception as error:
        refusal = refusal_of(error)
        if isinstance(refusal, Unavailable | StorageFull):
            raise
        subject = getattr(commands[0], "order_id", None) or getattr(commands[0], "offer_id", None)
        name = str(subject) if len(commands) == 1 else None
        event = "expiry.failed" if isinstance(commands[0], ExpireOrder) else "orders.step_failed"
        log.warning(event, error=type(error).__name__, size=len(commands), name=name)
        # Locked by somebody else: one by one, each of them would wait as long. The next run has them.
        if len(commands) == 1 or isinstance(refusal, Busy):
            return 0
    else:
        return len(commands)
    return sum([await _submit(transaction, union_id, commands=[command]) for command in commands])
