"""Letting a member in: the session, and the line in the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import Trace, record
from app.access.policy import Role
from app.access.tokens import Opening, life_of, open_session
from app.access.vault import keys_of
from app.sign_in.rules.one_time_code import choice_of
from app.unions.queries import find_union_names
from app.unions.rules import mask_name
from app.unions.tables import Member, open_name

Transport = Literal["cookie", "bearer"]


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody comes in: by which proof, from which program, and how the session travels."""

    method: str
    transport: Transport
    label: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Entered:
    """An opened session; the text of its token is here and nowhere else."""

    token: str
    transport: Transport
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """One of those who share a number, as the holder of the number sees them."""

    choice_id: str
    name_masked: str
    unit_name: str


def let_in(session: AsyncSession, member: Member, way: Way, *, now: datetime) -> Entered:
    """Open a session for a member and record it."""
    opening = Opening(
        member.id, Role.MEMBER, member.union_id, [member.union_id], kind=way.transport, label=way.label
    )
    token = open_session(session, opening, now=now)
    details = {"method": way.method}
    trace = Trace("sign_in.member", member.union_id, subject=("member", member.id), details=details)
    record(session, trace, now=now)
    return Entered(token, way.transport, now + life_of(opening).most)


async def choices_among(
    session: AsyncSession, members: Sequence[Member], *, challenge_id: UUID, secret: bytes
) -> list[Choice]:
    """Return what tells those who share a number apart: the masked name and the unit."""
    units = await find_union_names(session, {member.unit_id for member in members})
    choices = []
    for member in members:
        name = open_name(await keys_of(session, member.union_id), member.id, sealed=member.name_sealed)
        choice_id = choice_of(secret, challenge_id, member_id=member.id)
        choices.append(Choice(choice_id, mask_name(name), units[member.unit_id]))
    return choices
