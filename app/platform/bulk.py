"""Many rows in one statement: `INSERT … SELECT FROM unnest(…)` and `UPDATE … FROM unnest(…)`.

A batch costs the same number of statements whatever its size (ADR 0003), and several of these
parts can be joined to one statement with `run_together`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Column, Text, Update, bindparam, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, Insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.compiled import run_compiled
from app.platform.database import Base

Part: TypeAlias = tuple[Insert | Any, dict[str, list[Any]]]
Row: TypeAlias = Mapping[str, Any]

_cache: dict[tuple[Any, ...], Any] = {}


def _unnested(prefix: str, columns: Sequence[Column[Any]]) -> Any:
    arrays = []
    for column in columns:
        kind = Text() if isinstance(column.type, JSON | JSONB) else column.type
        arrays.append(cast(bindparam(f"{prefix}_{column.key}", type_=ARRAY(kind)), ARRAY(kind)))
    rows = func.unnest(*arrays).table_valued(*[column.key for column in columns], name=f"{prefix}_rows")
    return rows.render_derived()


def _values(prefix: str, names: Sequence[str], *, rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {f"{prefix}_{name}": [row[name] for row in rows] for name in names}


def insert_rows(model: type[Base], rows: Sequence[Row]) -> Part | None:
    """Return the insertion of `rows` (all with the same keys; JSON columns as text), or None if empty."""
    if not rows:
        return None
    names = tuple(rows[0])
    table: Any = model.__table__
    prefix = f"new_{table.name}"
    statement = _cache.get((model, "insert", names))
    if statement is None:
        columns = [table.c[name] for name in names]
        source = _unnested(prefix, columns)
        shaped = [cast(source.c[column.key], column.type) for column in columns]
        statement = insert(table).from_select(list(names), select(*shaped), include_defaults=False)
        _cache[model, "insert", names] = statement
    return statement, _values(prefix, names, rows=rows)


def update_rows(model: type[Base], rows: Sequence[Row], *, counters: Sequence[str] = ()) -> Part | None:
    """Return the update of `rows`, found by their `id`, or None if there are none.

    Values of `counters` are added to what the row holds, so that a CHECK on them stands by itself,
    whatever the caller believed the row to hold.
    """
    if not rows:
        return None
    names = tuple(rows[0])
    table: Any = model.__table__
    prefix = f"changed_{table.name}"
    statement: Update | None = _cache.get((model, "update", names))
    if statement is None:
        columns = [table.c[name] for name in names]
        source = _unnested(prefix, columns)
        given = {name: cast(source.c[name], table.c[name].type) for name in names if name != "id"}
        changed = {
            name: table.c[name] + value if name in counters else value for name, value in given.items()
        }
        statement = update(table).where(table.c.id == source.c.id).values(changed)
        _cache[model, "update", names] = statement
    return statement, _values(prefix, names, rows=rows)


async def run_together(session: AsyncSession, parts: Sequence[Part | None]) -> None:
    """Carry out the parts in one statement, one round trip, all or nothing.

    The parts must touch different rows: data-modifying CTEs do not see each other
    (PostgreSQL manual, 7.8.4).
    """
    present = [part for part in parts if part is not None]
    if not present:
        return
    values: dict[str, list[Any]] = {}
    for _, more in present:
        values.update(more)
    key = ("together", *(id(statement) for statement, _ in present))
    joined = _cache.get(key)
    if joined is None:
        joined = select(literal(1))
        for position, (statement, _) in enumerate(present):
            joined = joined.add_cte(statement.cte(f"part_{position}", nesting=False))
        _cache[key] = joined
    await run_compiled(session, joined, values)
