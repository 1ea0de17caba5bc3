"""Finding out who calls: the look-up of sessions, many in one query, remembered for a few seconds."""

import asyncio
import time
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    cast,
    column,
    exists,
    not_,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import LargeBinary

from app.access.actor import Actor
from app.access.policy import Role
from app.access.scope import Scope, every_union
from app.access.tokens import AccessToken, digest_of
from app.platform.admission import AdmissionDesk
from app.platform.database import Database, refusal_of
from app.platform.errors import Unauthenticated

log = structlog.get_logger()

# Accounts and members belong to a higher layer; of them only this is needed here.
_STAFF = table("staff_accounts", column("id"), column("disabled_at"), column("role"))
_MEMBERS = table("members", column("id"), column("status"))
_GONE = ("left", "transferred_out", "erased")
_REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 50_000
_USE_NOTED_EVERY = timedelta(minutes=1)
_LOOK_UP = every_union("a token says whose it is")


class TokenReader:
    """Finds the actors of tokens; all look-ups that wait form one query."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database
        self._known: dict[str, tuple[Actor, float]] = {}
        self._forgotten = 0
        self._desk = AdmissionDesk(self._read, batch_limit=256, queue_limit=4_096)
        self._used: dict[bytes, datetime] = {}
        self._noting: asyncio.Task[None] | None = None

    def forget(self, subject: UUID | None = None) -> None:
        """Drop what is remembered of a session, of all sessions of an owner, or (None) of everybody."""
        self._forgotten += 1
        if subject is None:
            self._known.clear()
            return
        for token, (actor, _) in list(self._known.items()):
            if subject in (actor.session_id, actor.id, actor.device_id):
                del self._known[token]

    async def actor_of(self, token: str, *, now: datetime) -> Actor:
        """Return the caller that the token names; raise Unauthenticated or Busy."""
        known = self._known.get(token)
        if known is not None and known[1] > time.monotonic() and known[0].expires_at > now:
            return known[0]
        forgotten = self._forgotten
        actor = await self._desk.submit((token, now))
        if actor is None or actor.expires_at <= now:
            raise Unauthenticated()
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        # Told to forget while it was looked up: what was read may be older than the revocation.
        if forgotten == self._forgotten:
            self._known[token] = (actor, time.monotonic() + _REMEMBERED_SECONDS)
        return actor

    async def drain(self) -> None:
        """Wait until the use of sessions is written down."""
        if self._noting is not None:
            await asyncio.wait([self._noting])

    async def _read(self, asked: list[tuple[str, datetime]]) -> list[Actor | None]:
        digests = [digest_of(token) for token, _ in asked]
        async with self._database.transaction(_LOOK_UP) as session:
            rows = (await session.execute(_alive(digests))).scalars()
            found = {row.digest: row for row in rows}
        answers: list[Actor | None] = []
        for digest, (_, now) in zip(digests, asked, strict=True):
            row = found.get(digest)
            actor = None if row is None else _actor(row, now)
            answers.append(actor)
            if row is not None and actor is not None and _is_long_ago(row.last_used_at, now):
                self._used[digest] = now
        if self._used and self._noting is None:
            self._noting = asyncio.create_task(self._note_use())
        return answers

    async def _note_use(self) -> None:
        """Write down when sessions were used, behind the answers; one that is lost ends it earlier."""
        try:
            while self._used:
                used, self._used = self._used, {}
                now = max(used.values())
                idle = (AccessToken.last_used_at.is_(None)) | (AccessToken.last_used_at < now)
                free = select(AccessToken.digest).where(_is_one_of(list(used)), idle)
                free = free.with_for_update(skip_locked=True)
                noted = update(AccessToken).where(AccessToken.digest.in_(free)).values(last_used_at=now)
                async with self._database.transaction(_LOOK_UP) as session:
                    await session.execute(noted, execution_options={"synchronize_session": False})
        except Exception as error:
            if refusal_of(error) is None:
                raise
            log.warning("sessions.use_not_noted", error=type(error).__name__)
        finally:
            self._noting = None


def _is_one_of(digests: list[bytes]) -> ColumnElement[bool]:
    return AccessToken.digest == any_(cast(digests, ARRAY(LargeBinary)))


def _alive(digests: list[bytes]) -> Select[AccessToken]:
    """Return the query for sessions that nobody ended, with their owners as they were when it began."""
    # At a device an officer is a clerk and no more: a PIN is a short secret.
    is_less = and_(
        AccessToken.device_id.is_not(None),
        AccessToken.role == Role.STATION_CLERK.value,
        _STAFF.c.role == Role.UNION_OFFICER.value,
    )
    changed = or_(_STAFF.c.disabled_at.is_not(None), and_(_STAFF.c.role != AccessToken.role, not_(is_less)))
    return select(AccessToken).where(
        _is_one_of(digests),
        AccessToken.revoked_at.is_(None),
        ~exists().where(_STAFF.c.id == AccessToken.staff_id, changed),
        ~exists().where(_MEMBERS.c.id == AccessToken.member_id, _MEMBERS.c.status.in_(_GONE)),
    )


def _is_long_ago(used_at: datetime | None, now: datetime) -> bool:
    return used_at is None or now - used_at >= _USE_NOTED_EVERY


def _actor(row: AccessToken, now: datetime) -> Actor | None:
    """Return the caller of a session, or None when it was left alone for too long."""
    until = row.expires_at
    if row.idle_seconds is not None:
        idle = timedelta(seconds=row.idle_seconds)
        idle_until = (row.last_used_at or row.created_at) + idle
        if idle_until <= now:
            return None
        until = min(until, max(idle_until, now + idle))
    owner = row.member_id or row.staff_id or row.device_id
    assert owner is not None  # noqa: S101 - a CHECK constraint says so
    units = None if row.scope_unit_ids is None else frozenset(row.scope_unit_ids)
    return Actor(
        id=owner,
        role=Role(row.role),
        union_id=row.union_id,
        scope=Scope(frozenset(row.scope_union_ids), unit_ids=units),
        expires_at=until,
        session_id=row.id,
        device_id=row.device_id,
        stepped_up_until=row.expires_at if row.kind == "script" else row.stepped_up_until,
        is_script=row.kind == "script",
    )
