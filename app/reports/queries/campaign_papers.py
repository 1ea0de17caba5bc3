"""Orders and purchases of a campaign or a time, as their papers say them."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Offer
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.orders.rules.states import NEVER_SERVED, OrderStatus
from app.orders.tables import Order
from app.pickup.tables import PickupPoint
from app.procurement.rules.states import PurchaseStatus
from app.procurement.tables import Certificate, Purchase, PurchaseLine, Supplier
from app.regions.tables import PartnerRegion
from app.stock.tables import Lot, StockBalance
from app.unions.tables import Member, Union


async def list_uncollected(session: AsyncSession, campaign_id: UUID) -> Sequence[Any]:
    """Return orders that held boxes and were not collected, or not all of them, by unit and time."""
    is_expired = (Order.status == OrderStatus.EXPIRED) & Order.cancel_reason.is_distinct_from(NEVER_SERVED)
    boxes = case((is_expired, Order.quantity + Order.given_up_count), else_=Order.given_up_count)
    wanted = (
        select(
            Order.number, Order.unit_id, Order.collected_count, boxes.label("boxes"),
            Union.name.label("unit"),
            Union.code.label("unit_rank"), PickupPoint.name.label("point"), GiftBox.name.label("item"),
            GiftBox.unit.label("measure"), GiftBox.unit_price_fen, Member,
        )
        .join(Member, Member.id == Order.member_id)
        .join(Union, Union.id == Order.unit_id)
        .join(PickupPoint, PickupPoint.id == Order.pickup_point_id)
        .join(Offer, Offer.id == Order.offer_id)
        .join(GiftBox, GiftBox.id == Offer.gift_box_id)
        .where(Order.campaign_id == campaign_id, or_(is_expired, Order.given_up_count > 0))
    )  # fmt: skip
    return (await session.execute(wanted.order_by(Union.code, Order.placed_at, Order.id))).all()


async def count_by_unit(session: AsyncSession, campaign_id: UUID) -> Sequence[Any]:
    """Return what came of the orders of each unit: members and boxes."""
    is_expired = (Order.status == OrderStatus.EXPIRED) & Order.cancel_reason.is_distinct_from(NEVER_SERVED)
    is_collected = Order.collected_count > 0
    wanted = (
        select(
            Union.name.label("unit"),
            func.count().label("orders"),
            func.count(Order.member_id.distinct()).filter(is_collected).label("collected"),
            func.sum(Order.collected_count).label("boxes"),
            func.count().filter(is_expired).label("expired"),
            func.count().filter(Order.status == OrderStatus.CANCELLED).label("cancelled"),
        )
        .join(Union, Union.id == Order.unit_id)
        .where(Order.campaign_id == campaign_id)
        .group_by(Union.id, Union.name, Union.code)
    )
    return (await session.execute(wanted.order_by(Union.code))).all()


async def list_lots_of(session: AsyncSession, campaign_id: UUID) -> Sequence[Any]:
    """Return the lots of a campaign's gift boxes that were ever at one of its points."""
    offers = select(Offer).where(Offer.campaign_id == campaign_id).subquery()
    here = select(StockBalance.lot_id).where(
        StockBalance.pickup_point_id.in_(select(offers.c.pickup_point_id))
    )
    wanted = (
        select(Lot.id, Lot.number, Lot.kind, GiftBox.name.label("item"))
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .where(Lot.gift_box_id.in_(select(offers.c.gift_box_id)), Lot.id.in_(here))
    )
    return (await session.execute(wanted.order_by(GiftBox.name, Lot.number))).all()


async def list_purchases(
    session: AsyncSession,
    *,
    campaign_id: UUID | None = None,
    first: date | None = None,
    until: date | None = None,
) -> Sequence[Any]:
    """Return the lines of approved purchases of a campaign or a time, by day and number.

    A purchase of which only the month or year is known is in the time if all of that month or year is.
    """
    wanted = (
        select(
            Purchase, PurchaseLine, Supplier.name.label("supplier"), GiftBox, Product,
            PartnerRegion, Certificate.number.label("certificate"), Union.name.label("union_name"),
        )
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .join(Union, Union.id == Purchase.union_id)
        .outerjoin(Supplier, Supplier.id == Purchase.supplier_id)
        .outerjoin(GiftBox, GiftBox.id == PurchaseLine.gift_box_id)
        .outerjoin(Product, Product.id == PurchaseLine.product_id)
        .outerjoin(PartnerRegion, PartnerRegion.id == PurchaseLine.region_id)
        .outerjoin(Certificate, Certificate.id == PurchaseLine.certificate_id)
        .where(Purchase.status == PurchaseStatus.APPROVED.value)
    )  # fmt: skip
    if campaign_id is not None:
        wanted = wanted.where(Purchase.campaign_id == campaign_id)
    for criterion in _in_time(first, until):
        wanted = wanted.where(criterion)
    order = (Purchase.purchased_year, Purchase.purchased_month, Purchase.number, PurchaseLine.position)
    return (await session.execute(wanted.order_by(*order))).all()


def _in_time(first: date | None, until: date | None) -> list[Any]:
    found: list[Any] = []
    known, year = Purchase.purchased_on, Purchase.purchased_year * 100
    if first is not None:
        since = first.year * 100 + first.month + (first.day > 1)
        begins = year + func.coalesce(Purchase.purchased_month, 1)
        found.append(case((known.is_not(None), known >= first), else_=begins >= since))
    if until is not None:
        last = until.year * 100 + until.month - (not _ends_month(until))
        ends = year + func.coalesce(Purchase.purchased_month, 12)
        found.append(case((known.is_not(None), known <= until), else_=ends <= last))
    return found


def _ends_month(on: date) -> bool:
    return on.month != date.fromordinal(on.toordinal() + 1).month


async def count_receivers(session: AsyncSession, campaign_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many members collected something in each campaign."""
    wanted = (
        select(Order.campaign_id, func.count(Order.member_id.distinct()))
        .where(Order.campaign_id.in_(campaign_ids), Order.collected_count > 0)
        .group_by(Order.campaign_id)
    )
    return {row[0]: int(row[1]) for row in await session.execute(wanted)}


async def find_net_grams(session: AsyncSession, gift_box_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the net content of gift boxes in grams; those with something else than weights are left out."""
    wanted = (
        select(
            GiftBoxComponent.gift_box_id,
            func.sum(GiftBoxComponent.quantity * Product.net_content_grams),
        )
        .join(Product, Product.id == GiftBoxComponent.product_id)
        .where(GiftBoxComponent.gift_box_id.in_(gift_box_ids))
        .group_by(GiftBoxComponent.gift_box_id)
        .having(func.count() == func.count(Product.net_content_grams))
    )
    return {row[0]: int(row[1]) for row in await session.execute(wanted)}
