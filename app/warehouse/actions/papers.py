"""What all papers of the warehouse have: a number, and two people."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.platform.clock import local_date
from app.warehouse.errors import OwnStep
from app.warehouse.queries.papers import find_people
from app.warehouse.rules.states import Series, written_number
from app.warehouse.tables.transfers import WarehouseNumber


async def next_number(session: AsyncSession, series: Series, *, union_id: UUID, now: datetime) -> str:
    """Return the next number of a series in the year of `now` (in Shanghai); it is taken with the commit.

    The row stays locked until then, so that no number is left out and none is given twice.
    """
    on = local_date(now)
    first = insert(WarehouseNumber).values(union_id=union_id, series=series.value, year=on.year, last=1)
    taken = first.on_conflict_do_update(
        index_elements=["union_id", "series", "year"], set_={"last": WarehouseNumber.last + 1}
    )
    position = (await session.execute(taken.returning(WarehouseNumber.last))).scalar_one()
    return written_number(series, on, position=position)


async def refuse_same_person(session: AsyncSession, by: Actor, others: Iterable[UUID]) -> None:
    """Raise OwnStep if one of the accounts belongs to the person who acts: two people, not two accounts."""
    accounts = set(others)
    people = await find_people(session, accounts | {by.id})
    if people[by.id] in {people[account] for account in accounts}:
        raise OwnStep()
