"""Changing what a member's record says: the one way for corrections, whoever decided them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.vault import keys_of
from app.unions.actions.members import place
from app.unions.rules import MemberStatus
from app.unions.tables import Member, Particulars, open_particulars, seal_particulars


@dataclass(frozen=True, slots=True)
class RecordChange:
    """What a record is to say, normalised (see `rules.names`, `rules.numbers`); None stays as it is."""

    name: str | None = None
    mobile: str | None = None
    unit_id: UUID | None = None
    status: MemberStatus | None = None


async def correct_member(session: AsyncSession, member: Member, change: RecordChange) -> None:
    """Change a member's record, which the caller has locked; orders keep the unit they were placed from.

    That the unit is one of the street union holds by the table's foreign key.
    """
    if change.name is not None or change.mobile is not None:
        keys = await keys_of(session, member.union_id)
        known = open_particulars(keys, member)
        particulars = Particulars(
            name=change.name or known.name, mobile=change.mobile or known.mobile, id_last4=known.id_last4
        )
        for column, value in seal_particulars(keys, member.id, particulars=particulars).items():
            setattr(member, column, value)
        if particulars.name != known.name:
            member.name_rank = await place(session, member.union_id, particulars.name)
    if change.unit_id is not None:
        member.unit_id = change.unit_id
    if change.status is not None:
        member.status = change.status.value
    await session.flush()
