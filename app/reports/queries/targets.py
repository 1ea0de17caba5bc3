"""Targets by union and year."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import Page, int_key, page_of, seek
from app.reports.tables import AidedTarget


async def lock_target(session: AsyncSession, union_id: UUID, year: int) -> AidedTarget | None:
    """Return the target of a union for a year, locked, or None."""
    wanted = select(AidedTarget).where(AidedTarget.union_id == union_id, AidedTarget.year == year)
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def find_targets(
    session: AsyncSession, union_ids: Collection[UUID], year: int
) -> dict[UUID, AidedTarget]:
    """Return the targets of unions for a year, by union."""
    wanted = select(AidedTarget).where(AidedTarget.union_id.in_(union_ids), AidedTarget.year == year)
    return {one.union_id: one for one in await session.scalars(wanted)}


async def list_targets(
    session: AsyncSession, *, year: int | None, limit: int, after: tuple[str, ...] | None
) -> Page[AidedTarget]:
    """Return the targets of the session's unions, the latest year first."""
    order = (-AidedTarget.year, AidedTarget.union_id)
    wanted = select(AidedTarget).order_by(*order).limit(limit + 1)
    if year is not None:
        wanted = wanted.where(AidedTarget.year == year)
    if after is not None:
        last_year, last_union = seek(after, int_key, UUID)
        wanted = wanted.where(tuple_(*order) > (-last_year, last_union))
    found = list(await session.scalars(wanted))
    return page_of(found, limit=limit, key=lambda one: (str(one.year), str(one.union_id)))
