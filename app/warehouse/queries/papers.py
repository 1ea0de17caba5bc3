"""Transfers and disposals; lots by id; who is behind an account; the next number."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import Page, PageRequest, page_of, seek, text_key
from app.stock.errors import LotNotFound
from app.stock.tables import Lot
from app.unions.tables import StaffAccount
from app.warehouse.errors import DisposalNotFound, TransferNotFound
from app.warehouse.rules.states import DisposalStatus, TransferStatus
from app.warehouse.tables.disposals import Disposal, DisposalLine
from app.warehouse.tables.transfers import Transfer, TransferLine

Row = TypeVar("Row")


async def get_transfer(session: AsyncSession, transfer_id: UUID, *, lock: bool = False) -> Transfer:
    """Return a transfer of the session's unions, locked if asked; or raise TransferNotFound."""
    wanted = select(Transfer).where(Transfer.id == transfer_id)
    found = (await session.execute(wanted.with_for_update() if lock else wanted)).scalar_one_or_none()
    if found is None:
        raise TransferNotFound()
    return found


async def find_transfer_lines(
    session: AsyncSession, transfer_ids: Collection[UUID]
) -> Sequence[TransferLine]:
    """Return the lines of transfers."""
    wanted = select(TransferLine).where(TransferLine.transfer_id.in_(transfer_ids))
    ordered = wanted.order_by(TransferLine.transfer_id, TransferLine.lot_id)
    return (await session.execute(ordered)).scalars().all()


async def list_transfers(
    session: AsyncSession, *, page: PageRequest, status: TransferStatus | None, point_id: UUID | None
) -> Page[Transfer]:
    """Return transfers, newest first: all, of one state, from or to one pickup point."""
    wanted = select(Transfer)
    if status is not None:
        wanted = wanted.where(Transfer.status == status)
    if point_id is not None:
        wanted = wanted.where((Transfer.from_point_id == point_id) | (Transfer.to_point_id == point_id))
    return await newest_first(session, wanted, page=page, column=Transfer.id)


async def get_disposal(session: AsyncSession, disposal_id: UUID, *, lock: bool = False) -> Disposal:
    """Return a disposal of the session's unions, locked if asked; or raise DisposalNotFound."""
    wanted = select(Disposal).where(Disposal.id == disposal_id)
    found = (await session.execute(wanted.with_for_update() if lock else wanted)).scalar_one_or_none()
    if found is None:
        raise DisposalNotFound()
    return found


async def find_disposal_lines(
    session: AsyncSession, disposal_ids: Collection[UUID]
) -> Sequence[DisposalLine]:
    """Return the lines of disposals."""
    wanted = select(DisposalLine).where(DisposalLine.disposal_id.in_(disposal_ids))
    ordered = wanted.order_by(
        DisposalLine.disposal_id, DisposalLine.lot_id, DisposalLine.pickup_point_id, DisposalLine.place
    )
    return (await session.execute(ordered)).scalars().all()


async def list_disposals(
    session: AsyncSession, *, page: PageRequest, status: DisposalStatus | None, campaign_id: UUID | None
) -> Page[Disposal]:
    """Return disposals, newest first: all, of one state, of one campaign."""
    wanted = select(Disposal)
    if status is not None:
        wanted = wanted.where(Disposal.status == status)
    if campaign_id is not None:
        wanted = wanted.where(Disposal.campaign_id == campaign_id)
    return await newest_first(session, wanted, page=page, column=Disposal.id)


async def newest_first(
    session: AsyncSession, wanted: Select[Row], *, page: PageRequest, column: Any
) -> Page[Row]:
    """Return a page of rows by falling id."""
    if page.after is not None:
        wanted = wanted.where(column < seek(page.after, text_key, UUID)[1])
    rows = (await session.execute(wanted.order_by(column.desc()).limit(page.limit + 1))).scalars().all()
    found: Sequence[Any] = rows
    return page_of(found, limit=page.limit, key=lambda row: ("row", str(row.id)))


async def find_lots(
    session: AsyncSession, lot_ids: Collection[UUID], *, hold: bool = False
) -> dict[UUID, Lot]:
    """Return lots by id; raise LotNotFound if one of them is not there.

    `hold` keeps them from being recalled until the transaction ends; before the locks of balances.
    """
    wanted = select(Lot).where(Lot.id.in_(lot_ids)).execution_options(populate_existing=True)
    if hold:
        wanted = wanted.order_by(Lot.id).with_for_update(read=True)
    found = {lot.id: lot for lot in (await session.execute(wanted)).scalars()}
    if set(lot_ids) - found.keys():
        raise LotNotFound()
    return found


async def find_people(session: AsyncSession, staff_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return who is behind accounts: the row in the roster where it is known, else the account itself."""
    wanted = select(StaffAccount.id, StaffAccount.member_id).where(StaffAccount.id.in_(staff_ids))
    people = {row.id: row.member_id or row.id for row in await session.execute(wanted)}
    return {staff_id: people.get(staff_id, staff_id) for staff_id in staff_ids}
