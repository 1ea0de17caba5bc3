"""A street union with everything needed to order and collect; people and places as plain values."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import STAFF_ROLES, UNIT_ROLES, Role
from app.access.scope import every_union
from app.access.tokens import add_token
from app.access.vault import keys_of
from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.orders.rules.states import PROMISED, OrderStatus
from app.orders.tables import Order
from app.pickup.tables import PickupPoint, Slot
from app.platform.clock import local_date, utc_now
from app.platform.database import Base, Database
from app.platform.ids import new_id
from app.redemptions.tables import Redemption
from app.unions.rules.order import GAP
from app.unions.tables import Member, Particulars, StaffAccount, Union, seal_particulars

NUMBERS = iter(range(1, 60_000))


@dataclass(frozen=True)
class Person:
    """A member or a staff account with a token."""

    id: UUID
    name: str
    token: str

    def headers(self, key: str | None = None) -> dict[str, str]:
        """Return the headers of a call; `key` is the idempotency key, "new" makes one."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = uuid4().hex if key == "new" else key
        return headers


@dataclass
class Street:
    """What a test knows of its street union."""

    database: Database
    id: UUID
    number: int
    unit_id: UUID
    points: list[UUID]
    campaign_id: UUID
    offers: list[UUID]
    slots: list[UUID]
    members: list[Person]
    staff: dict[Role, Person] = field(default_factory=dict)

    @property
    def clerk(self) -> Person:
        """A clerk at the pickup table."""
        return self.staff[Role.STATION_CLERK]

    @property
    def officer(self) -> Person:
        """An officer of the street union."""
        return self.staff[Role.UNION_OFFICER]

    async def read(self, statement: Any) -> list[Any]:
        """Return the rows of a statement, seen past every filter."""
        async with self.database.transaction(every_union("a test looks")) as session:
            return list((await session.execute(statement)).all())

    async def set(self, model: type[Base], id: UUID, **values: Any) -> None:
        """Change a row behind the service's back."""
        table: Any = model
        async with self.database.transaction(every_union("a test arranges")) as session:
            await session.execute(update(table).where(table.id == id).values(values))

    async def hand_over(self, order_id: UUID, *, at: datetime, event_id: UUID | None = None) -> None:
        """Hand an order over behind the service's back: the order is collected, the redemption is there."""
        event_id = event_id or uuid4()
        async with self.database.transaction(every_union("a test arranges")) as session:
            quantity = await session.scalar(select(Order.quantity).where(Order.id == order_id))
            wanted = update(Order).where(Order.id == order_id)
            all_of_it = {"status": "collected", "collected_count": Order.quantity, "collected_at": at}
            await session.execute(wanted.values(all_of_it))
            session.add(
                Redemption(
                    id=new_id(),
                    union_id=self.id,
                    event_id=event_id,
                    order_id=order_id,
                    pickup_point_id=self.points[0],
                    staff_id=self.clerk.id,
                    result="handed_over",
                    quantity=quantity,
                    first_portion=1,
                    is_offline=False,
                    first_event_id=event_id,
                    fingerprint=b"0" * 32,
                    answer="{}",
                    scanned_at=at,
                    received_at=at,
                )
            )

    async def counters(self) -> dict[str, Any]:
        """Return stored counters beside those derived from the rows; a test compares them."""
        offers = await self.read(
            select(Offer.id, Offer.promised_count, Offer.waitlisted_count).where(
                Offer.campaign_id == self.campaign_id
            )
        )
        slots = await self.read(
            select(Slot.id, Slot.booked_count).where(Slot.campaign_id == self.campaign_id)
        )
        orders = await self.read(
            select(Order.offer_id, Order.slot_id, Order.status, Order.quantity).where(
                Order.campaign_id == self.campaign_id
            )
        )
        derived_offers = {
            row.id: (
                sum(o.quantity for o in orders if o.offer_id == row.id and o.status in PROMISED),
                sum(o.offer_id == row.id and o.status == OrderStatus.WAITLISTED for o in orders),
            )
            for row in offers
        }
        return {
            "stored": (
                {row.id: (row.promised_count, row.waitlisted_count) for row in offers},
                {row.id: row.booked_count for row in slots},
            ),
            "derived": (derived_offers, {row.id: sum(o.slot_id == row.id for o in orders) for row in slots}),
        }

    async def count(self, model: type[Base]) -> int:
        """Return how many rows of a table the street union has."""
        table: Any = model
        rows = await self.read(select(func.count()).select_from(table).where(table.union_id == self.id))
        return int(rows[0][0])


async def make_street(
    database: Database,
    *,
    members: int = 3,
    quota: int = 10,
    slots: int = 3,
    capacity: int = 5,
    points: int = 1,
    boxes: int = 1,
    campaign: dict[str, Any] | None = None,
) -> Street:
    """Make a street union with an open campaign; slots last an hour, the first began with this hour.

    Each gift box is offered at each pickup point: `offers` has those of the first box first.
    """
    now = utc_now()
    async with database.transaction(every_union("a test arranges")) as session:
        street_id, unit_id, number = await _unions(session)
        made = Street(database, street_id, number, unit_id, [], new_id(), [], [], [])
        for role in Role:
            if role in STAFF_ROLES:
                made.staff[role] = await _staff(session, made, role, now)
        made.staff[Role.PICKUP_DEVICE] = _device(session, made, now)
        await _goods(session, made, points)
        terms = campaign_terms(now) | (campaign or {})
        session.add(
            Campaign(id=made.campaign_id, union_id=made.id, drafted_by=made.officer.id,
                     published_by=made.staff[Role.CHAIR].id, **terms)
        )  # fmt: skip
        await session.flush()
        for position in range(boxes):
            await _offers(session, made, position, quota=quota)
        await _slots(session, made, slots=slots, capacity=capacity, now=now)
        for position in range(members):
            made.members.append(await _member(session, made, position, now))
    return made


def campaign_terms(now: datetime) -> dict[str, Any]:
    """Return the terms of an open campaign."""
    return {
        "title": "示例·测试活动",
        "stage": "published",
        "allocation": "first_come",
        "has_waitlist": True,
        "per_member_limit": 2,
        "eligible_statuses": ["active"],
        "order_opens_at": now - timedelta(days=1),
        "order_closes_at": now + timedelta(days=3),
        "pickup_from": local_date(now) - timedelta(days=1),
        "pickup_until": local_date(now) + timedelta(days=5),
        "early_minutes": 30,
        "late_minutes": 30,
        "published_at": now - timedelta(days=2),
        "version": 1,
        "is_sample": True,
    }


async def _unions(session: AsyncSession) -> tuple[UUID, UUID, int]:
    tag = secrets.token_hex(6)
    parent: tuple[UUID | None, str | None] = (None, None)
    number = next(NUMBERS)
    street_id, unit_id = new_id(), new_id()
    for level in ("national", "municipal", "district", "street", "grassroots"):
        id = {"street": street_id, "grassroots": unit_id}.get(level, new_id())
        session.add(
            Union(
                id=id,
                code=f"T-{tag}-{level}",
                name=f"示例·{level}-{tag}",
                level=level,
                parent_id=parent[0],
                parent_level=parent[1],
                street_id=street_id if level in {"street", "grassroots"} else None,
                number=number if level == "street" else None,
                is_sample=True,
            )
        )
        await session.flush()
        parent = (id, level)
    return street_id, unit_id, number


async def _staff(session: AsyncSession, street: Street, role: Role, now: datetime) -> Person:
    id = new_id()
    name = f"示例·{role.value}"
    login = f"t-{secrets.token_hex(5)}"
    unit_id = street.unit_id if role in UNIT_ROLES else None
    session.add(
        StaffAccount(id=id, union_id=street.id, unit_id=unit_id, login=login, display_name=name,
                     role=role.value, approved_at=now)
    )  # fmt: skip
    await session.flush()
    token = add_token(session, id, role=role, union_id=street.id, scope_union_ids=[street.id], now=now)
    return Person(id, name, token)


def _device(session: AsyncSession, street: Street, now: datetime) -> Person:
    """A token that names a device; nobody paired one."""
    id, role = new_id(), Role.PICKUP_DEVICE
    token = add_token(session, id, role=role, union_id=street.id, scope_union_ids=[street.id], now=now)
    return Person(id, role.value, token)


async def _member(session: AsyncSession, street: Street, position: int, now: datetime) -> Person:
    id, name = new_id(), f"示例{position}"
    keys, mobile = await keys_of(session, street.id), f"1380000{position % 10_000:04}"
    session.add(
        Member(
            id=id, union_id=street.id, unit_id=street.unit_id, number=f"T{position:07}", status="active",
            created_at=now, name_rank=(position + 1) * GAP,
            **seal_particulars(keys, id, particulars=Particulars(name, mobile, "0017")),
        )
    )  # fmt: skip
    await session.flush()
    token = add_token(session, id, role=Role.MEMBER, union_id=street.id, scope_union_ids=[street.id], now=now)
    return Person(id, name, token)


async def _goods(session: AsyncSession, street: Street, points: int) -> None:
    for position in range(points):
        id = new_id()
        session.add(
            PickupPoint(id=id, union_id=street.id, name=f"示例·领取点{position}", address="示例地址",
                        is_outdoor=True, desk_count=2)
        )  # fmt: skip
        street.points.append(id)
    await session.flush()


async def _offers(session: AsyncSession, street: Street, position: int, *, quota: int) -> None:
    box, product = new_id(), new_id()
    session.add(
        Product(id=product, union_id=street.id, name="小米", unit="袋", category="粮食",
                net_content_grams=2500, barcode=f"20000000{position:04}0", shelf_life="12个月",
                storage="阴凉干燥", allergens=[])
    )  # fmt: skip
    session.add(
        GiftBox(id=box, union_id=street.id, name="示例·杂粮礼盒", unit="份",
                barcode=f"20000001{position:04}2", gross_weight_grams=2800, unit_price_fen=8800)
    )  # fmt: skip
    await session.flush()
    session.add(
        GiftBoxComponent(union_id=street.id, gift_box_id=box, product_id=product, position=0, quantity=1)
    )
    for point in street.points:
        offer = new_id()
        session.add(
            Offer(id=offer, union_id=street.id, campaign_id=street.campaign_id, gift_box_id=box,
                  pickup_point_id=point, quota=quota)
        )  # fmt: skip
        street.offers.append(offer)
    await session.flush()


async def _slots(session: AsyncSession, street: Street, *, slots: int, capacity: int, now: datetime) -> None:
    begin = datetime.combine(now.date(), time(now.hour), tzinfo=UTC)
    for point in street.points:
        for position in range(slots):
            slot = new_id()
            starts_at = begin + timedelta(hours=position)
            session.add(
                Slot(id=slot, union_id=street.id, campaign_id=street.campaign_id, pickup_point_id=point,
                     starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), capacity=capacity)
            )  # fmt: skip
            street.slots.append(slot)
    await session.flush()
