"""Numbers of papers without gaps: whoever takes the next one holds the series until the transaction ends."""

from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.procurement.rules.numbers import purchase_number, purchase_series, receipt_number, receipt_series
from app.procurement.tables import PaperCounter


async def next_purchase_number(session: AsyncSession, year: int, *, union_id: UUID) -> str:
    """Return the next purchase number of a union in a year; others wait until the transaction ends."""
    return purchase_number(year, await _next(session, purchase_series(year), union_id=union_id))


async def next_receipt_number(session: AsyncSession, day: date, *, union_id: UUID) -> str:
    """Return the next goods receipt number of a union on a day; others wait until the transaction ends."""
    return receipt_number(day, await _next(session, receipt_series(day), union_id=union_id))


async def _next(session: AsyncSession, series: str, *, union_id: UUID) -> int:
    row = insert(PaperCounter).values(union_id=union_id, series=series, last=1)
    counted = row.on_conflict_do_update(
        index_elements=[PaperCounter.union_id, PaperCounter.series], set_={"last": PaperCounter.last + 1}
    )
    return int((await session.execute(counted.returning(PaperCounter.last))).scalar_one())
