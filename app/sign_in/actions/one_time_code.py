"""Signing in with a code in a text message: begin, prove, choose among those who share the number."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.ids import new_id
from app.sign_in.queries.member import find_members, lock_code
from app.sign_in.rules import one_time_code as rules
from app.sign_in.tables.member import SignInCode
from app.unions.tables import Member


@dataclass(frozen=True, slots=True, repr=False)
class Begun:
    """A fresh challenge and its code, whose text is kept nowhere."""

    challenge_id: UUID
    code: str
    expires_at: datetime


async def begin_challenge(session: AsyncSession, mobile: str, *, secret: bytes, now: datetime) -> Begun:
    """Make a challenge for a normalised number, whoever has it; the one before it ends."""
    challenge_id, code, expires_at = new_id(), rules.new_code(), now + rules.LIFE
    fresh = {
        "id": challenge_id,
        "code_digest": rules.digest_of_code(secret, challenge_id, code=code),
        "member_ids": [],
        "created_at": now,
        "expires_at": expires_at,
        "try_count": 0,
        "proved_at": None,
        "chosen_at": None,
    }
    number = rules.digest_of_number(secret, mobile)
    made = insert(SignInCode).values(fresh | {"number_digest": number})
    await session.execute(
        made.on_conflict_do_update(index_elements=[SignInCode.number_digest], set_=fresh),
        execution_options={"synchronize_session": False},
    )
    return Begun(challenge_id, code, expires_at)


async def note_members(session: AsyncSession, challenge_id: UUID, member_ids: list[UUID]) -> bool:
    """Write down who has the number of a challenge; return whether the challenge is still the latest."""
    noted = update(SignInCode).where(SignInCode.id == challenge_id).values(member_ids=member_ids)
    return (await session.execute(noted.returning(SignInCode.id))).first() is not None


@dataclass(frozen=True, slots=True)
class Tried:
    """Whom a code lets in; or, when it was wrong, whose number it was tried for."""

    members: list[Member]
    missed: list[UUID]


async def try_code(
    session: AsyncSession, challenge_id: UUID, code: str, *, secret: bytes, now: datetime
) -> Tried:
    """Return the members whom a right code lets in; none at all when it is not right.

    The try counts, so the caller commits either way and refuses afterwards.
    """
    row = await lock_code(session, challenge_id)
    given = rules.digest_of_code(secret, challenge_id, code=code)
    verdict = rules.judge(_challenge(row), given, now=now)
    if row is None or verdict is rules.Verdict.DEAD:
        return Tried([], [])
    row.try_count += 1
    if verdict is rules.Verdict.WRONG:
        return Tried([], row.member_ids)
    members = await find_members(session, row.member_ids)
    row.proved_at = now
    row.chosen_at = now if len(members) <= 1 else None
    return Tried(members, [])


async def choose_member(
    session: AsyncSession, challenge_id: UUID, choice: str, *, secret: bytes, now: datetime
) -> Member | None:
    """Return the member chosen among those who share a number, once and soon after the code; else None."""
    row = await lock_code(session, challenge_id)
    if row is None or row.proved_at is None or row.chosen_at is not None:
        return None
    if row.proved_at + rules.CHOICE_LIFE <= now:
        return None
    chosen = rules.chosen_of(secret, challenge_id, among=row.member_ids, choice=choice)
    members = await find_members(session, [] if chosen is None else [chosen])
    if not members:
        return None
    row.chosen_at = now
    return members[0]


def _challenge(row: SignInCode | None) -> rules.Challenge | None:
    if row is None:
        return None
    return rules.Challenge(row.code_digest, row.expires_at, row.try_count, is_used=row.proved_at is not None)
