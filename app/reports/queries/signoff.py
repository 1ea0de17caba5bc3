"""Hand-overs of a campaign for its sheets: a fixed number of statements, however many there are."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Offer
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.orders.tables import Order
from app.pickup.tables import PickupPoint
from app.procurement.rules.states import PurchaseStatus
from app.procurement.tables import Purchase, PurchaseLine, ReceiptLine
from app.redemptions.tables import Redemption, RedemptionChange, RedemptionConflict
from app.reports.rules.signoff import weight_text
from app.stock.rules.ledger import AccountKind
from app.stock.tables import StockMovement
from app.unions.tables import Member, StaffAccount, Union

_HANDED_OVER = AccountKind.HANDED_OVER.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetWanted:
    """Which hand-overs: of a campaign, at a point, of a unit and the groups below it, on days, heard of.

    `only` are the events of a sealed sheet or a supplement: then contested reports of devices are listed too.
    """

    campaign_id: UUID
    pickup_point_id: UUID | None = None
    unit_id: UUID | None = None
    first: datetime | None = None
    until: datetime | None = None
    heard_until: datetime | None = None
    only: frozenset[UUID] | None = None


async def list_hand_overs(session: AsyncSession, wanted: SheetWanted) -> Sequence[Any]:
    """Return hand-overs that count with everything that a line says, by when they happened."""
    happened = case((Redemption.is_offline, Redemption.scanned_at), else_=Redemption.received_at)
    found: Select[Any] = (
        select(
            Redemption.event_id, Redemption.result, Redemption.quantity, Redemption.first_portion,
            Redemption.is_offline, Redemption.override_reason, Redemption.waived_reason,
            happened.label("at"), Order.quantity.label("ordered"), Order.unit_id,
            Union.name.label("unit"), Union.code.label("unit_rank"), Member, GiftBox.id.label("box_id"),
            GiftBox.name.label("item"), GiftBox.unit.label("measure"), GiftBox.unit_price_fen,
            StaffAccount.display_name.label("clerk"),
        )
        .join(Order, Order.id == Redemption.order_id)
        .join(Member, Member.id == Order.member_id)
        .join(Union, Union.id == Order.unit_id)
        .join(Offer, Offer.id == Order.offer_id)
        .join(GiftBox, GiftBox.id == Offer.gift_box_id)
        .join(StaffAccount, StaffAccount.id == Redemption.staff_id)
        .where(Order.campaign_id == wanted.campaign_id)
    )  # fmt: skip
    for criterion in _criteria(wanted, happened):
        found = found.where(criterion)
    rows: Sequence[Any] = (await session.execute(found.order_by(happened, Redemption.id))).all()
    return rows


def _criteria(wanted: SheetWanted, happened: Any) -> list[Any]:
    found = []
    if wanted.only is None:
        found += [Redemption.result == "handed_over", Redemption.undone_at.is_(None)]
    else:
        found += [Redemption.event_id.in_(wanted.only), Redemption.undone_at.is_(None)]
    if wanted.pickup_point_id is not None:
        found.append(Redemption.pickup_point_id == wanted.pickup_point_id)
    if wanted.unit_id is not None:
        below = select(Union.id).where(or_(Union.id == wanted.unit_id, Union.parent_id == wanted.unit_id))
        found.append(Order.unit_id.in_(below))
    if wanted.first is not None:
        found.append(happened >= wanted.first)
    if wanted.until is not None:
        found.append(happened < wanted.until)
    if wanted.heard_until is not None:
        found.append(Redemption.received_at <= wanted.heard_until)
    return found


async def find_swaps(session: AsyncSession, campaign_id: UUID) -> dict[UUID, int]:
    """Return how many boxes of each hand-over were swapped."""
    wanted = (
        select(RedemptionChange.of_event_id, func.sum(RedemptionChange.quantity))
        .join(Order, Order.id == RedemptionChange.order_id)
        .where(Order.campaign_id == campaign_id, RedemptionChange.kind == "swap")
        .group_by(RedemptionChange.of_event_id)
    )
    return {row[0]: int(row[1]) for row in await session.execute(wanted)}


async def find_contested(session: AsyncSession, campaign_id: UUID) -> dict[UUID, str]:
    """Return the state of the conflict of each hand-over that has one."""
    wanted = (
        select(RedemptionConflict.second_event_id, RedemptionConflict.status)
        .join(Order, Order.id == RedemptionConflict.order_id)
        .where(Order.campaign_id == campaign_id)
    )
    return {row[0]: row[1] for row in await session.execute(wanted)}


async def find_lots_of(session: AsyncSession, campaign_id: UUID) -> dict[UUID, dict[UUID, int]]:
    """Return how many boxes of which lots each hand-over comes to, after its swaps."""
    changes = (
        select(RedemptionChange.event_id, RedemptionChange.of_event_id)
        .join(Order, Order.id == RedemptionChange.order_id)
        .where(Order.campaign_id == campaign_id)
    )
    of_event = {row.event_id: row.of_event_id for row in await session.execute(changes)}
    events = (
        select(Redemption.event_id)
        .join(Order, Order.id == Redemption.order_id)
        .where(Order.campaign_id == campaign_id, Redemption.result == "handed_over")
        .union(changes.with_only_columns(RedemptionChange.event_id))
        .subquery()
    )
    movement = StockMovement
    into = case((movement.to_kind == _HANDED_OVER, movement.boxes), else_=0)
    out = case((movement.from_kind == _HANDED_OVER, movement.boxes), else_=0)
    rows = await session.execute(
        select(movement.event_id, movement.lot_id, func.sum(into - out).label("boxes"))
        .join(events, events.c.event_id == movement.event_id)
        .group_by(movement.event_id, movement.lot_id)
    )
    found: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
    for row in rows:
        lots = found[of_event.get(row.event_id, row.event_id)]
        lots[row.lot_id] = lots.get(row.lot_id, 0) + int(row.boxes)
    return found


async def find_prices(session: AsyncSession, lot_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return what a box of each lot cost by its purchase, in fen; the first approved one that has a price."""
    wanted = (
        select(ReceiptLine.lot_id, PurchaseLine.unit_price_fen)
        .join(PurchaseLine, PurchaseLine.id == ReceiptLine.purchase_line_id)
        .join(Purchase, Purchase.id == PurchaseLine.purchase_id)
        .where(
            ReceiptLine.lot_id.in_(lot_ids),
            PurchaseLine.unit_price_fen.is_not(None),
            Purchase.status == PurchaseStatus.APPROVED.value,
        )
        .order_by(ReceiptLine.id.desc())
    )
    rows: Sequence[Any] = (await session.execute(wanted)).all()
    return {row[0]: row[1] for row in rows}


async def find_contents(session: AsyncSession, gift_box_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what is in a gift box as a specification: 小米2.5千克×1、红枣500克×2."""
    wanted = (
        select(GiftBoxComponent.gift_box_id, GiftBoxComponent.quantity, Product)
        .join(Product, Product.id == GiftBoxComponent.product_id)
        .where(GiftBoxComponent.gift_box_id.in_(gift_box_ids))
        .order_by(GiftBoxComponent.gift_box_id, GiftBoxComponent.position)
    )
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for box_id, quantity, product in await session.execute(wanted):
        grams, ml = product.net_content_grams, product.net_content_ml
        net = weight_text(grams) if grams is not None else f"{ml}毫升"
        found[box_id].append(f"{product.name}{net}×{quantity}")
    return {box_id: "、".join(parts) for box_id, parts in found.items()}


async def get_point_name(session: AsyncSession, point_id: UUID) -> str:
    """Return the name of a pickup point."""
    return str(await session.scalar(select(PickupPoint.name).where(PickupPoint.id == point_id)))
