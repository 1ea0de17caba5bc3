"""How much of what was bought came from partner regions, by street union."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.procurement.rules.states import PurchaseStatus
from app.procurement.tables import Purchase, PurchaseLine
from app.unions.rules import Level
from app.unions.tables import Union


@dataclass(frozen=True, slots=True)
class Bought:
    """Amounts in fen, and how many lines have none and count on neither side."""

    aided_fen: int = 0
    all_fen: int = 0
    purchases_count: int = 0
    unpriced_count: int = 0

    def __add__(self, other: "Bought") -> "Bought":
        """Return both together."""
        return Bought(
            self.aided_fen + other.aided_fen,
            self.all_fen + other.all_fen,
            self.purchases_count + other.purchases_count,
            self.unpriced_count + other.unpriced_count,
        )


async def find_streets(session: AsyncSession, union_ids: frozenset[UUID]) -> list[Union]:
    """Return the street unions among these, by id."""
    wanted = select(Union).where(Union.id.in_(union_ids), Union.level == Level.STREET.value)
    return list(await session.scalars(wanted.order_by(Union.id)))


async def find_bought(session: AsyncSession, year: int) -> dict[UUID, Bought]:
    """Return what the session's unions bought in a year, by union; who bought nothing is left out."""
    amount = PurchaseLine.amount_fen
    sums: tuple[Any, ...] = (
        func.coalesce(func.sum(amount).filter(PurchaseLine.region_id.is_not(None)), 0),
        func.coalesce(func.sum(amount), 0),
        func.count(Purchase.id.distinct()),
        func.count(PurchaseLine.id).filter(amount.is_(None)),
    )
    wanted = (
        select(Purchase.union_id, *sums)
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .where(Purchase.status == PurchaseStatus.APPROVED.value, Purchase.purchased_year == year)
        .group_by(Purchase.union_id)
    )
    return {row[0]: Bought(*(int(number) for number in row[1:])) for row in await session.execute(wanted)}
