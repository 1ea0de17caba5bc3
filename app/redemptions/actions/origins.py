"""Where a member's boxes come from: the origin cards of their lots."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.impact.actions.origin import get_or_make_card
from app.impact.tables import OriginCard
from app.orders.errors import OrderNotFound
from app.orders.queries import get_order
from app.orders.rules.states import LIVE, OrderStatus
from app.platform.clock import local_date
from app.redemptions import queries
from app.redemptions.actions.corrections import find_held
from app.stock.queries.ledger import find_on_hand
from app.stock.rules.picking import pick_lots

MOST_CANDIDATES = 5
"""How many lots are named before it is known which one it will be."""
_WAITS = LIVE - {OrderStatus.COLLECTED}
_ALL = 1_000_000_000


async def find_origins(
    session: AsyncSession, order_id: UUID, *, member_id: UUID, now: datetime
) -> tuple[bool, list[OriginCard]]:
    """Return whether boxes of a member's own order were handed over, and the cards of their lots.

    Lots are those that the member holds after swaps and attributions; before the hand-over those that may
    be handed over at the order's point, first expired first. Raises OrderNotFound.
    """
    order = await get_order(session, order_id)
    if order is None or order.member_id != member_id:
        raise OrderNotFound()
    standing = await queries.list_standing(session, order_id)
    lot_ids: list[UUID] = []
    for event_id, point_id in standing:
        lot_ids += [held.lot_id for held in await find_held(session, event_id, point_id)]
    if not standing and order.status in _WAITS:
        box_id = await queries.get_gift_box_id(session, order.offer_id)
        on_hand = await find_on_hand(session, [order.pickup_point_id], [box_id])
        lot_ids = [pick.lot_id for pick in pick_lots(on_hand, _ALL, on=local_date(now))][:MOST_CANDIDATES]
    numbers = await queries.find_lot_numbers(session, set(lot_ids))
    known = [lot_id for lot_id in dict.fromkeys(lot_ids) if numbers.get(lot_id) is not None]
    return bool(standing), [await get_or_make_card(session, lot_id, now=now) for lot_id in known]
