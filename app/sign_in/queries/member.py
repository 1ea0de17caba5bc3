"""Look-ups of members' sign-in; those of members run before their union is known, in every union."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union
from app.access.vault import keys_of
from app.platform.paging import Page, page_of, seek
from app.sign_in.errors import IdentityNotFound
from app.sign_in.rules.linking import Candidate
from app.sign_in.rules.standing import may_sign_in
from app.sign_in.tables.member import HostIdentityLink, LinkTicket, SignInCode
from app.unions.tables import Member, open_particulars

UNKNOWN_UNION = every_union("sign-in: the union is not known yet")


async def lock_code(session: AsyncSession, challenge_id: UUID) -> SignInCode | None:
    """Lock the code of a challenge; None when a later challenge took its place, or there was none."""
    wanted = select(SignInCode).where(SignInCode.id == challenge_id).with_for_update()
    return (await session.execute(wanted)).scalar_one_or_none()


async def find_members(session: AsyncSession, member_ids: Collection[UUID]) -> list[Member]:
    """Return those of the members who may sign in now, by id."""
    found = await session.execute(select(Member).where(Member.id.in_(member_ids)).order_by(Member.id))
    return [member for member in found.scalars() if may_sign_in(member.status)]


async def find_members_with_number(session: AsyncSession, number: str) -> list[Member]:
    """Return the members of all unions with a member number: it names one person within a union only."""
    found = await session.execute(select(Member).where(Member.number == number).order_by(Member.id).limit(50))
    return [member for member in found.scalars() if may_sign_in(member.status)]


async def read_candidate(session: AsyncSession, member: Member) -> Candidate:
    """Return what the roster says of a member, opened."""
    known = open_particulars(await keys_of(session, member.union_id), member)
    return Candidate(member.id, member.number, known.name, mobile=known.mobile, last4=known.id_last4)


async def find_link(session: AsyncSession, issuer: str, subject: bytes) -> HostIdentityLink | None:
    """Return the link of an identity, or None."""
    wanted = select(HostIdentityLink).where(
        HostIdentityLink.issuer == issuer, HostIdentityLink.subject == subject
    )
    return (await session.execute(wanted)).scalar_one_or_none()


async def find_waiting_identity(session: AsyncSession, digest: bytes) -> bytes | None:
    """Return the hashed subject that the ticket with this digest was made for, or None."""
    wanted = select(LinkTicket.subject).where(LinkTicket.digest == digest)
    return (await session.execute(wanted)).scalar_one_or_none()


async def lock_link_ticket(session: AsyncSession, digest: bytes, *, now: datetime) -> LinkTicket | None:
    """Lock the ticket with this digest if it still counts."""
    wanted = select(LinkTicket).where(
        LinkTicket.digest == digest, LinkTicket.used_at.is_(None), LinkTicket.expires_at > now
    )
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def list_links(
    session: AsyncSession, owner_id: UUID, *, limit: int, after: tuple[str, ...] | None
) -> Page[HostIdentityLink]:
    """Return the identities that stand for a member, the oldest first."""
    wanted = select(HostIdentityLink).where(HostIdentityLink.member_id == owner_id)
    if after is not None:
        (last_id,) = seek(after, UUID)
        wanted = wanted.where(HostIdentityLink.id > last_id)
    found = await session.execute(wanted.order_by(HostIdentityLink.id).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda link: (str(link.id),))


async def lock_link(session: AsyncSession, owner_id: UUID, link_id: UUID) -> HostIdentityLink:
    """Lock an identity that stands for this member; raises IdentityNotFound."""
    wanted = select(HostIdentityLink).where(
        HostIdentityLink.id == link_id, HostIdentityLink.member_id == owner_id
    )
    found = (await session.execute(wanted.with_for_update())).scalar_one_or_none()
    if found is None:
        raise IdentityNotFound()
    return found
