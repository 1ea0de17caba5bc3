"""Origin cards: each recorded lot has one, from the moment that somebody asks for its label."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.impact.queries.origin import find_card
from app.impact.rules.references import new_reference
from app.impact.tables import OriginCard
from app.platform.errors import Forbidden
from app.stock.errors import LotUnrecorded
from app.stock.queries.lots import get_lot
from app.stock.rules.ledger import LotKind


async def get_or_make_card(session: AsyncSession, lot_id: UUID, *, now: datetime) -> OriginCard:
    """Return the card of a lot; whoever asks first makes it, with a random reference.

    Raises LotNotFound, LotUnrecorded: of boxes whose lot nobody wrote down there is nothing to say.
    """
    lot = await get_lot(session, lot_id)
    if lot.kind == LotKind.UNRECORDED:
        raise LotUnrecorded()
    card = await find_card(session, lot_id)
    if card is not None:
        return card
    row = {"lot_id": lot.id, "union_id": lot.union_id, "reference": new_reference(), "made_at": now}
    await session.execute(insert(OriginCard).values(row).on_conflict_do_nothing(index_elements=["lot_id"]))
    made = await find_card(session, lot_id)
    assert made is not None  # noqa: S101 - made above, or by somebody else meanwhile
    return made


async def show_supplier(
    session: AsyncSession, lot_id: UUID, shown: bool, *, by: Actor, now: datetime
) -> OriginCard:
    """Let the card of a lot name who supplied it, or no longer.

    Raises LotNotFound, LotUnrecorded, Forbidden (a lot of another union).
    """
    card = await get_or_make_card(session, lot_id, now=now)
    if card.union_id != by.union_id:
        raise Forbidden()
    card.supplier_shown_by, card.supplier_shown_at = (by.id, now) if shown else (None, None)
    await session.flush()
    return card
