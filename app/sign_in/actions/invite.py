"""Accounts that begin: added by the operator, invited with a code, without any password before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import record
from app.access.policy import UNIT_ROLES, Role
from app.access.tokens import digest_of, revoke_tokens_of
from app.platform.ids import new_id
from app.sign_in.actions.staff_door import trace_of
from app.sign_in.actions.staff_second_factor import forget_recovery_codes
from app.sign_in.errors import AlreadyActive, LoginTaken, UnitMismatch
from app.sign_in.queries.staff import find_account, lock_credential
from app.sign_in.rules.recovery import new_activation_code
from app.sign_in.tables.staff import StaffChallenge, StaffCredential
from app.unions.errors import AccountDisabled, PersonNotFound
from app.unions.queries import find_staff_by_login, find_union_by_code
from app.unions.rules import Level
from app.unions.tables import StaffAccount

ACTIVATION_LIFE = timedelta(hours=24)
_ABOVE_UNITS = frozenset({Level.NATIONAL, Level.MUNICIPAL, Level.DISTRICT, Level.STREET})


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to add; union and unit by their codes."""

    login: str
    role: Role
    union_code: str
    unit_code: str | None
    name: str


async def add_staff(session: AsyncSession, wanted: NewAccount, *, now: datetime) -> StaffAccount:
    """Add an account on the operator's word, without a password; raises LoginTaken, UnitMismatch.

    This is how the first administrator comes in; further accounts take two administrators.
    """
    if await find_staff_by_login(session, wanted.login) is not None:
        raise LoginTaken()
    union = await find_union_by_code(session, wanted.union_code)
    unit = await find_union_by_code(session, wanted.unit_code) if wanted.unit_code else None
    if union is None or union.level not in _ABOVE_UNITS or (unit is None) == (wanted.role in UNIT_ROLES):
        raise UnitMismatch()
    if unit is not None and (unit.street_id != union.id or unit.id == union.id):
        raise UnitMismatch()
    staff = StaffAccount(
        id=new_id(), union_id=union.id, unit_id=unit.id if unit else None, login=wanted.login,
        display_name=wanted.name, role=wanted.role.value, approved_at=now,
    )  # fmt: skip
    session.add(staff)
    await session.flush()
    record(session, trace_of(staff, "staff.added_by_operator", role=staff.role), now=now)
    return staff


async def invite(session: AsyncSession, login: str, *, reset: bool, now: datetime) -> str:
    """Return a fresh activation code of an account, which counts once and for a day.

    `reset` takes password, second factor and recovery codes away and ends all sessions. Raises
    PersonNotFound, AccountDisabled (also before it is approved), AlreadyActive without `reset`.
    """
    staff = await find_staff_by_login(session, login)
    if staff is None:
        raise PersonNotFound()
    if await find_account(session, staff_id=staff.id) is None:
        raise AccountDisabled()
    credential = await lock_credential(session, staff.id)
    if credential is None:
        credential = StaffCredential(staff_id=staff.id, union_id=staff.union_id)
        session.add(credential)
    if credential.password_hash is not None and not reset:
        raise AlreadyActive()
    credential.password_hash = credential.password_changed_at = None
    credential.totp = credential.totp_last_step = None
    await forget_recovery_codes(session, staff.id)
    await session.execute(delete(StaffChallenge).where(StaffChallenge.staff_id == staff.id))
    await revoke_tokens_of(session, staff.id, now=now)
    code = new_activation_code()
    credential.activation_digest, credential.activation_expires_at = digest_of(code), now + ACTIVATION_LIFE
    record(session, trace_of(staff, "staff.reset" if reset else "staff.invited"), now=now)
    return code
