"""What happens by itself to personal data: campaigns whose time is over give it up."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union, one_union
from app.privacy.actions.erase import BATCH, end_campaign_data, forget_corrections, unlink_orders
from app.privacy.queries import find_campaigns_over

Open = Callable[[object], AbstractAsyncContextManager[AsyncSession]]


async def end_retention(transaction: Open, *, now: datetime) -> int:
    """Take the members out of every campaign whose retention has ended; return how many receipts it was.

    Each batch is a transaction of its own; a run that is ended in the middle goes on with the next.
    """
    async with transaction(every_union("campaigns of every union come to their end")) as session:
        over = await find_campaigns_over(session, now=now)
        await forget_corrections(session, now=now)
    written = 0
    for campaign_id, union_id in over:
        count = BATCH
        while count == BATCH:
            async with transaction(one_union(union_id)) as session:
                count = await unlink_orders(session, campaign_id, union_id=union_id, now=now)
        async with transaction(one_union(union_id)) as session:
            receipt = await end_campaign_data(session, campaign_id, union_id=union_id, now=now)
        written += receipt is not None
    return written
