"""Outside identities and the members they stand for: found, linked for the first time, unlinked."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.platform.ids import new_id
from app.sign_in.queries.member import (
    find_link,
    find_members,
    find_members_with_number,
    lock_link,
    lock_link_ticket,
    read_candidate,
)
from app.sign_in.rules.linking import Claim, HostIdentity, the_claimed
from app.sign_in.rules.standing import may_sign_in
from app.sign_in.tables.member import HostIdentityLink, LinkTicket
from app.unions.queries import find_members_by_mobile
from app.unions.tables import Member

TICKET_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, repr=False)
class Outsider:
    """An identity as it is kept: the issuer by name, the subject hashed."""

    issuer: str
    subject: bytes


def outsider_of(secret: bytes, identity: HostIdentity) -> Outsider:
    """Return how an identity is kept."""
    named = f"subject\0{identity.issuer}\0{identity.subject}".encode("utf-8", "replace")
    return Outsider(identity.issuer, hmac.digest(secret, named, hashlib.sha256))


async def recognise(
    session: AsyncSession, identity: HostIdentity, outsider: Outsider, *, vouching_level: int, now: datetime
) -> Member | None:
    """Return the member an identity stands for, linked now if the host vouches for enough; else None.

    Below `vouching_level` the host's word links nobody. A linked member who may not sign in is None too.
    """
    link = await find_link(session, outsider.issuer, outsider.subject)
    if link is not None:
        members = await find_members(session, [link.member_id])
        link.last_used_at = now if members else link.last_used_at
        return members[0] if members else None
    if identity.real_name_level < vouching_level:
        return None
    member = await _vouched_for(session, identity)
    if member is not None and await _add_link(session, outsider, member, now=now):
        return member
    return None


async def add_link_ticket(
    session: AsyncSession, outsider: Outsider, *, now: datetime
) -> tuple[str, datetime]:
    """Return a fresh ticket for the first link of an identity, and when it ends."""
    ticket, expires_at = secrets.token_urlsafe(32), now + TICKET_LIFE
    session.add(
        LinkTicket(
            digest=digest_of_ticket(ticket), issuer=outsider.issuer, subject=outsider.subject,
            created_at=now, expires_at=expires_at, used_at=None,
        )
    )  # fmt: skip
    return ticket, expires_at


def digest_of_ticket(ticket: str) -> bytes:
    """Return what is kept of a ticket."""
    return hashlib.sha256(ticket.encode("utf-8", "replace")).digest()


async def link_claimed(
    session: AsyncSession, ticket: str, claim: Claim, *, now: datetime
) -> tuple[Member | None, list[UUID]]:
    """Link the identity of a ticket to the one member whom a claim fits; return them, else None and those
    who have the claimed mobile number.

    The ticket counts once, but a claim that fits nobody leaves it for another try.
    """
    waiting = await lock_link_ticket(session, digest_of_ticket(ticket), now=now)
    near = await _members_with_mobile(session, claim.mobile)
    member = await _the_one(session, near, claim)
    if waiting is not None and member is not None:
        outsider = Outsider(waiting.issuer, waiting.subject)
        if await _add_link(session, outsider, member, now=now):
            waiting.used_at = now
            return member, []
    return None, [member.id for member in near]


async def unlink(session: AsyncSession, actor: Actor, link_id: UUID, *, now: datetime) -> None:
    """Take an identity away from its member, who asks for it; raises IdentityNotFound."""
    link = await lock_link(session, actor.id, link_id)
    trace = Trace("sign_in.host_unlinked", link.union_id, actor=actor, subject=("member", actor.id))
    record(session, trace, now=now)
    await session.delete(link)


async def unlink_all(session: AsyncSession, member_id: UUID) -> None:
    """Take every identity away from a member, who is being erased."""
    await session.execute(delete(HostIdentityLink).where(HostIdentityLink.member_id == member_id))


async def _vouched_for(session: AsyncSession, identity: HostIdentity) -> Member | None:
    if identity.member_number is not None:
        members = await find_members_with_number(session, identity.member_number)
        return members[0] if len(members) == 1 else None
    if identity.name is None or identity.mobile is None or identity.last4 is None:
        return None
    claim = Claim(identity.mobile, identity.last4, name=identity.name)
    return await _the_one(session, await _members_with_mobile(session, claim.mobile), claim)


async def _members_with_mobile(session: AsyncSession, mobile: str) -> list[Member]:
    return [one for one in await find_members_by_mobile(session, None, mobile) if may_sign_in(one.status)]


async def _the_one(session: AsyncSession, members: Sequence[Member], claim: Claim) -> Member | None:
    candidates = [await read_candidate(session, member) for member in members]
    member_id = the_claimed(candidates, claim)
    return next((member for member in members if member.id == member_id), None)


async def _add_link(session: AsyncSession, outsider: Outsider, member: Member, *, now: datetime) -> bool:
    """Link; return False when the identity, or the member at this issuer, is linked already."""
    fresh = {
        "id": new_id(), "union_id": member.union_id, "member_id": member.id, "issuer": outsider.issuer,
        "subject": outsider.subject, "linked_at": now, "last_used_at": now,
    }  # fmt: skip
    made = insert(HostIdentityLink).values(fresh).on_conflict_do_nothing().returning(HostIdentityLink.id)
    if (await session.execute(made)).first() is None:
        return False
    trace = Trace("sign_in.host_linked", member.union_id, subject=("member", member.id))
    record(session, trace, now=now)
    return True
