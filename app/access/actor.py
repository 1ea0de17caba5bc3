"""Who is calling."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.policy import Role
from app.access.scope import Scope


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller: a member or a staff account, with the unions whose rows it may see."""

    id: UUID
    role: Role
    union_id: UUID
    scope: Scope
    expires_at: datetime
