"""Lots, points, stocktakes and what else of the goods a closing looks at."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox
from app.orders.tables import Order
from app.pickup.tables import PickupPoint
from app.procurement.tables import Purchase, Receipt, ReceiptLine
from app.redemptions.tables import QuarantinedEvent, Redemption, RedemptionChange, RedemptionConflict
from app.stock.rules.ledger import AccountKind
from app.stock.tables import Lot, StockBalance, StockMovement
from app.warehouse.rules.states import UNDER_WAY, DisposalStatus, StocktakeStatus
from app.warehouse.tables.disposals import Disposal, DisposalLine
from app.warehouse.tables.stocktakes import Stocktake


@dataclass(frozen=True, slots=True)
class Goods:
    """What a campaign hands out, and where: `places` are offers of places on a visit, without stock."""

    point_names: dict[UUID, str]
    gift_box_ids: frozenset[UUID]
    places: frozenset[UUID]


async def find_goods(session: AsyncSession, campaign_id: UUID) -> Goods:
    """Return the points and gift boxes of a campaign's offers."""
    rows = await session.execute(
        select(Offer.id, Offer.pickup_point_id, PickupPoint.name, GiftBox.id.label("box"), GiftBox.kind)
        .join(PickupPoint, PickupPoint.id == Offer.pickup_point_id)
        .join(GiftBox, GiftBox.id == Offer.gift_box_id)
        .where(Offer.campaign_id == campaign_id)
    )
    found = rows.all()
    return Goods(
        {row.pickup_point_id: row.name for row in found},
        frozenset(row.box for row in found if row.kind == "box"),
        frozenset(row.id for row in found if row.kind == "place"),
    )


async def list_lots(session: AsyncSession, goods: Goods, campaign_id: UUID) -> list[Any]:
    """Return id, number, kind and gift box of each lot of these gift boxes that was ever at these points.

    Left out are lots that were bought for other campaigns and of which this one handed nothing over: those
    are still moving while this one is closed.
    """
    here = select(StockBalance.lot_id).where(StockBalance.pickup_point_id.in_(goods.point_names))
    theirs = _bought_for().where(Purchase.campaign_id != campaign_id).correlate(Lot)
    ours = _bought_for().where(
        or_(Purchase.campaign_id.is_(None), Purchase.campaign_id == campaign_id)
    ).correlate(Lot)  # fmt: skip
    given = (
        select(StockMovement.id)
        .join(Redemption, and_(
            Redemption.union_id == StockMovement.union_id, Redemption.event_id == StockMovement.event_id
        ))
        .join(Order, Order.id == Redemption.order_id)
        .where(StockMovement.lot_id == Lot.id, Order.campaign_id == campaign_id)
        .correlate(Lot)
    )  # fmt: skip
    swapped = (
        select(StockMovement.id)
        .join(RedemptionChange, and_(
            RedemptionChange.union_id == StockMovement.union_id,
            RedemptionChange.event_id == StockMovement.event_id,
        ))
        .join(Order, Order.id == RedemptionChange.order_id)
        .where(StockMovement.lot_id == Lot.id, Order.campaign_id == campaign_id)
        .correlate(Lot)
    )  # fmt: skip
    wanted = (
        select(Lot.id, Lot.number, Lot.kind, GiftBox.name.label("gift_box"))
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .where(Lot.gift_box_id.in_(goods.gift_box_ids), Lot.id.in_(here))
        .where(or_(~theirs.exists(), ours.exists(), given.exists(), swapped.exists()))
    )
    return list((await session.execute(wanted.order_by(Lot.id))).all())


def _bought_for() -> Select[UUID]:
    """Return the purchases with which boxes of the lot at hand came."""
    return (
        select(Purchase.id)
        .join(Receipt, Receipt.purchase_id == Purchase.id)
        .join(ReceiptLine, ReceiptLine.receipt_id == Receipt.id)
        .where(ReceiptLine.lot_id == Lot.id)
    )


async def list_held(session: AsyncSession, lot_ids: Collection[UUID]) -> list[Any]:
    """Return lot, account, point and boxes of every balance of these lots that is at a point, by lot."""
    wanted = (
        select(
            StockBalance.lot_id, StockBalance.kind, StockBalance.pickup_point_id, StockBalance.boxes,
            PickupPoint.name.label("point"),
        )
        .join(PickupPoint, PickupPoint.id == StockBalance.pickup_point_id)
        .where(StockBalance.lot_id.in_(lot_ids), StockBalance.boxes != 0)
    )  # fmt: skip
    order = (StockBalance.lot_id, StockBalance.pickup_point_id, StockBalance.kind)
    return list((await session.execute(wanted.order_by(*order))).all())


async def find_strays(session: AsyncSession, goods: Goods, *, since: datetime) -> dict[UUID, int]:
    """Return events (or movements without one) that handed boxes over at the points and are no hand-over."""
    movement = StockMovement
    known = select(Redemption.event_id).where(
        Redemption.union_id == movement.union_id, Redemption.event_id == movement.event_id
    )
    changed = select(RedemptionChange.event_id).where(
        RedemptionChange.union_id == movement.union_id, RedemptionChange.event_id == movement.event_id
    )
    event_id = func.coalesce(movement.event_id, movement.id)
    wanted = (
        select(event_id, func.sum(movement.boxes))
        .join(Lot, Lot.id == movement.lot_id)
        .where(
            Lot.gift_box_id.in_(goods.gift_box_ids),
            movement.kind == "handed_over",
            movement.to_point_id.in_(goods.point_names),
            movement.posted_at >= since,
            ~known.exists(),
            ~changed.exists(),
        )
        .group_by(event_id)
    )
    return {row[0]: int(row[1]) for row in await session.execute(wanted)}


async def find_last_hand_overs(
    session: AsyncSession, goods: Goods, lot_ids: Collection[UUID]
) -> dict[UUID, datetime]:
    """Return when boxes of these lots were last handed over at each point."""
    movement = StockMovement
    wanted = (
        select(movement.to_point_id, func.max(movement.posted_at))
        .where(
            movement.lot_id.in_(lot_ids),
            movement.to_kind == AccountKind.HANDED_OVER.value,
            movement.to_point_id.in_(goods.point_names),
        )
        .group_by(movement.to_point_id)
    )
    rows: Sequence[Any] = (await session.execute(wanted)).all()
    return {row[0]: row[1] for row in rows}


async def list_stocktakes(session: AsyncSession, point_ids: Collection[UUID]) -> list[Stocktake]:
    """Return the stocktakes at these points that are under way or closed."""
    statuses = sorted({*UNDER_WAY, StocktakeStatus.CLOSED})
    wanted = select(Stocktake).where(Stocktake.pickup_point_id.in_(point_ids), Stocktake.status.in_(statuses))
    return list((await session.execute(wanted.order_by(Stocktake.id))).scalars())


async def list_open_disposals(
    session: AsyncSession, campaign_id: UUID, lot_ids: Collection[UUID]
) -> list[Disposal]:
    """Return disposals of a campaign, or of these lots, that nobody has decided."""
    theirs = select(DisposalLine.disposal_id).where(DisposalLine.lot_id.in_(lot_ids))
    wanted = select(Disposal).where(
        Disposal.status == DisposalStatus.PENDING.value,
        or_(Disposal.campaign_id == campaign_id, Disposal.id.in_(theirs)),
    )
    return list((await session.execute(wanted.order_by(Disposal.id))).scalars())


async def list_open_conflicts(session: AsyncSession, campaign_id: UUID) -> list[Any]:
    """Return (conflict, order) of the hand-overs of a campaign that wait for a decision."""
    wanted = (
        select(RedemptionConflict.id, RedemptionConflict.reason, Order.number, Order.member_id, Order.unit_id)
        .join(Order, Order.id == RedemptionConflict.order_id)
        .where(Order.campaign_id == campaign_id, RedemptionConflict.status == "open")
    )
    return list((await session.execute(wanted.order_by(RedemptionConflict.id))).all())


async def list_undecided_events(
    session: AsyncSession, campaign: Campaign, *, since: datetime
) -> list[QuarantinedEvent]:
    """Return reports of devices that belong to no order, since the campaign's pickup began."""
    wanted = select(QuarantinedEvent).where(
        QuarantinedEvent.union_id == campaign.union_id, QuarantinedEvent.received_at >= since
    )
    return list((await session.execute(wanted.order_by(QuarantinedEvent.id))).scalars())
