"""Every `select` about the credentials of staff accounts and about sessions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.tokens import AccessToken
from app.platform.paging import Page, page_of, seek, text_key
from app.sign_in.tables.staff import StaffChallenge, StaffCredential, StaffRecoveryCode
from app.unions.tables import StaffAccount


async def find_account(
    session: AsyncSession, *, login: str | None = None, staff_id: UUID | None = None
) -> tuple[StaffAccount, StaffCredential | None] | None:
    """Return an account that is approved and not disabled, by login or id, with its credentials, or None."""
    is_wanted = StaffAccount.login == login if staff_id is None else StaffAccount.id == staff_id
    wanted = (
        select(StaffAccount, StaffCredential)
        .outerjoin(StaffCredential, StaffCredential.staff_id == StaffAccount.id)
        .where(is_wanted, StaffAccount.approved_at.is_not(None), StaffAccount.disabled_at.is_(None))
    )
    row = (await session.execute(wanted)).one_or_none()
    return None if row is None else (row[0], row[1])


async def lock_credential(session: AsyncSession, staff_id: UUID) -> StaffCredential | None:
    """Return the credentials of an account, locked and as they are now, or None."""
    wanted = select(StaffCredential).where(StaffCredential.staff_id == staff_id).with_for_update()
    wanted = wanted.execution_options(populate_existing=True)
    return (await session.execute(wanted)).scalar_one_or_none()


async def find_challenge(session: AsyncSession, digest: bytes) -> StaffChallenge | None:
    """Return the challenge with this digest, or None."""
    wanted = select(StaffChallenge).where(StaffChallenge.digest == digest)
    return (await session.execute(wanted)).scalar_one_or_none()


async def lock_challenge(session: AsyncSession, digest: bytes) -> StaffChallenge | None:
    """Return the challenge with this digest, locked, or None."""
    wanted = select(StaffChallenge).where(StaffChallenge.digest == digest).with_for_update()
    return (await session.execute(wanted)).scalar_one_or_none()


async def lock_recovery_code(
    session: AsyncSession, staff_id: UUID, *, digest: bytes
) -> StaffRecoveryCode | None:
    """Return an unused recovery code of an account, locked, or None."""
    wanted = select(StaffRecoveryCode).where(
        StaffRecoveryCode.staff_id == staff_id,
        StaffRecoveryCode.digest == digest,
        StaffRecoveryCode.used_at.is_(None),
    )
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def count_recovery_codes(session: AsyncSession, staff_id: UUID) -> int:
    """Return how many recovery codes of an account are left."""
    left = select(func.count()).select_from(StaffRecoveryCode)
    left = left.where(StaffRecoveryCode.staff_id == staff_id, StaffRecoveryCode.used_at.is_(None))
    return (await session.execute(left)).scalar_one()


async def list_sessions(
    session: AsyncSession, owner_id: UUID, *, now: datetime, limit: int, after: tuple[str, ...] | None
) -> Page[AccessToken]:
    """Return the sessions of somebody that have not ended, the newest first."""
    owned = or_(AccessToken.member_id == owner_id, AccessToken.staff_id == owner_id)
    wanted = select(AccessToken).where(owned, AccessToken.revoked_at.is_(None), AccessToken.expires_at > now)
    idle_until = AccessToken.last_used_at + func.make_interval(0, 0, 0, 0, 0, 0, AccessToken.idle_seconds)
    wanted = wanted.where(or_(AccessToken.idle_seconds.is_(None), idle_until > now))
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        wanted = wanted.where(AccessToken.id < last_id)
    found = await session.execute(wanted.order_by(AccessToken.id.desc()).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda one: ("session", str(one.id)))


async def find_session(session: AsyncSession, owner_id: UUID, *, session_id: UUID) -> AccessToken | None:
    """Return one session of somebody that nobody has ended, or None."""
    owned = or_(AccessToken.member_id == owner_id, AccessToken.staff_id == owner_id)
    wanted = select(AccessToken).where(AccessToken.id == session_id, owned, AccessToken.revoked_at.is_(None))
    return (await session.execute(wanted)).scalar_one_or_none()
