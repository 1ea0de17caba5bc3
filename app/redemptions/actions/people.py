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
    """What an answer says of the clerk, and the union's number in codes."""

    staff_name: str
    number: int


class People:
    """One for each worker."""

    def __init__(self, database: Database) -> None:
        """Read from `database`."""
        self._database = database
        self._known: dict[UUID, tuple[float, AtTable]] = {}

    async def about(self, actor: Actor) -> AtTable:
        """Return what is known of a staff account."""
        known = self._known.get(actor.id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        async with self._database.transaction(actor.scope) as session:
            name = await queries.get_staff_name(session, actor.id)
            number = await queries.get_union_number(session, actor.union_id)
        found = AtTable(name, number)
        self._known[actor.id] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found
