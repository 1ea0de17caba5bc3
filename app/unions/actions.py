"""Giving out tokens for people; the sign-in of the command line, for scripts and demos."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.tokens import add_token, revoke_tokens_of
from app.unions.errors import AccountDisabled, PersonNotFound
from app.unions.queries import find_member_by_number, find_staff_by_login, find_streets_below


async def disable_staff(session: AsyncSession, login: str, *, now: datetime) -> None:
    """Disable a staff account: its tokens are refused from the commit on, by every worker.

    Accounts are never deleted: what they did stays theirs. Raises PersonNotFound.
    """
    staff = await find_staff_by_login(session, login)
    if staff is None:
        raise PersonNotFound()
    staff.disabled_at = staff.disabled_at or now
    await revoke_tokens_of(session, staff.id, now=now)


async def issue_member_token(session: AsyncSession, number: str, *, now: datetime) -> str:
    """Return a fresh token for the member with this number; raises PersonNotFound."""
    member = await find_member_by_number(session, number)
    if member is None:
        raise PersonNotFound()
    return add_token(
        session,
        member.id,
        role=Role.MEMBER,
        union_id=member.union_id,
        scope_union_ids=[member.union_id],
        now=now,
    )


async def issue_staff_token(session: AsyncSession, login: str, *, now: datetime) -> str:
    """Return a fresh token for a staff account; raises PersonNotFound, AccountDisabled.

    The scope is every street union at or below the account's own union.
    """
    staff = await find_staff_by_login(session, login)
    if staff is None:
        raise PersonNotFound()
    if staff.disabled_at is not None:
        raise AccountDisabled()
    return add_token(
        session,
        staff.id,
        role=Role(staff.role),
        union_id=staff.union_id,
        scope_union_ids=await find_streets_below(session, staff.union_id),
        now=now,
    )
