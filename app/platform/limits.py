"""Limits of calls, shared by all workers: one row of PostgreSQL for each limit and subject.

The generic cell rate algorithm (ITU-T I.371): the row holds the time at which the subject's allowance is
whole again; a call that would move it further than the burst allows is refused. Refused calls change
nothing, so nobody is locked out for longer by trying on.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, Select, bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL, insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import Grouping

from app.platform.database import Base, Database
from app.platform.errors import TooManyRequests

KEPT_FOR = timedelta(days=1)
"""How long a row is kept after its subject's allowance has become whole."""


@dataclass(frozen=True)
class Limit:
    """`calls` at once, and as many again in each `per` for one subject.

    With `grows`, for what can be guessed: half of the calls at once, then each wait is twice the one before,
    so that no stretch of `per` holds more than `calls`; after a rest of `per` it begins anew.
    """

    name: str
    calls: int
    per: timedelta
    grows: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that lets nothing through."""
        if self.calls < 1 or self.per <= timedelta():
            raise ValueError("a limit lets one call through at least")

    @cached_property
    def waits(self) -> list[timedelta]:
        """How long after the first, second, … call of a growing limit the next may come; the last stays."""
        at_once = max(1, self.calls // 2)
        steps = max(1, self.calls - at_once)
        shortest = self.per / (2**steps - 1)
        return [timedelta()] * (at_once - 1) + [shortest * 2**step for step in range(steps)]


class LimitRecord(Base):
    """When a subject's allowance is whole again; `subject` is a keyed hash, never a number or an address."""

    __tablename__ = "limit_records"
    __table_args__ = (
        CheckConstraint("octet_length(subject) = 32", name="subject_is_hashed"),
        CheckConstraint("taken_count >= 1", name="something_was_taken"),
        Index("ix_limit_records_whole_at", "whole_at"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    whole_at: Mapped[datetime]
    taken_count: Mapped[int]


_ROW = LimitRecord
_now = bindparam("now", type_=_ROW.whole_at.type)
_per = bindparam("per", type_=INTERVAL())
_step = bindparam("step", type_=INTERVAL())
# In brackets: a subscript would belong to the cast that the driver needs.
_waits: Any = Grouping(bindparam("waits", type_=ARRAY(INTERVAL())))
_taken_count = case((_ROW.whole_at <= _now, 1), else_=_ROW.taken_count + 1)


def _take(moved_to: Any, is_allowed: Any, *, first: Any) -> Any:
    start = {
        "name": bindparam("name"), "subject": bindparam("subject"), "whole_at": first, "taken_count": 1
    }  # fmt: skip
    change = {"whole_at": moved_to, "taken_count": _taken_count}
    taken = insert(_ROW).values(start).on_conflict_do_update(
        index_elements=[_ROW.name, _ROW.subject], set_=change, where=is_allowed
    )  # fmt: skip
    return taken.returning(_ROW.whole_at)


_steady_move = func.greatest(_ROW.whole_at, _now) + _step
_TAKE_STEADY = _take(_steady_move, _steady_move <= _now + _per, first=_now + _step)
# The last call was `per` before the allowance is whole.
_next_at = _ROW.whole_at - _per + _waits[func.least(_ROW.taken_count, func.cardinality(_waits))]
_grown = func.greatest(_ROW.whole_at, _now + _per)
_TAKE_GROWING = _take(_grown, (_ROW.whole_at <= _now) | (_next_at <= _now), first=_now + _per)
_FREE_STEADY = _ROW.whole_at + _step - _per


def _free_at(limit: Limit, subject: bytes) -> Select[datetime]:
    free_at = _next_at if limit.grows else _FREE_STEADY
    return select(free_at).where(_ROW.name == limit.name, _ROW.subject == subject)


class Limiter:
    """Takes from allowances, each time in its own transaction: a refusal that rolls back still counts."""

    def __init__(self, database: Database, *, secret: bytes, scope: object) -> None:
        """Count in `database`; `secret` keys the hashes of subjects; `scope` sees no union's rows."""
        self._database, self._secret, self._scope = database, secret, scope

    async def take(self, limit: Limit, subject: str, *, now: datetime) -> None:
        """Take one call; raises TooManyRequests with `retry_after` in seconds when none is left.

        One statement decides and counts, so that calls of all processes come one after another.
        """
        hashed = self._hash(limit, subject)
        times = {"now": now, "per": limit.per}
        times |= {"waits": limit.waits} if limit.grows else {"step": limit.per / limit.calls}
        statement = _TAKE_GROWING if limit.grows else _TAKE_STEADY
        async with self._database.transaction(self._scope) as session:
            values = {"name": limit.name, "subject": hashed} | times
            if await session.scalar(statement, values) is not None:
                return
            free_at: datetime | None = await session.scalar(_free_at(limit, hashed), times)
        raise TooManyRequests(retry_after=_seconds(free_at, now))

    async def give_back(self, limit: Limit, subject: str) -> None:
        """Make a subject's allowance whole: it has proved itself."""
        named = delete(LimitRecord).where(
            LimitRecord.name == limit.name, LimitRecord.subject == self._hash(limit, subject)
        )
        async with self._database.transaction(self._scope) as session:
            await session.execute(named)

    def _hash(self, limit: Limit, subject: str) -> bytes:
        return hmac.digest(self._secret, f"{limit.name}\0{subject}".encode(), hashlib.sha256)


async def tidy_limits(database: Database, scope: object, *, now: datetime) -> int:
    """Delete the rows whose allowance has been whole for a day; return how many."""
    old = delete(LimitRecord).where(LimitRecord.whole_at < now - KEPT_FOR)
    async with database.transaction(scope) as session:
        done: Any = await session.execute(old)
        return int(done.rowcount)


def _seconds(free_at: datetime | None, now: datetime) -> int:
    """Return whole seconds to wait, one at least (the row may have been given back meanwhile)."""
    return 1 if free_at is None else max(1, math.ceil((free_at - now).total_seconds()))
