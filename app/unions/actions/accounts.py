"""Giving out tokens for people; the sign-in of the command line, for scripts and demos."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import Trace, record
from app.access.policy import Role
from app.access.tokens import Kind, Opening, add_token, open_session, revoke_tokens_of
from app.unions.errors import AccountDisabled, AccountPending, PersonNotFound
from app.unions.queries import (
    find_member_by_number,
    find_staff_by_login,
    find_streets_below,
    find_units_below,
)
from app.unions.tables import StaffAccount


async def disable_staff(session: AsyncSession, login: str, *, now: datetime) -> None:
    """Disable a staff account: its tokens are refused from the commit on, by every worker.

    Accounts are never deleted: what they did stays theirs. Raises PersonNotFound.
    """
    staff = await find_staff_by_login(session, login)
    if staff is None:
        raise PersonNotFound()
    staff.disabled_at = staff.disabled_at or now
    await revoke_tokens_of(session, staff.id, now=now)
    record(session, Trace("staff.disabled", staff.union_id, subject=("staff", staff.id)), now=now)


async def staff_opening(
    session: AsyncSession, staff: StaffAccount, *, kind: Kind, label: str | None = None
) -> Opening:
    """Return what a session of a staff account may see: its own union and every street union below it.

    The roles of `UNIT_ROLES` see one unit and the groups below it.
    """
    return Opening(
        owner_id=staff.id,
        role=Role(staff.role),
        union_id=staff.union_id,
        scope_union_ids=await find_streets_below(session, staff.union_id),
        scope_unit_ids=await find_units_below(session, staff.unit_id) if staff.unit_id else None,
        kind=kind,
        label=label,
    )


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
    """Return a fresh token for a staff account; raises PersonNotFound, AccountDisabled, AccountPending."""
    staff = await find_staff_by_login(session, login)
    if staff is None:
        raise PersonNotFound()
    if staff.disabled_at is not None:
        raise AccountDisabled()
    if staff.approved_at is None:
        raise AccountPending()
    return open_session(session, await staff_opening(session, staff, kind="script"), now=now)
