"""Lots."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import Page, instant_key, page_of, seek
from app.regions.tables import Division
from app.stock.errors import LotNotFound
from app.stock.rules.ledger import LotKind
from app.stock.tables import Lot

After: TypeAlias = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class LotsWanted:
    """Which lots; None means all."""

    gift_box_id: UUID | None = None
    is_recalled: bool | None = None


async def get_lot(session: AsyncSession, lot_id: UUID) -> Lot:
    """Return a lot of the session's unions, or raise LotNotFound."""
    found = (await session.execute(select(Lot).where(Lot.id == lot_id))).scalar_one_or_none()
    if found is None:
        raise LotNotFound()
    return found


async def lock_lot(session: AsyncSession, lot_id: UUID) -> Lot:
    """Lock and return a lot, before its balances; or raise LotNotFound."""
    wanted = select(Lot).where(Lot.id == lot_id).with_for_update(key_share=True)
    found = (await session.execute(wanted.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        raise LotNotFound()
    return found


async def lock_lot_of(session: AsyncSession, gift_box_id: UUID, number: str) -> Lot:
    """Lock and return the lot of that gift box and number; raises NoResultFound."""
    wanted = select(Lot).where(Lot.gift_box_id == gift_box_id, Lot.number == number)
    wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.execute(wanted)).scalar_one()


async def has_division(session: AsyncSession, code: str) -> bool:
    """Return whether the table of divisions knows a code."""
    return await session.get(Division, code) is not None


async def get_unrecorded_lot(session: AsyncSession, gift_box_id: UUID) -> Lot:
    """Return the lot that stands for boxes of a gift box whose lot nobody recorded, or raise LotNotFound."""
    wanted = select(Lot).where(Lot.gift_box_id == gift_box_id, Lot.kind == LotKind.UNRECORDED.value)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise LotNotFound()
    return found


async def list_lots(session: AsyncSession, wanted: LotsWanted, *, limit: int, after: After) -> Page[Lot]:
    """Return lots, newest first."""
    found = select(Lot)
    if wanted.gift_box_id is not None:
        found = found.where(Lot.gift_box_id == wanted.gift_box_id)
    if wanted.is_recalled is not None:
        found = found.where(Lot.recalled_at.is_not(None) == wanted.is_recalled)
    if after is not None:
        found = found.where(tuple_(Lot.created_at, Lot.id) < seek(after, instant_key, UUID))
    rows = await session.execute(found.order_by(Lot.created_at.desc(), Lot.id.desc()).limit(limit + 1))
    return page_of(
        list(rows.scalars()), limit=limit, key=lambda lot: (lot.created_at.isoformat(), str(lot.id))
    )
