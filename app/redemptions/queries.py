"""Every `select` about codes, redemptions and conflicts."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    String,
    and_,
    any_,
    bindparam,
    case,
    cast,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.types import Uuid

from app.access.scope import in_scope, read_scoped
from app.access.vault import vault_of
from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox
from app.orders.tables import Order
from app.pickup.tables import PickupPoint, Slot
from app.platform.paging import Page, instant_key, page_of, seek
from app.platform.signing import VerifyKey
from app.redemptions.errors import RedemptionNotFound
from app.redemptions.rules.boxes import NamedLot
from app.redemptions.rules.keys import KeyState, PublicKeyState
from app.redemptions.rules.table import CodeState, HandOver, KnownEvent, OrderDetails
from app.redemptions.tables import CodeKey, PickupCode, Redemption, RedemptionChange, RedemptionConflict
from app.stock.rules.ledger import Account, AccountKind, LotKind
from app.stock.tables import Lot, StockMovement
from app.unions.rules import mask_name
from app.unions.tables import Member, StaffAccount, Union, open_name

_UUIDS = ARRAY(Uuid(as_uuid=True))
_IDS = any_(cast(bindparam("ids", type_=_UUIDS), _UUIDS))
_CODE = (
    PickupCode.order_id,
    PickupCode.unit_ref,
    PickupCode.short_code,
    PickupCode.generation,
    PickupCode.revoked_at.is_not(None),
)
_BY_REF = select(*_CODE).where(
    in_scope(PickupCode),
    PickupCode.unit_ref == any_(cast(bindparam("refs", type_=ARRAY(LargeBinary)), ARRAY(LargeBinary))),
)
_BY_SHORT = select(*_CODE).where(
    in_scope(PickupCode),
    PickupCode.short_code == any_(cast(bindparam("codes", type_=ARRAY(String)), ARRAY(String))),
)
# A subquery and no join: planning one more join costs more than looking it up. The kind is written out, not
# bound: only so is the partial unique index known to hold what is asked for.
_UNRECORDED_LOT = (
    select(Lot.id)
    .where(Lot.gift_box_id == GiftBox.id, Lot.kind == literal_column(f"'{LotKind.UNRECORDED}'"))
    .correlate(GiftBox)
    .scalar_subquery()
)
_DETAILS = (
    select(
        Order.id,
        Member.union_id,
        Member.id,
        Member.name_sealed,
        GiftBox.name,
        Campaign.early_minutes,
        Campaign.late_minutes,
        Campaign.pickup_until,
        Slot.id,
        Slot.starts_at,
        Slot.ends_at,
        PickupPoint.name,
        GiftBox.id,
        _UNRECORDED_LOT,
        Campaign.sealed_at.is_not(None),
    )
    .join(PickupPoint, PickupPoint.id == Order.pickup_point_id)
    .join(Member, Member.id == Order.member_id)
    .join(Offer, Offer.id == Order.offer_id)
    .join(GiftBox, GiftBox.id == Offer.gift_box_id)
    .join(Campaign, Campaign.id == Order.campaign_id)
    .outerjoin(Slot, Slot.id == Order.slot_id)
    .where(Order.id == _IDS, in_scope(Order))
)
_HAPPENED_AT = case((Redemption.is_offline, Redemption.scanned_at), else_=Redemption.received_at)
_HAND_OVERS = (
    select(
        Redemption.order_id,
        Redemption.event_id,
        _HAPPENED_AT,
        StaffAccount.display_name,
        PickupPoint.name,
        Redemption.first_portion,
    )
    .join(StaffAccount, StaffAccount.id == Redemption.staff_id)
    .join(PickupPoint, PickupPoint.id == Redemption.pickup_point_id)
    .where(
        Redemption.order_id == _IDS,
        in_scope(Redemption),
        Redemption.result == literal_column("'handed_over'"),
        Redemption.undone_at.is_(None),
    )
    .order_by(Redemption.received_at, Redemption.id)
)
_NAMED_LOTS = select(Lot.id, Lot.gift_box_id, Lot.recalled_at.is_not(None), Lot.best_before_on).where(
    Lot.id == _IDS, in_scope(Lot), Lot.kind == LotKind.RECEIVED
)
# A change has an event of its own, whose id no scan may have: its movements would be taken for the scan's.
_EVENTS: Any = union_all(
    select(Redemption.event_id, Redemption.fingerprint, Redemption.answer, Redemption.order_id).where(
        Redemption.event_id == _IDS, in_scope(Redemption)
    ),
    select(
        RedemptionChange.event_id,
        RedemptionChange.fingerprint,
        RedemptionChange.answer,
        RedemptionChange.order_id,
    ).where(RedemptionChange.event_id == _IDS, in_scope(RedemptionChange)),
)
_POINTS = select(PickupPoint.id, PickupPoint.name).where(PickupPoint.id == _IDS, in_scope(PickupPoint))


async def find_codes(
    session: AsyncSession, *, unit_refs: Collection[bytes], short_codes: Collection[str]
) -> list[CodeState]:
    """Return the codes with these references or short codes."""
    rows: list[Any] = []
    if unit_refs:
        rows += await read_scoped(session, _BY_REF, {"refs": sorted(unit_refs)})
    if short_codes:
        rows += await read_scoped(session, _BY_SHORT, {"codes": sorted(short_codes)})
    return [CodeState(*row) for row in rows]


async def find_details(session: AsyncSession, order_ids: Collection[UUID]) -> dict[UUID, OrderDetails]:
    """Return what answers say about orders; call it under their locks.

    Names are opened here, after the read: PostgreSQL never has them.
    """
    if not order_ids:
        return {}
    rows = await read_scoped(session, _DETAILS, {"ids": sorted(order_ids)})
    keys = await vault_of(session).keys_of_many(session, {row[1] for row in rows})
    return {
        order_id: OrderDetails(mask_name(open_name(keys[union_id], member_id, sealed=sealed)), *rest)
        for order_id, union_id, member_id, sealed, *rest in rows
    }


async def find_hand_overs(
    session: AsyncSession, order_ids: Collection[UUID]
) -> list[tuple[UUID, HandOver, int]]:
    """Return the hand-overs of orders that stand, as they came, each with its first portion."""
    if not order_ids:
        return []
    rows = await read_scoped(session, _HAND_OVERS, {"ids": sorted(order_ids)})
    return [(row[0], HandOver(*row[1:5]), row[5]) for row in rows]


async def find_standing(session: AsyncSession, order_id: UUID) -> list[tuple[int, datetime]]:
    """Return boxes and time of the hand-overs of an order that stand."""
    wanted = select(Redemption.quantity, _HAPPENED_AT).where(
        Redemption.order_id == order_id, Redemption.result == "handed_over", Redemption.undone_at.is_(None)
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def list_standing(session: AsyncSession, order_id: UUID) -> list[tuple[UUID, UUID]]:
    """Return event and pickup point of each hand-over of an order that stands, as they came."""
    wanted = (
        select(Redemption.event_id, Redemption.pickup_point_id)
        .where(
            Redemption.order_id == order_id,
            Redemption.result == "handed_over",
            Redemption.undone_at.is_(None),
        )
        .order_by(Redemption.first_portion, Redemption.id)
    )
    return [(row.event_id, row.pickup_point_id) for row in await session.execute(wanted)]


async def get_gift_box_id(session: AsyncSession, offer_id: UUID) -> UUID:
    """Return what an offer offers."""
    return (await session.execute(select(Offer.gift_box_id).where(Offer.id == offer_id))).scalar_one()


async def find_lots(session: AsyncSession, lot_ids: Collection[UUID]) -> dict[UUID, NamedLot]:
    """Return lots that were received, by id."""
    if not lot_ids:
        return {}
    rows = await read_scoped(session, _NAMED_LOTS, {"ids": sorted(lot_ids)})
    return {row[0]: NamedLot(*row) for row in rows}


async def find_events(session: AsyncSession, event_ids: Collection[UUID]) -> dict[UUID, KnownEvent]:
    """Return the events that were answered before."""
    rows = await read_scoped(session, _EVENTS, {"ids": sorted(event_ids)})
    return {row.event_id: KnownEvent(row.fingerprint, row.answer, row.order_id) for row in rows}


async def find_points(session: AsyncSession, point_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of pickup points of the session's unions."""
    rows = await read_scoped(session, _POINTS, {"ids": sorted(point_ids)})
    return {row.id: row.name for row in rows}


async def get_redemption(session: AsyncSession, event_id: UUID) -> Redemption:
    """Return a scan of the session's union; raise RedemptionNotFound."""
    wanted = select(Redemption).where(Redemption.event_id == event_id)
    found = (await session.execute(wanted.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        raise RedemptionNotFound()
    return found


async def find_change(session: AsyncSession, event_id: UUID) -> RedemptionChange | None:
    """Return what was undone or swapped by an event."""
    wanted = select(RedemptionChange).where(RedemptionChange.event_id == event_id)
    return (await session.execute(wanted)).scalar_one_or_none()


async def is_scan(session: AsyncSession, event_id: UUID) -> bool:
    """Return whether an event is a scan that is on record."""
    found = await session.execute(select(Redemption.id).where(Redemption.event_id == event_id))
    return found.scalar_one_or_none() is not None


async def list_changes(session: AsyncSession, of_event_id: UUID) -> list[tuple[RedemptionChange, str]]:
    """Return what was changed of a hand-over, as it came, with the names of the staff."""
    wanted = (
        select(RedemptionChange, StaffAccount.display_name)
        .join(StaffAccount, StaffAccount.id == RedemptionChange.staff_id)
        .where(RedemptionChange.of_event_id == of_event_id)
        .order_by(RedemptionChange.at, RedemptionChange.id)
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def find_moved(
    session: AsyncSession, event_ids: Collection[UUID]
) -> list[tuple[UUID, Account, Account, int]]:
    """Return what moved for these events, in its order: lot, from, to, boxes."""
    wanted = (
        select(
            StockMovement.lot_id,
            StockMovement.from_kind,
            StockMovement.from_point_id,
            StockMovement.to_kind,
            StockMovement.to_point_id,
            StockMovement.boxes,
        )
        .where(StockMovement.event_id.in_(event_ids), StockMovement.from_kind.is_not(None))
        .order_by(StockMovement.id)
    )
    return [
        (
            row.lot_id,
            Account(AccountKind(row.from_kind), row.from_point_id),
            Account(AccountKind(row.to_kind), row.to_point_id),
            row.boxes,
        )
        for row in await session.execute(wanted)
    ]


async def find_lot_numbers(session: AsyncSession, lot_ids: Collection[UUID]) -> dict[UUID, str | None]:
    """Return the numbers of lots; None for one that stands for boxes without a known lot."""
    found = await session.execute(select(Lot.id, Lot.number, Lot.kind).where(Lot.id.in_(lot_ids)))
    return {row.id: row.number if row.kind == LotKind.RECEIVED else None for row in found}


async def lock_code(session: AsyncSession, order_id: UUID) -> PickupCode | None:
    """Lock and return the pickup code of an order, if it has one."""
    wanted = select(PickupCode).where(PickupCode.order_id == order_id).with_for_update(key_share=True)
    return (await session.execute(wanted)).scalar_one_or_none()


async def is_withdrawn(session: AsyncSession, key_id: int) -> bool:
    """Return whether a key was withdrawn."""
    found = await session.execute(select(CodeKey.state).where(CodeKey.id == key_id))
    return found.scalar_one() == KeyState.WITHDRAWN


async def find_active_key(session: AsyncSession) -> CodeKey | None:
    """Return the key that signs now."""
    found = await session.execute(select(CodeKey).where(CodeKey.state == KeyState.ACTIVE))
    return found.scalar_one_or_none()


async def list_keys(session: AsyncSession) -> list[CodeKey]:
    """Return all keys by id."""
    return list((await session.execute(select(CodeKey).order_by(CodeKey.id))).scalars())


async def find_public_keys(session: AsyncSession) -> dict[int, PublicKeyState]:
    """Return what a verifier knows of the keys."""
    return public_keys(await list_keys(session))


def public_keys(keys: Iterable[CodeKey]) -> dict[int, PublicKeyState]:
    """Return what a verifier knows of these keys."""
    return {key.id: PublicKeyState(VerifyKey(key.public_key), KeyState(key.state)) for key in keys}


async def find_unions_of_key(session: AsyncSession, key_id: int) -> set[UUID]:
    """Return the unions that have codes signed with a key; the session has to see all unions."""
    found = await session.execute(select(PickupCode.union_id).where(PickupCode.key_id == key_id).distinct())
    return set(found.scalars())


async def get_union_number(session: AsyncSession, union_id: UUID) -> int:
    """Return the number that stands for a street union in codes; 0 for a union that has none."""
    found = await session.execute(select(Union.number).where(Union.id == union_id))
    return found.scalar_one() or 0


async def get_staff(session: AsyncSession, staff_id: UUID) -> tuple[str, UUID | None]:
    """Return the name of a staff account, and who it is in the roster."""
    found = await session.execute(
        select(StaffAccount.display_name, StaffAccount.member_id).where(StaffAccount.id == staff_id)
    )
    row = found.one()
    return row.display_name, row.member_id


async def get_pickup_window(session: AsyncSession, campaign_id: UUID) -> tuple[date, date]:
    """Return the first and the last pickup day of a campaign."""
    found = await session.execute(
        select(Campaign.pickup_from, Campaign.pickup_until).where(Campaign.id == campaign_id)
    )
    row = found.one()
    return row.pickup_from, row.pickup_until


async def list_conflicts(
    session: AsyncSession, *, status: str | None, limit: int, after: tuple[str, ...] | None
) -> Page[tuple[RedemptionConflict, Redemption, Redemption | None]]:
    """Return conflicts with both scans, newest first."""
    second, first = aliased(Redemption), aliased(Redemption)
    wanted = (
        select(RedemptionConflict, second, first)
        .join(second, _is_event(second, RedemptionConflict.second_event_id))
        .outerjoin(first, _is_event(first, RedemptionConflict.first_event_id))
    )
    if status is not None:
        wanted = wanted.where(RedemptionConflict.status == status)
    if after is not None:
        wanted = wanted.where(
            tuple_(RedemptionConflict.noticed_at, RedemptionConflict.id) < seek(after, instant_key, UUID)
        )
    wanted = wanted.order_by(RedemptionConflict.noticed_at.desc(), RedemptionConflict.id.desc())
    rows = [(row[0], row[1], row[2]) for row in await session.execute(wanted.limit(limit + 1))]
    return page_of(rows, limit=limit, key=lambda row: (row[0].noticed_at.isoformat(), str(row[0].id)))


def _is_event(side: type[Redemption], event_id: Any) -> ColumnElement[bool]:
    """Two unions may have events with the same id, and somebody above them both sees both."""
    return and_(side.union_id == RedemptionConflict.union_id, side.event_id == event_id)
