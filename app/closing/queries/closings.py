"""Closings, and the locks under which a campaign is sealed."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Campaign, Offer
from app.closing.errors import ClosingNotFound
from app.closing.rules.states import STANDING, ClosingStatus
from app.closing.tables import Closing
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.redemptions.tables import Redemption
from app.stock.queries.ledger import lock_balances


async def hold_snapshot(session: AsyncSession) -> None:
    """Have all statements of the transaction see one moment; to be called before the first of them."""
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


async def find_standing(session: AsyncSession, campaign_id: UUID) -> Closing | None:
    """Return the prepared or sealed closing of a campaign, if there is one."""
    wanted = select(Closing).where(Closing.campaign_id == campaign_id, Closing.status.in_(sorted(STANDING)))
    return (await session.execute(wanted)).scalar_one_or_none()


async def lock_standing(session: AsyncSession, campaign_id: UUID) -> Closing:
    """Lock and return the prepared or sealed closing of a campaign, or raise ClosingNotFound."""
    wanted = select(Closing).where(Closing.campaign_id == campaign_id, Closing.status.in_(sorted(STANDING)))
    found = (await session.execute(wanted.with_for_update())).scalar_one_or_none()
    if found is None:
        raise ClosingNotFound()
    return found


async def get_sealed(session: AsyncSession, campaign_id: UUID) -> Closing:
    """Return the sealed closing of a campaign, or raise ClosingNotFound."""
    found = await find_standing(session, campaign_id)
    if found is None or found.status != ClosingStatus.SEALED:
        raise ClosingNotFound()
    return found


async def find_acknowledged(session: AsyncSession, union_id: UUID) -> set[UUID]:
    """Return which reports of devices the standing closings of a union say were looked into."""
    wanted = select(Closing.acknowledged_event_ids).where(
        Closing.union_id == union_id, Closing.status.in_(sorted(STANDING))
    )
    return {event_id for ids in (await session.execute(wanted)).scalars() for event_id in ids}


async def lock_everything(session: AsyncSession, campaign_id: UUID, lot_ids: list[UUID]) -> None:
    """Hold offers, slots, orders and the balances of lots until the end, each by rising id.

    The campaign is locked before. Nobody orders, collects, undoes or moves these boxes meanwhile.
    """
    for model in (Offer, Slot, Order):
        wanted = select(model.id).where(model.campaign_id == campaign_id).order_by(model.id)
        await session.execute(wanted.with_for_update())
    if lot_ids:
        await lock_balances(session, lot_ids)


async def find_points(session: AsyncSession, closing: Closing) -> list[UUID]:
    """Return the pickup points of a campaign's offers, and where else something was handed over, by id."""
    offered = select(Offer.pickup_point_id).where(Offer.campaign_id == closing.campaign_id)
    handed_over = (
        select(Redemption.pickup_point_id)
        .join(Order, Order.id == Redemption.order_id)
        .where(Order.campaign_id == closing.campaign_id, Redemption.event_id.in_(closing.event_ids))
    )
    return sorted((await session.execute(offered.union(handed_over))).scalars())


async def lock_forgotten(session: AsyncSession) -> list[Closing]:
    """Lock and return the prepared closings of campaigns whose members were forgotten since."""
    wanted = (
        select(Closing)
        .join(Campaign, Campaign.id == Closing.campaign_id)
        .where(Closing.status == ClosingStatus.PREPARED.value, Campaign.personal_data_ended_at.is_not(None))
    )
    return list((await session.execute(wanted.order_by(Closing.id).with_for_update(of=Closing))).scalars())
