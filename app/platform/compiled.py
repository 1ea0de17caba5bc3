"""Hot statements are compiled once: the second time, the text goes straight to the driver.

SQLAlchemy finds a statement it has seen before by walking it, which for a statement of six parts costs
more than running it. Here the walk is done once for each statement object.
"""

from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_texts: dict[int, tuple[Any, str, tuple[str, ...], dict[str, Any]]] = {}
_dialect: Any = dialect()  # type: ignore[no-untyped-call]


async def run_compiled(session: AsyncSession, statement: Any, values: dict[str, Any]) -> CursorResult[Any]:
    """Run a statement object that lives as long as the process, in the session's transaction.

    Values go to the driver as they are: ids, instants, numbers, texts, bytes, and lists of them.
    """
    connection: AsyncConnection | None = session.info.get("connection")
    if connection is None:
        connection = session.info["connection"] = await session.connection()
    _, text, names, fixed = _texts.get(id(statement)) or _compile(statement)
    given = tuple(values[name] if name in values else fixed[name] for name in names)
    return await connection.exec_driver_sql(text, given)


def _compile(statement: Any) -> tuple[Any, str, tuple[str, ...], dict[str, Any]]:
    compiled = statement.compile(dialect=_dialect)
    # The statement is kept too, so that its id is never given to another.
    known = (statement, str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params))
    _texts[id(statement)] = known
    return known
