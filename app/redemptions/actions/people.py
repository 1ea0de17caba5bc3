"""Who stands at the table: the staff member's name and the number of the union, remembered for a while."""

import time
from dataclasses import dataclass
from uuid import UUID

from app.access.actor import Actor
from app.platform.database import Database
from app.redemptions import queries

_REMEMBERED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class AtTable:
    """What an answer says of the clerk, the union's number in codes, and who the clerk is in the roster."""

    staff_name: str
    number: int
    member_id: UUID | None


class People:
    """One for each worker."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database
        self._known: dict[UUID, tuple[float, AtTable]] = {}

    def forget(self) -> None:
        """Read accounts anew: one was changed."""
        self._known.clear()

    async def about(self, actor: Actor, staff_id: UUID) -> AtTable:
        """Return what is known of a staff account of the actor's union."""
        known = self._known.get(staff_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        async with self._database.transaction(actor.scope) as session:
            name, member_id = await queries.get_staff(session, staff_id)
            number = await queries.get_union_number(session, actor.union_id)
        found = AtTable(name, number, member_id)
        self._known[staff_id] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found
