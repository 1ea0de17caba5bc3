"""Every `select` about unions, members and staff accounts."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.paging import CursorInvalid, Page, page_of, seek, text_key
from app.unions.errors import PersonNotFound
from app.unions.tables import Member, StaffAccount, Union


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


async def get_staff(session: AsyncSession, staff_id: UUID) -> StaffAccount:
    """Return a staff account, or raise PersonNotFound."""
    wanted = select(StaffAccount).where(StaffAccount.id == staff_id)
    found = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise PersonNotFound()
    return found


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
    """Return the street unions at or below a union, by id."""
    below = select(Union.id, Union.level).where(Union.id == union_id).cte(recursive=True)
    below = below.union_all(select(Union.id, Union.level).join(below, Union.parent_id == below.c.id))
    rows = await session.execute(select(below.c.id).where(below.c.level == "street").order_by(below.c.id))
    return list(rows.scalars())


async def list_members(session: AsyncSession, *, limit: int, after: tuple[str, ...] | None) -> Page[Member]:
    """Return members in the order of their name keys.

    The cursor remembers the last member's id and never the name key: a cursor is no secret, a name is.
    """
    wanted = select(Member)
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        last_key = await session.scalar(select(Member.name_key).where(Member.id == last_id))
        if last_key is None:
            raise CursorInvalid()
        wanted = wanted.where(tuple_(Member.name_key, Member.id) > (last_key, last_id))
    found = await session.execute(wanted.order_by(Member.name_key, Member.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda member: ("member", str(member.id)))
