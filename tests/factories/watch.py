"""Every row of a street, past every wall: what a refused call must leave as it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.platform.database import Base
from app.platform.settings import Settings
from tests.factories.databases import owner_of
from tests.factories.worlds import World

FORGETFUL = "'{last_used_at,last_seen_at,clock_skew_seconds}'::text[]"
# Beside the logs: what was answered to an idempotency key is kept for who sent it, a refusal too.
LOGS = {"idempotency_records", "audit_entries", "audit_seals", "limit_records", "device_nonces"}


def _digest_sql() -> str:
    return " UNION ALL ".join(
        f"SELECT '{table.name}' AS name, md5(string_agg(r, '|' ORDER BY r COLLATE \"C\")) AS digest"
        f" FROM (SELECT (to_jsonb(t) - {FORGETFUL})::text AS r FROM {table.name} t"
        " WHERE union_id = $1) AS rows"
        for table in Base.metadata.tables.values()
        if "union_id" in table.c and table.name not in LOGS
    )


class Watch:
    """Looks at every row of streets, in all tables of a union but the logs, as the owner of the tables."""

    def __init__(self, connection: asyncpg.Connection, statement: Any) -> None:
        self._connection, self._statement = connection, statement

    async def digests(self, world: World) -> dict[str, str]:
        """Return what the rows of a street are, by table."""
        return {row["name"]: row["digest"] for row in await self._statement.fetch(world.here.id)}


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Watch]:
    """Watch the rows past every wall."""
    connection = await asyncpg.connect(owner_of(settings))
    try:
        yield Watch(connection, await connection.prepare(_digest_sql()))
    finally:
        await connection.close()
