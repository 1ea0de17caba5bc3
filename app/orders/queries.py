"""Every `select` about orders; the `lock_*` ones take their locks by rising id."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import all_, any_, bindparam, cast, column, func, literal_column, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Integer, String, Uuid

from app.access.scope import in_scope, read_scoped
from app.campaigns.rules import LEAVING, Stage, remaining_boxes
from app.campaigns.tables import Campaign, Offer
from app.orders.rules.desk import MemberState, OfferState, OrderState, SlotState
from app.orders.rules.states import EXPIRING, LIVE, PROMISED, OrderStatus
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.idempotency import Answer, Claim
from app.platform.keeping import IdempotencyRecord
from app.platform.paging import Page, instant_key, page_of, seek
from app.unions.tables import Member

_UUIDS = ARRAY(Uuid(as_uuid=True))
_IDS = any_(cast(bindparam("ids", type_=_UUIDS), _UUIDS))

_OFFERS = (
    select(
        Offer.id, Offer.union_id, Offer.campaign_id, Offer.pickup_point_id, Offer.quota,
        Offer.promised_count, Offer.waitlisted_count, Offer.version, Campaign.stage, Campaign.allocation,
        Campaign.has_waitlist, Campaign.per_member_limit, Campaign.eligible_statuses,
        Campaign.order_opens_at, Campaign.order_closes_at, Campaign.pickup_until,
        Campaign.eligible_unit_ids, Campaign.not_received_months, Campaign.not_received_campaign_ids,
        Campaign.is_listed_only, Campaign.keeps_orders_of_leavers, Campaign.sealed_at,
    )
    .join(Campaign, Campaign.id == Offer.campaign_id)
    .where(Offer.id == _IDS, in_scope(Offer))
    .order_by(Offer.id)
    .with_for_update(of=Offer, key_share=True)
)  # fmt: skip
_SLOTS = (
    select(
        Slot.id,
        Slot.campaign_id,
        Slot.pickup_point_id,
        Slot.starts_at,
        Slot.ends_at,
        Slot.capacity,
        Slot.booked_count,
    )
    .where(Slot.id == _IDS, in_scope(Slot))
    .order_by(Slot.id)
)
_LOCKED_SLOTS = _SLOTS.with_for_update(key_share=True)
_STATE = (
    Order.id,
    Order.number,
    Order.campaign_id,
    Order.offer_id,
    Order.pickup_point_id,
    Order.member_id,
    Order.unit_id,
    Order.slot_id,
    Order.quantity,
    Order.status,
    Order.channel,
    Order.placed_at,
    Order.booked_at,
    Order.collected_at,
    Order.cancelled_at,
    Order.cancel_reason,
    Order.version,
    Order.collected_count,
    Order.given_up_count,
)
_ORDERS = select(*_STATE).where(Order.id == _IDS, in_scope(Order)).order_by(Order.id)
_LOCKED_ORDERS = _ORDERS.with_for_update(key_share=True)
_HELD_CAMPAIGNS = (
    select(Campaign.id)
    .where(Campaign.id == _IDS, in_scope(Campaign))
    .order_by(Campaign.id)
    .with_for_update(read=True)
)
_LINES = (
    func.unnest(
        cast(bindparam("ids", type_=_UUIDS), _UUIDS),
        cast(bindparam("counts", type_=ARRAY(Integer)), ARRAY(Integer)),
    )
    .table_valued(column("offer_id", Uuid()), column("count", Integer), name="lines")
    .render_derived()
)
_FIRST = (
    select(Order.id, Order.offer_id, Order.placed_at)
    .where(
        Order.offer_id == _LINES.c.offer_id,
        in_scope(Order),
        Order.status == literal_column(f"'{OrderStatus.WAITLISTED}'"),
    )
    .order_by(Order.placed_at, Order.id)
    .limit(_LINES.c.count)
    .lateral("first")
)
_WAITING = (
    select(_FIRST.c.id, _FIRST.c.offer_id)
    .select_from(_LINES)
    .join(_FIRST, true())
    .order_by(_FIRST.c.placed_at, _FIRST.c.id)
)
# Held as the order's foreign key holds them anyway: one who is being erased is waited for and read anew.
_MEMBERS = select(Member.id, Member.unit_id, Member.status).where(Member.id == _IDS, in_scope(Member))
_MEMBERS = _MEMBERS.with_for_update(read=True, key_share=True)
_LIVE_ORDERS = select(Order.campaign_id, Order.member_id).where(
    Order.member_id == _IDS,
    in_scope(Order),
    Order.campaign_id == any_(cast(bindparam("campaign_ids", type_=_UUIDS), _UUIDS)),
    # Written out, not bound: only so is the partial unique index known to hold what is asked for.
    Order.status.in_([literal_column(f"'{status}'") for status in sorted(LIVE)]),
)
_HOLDING: list[Any] = [literal_column(f"'{status}'") for status in sorted(PROMISED)]
_RECEIVED = (
    select(Order.member_id, Order.campaign_id, func.max(Order.collected_at).label("at"))
    .where(Order.member_id == _IDS, in_scope(Order), Order.status.in_(_HOLDING), Order.collected_count > 0)
    .group_by(Order.member_id, Order.campaign_id)
)
_ANSWERS = select(
    IdempotencyRecord.actor_id,
    IdempotencyRecord.key,
    IdempotencyRecord.status,
    IdempotencyRecord.body,
    IdempotencyRecord.fingerprint,
).where(
    IdempotencyRecord.actor_id == _IDS,
    IdempotencyRecord.union_id == any_(cast(bindparam("scope_unions", type_=_UUIDS), _UUIDS)),
    IdempotencyRecord.key == any_(cast(bindparam("keys", type_=ARRAY(String)), ARRAY(String))),
)


def _offer_state(row: Any) -> OfferState:
    fields: list[Any] = list(row)
    for position in (12, 16, 18):
        fields[position] = tuple(fields[position])
    return OfferState(*fields)


def _order_state(row: Any) -> OrderState:
    return OrderState(*row)


async def lock_offers(session: AsyncSession, offer_ids: Collection[UUID]) -> dict[UUID, OfferState]:
    """Lock offers and return them with the terms of their campaigns."""
    rows = await read_scoped(session, _OFFERS, {"ids": sorted(offer_ids)})
    return {row.id: _offer_state(row) for row in rows}


async def lock_slots(session: AsyncSession, slot_ids: Collection[UUID]) -> dict[UUID, SlotState]:
    """Lock slots and return them."""
    if not slot_ids:
        return {}
    rows = await read_scoped(session, _LOCKED_SLOTS, {"ids": sorted(slot_ids)})
    return {row.id: SlotState(*row) for row in rows}


async def find_slots(session: AsyncSession, slot_ids: Collection[UUID]) -> dict[UUID, SlotState]:
    """Return slots as they are, without a lock."""
    if not slot_ids:
        return {}
    rows = await read_scoped(session, _SLOTS, {"ids": sorted(slot_ids)})
    return {row.id: SlotState(*row) for row in rows}


async def lock_orders(session: AsyncSession, order_ids: Collection[UUID]) -> dict[UUID, OrderState]:
    """Lock orders and return them."""
    if not order_ids:
        return {}
    rows = await read_scoped(session, _LOCKED_ORDERS, {"ids": sorted(order_ids)})
    return {row.id: _order_state(row) for row in rows}


async def find_orders(session: AsyncSession, order_ids: Collection[UUID]) -> dict[UUID, OrderState]:
    """Return orders as they are, without a lock; `offer_id` never changes, the rest may."""
    if not order_ids:
        return {}
    rows = await read_scoped(session, _ORDERS, {"ids": sorted(order_ids)})
    return {row.id: _order_state(row) for row in rows}


async def hold_campaigns(session: AsyncSession, campaign_ids: Collection[UUID]) -> None:
    """Keep campaigns from being changed until the transaction ends; before the locks of their offers."""
    if campaign_ids:
        await read_scoped(session, _HELD_CAMPAIGNS, {"ids": sorted(campaign_ids)})


async def find_waiting(session: AsyncSession, counts: Mapping[UUID, int]) -> list[tuple[UUID, UUID]]:
    """Return (order id, offer id) of the first so many who wait for each offer, first come first."""
    if not counts:
        return []
    values = {"ids": list(counts), "counts": list(counts.values())}
    rows = await read_scoped(session, _WAITING, values)
    return [(row.id, row.offer_id) for row in rows]


async def find_members(session: AsyncSession, member_ids: Collection[UUID]) -> dict[UUID, MemberState]:
    """Return what the rules need of members."""
    if not member_ids:
        return {}
    rows = await read_scoped(session, _MEMBERS, {"ids": sorted(member_ids)})
    return {row.id: MemberState(*row) for row in rows}


async def find_live_orders(
    session: AsyncSession, member_ids: Collection[UUID], *, campaign_ids: Collection[UUID]
) -> set[tuple[UUID, UUID]]:
    """Return (campaign id, member id) of the live orders of these members in these campaigns.

    In a statement of its own, never joined to the batch: a join would be planned for an empty
    table and then run on a full one.
    """
    if not member_ids:
        return set()
    values = {"ids": sorted(member_ids), "campaign_ids": sorted(campaign_ids)}
    rows = await read_scoped(session, _LIVE_ORDERS, values)
    return {(row.campaign_id, row.member_id) for row in rows}


async def find_received(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, dict[UUID, datetime]]:
    """Return when members last collected, by member and campaign; a statement of its own, see above."""
    found: defaultdict[UUID, dict[UUID, datetime]] = defaultdict(dict)
    if member_ids:
        for row in await read_scoped(session, _RECEIVED, {"ids": sorted(member_ids)}):
            found[row.member_id][row.campaign_id] = row.at
    return found


async def find_answers(session: AsyncSession, claims: Sequence[Claim]) -> dict[tuple[UUID, str], Answer]:
    """Return the stored answers of these idempotency keys."""
    if not claims:
        return {}
    values = {"ids": sorted({claim.actor_id for claim in claims}), "keys": sorted({c.key for c in claims})}
    rows = await read_scoped(session, _ANSWERS, values)
    return {(row.actor_id, row.key): Answer(row.status, row.body, row.fingerprint) for row in rows}


async def get_order(session: AsyncSession, order_id: UUID) -> OrderState | None:
    """Return one order of the session's unions."""
    return (await find_orders(session, [order_id])).get(order_id)


async def list_member_orders(
    session: AsyncSession, member_id: UUID, *, limit: int, after: tuple[str, ...] | None
) -> Page[OrderState]:
    """Return a member's orders, newest first."""
    wanted = select(*_STATE).where(Order.member_id == member_id)
    return await _page(session, wanted, limit=limit, after=after)


async def list_campaign_orders(
    session: AsyncSession, campaign_id: UUID, *, status: str | None, limit: int, after: tuple[str, ...] | None
) -> Page[OrderState]:
    """Return the orders of a campaign, newest first."""
    wanted = select(*_STATE).where(Order.campaign_id == campaign_id)
    if status is not None:
        wanted = wanted.where(Order.status == status)
    return await _page(session, wanted, limit=limit, after=after)


async def _page(
    session: AsyncSession, wanted: Any, *, limit: int, after: tuple[str, ...] | None
) -> Page[OrderState]:
    if after is not None:
        wanted = wanted.where(tuple_(Order.placed_at, Order.id) < seek(after, instant_key, UUID))
    rows = await session.execute(wanted.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit + 1))
    orders = [_order_state(row) for row in rows]
    return page_of(orders, limit=limit, key=lambda order: (order.placed_at.isoformat(), str(order.id)))


async def find_overdue(
    session: AsyncSession, today: date, *, limit: int, after: UUID | None = None
) -> list[tuple[UUID, UUID]]:
    """Return (street union id, order id) of uncollected orders whose pickup window ended before today.

    By order id, beginning behind `after`.
    """
    wanted = (
        select(Order.union_id, Order.id)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .where(Order.status.in_(sorted(EXPIRING)), Campaign.pickup_until < today)
        .order_by(Order.id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(Order.id > after)
    return [(row.union_id, row.id) for row in await session.execute(wanted)]


async def find_orders_of_leavers(
    session: AsyncSession, *, limit: int, member_ids: Collection[UUID] | None = None
) -> list[tuple[UUID, UUID]]:
    """Return (street union id, order id) of orders that their campaigns do not keep: their members have left.

    Of all members, or of some. What is found is only asked for: the desk decides under its locks.
    """
    wanted = (
        select(Order.union_id, Order.id)
        .join(Member, Member.id == Order.member_id)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .where(
            Order.status.in_(sorted(EXPIRING)),
            Member.status.in_(sorted(LEAVING)),
            Member.status != all_(Campaign.eligible_statuses),
            Campaign.keeps_orders_of_leavers.is_(False),
        )
        .order_by(Order.id)
        .limit(limit)
    )
    if member_ids is not None:
        wanted = wanted.where(Order.member_id.in_(member_ids))
    return [(row.union_id, row.id) for row in await session.execute(wanted)]


async def find_unserved_offers(session: AsyncSession, *, limit: int) -> list[tuple[UUID, UUID]]:
    """Return (street union id, offer id) of offers with free boxes for which somebody waits."""
    wanted = (
        select(Offer.union_id, Offer.id)
        .join(Campaign, Campaign.id == Offer.campaign_id)
        .where(
            Offer.waitlisted_count > 0,
            Offer.promised_count < Offer.quota,
            Campaign.stage == Stage.PUBLISHED,
        )
        .order_by(Offer.id)
        .limit(limit)
    )
    return [(row.union_id, row.id) for row in await session.execute(wanted)]


async def find_uncollected(
    session: AsyncSession, campaign_id: UUID, *, limit: int, after: UUID | None
) -> list[OrderState]:
    """Return live orders of a campaign that are not collected, by id, beginning behind `after`."""
    wanted = select(*_STATE).where(
        Order.campaign_id == campaign_id, Order.status.in_(sorted(LIVE - {OrderStatus.COLLECTED}))
    )
    if after is not None:
        wanted = wanted.where(Order.id > after)
    return [_order_state(row) for row in await session.execute(wanted.order_by(Order.id).limit(limit))]


@dataclass(frozen=True, slots=True)
class OfferLook:
    """An offer as the sold-out gate sees it; `owners` is everybody who ever ordered in its campaign."""

    is_empty: bool
    has_waitlist: bool
    closes_at: datetime
    owners: frozenset[UUID]


async def look_at_offer(session: AsyncSession, offer_id: UUID) -> OfferLook | None:
    """Return what the sold-out gate needs of an offer; one statement, so that it belongs together."""
    owners = select(func.array_agg(Order.member_id)).where(Order.campaign_id == Offer.campaign_id)
    wanted = (
        select(
            Offer.quota,
            Offer.promised_count,
            Offer.waitlisted_count,
            Campaign.has_waitlist,
            Campaign.order_closes_at,
            owners.correlate(Offer).scalar_subquery().label("owners"),
        )
        .join(Campaign, Campaign.id == Offer.campaign_id)
        .where(Offer.id == offer_id)
    )
    row = (await session.execute(wanted)).one_or_none()
    if row is None:
        return None
    left = remaining_boxes(row.quota, promised=row.promised_count, waitlisted=row.waitlisted_count)
    return OfferLook(left <= 0, row.has_waitlist, row.order_closes_at, frozenset(row.owners or ()))
