"""Tenancy in one place: a session sees only the rows of the unions in its scope, and fails closed.

Two walls, built apart. The first: rows of a union carry `UnionOwned`, and every ORM statement of a
`ScopedSession` gets the filter by itself. The second: PostgreSQL's row-level security (`platform/walls.py`),
for which each transaction says in its first statement which role it takes and which unions it may see. A
session without a scope may do nothing at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, ForeignKey, and_, any_, bindparam, cast, event, or_, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    SessionTransaction,
    mapped_column,
    with_loader_criteria,
)
from sqlalchemy.types import Uuid

from app.platform.compiled import run_compiled
from app.platform.database import ScopedSession
from app.platform.walls import APP_ROLE, JOBS_ROLE, opening

_UUIDS = ARRAY(Uuid(as_uuid=True))
_NOBODY = UUID(int=0)

is_first_wall_up = True
"""False only while a test looks at the second wall alone; nothing in the service changes it."""


class UnionOwned:
    """Mix-in of tables whose rows belong to one street union (the tenant)."""

    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"))


class UnitOwned(UnionOwned):
    """Mix-in of tables whose rows also know their unit, for accounts that see some units only."""

    unit_id: Mapped[UUID] = mapped_column()


@dataclass(frozen=True, slots=True)
class Scope:
    """The unions whose rows may be seen; `reason` is set when the filter is lifted.

    `unit_ids` narrows rows that know their unit (`UnitOwned`) to some units of the union; None: all of them.
    """

    union_ids: frozenset[UUID] = frozenset()
    reason: str | None = None
    unit_ids: frozenset[UUID] | None = None

    @property
    def only_union(self) -> UUID:
        """The one street union of the scope; raises ValueError when there is not exactly one."""
        (union_id,) = self.union_ids
        return union_id


def one_union(union_id: UUID) -> Scope:
    """Return the scope of one street union."""
    return Scope(frozenset((union_id,)))


def every_union(reason: str) -> Scope:
    """Lift the filter, for jobs and federation reports only; the reason is for the reader."""
    return Scope(reason=reason)


@event.listens_for(ScopedSession, "after_begin")
def _take_role(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """Begin every transaction with its role and its unions, in the round trip of its BEGIN; they end with it.

    The event of the session, not one of the cursor: a hook on the cursor can leave a cancelled task's
    connection with an open transaction that the next borrower then believes to be its own.
    """
    if transaction.nested:
        return
    driver: Any = connection.connection.driver_connection
    driver.opening = _opening_of(_scope_of(session))


@lru_cache(maxsize=4_096)
def _opening_of(scope: Scope) -> str:
    if scope.reason is not None:
        return opening(JOBS_ROLE, (), units=())
    # No list of units means every unit; an empty one means none.
    units = () if scope.unit_ids is None else scope.unit_ids or {_NOBODY}
    return opening(APP_ROLE, scope.union_ids, units=units)


def _scope_of(session: Session) -> Scope:
    scope = session.info.get("scope")
    if not isinstance(scope, Scope):
        raise RuntimeError("a session without a scope may not read or write rows")
    return scope


@event.listens_for(ScopedSession, "do_orm_execute")
def _filter_by_union(state: ORMExecuteState) -> None:
    if state.is_column_load or state.is_relationship_load:
        return
    scope = _scope_of(state.session)
    if scope.reason is not None or not is_first_wall_up:
        return
    state.statement = state.statement.options(*_criteria(scope))


_options: dict[Scope, tuple[Any, ...]] = {}


def _criteria(scope: Scope) -> tuple[Any, ...]:
    options = _options.get(scope)
    if options is None:
        unions = sorted(scope.union_ids)
        options = (
            with_loader_criteria(UnionOwned, lambda cls: cls.union_id.in_(unions), include_aliases=True),
        )
        if scope.unit_ids is not None:
            units = sorted(scope.unit_ids)
            options += (
                with_loader_criteria(UnitOwned, lambda cls: cls.unit_id.in_(units), include_aliases=True),
            )
        if len(_options) < 1_000:
            _options[scope] = options
    return options


def in_scope(model: type[UnionOwned]) -> ColumnElement[bool]:
    """Return the criterion that statements for `read_scoped` carry for every table of a union."""
    of_unions = model.union_id == any_(cast(bindparam("scope_unions", type_=_UUIDS), _UUIDS))
    if not issubclass(model, UnitOwned):
        return of_unions
    units = cast(bindparam("scope_units", type_=_UUIDS), _UUIDS)
    return and_(of_unions, or_(units.is_(None), model.unit_id == any_(units)))


async def read_scoped(session: AsyncSession, statement: Any, values: dict[str, Any]) -> Sequence[Any]:
    """Return the rows of a hot statement that names its scope itself (`in_scope`).

    It goes past the ORM's statement hooks, which cost more than the statement. Raises RuntimeError for
    a session whose scope is missing or lifted.
    """
    scope = session.info.get("scope")
    if not isinstance(scope, Scope) or scope.reason is not None:
        raise RuntimeError("a hot statement needs the scope of some unions")
    unions = sorted(scope.union_ids)
    units = None if scope.unit_ids is None else sorted(scope.unit_ids)
    if not is_first_wall_up:
        unions, units = list((await session.scalars(text("SELECT id FROM unions"))).all()), None
    found = await run_compiled(session, statement, values | {"scope_unions": unions, "scope_units": units})
    rows: Sequence[Any] = found.all()
    return rows
