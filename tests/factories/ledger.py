"""Lots and movements for tests: a lot at a point is there in one line, and posted as the service posts."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.access.scope import one_union
from app.campaigns.tables import Offer
from app.platform.clock import utc_now
from app.stock.actions.lots import LotDraft, find_or_add_lot
from app.stock.actions.posting import post_movements
from app.stock.rules.ledger import Account, AccountKind, Line, LotKind, MovementKind
from app.stock.tables import Lot, StockBalance, StockMovement
from tests.factories.street import Street

__all__ = ["Account", "AccountKind", "Line", "MovementKind", "replace"]
SUPPLIER, VARIANCE = Account(AccountKind.SUPPLIER), Account(AccountKind.VARIANCE)
IN_TRANSIT = Account(AccountKind.IN_TRANSIT)


def at(point_id: UUID) -> Account:
    """Return the account of good boxes at a pickup point."""
    return Account(AccountKind.PICKUP_POINT, point_id)


def quarantine(point_id: UUID) -> Account:
    """Return the account of boxes held back at a pickup point."""
    return Account(AccountKind.QUARANTINE, point_id)


def handed_over(point_id: UUID) -> Account:
    """Return the account of what was handed over at a pickup point."""
    return Account(AccountKind.HANDED_OVER, point_id)


def consigned(lot_id: UUID, boxes: int) -> Line:
    """Return the movement with which a supplier answers for a lot."""
    return Line(lot_id=lot_id, boxes=boxes, source=None, target=SUPPLIER, kind=MovementKind.CONSIGNED)


def received(lot_id: UUID, boxes: int, point_id: UUID) -> Line:
    """Return the movement of boxes that arrived whole."""
    kind = MovementKind.RECEIVED
    return Line(lot_id=lot_id, boxes=boxes, source=SUPPLIER, target=at(point_id), kind=kind)


def handing(lot_id: UUID, boxes: int, point_id: UUID, *, source: Account | None = None) -> Line:
    """Return the movement of boxes that members carried away."""
    return Line(
        lot_id=lot_id,
        boxes=boxes,
        source=source or at(point_id),
        target=handed_over(point_id),
        kind=MovementKind.HANDED_OVER,
    )


async def box_of(here: Street, offer: int = 0) -> UUID:
    """Return the gift box of an offer."""
    rows = await here.read(select(Offer.gift_box_id).where(Offer.id == here.offers[offer]))
    return UUID(str(rows[0][0]))


async def unrecorded_lot(here: Street, gift_box_id: UUID) -> UUID:
    """Return the lot that stands for boxes of the gift box whose lot nobody recorded."""
    wanted = select(Lot.id).where(Lot.gift_box_id == gift_box_id, Lot.kind == LotKind.UNRECORDED)
    return UUID(str((await here.read(wanted))[0][0]))


async def post(here: Street, *lines: Line) -> None:
    """Post movements in a transaction of their own."""
    async with here.database.transaction(one_union(here.id)) as session:
        await post_movements(session, lines, union_id=here.id, posted_by=here.officer.id, now=utc_now())


async def stock_lot(
    here: Street,
    number: str,
    boxes: int,
    *,
    point: int = 0,
    offer: int = 0,
    best_before_on: date | None = None,
) -> UUID:
    """Have `boxes` of a lot consigned and received whole at a point; return the lot's id."""
    draft = LotDraft(await box_of(here, offer), number, best_before_on=best_before_on)
    async with here.database.transaction(one_union(here.id)) as session:
        lot = await find_or_add_lot(session, draft, union_id=here.id, now=utc_now())
    if boxes:
        await post(here, consigned(lot.id, boxes), received(lot.id, boxes, here.points[point]))
    return lot.id


async def balances(here: Street, lot_id: UUID) -> dict[Account, int]:
    """Return what each account holds of a lot; empty ones are left out."""
    wanted = select(StockBalance.kind, StockBalance.pickup_point_id, StockBalance.boxes).where(
        StockBalance.lot_id == lot_id, StockBalance.boxes != 0
    )
    return {Account(AccountKind(row[0]), row[1]): row[2] for row in await here.read(wanted)}


async def movements(here: Street, lot_id: UUID) -> list[Any]:
    """Return the movements of a lot in their order."""
    wanted = select(StockMovement).where(StockMovement.lot_id == lot_id).order_by(StockMovement.id)
    return [row[0] for row in await here.read(wanted)]
