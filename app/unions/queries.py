"""Every `select` about unions, members and staff accounts."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import DataKey, keys_of, vault_of
from app.platform.errors import NotFound
from app.platform.paging import CursorInvalid, Page, page_of, seek, text_key
from app.unions.errors import PersonNotFound
from app.unions.rules import Level
from app.unions.tables import Member, StaffAccount, Union, index_of_name


async def get_member(session: AsyncSession, member_id: UUID) -> Member:
    """Return a member of the session's unions, or raise PersonNotFound."""
    found = (await session.execute(select(Member).where(Member.id == member_id))).scalar_one_or_none()
    if found is None:
        raise PersonNotFound()
    return found


async def find_member_by_number(session: AsyncSession, number: str) -> Member | None:
    """Return the member with this number, or None."""
    found = await session.execute(select(Member).where(Member.number == number).limit(1))
    return found.scalar_one_or_none()


async def find_member_in(session: AsyncSession, union_id: UUID, number: str) -> Member | None:
    """Return the member of a street union with this number, or None."""
    wanted = select(Member).where(Member.union_id == union_id, Member.number == number)
    return (await session.execute(wanted)).scalar_one_or_none()


async def count_enabled(session: AsyncSession, union_id: UUID, *, role: str) -> int:
    """Return how many approved accounts of a role are enabled in a union; holds them until the end.

    Two that are to be disabled at once wait for each other.
    """
    wanted = select(StaffAccount.id).where(
        StaffAccount.union_id == union_id,
        StaffAccount.role == role,
        StaffAccount.disabled_at.is_(None),
        StaffAccount.approved_at.is_not(None),
    )
    found = await session.execute(wanted.order_by(StaffAccount.id).with_for_update())
    return len(found.all())


async def get_staff(session: AsyncSession, staff_id: UUID) -> StaffAccount:
    """Return a staff account, or raise PersonNotFound."""
    wanted = select(StaffAccount).where(StaffAccount.id == staff_id)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise PersonNotFound()
    return found


async def lock_staff(session: AsyncSession, staff_id: UUID) -> StaffAccount:
    """Return a staff account of the session's unions, locked, or raise PersonNotFound."""
    wanted = select(StaffAccount).where(StaffAccount.id == staff_id).with_for_update()
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise PersonNotFound()
    return found


async def list_staff(
    session: AsyncSession, *, limit: int, after: tuple[str, ...] | None
) -> Page[StaffAccount]:
    """Return the staff accounts of the session's unions by login."""
    wanted = select(StaffAccount)
    if after is not None:
        _, last_login = seek(after, text_key, text_key)
        wanted = wanted.where(StaffAccount.login > last_login)
    found = await session.scalars(wanted.order_by(StaffAccount.login).limit(limit + 1))
    return page_of(list(found), limit=limit, key=lambda staff: ("staff", staff.login))


async def find_unit(session: AsyncSession, union_id: UUID, unit_id: UUID) -> Union | None:
    """Return a grassroots union or group of a street union, or None."""
    is_unit = Union.level.in_((Level.GRASSROOTS.value, Level.GROUP.value))
    wanted = select(Union).where(Union.id == unit_id, Union.street_id == union_id, is_unit)
    return (await session.execute(wanted)).scalar_one_or_none()


async def find_staff_by_login(session: AsyncSession, login: str) -> StaffAccount | None:
    """Return the staff account with this login, or None."""
    found = await session.execute(select(StaffAccount).where(StaffAccount.login == login))
    return found.scalar_one_or_none()


async def get_union(session: AsyncSession, union_id: UUID) -> Union:
    """Return a union."""
    return (await session.execute(select(Union).where(Union.id == union_id))).scalar_one()


async def find_union_names(session: AsyncSession, union_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of unions by their ids."""
    rows = await session.execute(select(Union.id, Union.name).where(Union.id.in_(union_ids)))
    return {row.id: row.name for row in rows}


async def find_streets_below(session: AsyncSession, union_id: UUID) -> list[UUID]:
    """Return a union itself and the street unions below it, by id: whose rows its staff may see."""
    below = select(Union.id, Union.level).where(Union.id == union_id).cte(recursive=True)
    below = below.union_all(select(Union.id, Union.level).join(below, Union.parent_id == below.c.id))
    is_seen = or_(below.c.level == "street", below.c.id == union_id)
    rows = await session.execute(select(below.c.id).where(is_seen).order_by(below.c.id))
    return list(rows.scalars())


async def find_units_below(session: AsyncSession, unit_id: UUID) -> list[UUID]:
    """Return a unit of a street union and the groups below it, the unit first."""
    below = select(Union.id).where(Union.id == unit_id).cte(recursive=True)
    below = below.union_all(select(Union.id).join(below, Union.parent_id == below.c.id))
    rows = await session.execute(select(below.c.id))
    return sorted(rows.scalars(), key=lambda id: (id != unit_id, id))


async def find_union_by_code(session: AsyncSession, code: str) -> Union | None:
    """Return the union or unit with this code, or None."""
    return (await session.execute(select(Union).where(Union.code == code))).scalar_one_or_none()


async def list_members(session: AsyncSession, *, limit: int, after: tuple[str, ...] | None) -> Page[Member]:
    """Return members by union and, within it, in the order of their names.

    The cursor remembers the last member's id alone: a cursor is no secret, a name is.
    """
    wanted = select(Member).where(Member.erased_at.is_(None))
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        last = await session.execute(
            select(Member.union_id, Member.name_rank, Member.id).where(Member.id == last_id)
        )
        if (row := last.first()) is None:
            raise CursorInvalid()
        wanted = wanted.where(tuple_(Member.union_id, Member.name_rank, Member.id) > tuple(row))
    order = (Member.union_id, Member.name_rank, Member.id)
    found = await session.execute(wanted.order_by(*order).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda member: ("member", str(member.id)))


async def find_shared_names(session: AsyncSession, members: Collection[Member]) -> set[tuple[UUID, bytes]]:
    """Return (union id, name index) of those names of the members that somebody else of the union has too."""
    found = await session.execute(
        select(Member.union_id, Member.name_index)
        .where(Member.union_id.in_({member.union_id for member in members}))
        .where(Member.name_index.in_({member.name_index for member in members}))
        .group_by(Member.union_id, Member.name_index)
        .having(func.count() > 1)
    )
    return {(row.union_id, row.name_index) for row in found}


async def find_members_by_mobile(
    session: AsyncSession, union_ids: Collection[UUID] | None, mobile: str
) -> list[Member]:
    """Return the members of unions with this normalised mobile number, by id; None: of every street union.

    One look-up whatever the number of unions. Each union has an index key of its own, so nothing in the table
    tells that somebody is a member of two.
    """
    if union_ids is None:
        streets = await session.execute(select(Union.id).where(Union.level == Level.STREET.value))
        union_ids = list(streets.scalars())
    keys = await vault_of(session).keys_of_many(session, union_ids)
    indexes = [one.index("mobile", mobile) for one in keys.values()]
    found = await session.execute(select(Member).where(Member.mobile_index.in_(indexes)).order_by(Member.id))
    return list(found.scalars())


async def find_members_by_name(session: AsyncSession, union_id: UUID, name: str) -> list[Member]:
    """Return the members of a street union with this normalised name, however it is written, by id."""
    keys = await keys_of(session, union_id)
    wanted = select(Member).where(Member.union_id == union_id, Member.name_index == index_of_name(keys, name))
    return list((await session.execute(wanted.order_by(Member.id))).scalars())


async def list_sealed_names(session: AsyncSession, union_id: UUID) -> list[tuple[UUID, bytes, int]]:
    """Return id, sealed name and rank of all members of a street union."""
    wanted = select(Member.id, Member.name_sealed, Member.name_rank).where(Member.union_id == union_id)
    return [(row.id, row.name_sealed, row.name_rank) for row in await session.execute(wanted)]


async def find_sealed_name_between(
    session: AsyncSession, union_id: UUID, *, below: int, middle: int, above: int
) -> tuple[UUID, bytes, int] | None:
    """Return id, sealed name and rank of the member nearest to the middle of a gap of ranks, ends excluded.

    The first one from the middle on, else the last one before it; None where nobody is.
    """
    rank = Member.name_rank
    wanted = select(Member.id, Member.name_sealed, rank).where(Member.union_id == union_id).limit(1)
    upper = wanted.where(rank >= middle, rank > below, rank < above).order_by(rank)
    if row := (await session.execute(upper)).first():
        return row.id, row.name_sealed, row.name_rank
    lower = wanted.where(rank < middle, rank > below, rank < above).order_by(rank.desc())
    row = (await session.execute(lower)).first()
    return None if row is None else (row.id, row.name_sealed, row.name_rank)


async def get_highest_rank(session: AsyncSession, union_id: UUID) -> int:
    """Return the highest rank of a name in a street union; 0 when it has no members."""
    found = await session.scalar(select(func.max(Member.name_rank)).where(Member.union_id == union_id))
    return found or 0


async def get_street(session: AsyncSession, named: str) -> Union:
    """Return the street union with this number or code, or raise NotFound."""
    is_named = Union.number == int(named) if named.isdecimal() and len(named) <= 5 else Union.code == named
    wanted = select(Union).where(is_named, Union.level == Level.STREET.value)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


async def list_data_keys(session: AsyncSession) -> list[tuple[DataKey, Union]]:
    """Return all keys of personal data with their street unions, by number and version."""
    wanted = select(DataKey, Union).join(Union, Union.id == DataKey.union_id)
    rows = await session.execute(wanted.order_by(Union.number, DataKey.purpose, DataKey.version))
    return [(row[0], row[1]) for row in rows]


async def list_tree(session: AsyncSession) -> list[tuple[int, Union]]:
    """Return all unions with their depth in the tree, each before those below it, by code."""
    below: dict[UUID | None, list[Union]] = {}
    for union in (await session.execute(select(Union).order_by(Union.code))).scalars():
        below.setdefault(union.parent_id, []).append(union)

    def walk(parent_id: UUID | None, depth: int) -> list[tuple[int, Union]]:
        found = []
        for union in below.get(parent_id, []):
            found += [(depth, union), *walk(union.id, depth + 1)]
        return found

    return walk(None, 0)
