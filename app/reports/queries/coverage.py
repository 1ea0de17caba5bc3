"""Who received a box in a year and who did not, counted by unit; nobody is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.rules import CampaignKind, Stage
from app.campaigns.tables import Campaign
from app.orders.rules.desk import MemberState
from app.orders.tables import Order
from app.platform.clock import day_end, day_start
from app.redemptions.tables import Redemption
from app.unions.rules import MemberStatus
from app.unions.tables import Member, Union

FIRST_MONTH_AND_DAY, LAST_MONTH_AND_DAY = (1, 1), (12, 31)


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year in Shanghai as instants; the end is not part of it."""

    number: int

    @property
    def starts_at(self) -> datetime:
        """The instant at which it begins."""
        return day_start(date(self.number, *FIRST_MONTH_AND_DAY))

    @property
    def ends_at(self) -> datetime:
        """The instant at which the next one begins."""
        return day_end(date(self.number, *LAST_MONTH_AND_DAY))

    def holds(self, column: Any) -> ColumnElement[bool]:
        """Return the criterion that an instant is in the year."""
        return and_(column >= self.starts_at, column < self.ends_at)


@dataclass(frozen=True, slots=True)
class UnitCount:
    """Active members of a unit: how many received a box, ordered and received none, did neither."""

    union_id: UUID
    unit_id: UUID
    received: int
    not_collected: int
    neither: int


async def _plan_for_many(session: AsyncSession, is_many: bool) -> None:
    """Let the transaction join many rows with many, or find few by an index again.

    What is joined here has no index to be found by, and the planner takes rows that were written just now for
    few: a loop in a loop over 50,000 members does not end within the time of a statement.
    """
    loops = "off" if is_many else "on"
    await session.execute(select(func.set_config("enable_nestloop", loops, True)))


async def _read_many(session: AsyncSession, wanted: Any) -> Sequence[Any]:
    await _plan_for_many(session, is_many=True)
    rows: Sequence[Any] = (await session.execute(wanted)).all()
    await _plan_for_many(session, is_many=False)
    return rows


async def count_by_unit(session: AsyncSession, year: Year) -> list[UnitCount]:
    """Return the counts of the units that have active members who were there before the year ended."""
    received, ordered = _received(year), _ordered(year)
    got, asked = received.c.member_id.is_not(None), ordered.c.member_id.is_not(None)
    wanted = (
        select(
            Member.union_id,
            Member.unit_id,
            func.count(Member.id).filter(got),
            func.count(Member.id).filter(~got, asked),
            func.count(Member.id).filter(~got, ~asked),
        )
        .outerjoin(received, received.c.member_id == Member.id)
        .outerjoin(ordered, ordered.c.member_id == Member.id)
        .where(*_counted(year))
        .group_by(Member.union_id, Member.unit_id)
        .order_by(Member.union_id, Member.unit_id)
    )
    return [UnitCount(*row) for row in await _read_many(session, wanted)]


async def find_neither(session: AsyncSession, year: Year, unit_ids: list[UUID]) -> list[MemberState]:
    """Return the members of units who neither received nor ordered anything in the year, by id."""
    received, ordered = _received(year), _ordered(year)
    wanted = (
        select(Member.id, Member.unit_id, Member.status)
        .outerjoin(received, received.c.member_id == Member.id)
        .outerjoin(ordered, ordered.c.member_id == Member.id)
        .where(received.c.member_id.is_(None), ordered.c.member_id.is_(None))
        .where(Member.unit_id.in_(unit_ids), *_counted(year))
        .order_by(Member.id)
    )
    return [MemberState(*row) for row in await _read_many(session, wanted)]


async def find_gift_campaigns(session: AsyncSession, year: Year) -> list[Campaign]:
    """Return the published campaigns with gifts that took orders in the year, by id."""
    took_orders = and_(Campaign.order_opens_at < year.ends_at, Campaign.order_closes_at >= year.starts_at)
    wanted = select(Campaign).where(
        Campaign.kind == CampaignKind.GIFT.value, Campaign.stage == Stage.PUBLISHED.value, took_orders
    )
    return list(await session.scalars(wanted.order_by(Campaign.id)))


async def count_forgotten(session: AsyncSession, year: Year) -> dict[UUID, int]:
    """Return how many orders of which the boxes were handed over in the year belong to nobody any more.

    By union. Their campaigns' time of retention is over (ADR 0022): who received those boxes cannot be told.
    """
    wanted = (
        _handed_over(select(Order.union_id, func.count(Order.id.distinct())), year)
        .join(Member, Member.id == Order.member_id)
        .where(Member.erased_at.is_not(None))
        .group_by(Order.union_id)
    )
    return {row[0]: row[1] for row in await _read_many(session, wanted)}


async def find_names(session: AsyncSession, ids: set[UUID]) -> dict[UUID, str]:
    """Return the names of unions and units, by id."""
    return {
        row[0]: row[1] for row in await session.execute(select(Union.id, Union.name).where(Union.id.in_(ids)))
    }


def _counted(year: Year) -> tuple[ColumnElement[bool], ...]:
    return (
        Member.status == MemberStatus.ACTIVE.value,
        Member.erased_at.is_(None),
        Member.created_at < year.ends_at,
    )


def _handed_over(asked: Any, year: Year) -> Select[Any]:
    """Join the hand-overs of gifts in the year that stand."""
    joined: Select[Any] = (
        asked.select_from(Redemption)
        .join(Order, Order.id == Redemption.order_id)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .where(Redemption.result == "handed_over", Redemption.undone_at.is_(None))
        .where(Campaign.kind == CampaignKind.GIFT.value, year.holds(Redemption.scanned_at))
    )
    return joined


def _received(year: Year) -> Subquery:
    return _handed_over(select(Order.member_id), year).distinct().subquery()


def _ordered(year: Year) -> Subquery:
    wanted = (
        select(Order.member_id)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .where(Campaign.kind == CampaignKind.GIFT.value, year.holds(Order.placed_at))
    )
    return wanted.distinct().subquery()
