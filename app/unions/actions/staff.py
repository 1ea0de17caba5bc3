"""Staff accounts: one administrator drafts, another approves; nobody gives themselves a role."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.calls import explain
from app.access.policy import UNIT_ROLES, Role
from app.access.tokens import revoke_tokens_of
from app.platform.ids import new_id
from app.unions.actions.accounts import disable_staff
from app.unions.errors import (
    AccountDisabled,
    DraftPending,
    LastAdministrator,
    NothingPending,
    OwnAccount,
    PersonNotFound,
    UnionNotFound,
    UnitNotFound,
)
from app.unions.queries import count_enabled, find_member_in, find_unit, lock_staff
from app.unions.schemas import StaffDraft
from app.unions.tables import StaffAccount

WATCHERS = frozenset({Role.SEC_ADMIN.value, Role.AUDIT_ADMIN.value})


async def draft_staff(session: AsyncSession, draft: StaffDraft, *, by: Actor) -> StaffAccount:
    """Draft a staff account; nobody can sign in to it before another administrator has approved it.

    Raises UnionNotFound, UnitNotFound (also for a unit role without a unit, or the other way round),
    PersonNotFound (no such member number in the union); a login that is taken is refused by the database.
    """
    if draft.union_id not in by.scope.union_ids:
        raise UnionNotFound()
    await _check_unit(session, draft.union_id, role=draft.role, unit_id=draft.unit_id)
    staff = StaffAccount(
        id=new_id(),
        union_id=draft.union_id,
        unit_id=draft.unit_id,
        member_id=await _member_id(session, draft.union_id, number=draft.member_number),
        login=draft.login,
        display_name=draft.display_name,
        role=draft.role.value,
        drafted_by=by.id,
        is_sample=False,
    )
    session.add(staff)
    await session.flush()
    return staff


async def _member_id(session: AsyncSession, union_id: UUID, *, number: str | None) -> UUID | None:
    if number is None:
        return None
    member = await find_member_in(session, union_id, number)
    if member is None:
        raise PersonNotFound()
    return member.id


async def _check_unit(session: AsyncSession, union_id: UUID, *, role: Role, unit_id: UUID | None) -> None:
    if (role in UNIT_ROLES) != (unit_id is not None):
        raise UnitNotFound()
    if unit_id is not None and await find_unit(session, union_id, unit_id) is None:
        raise UnitNotFound()


async def draft_role(session: AsyncSession, staff_id: UUID, *, role: Role, by: Actor) -> StaffAccount:
    """Draft another role for an account; until it is approved the account stays what it is.

    Raises PersonNotFound, AccountDisabled, OwnAccount, UnitNotFound (a unit role for an account without a
    unit: draft an account of its own), DraftPending: what is approved is what was seen.
    """
    staff = await lock_staff(session, staff_id)
    if staff.disabled_at is not None:
        raise AccountDisabled()
    if staff.id == by.id:
        raise OwnAccount()
    if staff.pending_role is not None or staff.approved_at is None:
        raise DraftPending()
    if role in UNIT_ROLES and staff.unit_id is None:
        raise UnitNotFound()
    staff.pending_role, staff.drafted_by, staff.approved_by = role.value, by.id, None
    await session.flush()
    return staff


async def approve_staff(session: AsyncSession, staff_id: UUID, *, by: Actor, now: datetime) -> StaffAccount:
    """Approve what somebody else drafted: a new account, or another role for an account.

    The sessions that an account has in its former role end. Raises PersonNotFound, AccountDisabled,
    NothingPending, OwnAccount (also for one's own draft).
    """
    staff = await lock_staff(session, staff_id)
    if staff.disabled_at is not None:
        raise AccountDisabled()
    if staff.approved_at is not None and staff.pending_role is None:
        raise NothingPending()
    if by.id in {staff.id, staff.drafted_by}:
        raise OwnAccount()
    if staff.pending_role is not None:
        staff.role, staff.pending_role = staff.pending_role, None
        if staff.role not in UNIT_ROLES:
            staff.unit_id = None
        await revoke_tokens_of(session, staff.id, now=now)
    staff.approved_by, staff.approved_at = by.id, now
    await session.flush()
    return staff


async def disable_account(
    session: AsyncSession, staff_id: UUID, *, reason: str, by: Actor, now: datetime
) -> StaffAccount:
    """Disable an account at once; it is never deleted, and what it did stays its own.

    The reason goes into the audit log. Raises PersonNotFound, OwnAccount, LastAdministrator: no
    administrator gets rid of the last one of another kind (GB/T 22239-2019, 三员).
    """
    staff = await lock_staff(session, staff_id)
    if staff.id == by.id:
        raise OwnAccount()
    if staff.role in WATCHERS and await count_enabled(session, staff.union_id, role=staff.role) == 1:
        raise LastAdministrator()
    await disable_staff(session, staff.login, now=now)
    explain(session, reason)
    await session.flush()
    return staff
