"""Tenancy in one place: a session sees only the rows of the unions in its scope, and fails closed.

Rows of a street union carry `UnionOwned`. Every ORM statement of a `ScopedSession` gets the filter
by itself; a session without a scope may not touch such rows at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, any_, bindparam, cast, event
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, ORMExecuteState, mapped_column, with_loader_criteria
from sqlalchemy.types import Uuid

from app.platform.compiled import run_compiled
from app.platform.database import ScopedSession

_UUIDS = ARRAY(Uuid(as_uuid=True))


class UnionOwned:
    """Mix-in of tables whose rows belong to one street union (the tenant)."""

    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"))


@dataclass(frozen=True, slots=True)
class Scope:
    """The street unions whose rows may be seen; `reason` is set when the filter is lifted."""

    union_ids: frozenset[UUID] = frozenset()
    reason: str | None = None

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


@event.listens_for(ScopedSession, "do_orm_execute")
def _filter_by_union(state: ORMExecuteState) -> None:
    if state.is_column_load or state.is_relationship_load:
        return
    scope = state.session.info.get("scope")
    if not isinstance(scope, Scope):
        raise RuntimeError("a session without a scope may not read or write rows")
    if scope.reason is not None:
        return
    state.statement = state.statement.options(_criteria(scope.union_ids))


_options: dict[frozenset[UUID], Any] = {}


def _criteria(union_ids: frozenset[UUID]) -> Any:
    option = _options.get(union_ids)
    if option is None:
        wanted = sorted(union_ids)
        option = with_loader_criteria(UnionOwned, lambda cls: cls.union_id.in_(wanted), include_aliases=True)
        if len(_options) < 1_000:
            _options[union_ids] = option
    return option


def in_scope(model: type[UnionOwned]) -> ColumnElement[bool]:
    """Return the criterion that statements for `read_scoped` carry for every table of a union."""
    return model.union_id == any_(cast(bindparam("scope_unions", type_=_UUIDS), _UUIDS))


async def read_scoped(session: AsyncSession, statement: Any, values: dict[str, Any]) -> Sequence[Any]:
    """Return the rows of a hot statement that names its scope itself (`in_scope`).

    It goes past the ORM's statement hooks, which cost more than the statement. Raises RuntimeError for
    a session whose scope is missing or lifted.
    """
    scope = session.info.get("scope")
    if not isinstance(scope, Scope) or scope.reason is not None:
        raise RuntimeError("a hot statement needs the scope of some unions")
    found = await run_compiled(session, statement, values | {"scope_unions": sorted(scope.union_ids)})
    rows: Sequence[Any] = found.all()
    return rows
