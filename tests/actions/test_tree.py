"""The tree of unions grows one level at a time; an installation begins with nothing else."""

import secrets

import pytest

from app.access.scope import every_union
from app.platform.database import Database
from app.unions.actions.tree import NewUnion, add_union
from app.unions.errors import UnionMisplaced
from app.unions.queries import list_tree
from app.unions.rules import Level
from tests.factories.databases import Scratch

LEVELS = list(Level)


async def grow(database: Database, tag: str, *, down_to: Level) -> None:
    async with database.transaction(every_union("a test builds")) as session:
        above = None
        for level in LEVELS[: LEVELS.index(down_to) + 1]:
            union = await add_union(
                session, NewUnion(f"{tag}-{level}", f"示例·{level}", level, parent_code=above)
            )
            above = union.code


async def test_each_union_stands_below_the_one_above(scratch: Scratch) -> None:
    tag, database = secrets.token_hex(4), scratch.database
    await grow(database, tag, down_to=Level.GROUP)
    async with database.transaction(every_union("a test looks")) as session:
        mine = [(depth, union) for depth, union in await list_tree(session) if union.code.startswith(tag)]
    assert [(depth, union.level) for depth, union in mine] == list(enumerate(LEVELS))
    street = mine[3][1]
    assert [union.street_id for _, union in mine] == [None, None, None, street.id, street.id, street.id]
    assert [union.number is not None for _, union in mine] == [False, False, False, True, False, False]


async def test_no_level_is_skipped_and_no_code_is_given_twice(scratch: Scratch) -> None:
    tag, database = secrets.token_hex(4), scratch.database
    await grow(database, tag, down_to=Level.STREET)
    for wanted in (
        NewUnion(f"{tag}-x", "示例", Level.GROUP, parent_code=f"{tag}-street"),
        NewUnion(f"{tag}-x", "示例", Level.STREET, parent_code=f"{tag}-street"),
        NewUnion(f"{tag}-x", "示例", Level.GRASSROOTS, parent_code="nobody"),
        NewUnion(f"{tag}-x", "示例", Level.GRASSROOTS),
        NewUnion(f"{tag}-street", "示例", Level.STREET, parent_code=f"{tag}-district"),
    ):
        with pytest.raises(UnionMisplaced):
            async with database.transaction(every_union("a test builds")) as session:
                await add_union(session, wanted)
    async with database.transaction(every_union("a test looks")) as session:
        assert sum(union.code.startswith(tag) for _, union in await list_tree(session)) == 4
