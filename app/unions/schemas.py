"""Bodies of people and unions; names and numbers are masked."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.access.policy import STAFF_ROLES, Role
from app.platform.clock import Instant
from app.platform.text import LINE
from app.unions.rules import MemberStatus


class UnionRef(BaseModel):
    """A union by name."""

    id: UUID
    name: str


class MeView(BaseModel):
    """Who is calling: a member sees their own name, staff the name of their account."""

    id: UUID
    role: Role
    union: UnionRef
    unit: UnionRef | None
    name: str
    number: str | None
    mobile_masked: str | None
    membership_status: MemberStatus | None
    is_senior_mode: bool
    sample: bool


class MemberView(BaseModel):
    """A member as a list shows them: name and mobile masked.

    `same_name`: somebody else of the union has this name; only then the end of the identity number is shown.
    """

    id: UUID
    number: str
    name_masked: str
    mobile_masked: str | None
    same_name: bool
    id_last4_masked: str | None
    unit: UnionRef
    status: MemberStatus
    sample: bool


def _of_staff(role: Role) -> Role:
    if role not in STAFF_ROLES:
        raise ValueError("not a role of staff")
    return role


StaffRole = Annotated[Role, AfterValidator(_of_staff)]


class StaffStatus(StrEnum):
    """Whether one can sign in to an account."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


class StaffDraft(BaseModel):
    """What a system administrator sends to draft an account; `unit_id` for roles that see one unit.

    `member_number` says who the person is in the roster: nobody hands their own order over.
    """

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,39}$")]
    display_name: Annotated[str, Field(min_length=1, max_length=50, pattern=LINE), AfterValidator(str.strip)]
    role: StaffRole
    union_id: UUID
    unit_id: UUID | None = None
    member_number: Annotated[str | None, Field(min_length=1, max_length=40, pattern=LINE)] = None


class RoleChange(BaseModel):
    """Another role for an account."""

    model_config = ConfigDict(extra="forbid")

    role: StaffRole


class Disabling(BaseModel):
    """Why an account is disabled; the audit log keeps it."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=2, max_length=200, pattern=LINE), AfterValidator(str.strip)]


class StaffView(BaseModel):
    """A staff account; `pending_role` waits for approval."""

    id: UUID
    login: str
    display_name: str
    role: Role
    pending_role: Role | None
    status: StaffStatus
    union_id: UUID
    unit_id: UUID | None
    member_id: UUID | None
    drafted_by: UUID | None
    approved_by: UUID | None
    approved_at: Instant | None
    disabled_at: Instant | None
    sample: bool
