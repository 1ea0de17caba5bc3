"""Who is calling."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.policy import Role
from app.access.scope import Scope


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller: a member, a staff account or a device, with the unions whose rows it may see.

    `device_id` is the paired device that a clerk stands at; `stepped_up_until` ends the time in which a
    manager's second proof counts (`policy.STEP_UP`). A token of a script (`is_script`) needs no second proof
    and no device's signature: whoever makes one owns the machine.
    """

    id: UUID
    role: Role
    union_id: UUID
    scope: Scope
    expires_at: datetime
    session_id: UUID | None = None
    device_id: UUID | None = None
    stepped_up_until: datetime | None = None
    is_script: bool = False
