"""Bodies of people and unions; names and numbers are masked."""

from uuid import UUID

from pydantic import BaseModel

from app.access.policy import Role
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
    """A member as a list shows them: name and mobile masked."""

    id: UUID
    number: str
    name_masked: str
    mobile_masked: str | None
    unit: UnionRef
    status: MemberStatus
    sample: bool
