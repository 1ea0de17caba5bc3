"""A small campaign at its end: 60 members in 3 units, 2 pickup points, everything adding up, row by row."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.scope import every_union
from app.campaigns.tables import Campaign, Offer
from app.orders.rules.states import NEVER_SERVED
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import local_date, utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.redemptions.tables import Redemption
from app.stock.actions.posting import post_movements
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.unions.tables import Member
from app.warehouse.tables.stocktakes import Stocktake
from tests.factories.eligible import add_unit
from tests.factories.ledger import at, consigned, handed_over, post, quarantine, received, stock_lot
from tests.factories.street import Street, make_street

COLLECTED, PARTLY, EXPIRED, UNSERVED, CANCELLED, AGAIN = 40, 2, 8, 2, 3, 1
"""How many of the 60 members came to what; 4 never ordered, the last of whom may not."""


@dataclass
class Ended:
    """A campaign whose pickup is over; `orders` by the place of their member, `events` by order."""

    here: Street
    units: list[UUID]
    lots: list[UUID]
    orders: dict[int, UUID] = field(default_factory=dict)
    events: dict[UUID, UUID] = field(default_factory=dict)
    day: datetime = field(default_factory=lambda: utc_now() - timedelta(days=5))

    def unit_of(self, place: int) -> UUID:
        """Return the unit of a member: 30, 20 and 10 of them."""
        return self.units[0 if place < 30 else 1 if place < 50 else 2]

    async def owner(self, *statements: str) -> None:
        """Alter rows as the owner of the database does: past triggers and walls."""
        import asyncpg

        connection = await asyncpg.connect(self.owner_url)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = 'replica'")
                for statement in statements:
                    await connection.execute(statement)
        finally:
            await connection.close()

    owner_url: str = ""


async def end_campaign(database: Database, *, owner_url: str = "", counted: bool = True) -> Ended:
    """Make a campaign of 60 members, 2 points and 3 units that has ended and adds up."""
    here = await make_street(database, members=60, points=2, quota=80, capacity=40, slots=1)
    units = [here.unit_id, await add_unit(here), await add_unit(here)]
    first = await stock_lot(here, "L1", 40, point=0)
    second = await stock_lot(here, "L2", 40, point=1, offer=1)
    made = Ended(here, units, [first, second], owner_url=owner_url)
    async with database.transaction(every_union("a test arranges")) as session:
        await _past(session, made)
        await _orders(session, made)
    await post(
        here,
        Line(lot_id=first, boxes=2, source=at(here.points[0]), target=quarantine(here.points[0]),
             kind=MovementKind.QUARANTINED),
        Line(lot_id=first, boxes=2, source=quarantine(here.points[0]), target=Account(AccountKind.RETURNED),
             kind=MovementKind.RETURNED),
    )  # fmt: skip
    if counted:
        async with database.transaction(every_union("a test arranges")) as session:
            for point_id in here.points:
                _count(session, made, point_id)
    return made


async def _past(session: AsyncSession, made: Ended) -> None:
    now, here = utc_now(), made.here
    terms: dict[str, Any] = {
        "order_opens_at": now - timedelta(days=20),
        "order_closes_at": now - timedelta(days=10),
        "pickup_from": local_date(now - timedelta(days=9)),
        "pickup_until": local_date(now - timedelta(days=2)),
        "published_at": now - timedelta(days=21),
        "is_sample": False,
    }
    await session.execute(update(Campaign).where(Campaign.id == here.campaign_id).values(terms))
    starts = {"starts_at": made.day, "ends_at": made.day + timedelta(hours=1)}
    await session.execute(update(Slot).where(Slot.campaign_id == here.campaign_id).values(starts))
    for place, who in enumerate(here.members):
        changed = update(Member).where(Member.id == who.id)
        await session.execute(changed.values(unit_id=made.unit_of(place)))
    out = update(Member).where(Member.id == here.members[-1].id)
    await session.execute(out.values(status="retained"))


async def _orders(session: AsyncSession, made: Ended) -> None:
    """Collected are the first; the first of all took two boxes in two parts."""
    plan = (
        [("collected", {})] * COLLECTED
        + [("collected", {"given_up_count": 1})] * PARTLY
        + [("expired", {})] * EXPIRED
        + [("expired", {"cancel_reason": NEVER_SERVED})] * UNSERVED
        + [("cancelled", {"cancelled_at": made.day, "cancel_reason": "member"})] * CANCELLED
        + [("collected", {})] * AGAIN
    )
    for place, (status, more) in enumerate(plan):
        made.orders[place] = _order(session, made, place, status=status, more=more)
    again = COLLECTED + PARTLY + EXPIRED + UNSERVED + CANCELLED
    cancelled = {"cancelled_at": made.day, "cancel_reason": "member"}
    _order(session, made, again, status="cancelled", more=cancelled)
    await session.flush()
    collected = [place for place, (status, _) in enumerate(plan) if status == "collected"]
    lines: list[Line] = []
    for place in collected:
        parts = (1, 1) if place == 0 else (1,)
        for first, boxes in enumerate(parts, start=1):
            lines.append(_hand_over(session, made, place, first=first, boxes=boxes))
    await session.flush()
    clerk = made.here.clerk.id
    await post_movements(session, lines, union_id=made.here.id, posted_by=clerk, now=made.day)
    await _count_up(session, made)


def _order(session: AsyncSession, made: Ended, place: int, *, status: str, more: dict[str, Any]) -> UUID:
    here, id = made.here, new_id()
    point = place % 2
    quantity = 2 if place == 0 else 1
    is_collected = status == "collected"
    is_booked = is_collected or (status == "expired" and not more)
    values: dict[str, Any] = {
        "status": status,
        "quantity": quantity,
        "slot_id": here.slots[point] if is_booked else None,
        "booked_at": made.day if is_booked else None,
        "collected_count": quantity if is_collected else 0,
        "collected_at": made.day if is_collected else None,
    }
    session.add(
        Order(
            id=id,
            union_id=here.id,
            number=f"T{uuid4().hex[:12].upper()}",
            campaign_id=here.campaign_id,
            offer_id=here.offers[point],
            pickup_point_id=here.points[point],
            member_id=here.members[place].id,
            unit_id=made.unit_of(place),
            channel="member",
            placed_at=made.day - timedelta(days=6),
            version=2,
            **(values | more),
        )
    )
    return id


def _hand_over(session: AsyncSession, made: Ended, place: int, *, first: int, boxes: int) -> Line:
    here, point, event_id = made.here, place % 2, uuid4()
    made.events[made.orders[place]] = event_id
    at_time = made.day + timedelta(minutes=place)
    session.add(
        Redemption(
            id=new_id(),
            union_id=here.id,
            event_id=event_id,
            order_id=made.orders[place],
            pickup_point_id=here.points[point],
            staff_id=here.clerk.id,
            result="handed_over",
            quantity=boxes,
            first_portion=first,
            is_offline=False,
            first_event_id=event_id,
            fingerprint=b"0" * 32,
            answer="{}",
            scanned_at=at_time,
            received_at=at_time,
        )
    )
    return Line(
        lot_id=made.lots[point], boxes=boxes, source=at(here.points[point]),
        target=handed_over(here.points[point]), kind=MovementKind.HANDED_OVER, event_id=event_id,
    )  # fmt: skip


async def _count_up(session: AsyncSession, made: Ended) -> None:
    """Set the counters to what the orders make."""
    rows = (
        await session.execute(
            select(Order.offer_id, Order.slot_id, Order.quantity, Order.status).where(
                Order.campaign_id == made.here.campaign_id
            )
        )
    ).all()
    for offer_id in made.here.offers:
        promised = sum(r.quantity for r in rows if r.offer_id == offer_id and r.status == "collected")
        changed = update(Offer).where(Offer.id == offer_id)
        await session.execute(changed.values(promised_count=promised))
    for slot_id in made.here.slots:
        booked = sum(r.slot_id == slot_id for r in rows)
        await session.execute(update(Slot).where(Slot.id == slot_id).values(booked_count=booked))


def _count(session: AsyncSession, made: Ended, point_id: UUID) -> None:
    """Add a stocktake that found what the books say, after the last hand-over."""
    here, opened_at = made.here, utc_now()
    session.add(
        Stocktake(
            id=new_id(),
            union_id=here.id,
            number=f"PD-T-{uuid4().hex[:8]}",
            pickup_point_id=point_id,
            status="closed",
            round=1,
            round_began_at=opened_at,
            counter_ids=[here.clerk.id],
            opened_by=here.clerk.id,
            opened_at=opened_at,
            closed_at=opened_at,
            decided_by=here.staff[Role.CHAIR].id,
            decided_at=opened_at,
        )
    )


__all__ = ["Ended", "consigned", "end_campaign", "received"]
