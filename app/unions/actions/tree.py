"""Adding unions and units to the tree, on the operator's word."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.ids import new_id
from app.unions.errors import UnionMisplaced
from app.unions.queries import find_union_by_code
from app.unions.rules import ABOVE, Level
from app.unions.tables import Union


@dataclass(frozen=True, slots=True)
class NewUnion:
    """A union to add; the one above it by its code, none for the national federation."""

    code: str
    name: str
    level: Level
    parent_code: str | None = None
    hotline: str | None = None


async def add_union(session: AsyncSession, wanted: NewUnion) -> Union:
    """Add a union one level below another (工会法 article 10); raises UnionMisplaced.

    A street union gets the next free number of the pickup codes and is a tenant from then on.
    """
    parent = await find_union_by_code(session, wanted.parent_code) if wanted.parent_code else None
    if (parent.level if parent else None) != ABOVE.get(wanted.level):
        raise UnionMisplaced()
    if await find_union_by_code(session, wanted.code) is not None:
        raise UnionMisplaced()
    id, number = new_id(), None
    if wanted.level is Level.STREET:
        number = 1 + (await session.scalar(select(func.max(Union.number))) or 0)
    union = Union(
        id=id,
        code=wanted.code,
        name=wanted.name,
        level=wanted.level.value,
        parent_id=parent.id if parent else None,
        parent_level=parent.level if parent else None,
        street_id=id if wanted.level is Level.STREET else parent and parent.street_id,
        number=number,
        hotline=wanted.hotline,
    )
    session.add(union)
    await session.flush()
    return union
