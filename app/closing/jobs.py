"""What happens by itself to closings: papers and preparations of campaigns without members are forgotten."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union, one_union
from app.closing.queries.closings import lock_forgotten
from app.closing.queries.papers import find_campaigns_to_forget
from app.closing.rules.states import ClosingStatus
from app.documents.actions.files import forget_files

Open = Callable[[object], AbstractAsyncContextManager[AsyncSession]]


async def forget_papers(transaction: Open, *, now: datetime) -> int:
    """Delete the files of campaigns whose personal data has ended; return how many documents it was.

    What a preparation holds of people goes too; figures, numbers and hashes stay, and what is sealed.
    """
    async with transaction(every_union("campaigns of every union come to their end")) as session:
        over = await find_campaigns_to_forget(session)
        for closing in await lock_forgotten(session):
            closing.status, closing.people = ClosingStatus.WITHDRAWN.value, None
            closing.withdrawn_at = now
    forgotten = 0
    for campaign_id, union_id in over:
        async with transaction(one_union(union_id)) as session:
            forgotten += await forget_files(session, [campaign_id], now=now)
    return forgotten
