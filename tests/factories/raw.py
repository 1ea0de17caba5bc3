"""Totals of a campaign from the raw rows, by statements that share nothing with the service's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

_LOTS = """
SELECT l.number,
  sum(m.boxes) FILTER (WHERE m.from_kind IS NULL) AS consigned,
  coalesce(sum(m.boxes) FILTER (WHERE m.from_kind = 'supplier'), 0)
    - coalesce(sum(m.boxes) FILTER (WHERE m.to_kind = 'supplier' AND m.from_kind IS NOT NULL), 0) AS received,
  {flows}
FROM stock_movements m JOIN lots l ON l.id = m.lot_id
WHERE m.union_id = $1 AND l.kind = 'received' GROUP BY l.number ORDER BY l.number
"""
_ACCOUNTS = {
    "handed_over": "'handed_over'",
    "returned": "'returned'",
    "damaged": "'quarantine','loss'",
    "donated": "'donated'",
    "on_hand": "'pickup_point'",
    "in_transit": "'in_transit'",
    "variance": "'variance'",
}
_SHEET = """
SELECT count(*) AS rows, sum(r.quantity) AS boxes, sum(moved.fen) AS fen
FROM redemptions r JOIN orders o ON o.id = r.order_id
JOIN LATERAL (
  SELECT sum(CASE WHEN m.to_kind = 'handed_over' THEN m.boxes ELSE -m.boxes END * line.unit_price_fen) AS fen
  FROM stock_movements m
  JOIN (SELECT DISTINCT got.lot_id, bought.unit_price_fen FROM receipt_lines got
        JOIN purchase_lines bought ON bought.id = got.purchase_line_id) AS line ON line.lot_id = m.lot_id
  WHERE 'handed_over' IN (m.to_kind, m.from_kind) AND (m.event_id = r.event_id OR m.event_id IN
        (SELECT c.event_id FROM redemption_changes c WHERE c.of_event_id = r.event_id))
) AS moved ON true
WHERE o.campaign_id = $1 AND r.result = 'handed_over' AND r.undone_at IS NULL
  AND ($2::uuid IS NULL OR r.pickup_point_id = $2) AND ($3::uuid IS NULL OR o.unit_id = $3)
"""
_UNITS = """
WITH best AS (
  SELECT DISTINCT ON (m.id) m.id, coalesce(o.unit_id, m.unit_id) AS unit_id, o.status
  FROM members m LEFT JOIN orders o ON o.member_id = m.id AND o.campaign_id = $2
  WHERE m.union_id = $1
  ORDER BY m.id, array_position(ARRAY['collected','booked','to_book','on_hold','waitlisted','expired',
    'cancelled','unselected'], o.status::text) NULLS LAST
)
SELECT u.name AS unit, count(*) AS eligible,
  count(*) FILTER (WHERE b.status = 'collected') AS collected,
  count(*) FILTER (WHERE b.status = 'expired') AS given_up,
  count(*) FILTER (WHERE b.status = 'cancelled') AS cancelled,
  count(*) FILTER (WHERE b.status IS NULL) AS not_collected
FROM best b JOIN unions u ON u.id = b.unit_id GROUP BY u.name ORDER BY u.name
"""


class RawRows:
    """The owner's look at the tables: behind no wall, past every filter."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "RawRows":
        """Connect as the owner of the database."""
        return cls(await asyncpg.connect(url))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._connection.close()

    async def rows(self, statement: str, *given: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        return [dict(row) for row in await self._connection.fetch(statement, *given)]

    async def lots(self, union_id: UUID) -> list[dict[str, int]]:
        """Return what became of each recorded lot: what flowed into each account less what flowed out."""
        flows = ", ".join(
            f"coalesce(sum(m.boxes) FILTER (WHERE m.to_kind IN ({kinds})), 0)"
            f" - coalesce(sum(m.boxes) FILTER (WHERE m.from_kind IN ({kinds})), 0) AS {name}"
            for name, kinds in _ACCOUNTS.items()
        )
        return await self.rows(_LOTS.format(flows=flows), union_id)

    async def sheet(
        self, campaign_id: UUID, *, point_id: UUID | None = None, unit_id: UUID | None = None
    ) -> tuple[int, int, int]:
        """Return hand-overs that stand, their boxes and what these cost in fen, lot by lot as bought."""
        (row,) = await self.rows(_SHEET, campaign_id, point_id, unit_id)
        return row["rows"], int(row["boxes"] or 0), int(row["fen"] or 0)

    async def units(self, union_id: UUID, campaign_id: UUID) -> list[dict[str, Any]]:
        """Return who was eligible in each unit, and what came of it for them."""
        return await self.rows(_UNITS, union_id, campaign_id)

    @asynccontextmanager
    async def altered(self, table: str, where: str, statement: str) -> AsyncIterator[None]:
        """Change rows as only an owner can, past triggers, keys and walls, and put them back afterwards."""
        delete = f"DELETE FROM {table} WHERE {where}"
        await self._past_everything(f"CREATE TABLE aside AS SELECT * FROM {table} WHERE {where}", statement)
        yield
        back = f"INSERT INTO {table} SELECT * FROM aside"
        await self._past_everything(delete, back, "DROP TABLE aside")

    async def _past_everything(self, *statements: str) -> None:
        async with self._connection.transaction():
            await self._connection.execute("SET LOCAL session_replication_role = 'replica'")
            for statement in statements:
                await self._connection.execute(statement)
