"""Sessions: 256 random bits, opaque; the table holds their SHA-256 only.

A worker remembers a session it has checked for a few seconds; what ends one empties that memory by a
notification, so it takes effect on every worker at once. A session also ends with what it stands on: the
account is enabled and has the same role, the member has not left (ASVS 5.0 7.4.1, 7.4.2).
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from app.access.policy import Role
from app.access.scope import UnionOwned
from app.platform.database import Base
from app.platform.ids import new_id
from app.platform.listening import CHANNEL

Kind = Literal["cookie", "bearer", "script"]
COOKIE_MARK = "~"
"""Begins the text of a session that comes in a cookie and nowhere else; no other text has the sign."""
TOKEN_LIFE = timedelta(days=30)
STEPPED_UP_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Life:
    """How long a session lasts: without use (None: that does not matter), and at most."""

    idle: timedelta | None
    most: timedelta


SCRIPT = Life(None, TOKEN_LIFE)
MEMBER = Life(timedelta(days=30), timedelta(days=90))
STAFF = Life(timedelta(minutes=30), timedelta(hours=12))
CLERK_AT_A_DEVICE = Life(timedelta(hours=4), timedelta(hours=12))
DEVICE = Life(timedelta(days=30), timedelta(days=90))


class AccessToken(UnionOwned, Base):
    """A session that was given out; never deleted before it has ended."""

    __tablename__ = "access_tokens"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(member_id, staff_id) <= 1 AND num_nonnulls(member_id, staff_id, device_id) >= 1"
            " AND num_nonnulls(member_id, device_id) <= 1",
            name="one_owner",
        ),
        CheckConstraint("octet_length(digest) = 32", name="digest_is_sha256"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
        CheckConstraint("idle_seconds > 0", name="idle_time_is_some"),
        CheckConstraint("char_length(label) <= 40", name="label_length"),
        CheckConstraint("kind IN ('cookie', 'bearer', 'script')", name="kind_known"),
        CheckConstraint(f"role IN ({', '.join(repr(role.value) for role in Role)})", name="role_known"),
        CheckConstraint(
            "(role = 'member') = (member_id IS NOT NULL)"
            " AND (role = 'pickup_device') = (num_nonnulls(member_id, staff_id) = 0)",
            name="role_fits_the_owner",
        ),
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    kind: Mapped[str] = mapped_column(default="script")
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff_accounts.id"), index=True)
    device_id: Mapped[UUID | None] = mapped_column(index=True)
    role: Mapped[str]
    scope_union_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    scope_unit_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    label: Mapped[str | None]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    idle_seconds: Mapped[int | None]
    stepped_up_until: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Opening:
    """Whose session is opened, what it may see, and how it travels.

    `scope_unit_ids` is None for who sees whole unions. `device_id` is the device that a clerk stands at;
    a device's own session (role `pickup_device`) needs only `owner_id`. `label` says in a few words which
    program the session belongs to.
    """

    owner_id: UUID
    role: Role
    union_id: UUID
    scope_union_ids: list[UUID]
    scope_unit_ids: list[UUID] | None = None
    kind: Kind = "bearer"
    device_id: UUID | None = None
    stepped_up: bool = False
    label: str | None = None


def life_of(opening: Opening) -> Life:
    """Return how long such a session lasts (ASVS 5.0 7.1.1; the reasons are in ADR 0016)."""
    if opening.kind == "script":
        return SCRIPT
    if opening.role is Role.MEMBER:
        return MEMBER
    if opening.role is Role.PICKUP_DEVICE:
        return DEVICE
    return STAFF if opening.device_id is None else CLERK_AT_A_DEVICE


def digest_of(token: str) -> bytes:
    """Return what the table holds of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def open_session(session: AsyncSession, opening: Opening, *, now: datetime) -> str:
    """Add a session for a member, a staff account or a device and return the text of its token, once."""
    token = (COOKIE_MARK if opening.kind == "cookie" else "") + secrets.token_urlsafe(32)
    life, is_device = life_of(opening), opening.role is Role.PICKUP_DEVICE
    is_member = opening.role is Role.MEMBER
    session.add(
        AccessToken(
            digest=digest_of(token),
            kind=opening.kind,
            member_id=opening.owner_id if is_member else None,
            staff_id=None if is_member or is_device else opening.owner_id,
            device_id=opening.owner_id if is_device else opening.device_id,
            role=opening.role.value,
            union_id=opening.union_id,
            scope_union_ids=opening.scope_union_ids,
            scope_unit_ids=opening.scope_unit_ids,
            label=opening.label,
            created_at=now,
            last_used_at=now,
            expires_at=now + life.most,
            idle_seconds=None if life.idle is None else int(life.idle.total_seconds()),
            stepped_up_until=now + STEPPED_UP_FOR if opening.stepped_up else None,
        )
    )
    return token


def add_token(
    session: AsyncSession,
    owner: UUID,
    *,
    role: Role,
    union_id: UUID,
    scope_union_ids: list[UUID],
    now: datetime,
) -> str:
    """Add a token for scripts and tests and return its text, once; it lasts 30 days, stepped up."""
    return open_session(session, Opening(owner, role, union_id, scope_union_ids, kind="script"), now=now)


async def revoke_token(session: AsyncSession, digest: bytes, *, now: datetime) -> None:
    """End the session with this digest; every worker is told when the transaction commits.

    One that is unknown or has ended before stays as it is.
    """
    known = update(AccessToken).where(AccessToken.digest == digest, AccessToken.revoked_at.is_(None))
    ended = await session.execute(known.values(revoked_at=now).returning(AccessToken.id))
    await tell_workers(session, ended.scalar_one_or_none())


async def revoke_session(session: AsyncSession, session_id: UUID, *, now: datetime) -> None:
    """End one session; every worker is told when the transaction commits."""
    known = update(AccessToken).where(AccessToken.id == session_id, AccessToken.revoked_at.is_(None))
    await session.execute(known.values(revoked_at=now))
    await tell_workers(session, session_id)


async def revoke_tokens_of(
    session: AsyncSession, owner: UUID, *, now: datetime, but: UUID | None = None
) -> None:
    """End every session of a member, a staff account or a device, except `but`; every worker is told."""
    owned = or_(AccessToken.member_id == owner, AccessToken.staff_id == owner, AccessToken.device_id == owner)
    known = update(AccessToken).where(owned, AccessToken.revoked_at.is_(None))
    if but is not None:
        known = known.where(AccessToken.id != but)
    await session.execute(known.values(revoked_at=now))
    await tell_workers(session, owner)


async def tell_workers(session: AsyncSession, subject: UUID | None) -> None:
    """Make every worker look a session up anew when the transaction commits, or all sessions of an owner.

    The worker that did it knows before it answers (`open_transaction`).
    """
    session.info["sessions_changed"] = True
    await session.execute(select(func.pg_notify(CHANNEL, f"tokens:{subject or ''}")))
