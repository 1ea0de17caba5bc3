"""Every `select` about imports, and what a comparison reads of members, units and orders."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, any_, cast, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from app.access.actor import Actor
from app.campaigns.tables import Offer
from app.orders.rules.states import LIVE, OrderStatus
from app.orders.tables import Order
from app.platform.paging import Page, int_key, page_of, seek, text_key
from app.roster.errors import ImportNotFound
from app.roster.rules.comparing import Kind
from app.roster.rules.progress import ENDED, KEPT_FOR, UNDER_WAY, ImportStatus
from app.roster.rules.units import Unit
from app.roster.tables import RosterFile, RosterImport, RosterRow
from app.unions.rules import Level
from app.unions.tables import Member, Union

HOLDING = LIVE - {OrderStatus.COLLECTED}
"""Who has an order in one of these has something to come, and stays a member until then."""

_UUIDS = ARRAY(Uuid(as_uuid=True))
ROSTER_COLUMNS = (
    Member.id, Member.number, Member.unit_id, Member.status, Member.name_sealed, Member.mobile_sealed,
    Member.id_last4_sealed,
)  # fmt: skip


def _visible(actor: Actor) -> Any:
    """Who looks after some units sees the imports that they sent; others see those of the street union."""
    wanted = select(RosterImport)
    return wanted if actor.scope.unit_ids is None else wanted.where(RosterImport.created_by == actor.id)


def any_of(ids: Collection[UUID]) -> Any:
    """Return the right side of `column == any_of(ids)`: one array, however many there are."""
    return any_(literal(list(ids), _UUIDS))


async def get_import(
    session: AsyncSession, import_id: UUID, *, actor: Actor, is_locked: bool = False
) -> RosterImport:
    """Return an import that the actor may see, locked if wanted; raises ImportNotFound."""
    wanted = _visible(actor).where(RosterImport.id == import_id)
    found = (await session.execute(wanted.with_for_update() if is_locked else wanted)).scalar_one_or_none()
    if found is None:
        raise ImportNotFound()
    one: RosterImport = found
    return one


async def list_imports(
    session: AsyncSession, actor: Actor, *, limit: int, after: tuple[str, ...] | None
) -> Page[RosterImport]:
    """Return the imports that the actor may see, newest first."""
    wanted = _visible(actor)
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        wanted = wanted.where(RosterImport.id < last_id)
    found = await session.execute(wanted.order_by(RosterImport.id.desc()).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda one: ("import", str(one.id)))


async def list_rows(
    session: AsyncSession, import_id: UUID, *, kind: Kind | None, limit: int, after: tuple[str, ...] | None
) -> Page[RosterRow]:
    """Return lines of a comparison, of one kind or of all, by kind and place in the file."""
    wanted = select(RosterRow).where(RosterRow.import_id == import_id)
    if kind is not None:
        wanted = wanted.where(RosterRow.kind == kind.value)
    if after is not None:
        last_kind, last_position = seek(after, text_key, int_key)
        wanted = wanted.where(tuple_(RosterRow.kind, RosterRow.position) > (last_kind, last_position))
    found = await session.execute(wanted.order_by(RosterRow.kind, RosterRow.position).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda row: (row.kind, str(row.position)))


async def find_rows(
    session: AsyncSession, import_id: UUID, *, kind: str, after: int, limit: int
) -> list[RosterRow]:
    """Return the next lines of one kind behind a place in the file."""
    wanted = select(RosterRow).where(RosterRow.import_id == import_id, RosterRow.kind == kind)
    wanted = wanted.where(RosterRow.position > after).order_by(RosterRow.position).limit(limit)
    return list((await session.execute(wanted)).scalars())


async def lock_next_import(session: AsyncSession, now: datetime) -> RosterImport | None:
    """Return the oldest import with work to do that no living worker has in hand, locked; or None."""
    wanted = select(RosterImport).where(
        or_(RosterImport.status.in_(sorted(UNDER_WAY)), RosterImport.needs_ranks),
        or_(RosterImport.leased_until.is_(None), RosterImport.leased_until < now),
    )
    found = await session.execute(wanted.order_by(RosterImport.id).limit(1).with_for_update(skip_locked=True))
    return found.scalar_one_or_none()


async def lock_leased_import(
    session: AsyncSession, import_id: UUID, lease_id: UUID, *, status: ImportStatus
) -> RosterImport | None:
    """Return an import that this worker still has in hand, in this state, locked; else None."""
    wanted = select(RosterImport).where(
        RosterImport.id == import_id,
        RosterImport.lease_id == lease_id,
        RosterImport.status == status.value,
    )
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def find_old_imports(session: AsyncSession, now: datetime, *, limit: int) -> list[RosterImport]:
    """Return imports whose personal data were kept for long enough, locked: ended, or never committed."""
    old = now - KEPT_FOR
    ended = RosterImport.status.in_(sorted(ENDED)) & (RosterImport.ended_at < old)
    forgotten = (RosterImport.status == ImportStatus.COMPARED.value) & (RosterImport.compared_at < old)
    wanted = select(RosterImport).where(RosterImport.erased_at.is_(None), or_(ended, forgotten))
    found = await session.execute(
        wanted.order_by(RosterImport.id).limit(limit).with_for_update(skip_locked=True)
    )
    return list(found.scalars())


async def find_pieces(session: AsyncSession, import_id: UUID) -> list[RosterFile]:
    """Return the sealed pieces of a file, in order."""
    wanted = select(RosterFile).where(RosterFile.import_id == import_id).order_by(RosterFile.position)
    return list((await session.execute(wanted)).scalars())


async def find_units(session: AsyncSession, union_id: UUID) -> list[Unit]:
    """Return the grassroots unions and groups of a street union."""
    wanted = select(Union.id, Union.name, Union.parent_id).where(
        Union.street_id == union_id, Union.level.in_((Level.GRASSROOTS.value, Level.GROUP.value))
    )
    rows = await session.execute(wanted.order_by(Union.id))
    return [Unit(row.id, row.name, row.parent_id) for row in rows]


async def get_roster_digest(session: AsyncSession, union_id: UUID) -> str:
    """Return what tells one state of a street union's roster from another.

    Of names only the order in the list is left out; a fresh seal under another key counts as a change. Who
    was erased is nobody, and so is who stands in for them in an order.
    """
    sealed = [
        func.encode(column, "base64")
        for column in (Member.name_sealed, Member.mobile_sealed, Member.id_last4_sealed)
    ]
    texts = [cast(Member.id, Text), cast(Member.unit_id, Text), Member.number, Member.status, *sealed]
    one = func.sha256(
        func.convert_to(func.concat_ws("|", *[func.coalesce(part, "") for part in texts]), "UTF8")
    )
    joined = func.string_agg(one, aggregate_order_by(literal(b""), Member.id))
    wanted = select(func.encode(func.sha256(joined), "hex"))
    wanted = wanted.where(Member.union_id == union_id, Member.erased_at.is_(None))
    return str(await session.scalar(wanted))


async def find_roster(session: AsyncSession, union_id: UUID, *, after: UUID, limit: int) -> Sequence[Any]:
    """Return the next members of a street union by id, sealed, but for the erased: `ROSTER_COLUMNS`."""
    wanted = select(*ROSTER_COLUMNS).where(Member.union_id == union_id, Member.id > after)
    wanted = wanted.where(Member.erased_at.is_(None))
    return (await session.execute(wanted.order_by(Member.id).limit(limit))).all()


async def find_holding(session: AsyncSession, union_id: UUID) -> set[UUID]:
    """Return the members of a street union with an order to be collected."""
    wanted = select(Order.member_id).where(
        Order.union_id == union_id, Order.status.in_(sorted(status.value for status in HOLDING))
    )
    return set((await session.execute(wanted.distinct())).scalars())


async def hold_offers(session: AsyncSession, union_id: UUID) -> None:
    """Let no order be placed in a street union until the transaction ends: an order locks its offer first."""
    wanted = select(Offer.id).where(Offer.union_id == union_id).order_by(Offer.id)
    await session.execute(wanted.with_for_update(read=True))


async def hold_members(session: AsyncSession, member_ids: Collection[UUID]) -> int:
    """Let nobody else change these members until the transaction ends; return how many there are.

    Orders may be placed meanwhile: their keys lock less than this.
    """
    wanted = select(Member.id).where(Member.id == any_of(member_ids)).order_by(Member.id)
    return len((await session.execute(wanted.with_for_update(key_share=True))).all())
