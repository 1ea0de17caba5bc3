"""Who received boxes of a lot, from the movements; and who may have, from the boxes nobody recorded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Date,
    Select,
    String,
    Uuid,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)  # fmt: skip
from sqlalchemy.ext.asyncio import AsyncSession

from app.orders.tables import Order
from app.platform.paging import PageRequest, seek, text_key
from app.procurement.tables import Receipt, ReceiptLine
from app.redemptions.tables import Redemption, RedemptionChange
from app.stock.rules.ledger import AccountKind, LotKind
from app.stock.tables import Lot, StockBalance, StockMovement
from app.unions.tables import Member
from app.warehouse.rules.recipients import RecipientState

_HANDED_OVER = AccountKind.HANDED_OVER
_POINT = AccountKind.PICKUP_POINT


@dataclass(frozen=True, slots=True)
class Recipient:
    """An order that received boxes of a lot, gave them back, or may have received some."""

    state: RecipientState
    order_id: UUID
    order_number: str
    boxes: int
    point_id: UUID
    received_at: datetime
    member: Member


@dataclass(frozen=True, slots=True)
class Totals:
    """Orders and boxes by state; `without_order` boxes were said to be of the lot without saying whose."""

    orders: dict[RecipientState, int]
    boxes: dict[RecipientState, int]
    without_order: int


def _signed() -> Any:
    return case((StockMovement.to_kind == _HANDED_OVER, StockMovement.boxes), else_=-StockMovement.boxes)


def _by_order(lot_id: Any, *, name: str, narrowed: Any = None) -> CTE:
    """Return what each order holds of a lot: what it was given less what it gave back.

    A movement names the scan, or the undo or swap, that it was made for; both name the order.
    """
    order_id = func.coalesce(Redemption.order_id, RedemptionChange.order_id)
    is_given = StockMovement.to_kind == _HANDED_OVER
    point = func.coalesce(StockMovement.to_point_id, StockMovement.from_point_id)
    wanted = (
        select(
            order_id.label("order_id"),
            func.sum(_signed()).label("net"),
            func.sum(StockMovement.boxes).filter(is_given).label("given"),
            func.max(StockMovement.posted_at).filter(is_given).label("at"),
            # One place: of an order it is the same for all its boxes, as good as always; max knows no UUID.
            cast(func.max(cast(point, String)).filter(is_given), Uuid(as_uuid=True)).label("point_id"),
        )
        .outerjoin(
            Redemption,
            and_(
                Redemption.union_id == StockMovement.union_id, Redemption.event_id == StockMovement.event_id
            ),
        )
        .outerjoin(
            RedemptionChange,
            and_(
                RedemptionChange.union_id == StockMovement.union_id,
                RedemptionChange.event_id == StockMovement.event_id,
            ),
        )
        .where(
            StockMovement.lot_id == lot_id,
            StockMovement.event_id.is_not(None),
            or_(is_given, StockMovement.from_kind == _HANDED_OVER),
        )
        .group_by(order_id)
        .having(func.count().filter(is_given) > 0, order_id.is_not(None))
    )
    return (wanted if narrowed is None else wanted.where(narrowed)).cte(name)


@dataclass(frozen=True, slots=True)
class Presence:
    """From the first to the last day on which a lot was at a pickup point."""

    point_id: UUID
    first_on: date
    last_on: date


async def find_presences(session: AsyncSession, lot_id: UUID, *, today: date) -> list[Presence]:
    """Return where a lot was and when: from its receipt (which may be recorded late) to its last box."""
    day = _day(StockMovement.posted_at)
    came = select(StockMovement.to_point_id, func.min(day)).where(
        StockMovement.lot_id == lot_id, StockMovement.to_kind == _POINT
    )
    left = select(StockMovement.from_point_id, func.max(day)).where(
        StockMovement.lot_id == lot_id, StockMovement.from_kind == _POINT
    )
    delivered = (
        select(Receipt.pickup_point_id, func.min(Receipt.received_on))
        .join(ReceiptLine, ReceiptLine.receipt_id == Receipt.id)
        .where(ReceiptLine.lot_id == lot_id)
    )
    there = select(StockBalance.pickup_point_id).where(
        StockBalance.lot_id == lot_id, StockBalance.kind == _POINT, StockBalance.boxes > 0
    )
    first = await _days(session, came.group_by(StockMovement.to_point_id))
    last = await _days(session, left.group_by(StockMovement.from_point_id))
    received = await _days(session, delivered.group_by(Receipt.pickup_point_id))
    still = set((await session.execute(there)).scalars())
    return [
        Presence(
            point_id,
            min(on, received.get(point_id, on)),
            today if point_id in still else last.get(point_id, today),
        )
        for point_id, on in first.items()
    ]


async def _days(session: AsyncSession, wanted: Any) -> dict[UUID, date]:
    return {row[0]: row[1] for row in await session.execute(wanted)}


def _day(instant: Any) -> Any:
    return cast(func.timezone("Asia/Shanghai", instant), Date)


def _classes(lot: Lot, presences: Sequence[Presence]) -> Any:
    """Return all recipients of a lot with their states; who surely holds one is not `possible` as well."""
    of_lot = _by_order(lot.id, name="of_lot")
    held = select(
        case(
            (of_lot.c.net > 0, literal(RecipientState.HOLDS.value)), else_=RecipientState.GAVE_BACK.value
        ).label("state"),
        of_lot.c.order_id,
        case((of_lot.c.net > 0, of_lot.c.net), else_=of_lot.c.given).label("boxes"),
        of_lot.c.point_id,
        of_lot.c.at,
    )
    if not presences:
        return held.subquery("recipients")
    unknown = _unknown(lot, presences)
    is_known = exists().where(of_lot.c.order_id == unknown.c.order_id, of_lot.c.net > 0)
    possible = select(
        literal(RecipientState.POSSIBLE.value),
        unknown.c.order_id,
        unknown.c.net,
        unknown.c.point_id,
        unknown.c.at,
    ).where(unknown.c.net > 0, ~is_known)
    return union_all(held, possible).subquery("recipients")


def _unknown(lot: Lot, presences: Sequence[Presence]) -> CTE:
    """Return what orders hold of boxes without a recorded lot, given where and when this one was there."""
    nameless = select(Lot.id).where(Lot.gift_box_id == lot.gift_box_id, Lot.kind == LotKind.UNRECORDED)
    is_back = StockMovement.from_kind == _HANDED_OVER
    point = case((is_back, StockMovement.from_point_id), else_=StockMovement.to_point_id)
    # A device without a connection tells of it days later: the box was of a lot that was there at the scan.
    day = _day(func.least(StockMovement.posted_at, Redemption.scanned_at))
    was_there = [and_(point == one.point_id, day.between(one.first_on, one.last_on)) for one in presences]
    # A box that was given back on a later day is no longer held: gone is gone, whenever.
    return _by_order(nameless.scalar_subquery(), name="unknown", narrowed=or_(is_back, *was_there))


async def count_recipients(session: AsyncSession, lot: Lot, presences: Sequence[Presence]) -> Totals:
    """Return how many orders and boxes there are in each state."""
    found = _classes(lot, presences)
    wanted = select(found.c.state, func.count(), func.sum(found.c.boxes)).group_by(found.c.state)
    rows = (await session.execute(wanted)).all()
    nameless = select(func.coalesce(func.sum(_signed()), 0)).where(
        StockMovement.lot_id == lot.id,
        StockMovement.event_id.is_(None),
        or_(StockMovement.to_kind == _HANDED_OVER, StockMovement.from_kind == _HANDED_OVER),
    )
    orders = {RecipientState(state): count for state, count, _ in rows}
    boxes = {RecipientState(state): int(many) for state, _, many in rows}
    return Totals(orders, boxes, int(await session.scalar(nameless) or 0))


async def list_recipients(
    session: AsyncSession,
    lot: Lot,
    presences: Sequence[Presence],
    *,
    page: PageRequest,
    state: RecipientState | None = None,
) -> list[Recipient]:
    """Return recipients by order id and state, one more than the page holds; the first step to a page."""
    found = _classes(lot, presences)
    wanted = _with_people(found)
    if state is not None:
        wanted = wanted.where(found.c.state == state.value)
    if page.after is not None:
        order_id, after = seek(page.after, UUID, text_key)
        wanted = wanted.where(tuple_(found.c.order_id, found.c.state) > tuple_(order_id, after))
    wanted = wanted.order_by(found.c.order_id, found.c.state).limit(page.limit + 1)
    return _recipients((await session.execute(wanted)).all())


async def find_recipients(
    session: AsyncSession,
    lot: Lot,
    presences: Sequence[Presence],
    *,
    order_ids: Collection[UUID] | None = None,
) -> list[Recipient]:
    """Return recipients: all of them, or those of some orders."""
    found = _classes(lot, presences)
    wanted = _with_people(found)
    if order_ids is not None:
        wanted = wanted.where(found.c.order_id.in_(order_ids))
    return _recipients((await session.execute(wanted.order_by(found.c.order_id, found.c.state))).all())


async def find_affected(
    session: AsyncSession, lot: Lot, presences: Sequence[Presence], *, with_possible: bool
) -> list[tuple[UUID, bool]]:
    """Return the orders that hold boxes of a lot, or may hold some (true), by id."""
    found = _classes(lot, presences)
    states = [RecipientState.HOLDS.value] + ([RecipientState.POSSIBLE.value] if with_possible else [])
    wanted = select(found.c.order_id, found.c.state).where(found.c.state.in_(states))
    rows = await session.execute(wanted.order_by(found.c.order_id, found.c.state))
    return [(row.order_id, row.state == RecipientState.POSSIBLE) for row in rows]


def _with_people(found: Any) -> Select[Any]:
    return (
        select(found.c.state, found.c.boxes, found.c.point_id, found.c.at, Order.id, Order.number, Member)
        .join(Order, Order.id == found.c.order_id)
        .join(Member, Member.id == Order.member_id)
    )


def _recipients(rows: Sequence[Any]) -> list[Recipient]:
    return [
        Recipient(
            RecipientState(row.state), row.id, row.number, int(row.boxes), row.point_id, row.at, row.Member
        )
        for row in rows
    ]
