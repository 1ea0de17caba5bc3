"""Members, orders and hand-overs of a campaign, read in bulk and without locks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import vault_of
from app.campaigns.tables import Offer
from app.closing.rules.agreement import CounterFacts, HandOverFacts
from app.closing.rules.partition import OrderFacts
from app.orders.rules.desk import MemberState
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.redemptions.tables import Redemption, RedemptionChange, RedemptionConflict
from app.stock.rules.ledger import AccountKind
from app.stock.tables import StockMovement
from app.unions.rules import mask_name
from app.unions.tables import Member, open_name

_HANDED_OVER = AccountKind.HANDED_OVER.value


async def list_orders(session: AsyncSession, campaign_id: UUID) -> list[OrderFacts]:
    """Return all orders of a campaign by id."""
    wanted = select(
        Order.id, Order.number, Order.member_id, Order.unit_id, Order.offer_id, Order.slot_id, Order.status,
        Order.quantity, Order.collected_count, Order.given_up_count, Order.cancel_reason,
    ).where(Order.campaign_id == campaign_id)  # fmt: skip
    rows = await session.execute(wanted.order_by(Order.id))
    return [OrderFacts(**row._mapping) for row in rows]


async def list_members(session: AsyncSession, union_id: UUID) -> dict[UUID, MemberState]:
    """Return what the rules need of all members of a street union who were not erased."""
    wanted = select(Member.id, Member.unit_id, Member.status).where(
        Member.union_id == union_id, Member.erased_at.is_(None)
    )
    return {row.id: MemberState(*row) for row in await session.execute(wanted)}


async def list_hand_overs(session: AsyncSession, campaign_id: UUID) -> list[HandOverFacts]:
    """Return all hand-overs of a campaign's orders, with what their movements add up to."""
    contested = select(RedemptionConflict.id).where(
        RedemptionConflict.union_id == Redemption.union_id,
        RedemptionConflict.second_event_id == Redemption.event_id,
    )
    wanted = (
        select(
            Redemption.event_id,
            Redemption.order_id,
            Redemption.quantity,
            Redemption.undone_at.is_not(None).label("is_undone"),
            contested.exists().label("is_contested"),
        )
        .join(Order, Order.id == Redemption.order_id)
        .where(Order.campaign_id == campaign_id, Redemption.result == "handed_over")
        .order_by(Redemption.id)
    )
    rows = (await session.execute(wanted)).all()
    posted = await _posted(session, campaign_id)
    return [
        HandOverFacts(
            **row._mapping, posted=posted.get(row.event_id, 0), has_movements=row.event_id in posted
        )
        for row in rows
    ]


async def _posted(session: AsyncSession, campaign_id: UUID) -> dict[UUID, int]:
    """Return what the movements of each hand-over, and of its changes, add up to in what was handed over."""
    changes = await session.execute(
        select(RedemptionChange.event_id, RedemptionChange.of_event_id)
        .join(Order, Order.id == RedemptionChange.order_id)
        .where(Order.campaign_id == campaign_id)
    )
    of_event = {row.event_id: row.of_event_id for row in changes}
    events = (
        select(Redemption.event_id)
        .join(Order, Order.id == Redemption.order_id)
        .where(Order.campaign_id == campaign_id, Redemption.result == "handed_over")
        .union(
            select(RedemptionChange.event_id)
            .join(Order, Order.id == RedemptionChange.order_id)
            .where(Order.campaign_id == campaign_id)
        )
        .subquery()
    )
    movement = StockMovement
    into = case((movement.to_kind == _HANDED_OVER, movement.boxes), else_=0)
    out = case((movement.from_kind == _HANDED_OVER, movement.boxes), else_=0)
    rows = await session.execute(
        select(movement.event_id, func.sum(into - out).label("boxes"))
        .join(events, events.c.event_id == movement.event_id)
        .group_by(movement.event_id)
    )
    found: dict[UUID, int] = {}
    for row in rows:
        event_id = of_event.get(row.event_id, row.event_id)
        found[event_id] = found.get(event_id, 0) + int(row.boxes)
    return found


async def find_known_events(
    session: AsyncSession, campaign_id: UUID, *, until: datetime | None = None
) -> list[UUID]:
    """Return every hand-over of a campaign that its papers list: those that count, and contested reports.

    All of them, or those that were heard of until an instant.
    """
    contested = select(RedemptionConflict.second_event_id).where(
        RedemptionConflict.union_id == Redemption.union_id,
        RedemptionConflict.second_event_id == Redemption.event_id,
    )
    wanted = (
        select(Redemption.event_id)
        .join(Order, Order.id == Redemption.order_id)
        .where(
            Order.campaign_id == campaign_id,
            Redemption.undone_at.is_(None),
            (Redemption.result == "handed_over") | contested.exists(),
        )
    )
    if until is not None:
        wanted = wanted.where(Redemption.received_at <= until)
    return list((await session.execute(wanted.order_by(Redemption.event_id))).scalars())


async def list_counters(
    session: AsyncSession, campaign_id: UUID
) -> tuple[list[CounterFacts], list[CounterFacts]]:
    """Return the stored counters of a campaign's offers and slots."""
    offers = await session.execute(
        select(Offer.id, Offer.promised_count, Offer.waitlisted_count)
        .where(Offer.campaign_id == campaign_id)
        .order_by(Offer.id)
    )
    slots = await session.execute(
        select(Slot.id, Slot.booked_count).where(Slot.campaign_id == campaign_id).order_by(Slot.id)
    )
    return (
        [CounterFacts(id=row[0], stored=row[1], waitlisted=row[2]) for row in offers],
        [CounterFacts(id=row[0], stored=row[1]) for row in slots],
    )


@dataclass(frozen=True, slots=True)
class Named:
    """What a member is called, in full and masked for staff."""

    name: str
    masked: str
    number: str


async def find_names(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, Named]:
    """Return the names of members, opened in one go; those who are not there are left out."""
    wanted = select(Member.id, Member.union_id, Member.number, Member.name_sealed)
    rows = (await session.execute(wanted.where(Member.id.in_(member_ids)))).all()
    keys = await vault_of(session).keys_of_many(session, {row.union_id for row in rows})
    found = {}
    for row in rows:
        name = open_name(keys[row.union_id], row.id, sealed=row.name_sealed)
        found[row.id] = Named(name, mask_name(name), row.number)
    return found
