"""Every `select` about looks, consents, erasure and receipts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Campaign
from app.devices.tables import Device
from app.orders.rules.states import LIVE, OrderStatus
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import local_date
from app.platform.paging import Page, PageRequest, page_of, seek, text_key
from app.privacy.errors import ErasureNotFound, NothingToReveal, ReceiptNotFound
from app.privacy.rules import ErasureStatus, Purpose
from app.privacy.tables import Consent, DeletionReceipt, ErasureRequest
from app.redemptions.tables import RedemptionConflict
from app.unions.tables import Member, Reveal, StaffAccount


async def get_reveal_target(session: AsyncSession, member_id: UUID) -> Member:
    """Return a member whose data may be asked for, or raise NothingToReveal."""
    wanted = select(Member).where(Member.id == member_id, Member.erased_at.is_(None))
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise NothingToReveal()
    return found


async def get_holder(session: AsyncSession, order_id: UUID) -> Member:
    """Return the member who holds an order, or raise NothingToReveal."""
    member_id = await session.scalar(select(Order.member_id).where(Order.id == order_id))
    if member_id is None:
        raise NothingToReveal()
    return await get_reveal_target(session, member_id)


async def is_expected(
    session: AsyncSession, member_id: UUID, *, on: date, device_id: UUID | None = None
) -> bool:
    """Tell whether a member is to collect on a day of Asia/Shanghai: booked for it, or free to come.

    With a device: at the device's pickup point.
    """
    wanted = (
        select(Order.id, Order.status, Slot.starts_at, Campaign.pickup_from, Campaign.pickup_until)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .outerjoin(Slot, Slot.id == Order.slot_id)
        .where(Order.member_id == member_id, Order.status.in_((OrderStatus.BOOKED, OrderStatus.TO_BOOK)))
    )
    if device_id is not None:
        here = select(Device.pickup_point_id).where(Device.id == device_id).scalar_subquery()
        wanted = wanted.where(Order.pickup_point_id == here)
    for row in await session.execute(wanted):
        if row.starts_at is not None and local_date(row.starts_at) == on:
            return True
        if row.starts_at is None and row.pickup_from <= on <= row.pickup_until:
            return True
    return False


async def list_looks(
    session: AsyncSession, member_id: UUID, *, page: PageRequest
) -> Page[tuple[Reveal, str | None]]:
    """Return who looked at a member's data, newest first, with the names of the accounts."""
    wanted = (
        select(Reveal, StaffAccount.display_name)
        .outerjoin(StaffAccount, StaffAccount.id == Reveal.staff_id)
        .where(Reveal.member_id == member_id)
        .order_by(Reveal.id.desc())
    )
    if (last := _last(page)) is not None:
        wanted = wanted.where(Reveal.id < last)
    rows = (await session.execute(wanted.limit(page.limit + 1))).all()
    found = [(row[0], row[1]) for row in rows]
    return page_of(found, limit=page.limit, key=lambda one: ("look", str(one[0].id)))


async def find_consents(session: AsyncSession, member_id: UUID) -> dict[Purpose, Consent]:
    """Return the latest consent of a member to each purpose, in force or withdrawn."""
    wanted = select(Consent).where(Consent.member_id == member_id).order_by(Consent.id)
    return {Purpose(row.purpose): row for row in (await session.execute(wanted)).scalars()}


async def lock_member(session: AsyncSession, member_id: UUID) -> Member:
    """Lock and return a member of the session's unions, or raise NothingToReveal."""
    wanted = select(Member).where(Member.id == member_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise NothingToReveal()
    return found


async def has_live_order(session: AsyncSession, member_id: UUID, *, on: date) -> bool:
    """Tell whether a member holds an order that is not over, or has collected in a campaign that goes on.

    Until the campaign's last day the box has to count against its limit, whoever the next list brings back.
    """
    wanted = select(Order.id).join(Campaign, Campaign.id == Order.campaign_id)
    is_open = Order.status.in_(sorted(LIVE - {OrderStatus.COLLECTED}))
    counts = (Order.status == OrderStatus.COLLECTED) & (Campaign.pickup_until >= on)
    wanted = wanted.where(Order.member_id == member_id, is_open | counts)
    return bool(await session.scalar(select(wanted.exists())))


async def has_open_conflict(session: AsyncSession, member_id: UUID) -> bool:
    """Tell whether a hand-over of a member's order is disputed."""
    wanted = exists().where(
        Order.member_id == member_id,
        RedemptionConflict.order_id == Order.id,
        RedemptionConflict.status == "open",
    )
    return bool(await session.scalar(select(wanted)))


async def has_open_erasure(session: AsyncSession, member_id: UUID) -> bool:
    """Tell whether a member has asked for erasure and has no answer yet."""
    is_open = ErasureRequest.status == ErasureStatus.OPEN
    wanted = select(exists().where(ErasureRequest.member_id == member_id, is_open))
    return bool(await session.scalar(wanted))


async def lock_open_erasure(session: AsyncSession, member_id: UUID) -> ErasureRequest:
    """Lock and return the open request of a member, or raise ErasureNotFound."""
    wanted = select(ErasureRequest).where(
        ErasureRequest.member_id == member_id, ErasureRequest.status == ErasureStatus.OPEN
    )
    found = (await session.execute(wanted.with_for_update())).scalar_one_or_none()
    if found is None:
        raise ErasureNotFound()
    return found


async def lock_erasure(session: AsyncSession, request_id: UUID) -> ErasureRequest:
    """Lock and return a request for erasure, or raise ErasureNotFound."""
    wanted = select(ErasureRequest).where(ErasureRequest.id == request_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise ErasureNotFound()
    return found


async def list_erasures(
    session: AsyncSession,
    *,
    page: PageRequest,
    status: ErasureStatus | None = None,
    member_id: UUID | None = None,
) -> Page[ErasureRequest]:
    """Return requests for erasure, newest first: all, of one status, or of one member.

    Who sees one unit sees its members, and their requests only.
    """
    wanted = select(ErasureRequest).join(Member, Member.id == ErasureRequest.member_id)
    wanted = wanted.order_by(ErasureRequest.id.desc())
    if member_id is not None:
        wanted = wanted.where(ErasureRequest.member_id == member_id)
    if status is not None:
        wanted = wanted.where(ErasureRequest.status == status)
    return await _page(session, wanted, page=page, column=ErasureRequest.id)


async def list_receipts(session: AsyncSession, *, page: PageRequest) -> Page[DeletionReceipt]:
    """Return deletion receipts, newest first."""
    wanted = select(DeletionReceipt).order_by(DeletionReceipt.id.desc())
    return await _page(session, wanted, page=page, column=DeletionReceipt.id)


async def get_receipt(session: AsyncSession, receipt_id: UUID) -> DeletionReceipt:
    """Return a deletion receipt, or raise ReceiptNotFound."""
    wanted = select(DeletionReceipt).where(DeletionReceipt.id == receipt_id)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise ReceiptNotFound()
    return found


async def find_campaigns_over(session: AsyncSession, *, now: datetime) -> list[tuple[UUID, UUID]]:
    """Return campaign and union ids whose time of keeping personal data has ended.

    Samples are left out: their people are invented, and the demo's past would be gone at its first start.
    """
    over = Campaign.pickup_until + Campaign.retention_days
    wanted = select(Campaign.id, Campaign.union_id).where(
        Campaign.is_sample.is_(False),
        Campaign.personal_data_ended_at.is_(None),
        over < local_date(now),
    )
    return [(row.id, row.union_id) for row in await session.execute(wanted.order_by(Campaign.id))]


def _kept() -> ColumnElement[bool]:
    disputed = exists().where(RedemptionConflict.order_id == Order.id, RedemptionConflict.status == "open")
    return (Order.status == OrderStatus.ON_HOLD) | disputed


async def lock_orders_to_unlink(session: AsyncSession, campaign_id: UUID, *, limit: int) -> list[Order]:
    """Lock and return orders of a campaign that still name a member and are not disputed, by id."""
    named = and_(Member.id == Order.member_id, Member.erased_at.is_(None))
    wanted = (
        select(Order)
        .join(Member, named)
        .where(Order.campaign_id == campaign_id, ~_kept())
        .order_by(Order.id)
        .limit(limit)
        .with_for_update(of=Order)
    )
    return list((await session.execute(wanted)).scalars())


async def count_kept_orders(session: AsyncSession, campaign_id: UUID) -> int:
    """Return how many orders of a campaign have to keep their member: disputed, or on hold."""
    named = and_(Member.id == Order.member_id, Member.erased_at.is_(None))
    wanted = select(func.count()).select_from(Order).join(Member, named)
    return int(await session.scalar(wanted.where(Order.campaign_id == campaign_id, _kept())) or 0)


async def find_unlinked_orders(session: AsyncSession, campaign_id: UUID) -> list[UUID]:
    """Return the orders of a campaign that name nobody any more."""
    nameless = and_(Member.id == Order.member_id, Member.erased_at.is_not(None))
    wanted = select(Order.id).join(Member, nameless).where(Order.campaign_id == campaign_id)
    return list((await session.execute(wanted.order_by(Order.id))).scalars())


async def find_last_receipt(session: AsyncSession, subject_id: UUID) -> DeletionReceipt | None:
    """Return the newest receipt about a campaign or a member, or None."""
    wanted = select(DeletionReceipt).where(DeletionReceipt.subject_id == subject_id)
    found = await session.execute(wanted.order_by(DeletionReceipt.id.desc()).limit(1))
    return found.scalar_one_or_none()


def _last(page: PageRequest) -> UUID | None:
    return None if page.after is None else seek(page.after, text_key, UUID)[1]


async def _page(session: AsyncSession, wanted: Select[Any], *, page: PageRequest, column: Any) -> Page[Any]:
    if (last := _last(page)) is not None:
        wanted = wanted.where(column < last)
    found = (await session.execute(wanted.limit(page.limit + 1))).scalars().all()
    return page_of(found, limit=page.limit, key=lambda row: ("row", str(row.id)))
