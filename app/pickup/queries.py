"""Every `select` about pickup points and slots."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.pickup.errors import PointNotFound, SlotNotFound
from app.pickup.rules import PickupDays
from app.pickup.tables import PickupPoint, Slot
from app.platform.clock import day_end, day_start
from app.platform.paging import Page, instant_key, page_of, seek, text_key


async def get_point(session: AsyncSession, point_id: UUID) -> PickupPoint:
    """Return a pickup point of the session's unions, or raise PointNotFound."""
    found = (
        await session.execute(select(PickupPoint).where(PickupPoint.id == point_id))
    ).scalar_one_or_none()
    if found is None:
        raise PointNotFound()
    return found


async def find_point_ids(session: AsyncSession, point_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these pickup points the session's unions have."""
    wanted = select(PickupPoint.id).where(PickupPoint.id.in_(sorted(point_ids)))
    return set((await session.execute(wanted)).scalars())


async def list_points(
    session: AsyncSession, *, limit: int, after: tuple[str, ...] | None
) -> Page[PickupPoint]:
    """Return pickup points by name."""
    wanted = select(PickupPoint)
    if after is not None:
        wanted = wanted.where(tuple_(PickupPoint.name, PickupPoint.id) > seek(after, text_key, UUID))
    found = await session.execute(wanted.order_by(PickupPoint.name, PickupPoint.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda point: (point.name, str(point.id)))


@dataclass(frozen=True, slots=True)
class SlotsWanted:
    """Which slots of a campaign: of one pickup point, of one Shanghai day, not over at an instant."""

    point_id: UUID | None = None
    on: date | None = None
    not_over_at: datetime | None = None


async def list_slots(
    session: AsyncSession, campaign_id: UUID, *, which: SlotsWanted, limit: int, after: tuple[str, ...] | None
) -> Page[Slot]:
    """Return slots of a campaign by time."""
    wanted = select(Slot).where(Slot.campaign_id == campaign_id)
    if which.point_id is not None:
        wanted = wanted.where(Slot.pickup_point_id == which.point_id)
    if which.on is not None:
        wanted = wanted.where(Slot.starts_at >= day_start(which.on), Slot.starts_at < day_end(which.on))
    if which.not_over_at is not None:
        wanted = wanted.where(Slot.ends_at > which.not_over_at)
    if after is not None:
        wanted = wanted.where(tuple_(Slot.starts_at, Slot.id) > seek(after, instant_key, UUID))
    found = await session.execute(wanted.order_by(Slot.starts_at, Slot.id).limit(limit + 1))
    return page_of(
        list(found.scalars()), limit=limit, key=lambda slot: (slot.starts_at.isoformat(), str(slot.id))
    )


async def lock_slot(session: AsyncSession, slot_id: UUID) -> Slot:
    """Lock and return a slot of the session's unions, or raise SlotNotFound."""
    wanted = select(Slot).where(Slot.id == slot_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise SlotNotFound()
    return found


async def count_slots(session: AsyncSession, campaign_id: UUID) -> int:
    """Return how many slots a campaign has."""
    wanted = select(func.count()).select_from(Slot).where(Slot.campaign_id == campaign_id)
    return int((await session.execute(wanted)).scalar_one())


async def has_slot_outside(session: AsyncSession, campaign_id: UUID, days: PickupDays) -> bool:
    """Return whether a campaign has a slot that is not wholly on these days."""
    is_outside = or_(Slot.starts_at < day_start(days.first), Slot.ends_at > day_end(days.last))
    wanted = select(Slot.id).where(Slot.campaign_id == campaign_id, is_outside).limit(1)
    return (await session.execute(wanted)).first() is not None
