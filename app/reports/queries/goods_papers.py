"""Receipts, what went to the table, stocktakes and disposals, as their papers say them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.campaigns.tables import Offer
from app.catalog.tables import GiftBox, Product
from app.documents.tables import Document
from app.pickup.tables import PickupPoint
from app.procurement.tables import Purchase, PurchaseLine, Receipt, ReceiptLine, Supplier
from app.stock.rules.ledger import AccountKind, MovementKind
from app.stock.tables import Lot, StockMovement
from app.unions.tables import StaffAccount
from app.warehouse.tables.disposals import Disposal, DisposalLine
from app.warehouse.tables.stocktakes import Stocktake, StocktakeFinding, StocktakeLine

_HANDED_OVER = AccountKind.HANDED_OVER.value


async def list_receipt_lines(session: AsyncSession, document: Document) -> Sequence[Any]:
    """Return the lines of the receipt, or of all of a campaign, point or time, by number and position."""
    inspector, keeper = aliased(StaffAccount), aliased(StaffAccount)
    wanted = (
        select(
            Receipt.number, Receipt.kind, Receipt.received_on, Receipt.delivered_by, ReceiptLine,
            Supplier.name.label("supplier"), Purchase.contract_no, PurchaseLine.unit_price_fen,
            func.coalesce(GiftBox.name, Product.name, PurchaseLine.description).label("item"),
            func.coalesce(GiftBox.unit, Product.unit, "千克").label("measure"),
            GiftBox.id.label("box_id"), Product.net_content_grams, Lot.number.label("lot"),
            inspector.display_name.label("inspector"), keeper.display_name.label("keeper"),
        )
        .join(Receipt, Receipt.id == ReceiptLine.receipt_id)
        .join(PurchaseLine, PurchaseLine.id == ReceiptLine.purchase_line_id)
        .join(Purchase, Purchase.id == Receipt.purchase_id)
        .outerjoin(Supplier, Supplier.id == Purchase.supplier_id)
        .outerjoin(GiftBox, GiftBox.id == PurchaseLine.gift_box_id)
        .outerjoin(Product, Product.id == PurchaseLine.product_id)
        .outerjoin(Lot, Lot.id == ReceiptLine.lot_id)
        .join(inspector, inspector.id == Receipt.inspected_by)
        .join(keeper, keeper.id == Receipt.kept_by)
        .where(Receipt.posted_at <= document.requested_at)
    )  # fmt: skip
    for column, asked in (
        (Receipt.id, document.subject_id),
        (Purchase.campaign_id, document.campaign_id),
        (Receipt.pickup_point_id, document.pickup_point_id),
    ):
        if asked is not None:
            wanted = wanted.where(column == asked)
    if document.from_on is not None:
        wanted = wanted.where(Receipt.received_on >= document.from_on)
    if document.until_on is not None:
        wanted = wanted.where(Receipt.received_on <= document.until_on)
    order = (Receipt.received_on, Receipt.number, ReceiptLine.position)
    return (await session.execute(wanted.order_by(*order))).all()


async def list_issued(
    session: AsyncSession, document: Document, *, first: datetime | None, until: datetime | None
) -> Sequence[Any]:
    """Return, by day, point and lot, how many boxes went to the table and how many came back."""
    rows = _moved(document, first, until=until).subquery()
    wanted = (
        select(rows, PickupPoint.name.label("point"), GiftBox, Lot.number, Lot.kind.label("lot_kind"))
        .join(PickupPoint, PickupPoint.id == rows.c.point_id)
        .join(Lot, Lot.id == rows.c.lot_id)
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .order_by(rows.c.on, PickupPoint.name, GiftBox.name, Lot.number)
    )
    if document.campaign_id is not None:
        offered = select(Offer.gift_box_id).where(Offer.campaign_id == document.campaign_id)
        wanted = wanted.where(Lot.gift_box_id.in_(offered))
    return (await session.execute(wanted)).all()


def _moved(document: Document, first: datetime | None, *, until: datetime | None) -> Select[Any]:
    movement = StockMovement
    is_out = movement.to_kind == _HANDED_OVER
    point_id = case((is_out, movement.to_point_id), else_=movement.from_point_id)
    on = cast(func.timezone("Asia/Shanghai", movement.posted_at), Date)
    moved = (
        select(
            on.label("on"),
            point_id.label("point_id"),
            movement.lot_id,
            func.sum(case((is_out, movement.boxes), else_=0)).label("out"),
            func.sum(case((is_out, 0), else_=movement.boxes)).label("back"),
            func.array_agg(movement.posted_by.distinct()).label("staff_ids"),
        )
        .where(
            or_(is_out, movement.from_kind == _HANDED_OVER),
            movement.kind != MovementKind.ATTRIBUTED.value,
            movement.posted_at <= document.requested_at,
        )
        .group_by(on, point_id, movement.lot_id)
    )
    if document.pickup_point_id is not None:
        moved = moved.where(point_id == document.pickup_point_id)
    if first is not None:
        moved = moved.where(movement.posted_at >= first)
    if until is not None:
        moved = moved.where(movement.posted_at < until)
    return moved


async def find_stocktake(session: AsyncSession, stocktake_id: UUID) -> Any | None:
    """Return a stocktake with the name of its point, or None."""
    wanted = (
        select(Stocktake, PickupPoint.name.label("point"))
        .join(PickupPoint, PickupPoint.id == Stocktake.pickup_point_id)
        .where(Stocktake.id == stocktake_id)
    )
    return (await session.execute(wanted)).one_or_none()


async def list_stocktake_lines(session: AsyncSession, stocktake_id: UUID) -> Sequence[Any]:
    """Return what the books said and what was found of each lot, by gift box and lot."""
    wanted = (
        select(StocktakeLine, StocktakeFinding, Lot, GiftBox)
        .join(Lot, Lot.id == StocktakeLine.lot_id)
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .outerjoin(
            StocktakeFinding,
            (StocktakeFinding.stocktake_id == StocktakeLine.stocktake_id)
            & (StocktakeFinding.lot_id == StocktakeLine.lot_id),
        )
        .where(StocktakeLine.stocktake_id == stocktake_id)
        .order_by(GiftBox.name, Lot.number)
    )
    return (await session.execute(wanted)).all()


async def list_disposals(session: AsyncSession, campaign_id: UUID, *, asked_until: datetime) -> Sequence[Any]:
    """Return the lines of the disposals of a campaign that were asked for until an instant, by number."""
    asker, decider = aliased(StaffAccount), aliased(StaffAccount)
    wanted = (
        select(
            Disposal, DisposalLine.boxes, DisposalLine.place, Lot.number.label("lot"),
            GiftBox.name.label("item"), PickupPoint.name.label("point"), asker.display_name.label("asker"),
            decider.display_name.label("decider"),
        )
        .join(DisposalLine, DisposalLine.disposal_id == Disposal.id)
        .join(Lot, Lot.id == DisposalLine.lot_id)
        .join(GiftBox, GiftBox.id == Lot.gift_box_id)
        .join(PickupPoint, PickupPoint.id == DisposalLine.pickup_point_id)
        .join(asker, asker.id == Disposal.requested_by)
        .outerjoin(decider, decider.id == Disposal.decided_by)
        .where(Disposal.campaign_id == campaign_id, Disposal.requested_at <= asked_until)
    )  # fmt: skip
    order = (Disposal.number, Lot.number, PickupPoint.name, DisposalLine.place)
    return (await session.execute(wanted.order_by(*order))).all()


async def find_staff_names(session: AsyncSession, staff_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names under which accounts are shown."""
    wanted = select(StaffAccount.id, StaffAccount.display_name).where(StaffAccount.id.in_(staff_ids))
    return {row.id: row.display_name for row in await session.execute(wanted)}
