"""The morning of a campaign: a table that was analysed while it was empty, and is full minutes later."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import one_union
from app.orders import queries
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street

ROWS = 20_000
FETCHED = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'orders'")
READ_ALL = text("SELECT (array_agg(member_id))[1] FROM orders")
# 20,000 orders without 20,000 members: the plan is the question here, not the foreign keys.
NO_FOREIGN_KEYS = (
    "DO $$ DECLARE name text; BEGIN FOR name IN SELECT conname FROM pg_constraint"
    " WHERE conrelid = 'orders'::regclass AND contype = 'f'"
    " LOOP EXECUTE format('ALTER TABLE orders DROP CONSTRAINT %I', name); END LOOP; END $$"
)
FILL = text(
    "INSERT INTO orders (id, number, union_id, campaign_id, offer_id, pickup_point_id, member_id, unit_id,"
    " quantity, status, channel, placed_at, version)"
    " SELECT gen_random_uuid(), 'N' || n, :union_id, :campaign_id, :offer_id, :point_id, gen_random_uuid(),"
    " :unit_id, 1, 'to_book', 'member', now(), 1 FROM generate_series(1, :rows) AS n"
)


async def rows_fetched(scratch: Scratch, here: Street, *, plan_cache_mode: str | None) -> int:
    """Use one connection before and after the table fills; return how many rows its last look-up fetches."""
    await scratch.execute(NO_FOREIGN_KEYS)
    async with scratch.database.sessions() as session:
        session.info["scope"] = one_union(here.id)
        if plan_cache_mode is not None:
            await session.execute(text(f"SET LOCAL plan_cache_mode = {plan_cache_mode}"))
        for _ in range(8):
            assert await _look_up(session, here) == set()
        filled: dict[str, Any] = {
            "union_id": here.id,
            "campaign_id": here.campaign_id,
            "offer_id": here.offers[0],
            "point_id": here.points[0],
            "unit_id": here.unit_id,
            "rows": ROWS,
        }
        await session.execute(FILL, filled)
        empty = (await session.execute(FETCHED)).scalar_one()
        owner = (await session.execute(READ_ALL)).scalar_one()
        before = (await session.execute(FETCHED)).scalar_one()
        assert before - empty == ROWS, "reading the whole table counts every row"
        found = await queries.find_live_orders(session, [owner], campaign_ids=[here.campaign_id])
        assert found == {(here.campaign_id, owner)}
        after = (await session.execute(FETCHED)).scalar_one()
        await session.rollback()
    return int(after - before)


async def _look_up(session: AsyncSession, here: Street) -> set[Any]:
    return await queries.find_live_orders(session, [here.members[0].id], campaign_ids=[here.campaign_id])


@pytest.mark.parametrize(("plan_cache_mode", "fetched"), [(None, 1), ("force_generic_plan", ROWS)])
async def test_the_duplicate_lookup_uses_an_index_when_orders_grow(
    scratch: Scratch, plan_cache_mode: str | None, fetched: int
) -> None:
    """With one plan kept for ever, the one made for the empty table, every order would read them all."""
    here = await make_street(scratch.database, members=1)
    await scratch.execute("ALTER TABLE orders SET (autovacuum_enabled = off)", "ANALYZE orders")
    assert await rows_fetched(scratch, here, plan_cache_mode=plan_cache_mode) == fetched
