"""What members received before is looked up by an index, also when the table filled after its analysis."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import one_union
from app.orders import queries
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street

ROWS = 20_000
FETCHED = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'orders'")
OWNER = text("SELECT (array_agg(member_id))[1] FROM orders")
# 20,000 orders without 20,000 members: the plan is the question here, not the foreign keys.
NO_FOREIGN_KEYS = (
    "DO $$ DECLARE name text; BEGIN FOR name IN SELECT conname FROM pg_constraint"
    " WHERE conrelid = 'orders'::regclass AND contype = 'f'"
    " LOOP EXECUTE format('ALTER TABLE orders DROP CONSTRAINT %I', name); END LOOP; END $$"
)
MAY_BE_TRUNCATED = (
    "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgrelid::regclass FROM pg_trigger"
    " WHERE tgname LIKE '%_are_not_truncated'"
    " LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', name); END LOOP; END $$"
)
FILL = text(
    "INSERT INTO orders (id, number, union_id, campaign_id, offer_id, pickup_point_id, member_id, unit_id,"
    " quantity, collected_count, status, channel, placed_at, collected_at, version)"
    " SELECT gen_random_uuid(), 'N' || n, :union_id, :campaign_id, :offer_id, :point_id, gen_random_uuid(),"
    " :unit_id, 1, 1, 'collected', 'member', now(), now(), 1 FROM generate_series(1, :rows) AS n"
)


async def _fetched(session: AsyncSession) -> int:
    return int((await session.execute(FETCHED)).scalar_one())


async def _look_and_fill(session: AsyncSession, here: Street) -> int:
    for _ in range(8):
        assert await queries.find_received(session, [here.members[0].id]) == {}
    values = {"union_id": here.id, "campaign_id": here.campaign_id, "offer_id": here.offers[0]}
    values |= {"point_id": here.points[0], "unit_id": here.unit_id}
    await session.execute(FILL, values | {"rows": ROWS})
    owner = (await session.execute(OWNER)).scalar_one()
    before = await _fetched(session)
    assert list(await queries.find_received(session, [owner])) == [owner]
    return await _fetched(session) - before


@pytest.mark.parametrize(("plan_cache_mode", "fetched"), [(None, 1), ("force_generic_plan", ROWS)])
async def test_received_boxes_are_found_by_an_index(
    scratch: Scratch, plan_cache_mode: str | None, fetched: int
) -> None:
    """The control keeps one plan for ever, the one made for the empty table, and reads every order."""
    here = await make_street(scratch.database, members=1)
    await scratch.execute(
        MAY_BE_TRUNCATED,
        "ALTER TABLE orders SET (autovacuum_enabled = off)",
        "TRUNCATE orders CASCADE",
        "ANALYZE orders",
    )
    await scratch.execute(NO_FOREIGN_KEYS)
    async with scratch.database.sessions() as session:
        session.info["scope"] = one_union(here.id)
        if plan_cache_mode is not None:
            await session.execute(text(f"SET LOCAL plan_cache_mode = {plan_cache_mode}"))
        assert await _look_and_fill(session, here) == fetched
        await session.rollback()
