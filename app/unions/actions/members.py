"""Keeping the order of names: a rank for a name, and all ranks anew after many changes."""

from collections.abc import Sequence
from uuid import UUID

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import UnionKeys, keys_of
from app.platform.bulk import run_together, update_rows
from app.unions import queries
from app.unions.rules.order import GAP, name_order_key, ranks_of
from app.unions.tables import Member, open_name

_AT_ONCE = 5_000


async def place(session: AsyncSession, union_id: UUID, name: str) -> int:
    """Return the `name_rank` for a normalised name in a street union; a name that is there gets the same.

    Finds its neighbours by halving, which opens some twenty names at most. When there is no room between
    them, all ranks of the union are made anew. Two who are placed at once between the same neighbours may
    get one rank; their order is then that of their ids until the next `rerank`.
    """
    keys = await keys_of(session, union_id)
    found = await _between(session, keys, name)
    if found is None:
        await rerank(session, union_id)
        found = await _between(session, keys, name)
    assert found is not None  # noqa: S101 - fresh ranks have gaps
    return found


async def rerank(session: AsyncSession, union_id: UUID) -> int:
    """Give all members of a street union ranks in the order of their names; return how many changed.

    For after a mass change. Opens every name; 50,000 of them take a few seconds, off the event loop.
    """
    keys = await keys_of(session, union_id)
    rows = await queries.list_sealed_names(session, union_id)
    changed = await anyio.to_thread.run_sync(_changed_ranks, keys, rows)
    for start in range(0, len(changed), _AT_ONCE):
        await run_together(session, [update_rows(Member, changed[start : start + _AT_ONCE])])
    return len(changed)


def _changed_ranks(keys: UnionKeys, rows: Sequence[tuple[UUID, bytes, int]]) -> list[dict[str, object]]:
    names = {member_id: open_name(keys, member_id, sealed=sealed) for member_id, sealed, _ in rows}
    ranks = ranks_of(names.values())
    return [
        {"id": member_id, "name_rank": wanted}
        for member_id, _, rank in rows
        if (wanted := ranks[names[member_id]]) != rank
    ]


async def _between(session: AsyncSession, keys: UnionKeys, name: str) -> int | None:
    """Return the rank in the middle between a name's neighbours, or that of the name itself; None: no room.

    Rank 0 is no place yet: such members stand before all others and are not looked at.
    """
    wanted = name_order_key(name)
    highest = await queries.get_highest_rank(session, keys.union_id)
    below, above = 0, highest + 2 * GAP
    while (middle := (below + above) // 2) > below:
        row = await queries.find_sealed_name_between(
            session, keys.union_id, below=below, middle=middle, above=above
        )
        if row is None:
            return middle
        member_id, sealed, rank = row
        there = name_order_key(open_name(keys, member_id, sealed=sealed))
        if there == wanted:
            return rank
        if there < wanted:
            below = rank
        else:
            above = rank
    return None
