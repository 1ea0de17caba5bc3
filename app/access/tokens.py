"""Bearer tokens: 256 random bits, opaque; the table holds their SHA-256 only.

A worker remembers a token it has checked for a few seconds; revocation empties that memory by a
notification, so it takes effect on every worker at once.
"""

import hashlib
import secrets
import time
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    LargeBinary,
    any_,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.actor import Actor
from app.access.policy import Role
from app.access.scope import Scope
from app.platform.admission import AdmissionDesk
from app.platform.database import Base, Database
from app.platform.errors import Unauthenticated
from app.platform.listening import CHANNEL

# The accounts belong to a higher layer; of them only this is needed here.
_STAFF = table("staff_accounts", column("id"), column("disabled_at"))
TOKEN_LIFE = timedelta(days=30)
_REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 50_000


class AccessToken(Base):
    """A token that was given out; never deleted before it has expired."""

    __tablename__ = "access_tokens"
    __table_args__ = (
        CheckConstraint("num_nonnulls(member_id, staff_id) = 1", name="one_owner"),
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
        CheckConstraint(f"role IN ({', '.join(repr(role.value) for role in Role)})", name="role_known"),
        CheckConstraint("(role = 'member') = (member_id IS NOT NULL)", name="role_fits_the_owner"),
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"), index=True)
    role: Mapped[str]
    union_id: Mapped[UUID] = mapped_column(ForeignKey("unions.id"))
    scope_union_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


def digest_of(token: str) -> bytes:
    """Return what the table holds of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def add_token(
    session: AsyncSession,
    owner: UUID,
    *,
    role: Role,
    union_id: UUID,
    scope_union_ids: list[UUID],
    now: datetime,
) -> str:
    """Add a token for a member or a staff account to the session and return its text, once."""
    token = secrets.token_urlsafe(32)
    session.add(
        AccessToken(
            digest=digest_of(token),
            member_id=owner if role is Role.MEMBER else None,
            staff_id=None if role is Role.MEMBER else owner,
            role=role.value,
            union_id=union_id,
            scope_union_ids=scope_union_ids,
            created_at=now,
            expires_at=now + TOKEN_LIFE,
        )
    )
    return token


async def revoke_token(session: AsyncSession, digest: bytes, *, now: datetime) -> None:
    """Revoke the token with this digest; every worker is told when the transaction commits.

    One that is unknown or was revoked before stays as it is.
    """
    known = update(AccessToken).where(AccessToken.digest == digest, AccessToken.revoked_at.is_(None))
    await session.execute(known.values(revoked_at=now))
    await session.execute(select(func.pg_notify(CHANNEL, "tokens:")))


async def revoke_tokens_of(session: AsyncSession, owner: UUID, *, now: datetime) -> None:
    """Revoke every token of a member or a staff account; every worker is told at the commit."""
    owned = or_(AccessToken.member_id == owner, AccessToken.staff_id == owner)
    known = update(AccessToken).where(owned, AccessToken.revoked_at.is_(None))
    await session.execute(known.values(revoked_at=now))
    await session.execute(select(func.pg_notify(CHANNEL, "tokens:")))


class TokenReader:
    """Finds the actors of tokens; all look-ups that wait form one query."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database
        self._known: dict[str, tuple[Actor, float]] = {}
        self._forgotten = 0
        self._desk = AdmissionDesk(self._read, batch_limit=256, queue_limit=4_096)

    def forget(self) -> None:
        """Drop what is remembered: some token was revoked."""
        self._known.clear()
        self._forgotten += 1

    async def actor_of(self, token: str, *, now: datetime) -> Actor:
        """Return the caller that the token names; raise Unauthenticated or Busy."""
        known = self._known.get(token)
        if known is not None and known[1] > time.monotonic() and known[0].expires_at > now:
            return known[0]
        forgotten = self._forgotten
        actor = await self._desk.submit(token)
        if actor is None or actor.expires_at <= now:
            raise Unauthenticated()
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        # Told to forget while it was looked up: what was read may be older than the revocation.
        if forgotten == self._forgotten:
            self._known[token] = (actor, time.monotonic() + _REMEMBERED_SECONDS)
        return actor

    async def _read(self, tokens: list[str]) -> list[Actor | None]:
        digests = [digest_of(token) for token in tokens]
        wanted = select(AccessToken).where(
            AccessToken.digest == any_(cast(digests, ARRAY(LargeBinary))),
            AccessToken.revoked_at.is_(None),
            ~exists().where(_STAFF.c.id == AccessToken.staff_id, _STAFF.c.disabled_at.is_not(None)),
        )
        async with self._database.transaction(Scope()) as session:
            found = {row.digest: _actor(row) for row in (await session.execute(wanted)).scalars()}
        return [found.get(digest) for digest in digests]


def _actor(row: AccessToken) -> Actor:
    owner = row.member_id or row.staff_id
    assert owner is not None  # noqa: S101 - a CHECK constraint says so
    scope = Scope(frozenset(row.scope_union_ids))
    return Actor(owner, Role(row.role), row.union_id, scope, row.expires_at)
