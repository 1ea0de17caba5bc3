"""What people do with pickup points and slots."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.pickup.errors import CapacityBelowBooked, OutsideWindow
from app.pickup.queries import get_point, has_slot_outside, lock_slot
from app.pickup.rules import PickupDays, cut_day
from app.pickup.schemas import PointDraft, SlotPlan
from app.pickup.tables import PickupPoint, Slot
from app.platform.ids import new_id


async def add_point(session: AsyncSession, draft: PointDraft, *, union_id: UUID) -> PickupPoint:
    """Make a pickup point of a street union; its name is unique there, by constraint."""
    point = PickupPoint(id=new_id(), union_id=union_id, is_sample=False, **draft.model_dump())
    session.add(point)
    await session.flush()
    return point


async def add_slots(
    session: AsyncSession, campaign_id: UUID, plan: SlotPlan, *, union_id: UUID, within: PickupDays
) -> int:
    """Cut the days of a plan into slots and return how many are new; existing ones stay as they are.

    The days have to be `within` those of the campaign, which the caller has locked: at the table
    nothing is handed over on others. Raises PointNotFound, OutsideWindow.
    """
    point = await get_point(session, plan.pickup_point_id)
    if not within.hold(plan.from_on, plan.until_on):
        raise OutsideWindow(pickup_from=within.first, pickup_until=within.last)
    days = (plan.from_on + timedelta(days=n) for n in range((plan.until_on - plan.from_on).days + 1))
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "union_id": union_id,
            "campaign_id": campaign_id,
            "pickup_point_id": point.id,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "capacity": plan.capacity,
            "booked_count": 0,
        }
        for day in days
        if day.isoweekday() in plan.weekdays
        for starts_at, ends_at in cut_day(day, plan.opens, closes=plan.closes, minutes=plan.minutes)
    ]
    added = 0
    for start in range(0, len(rows), 1_000):
        wanted = insert(Slot).values(rows[start : start + 1_000]).on_conflict_do_nothing().returning(Slot.id)
        added += len((await session.execute(wanted)).all())
    return added


async def check_slots_inside(session: AsyncSession, campaign_id: UUID, days: PickupDays) -> None:
    """Raise OutsideWindow when a slot of the campaign would lie outside its pickup days."""
    if await has_slot_outside(session, campaign_id, days):
        raise OutsideWindow(pickup_from=days.first, pickup_until=days.last)


async def change_capacity(session: AsyncSession, slot_id: UUID, capacity: int) -> Slot:
    """Set the number of places of a slot; nobody who has booked is thrown out.

    Raises SlotNotFound, CapacityBelowBooked.
    """
    slot = await lock_slot(session, slot_id)
    if capacity < slot.booked_count:
        raise CapacityBelowBooked(booked=slot.booked_count)
    slot.capacity = capacity
    await session.flush()
    return slot
