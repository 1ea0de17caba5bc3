"""Giving and withdrawing consent (PIPL articles 14 to 16)."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.platform.i18n import text
from app.platform.ids import new_id
from app.privacy import queries
from app.privacy.errors import ConsentNeeded, NoticeOutdated
from app.privacy.rules import NOTICES, Purpose, text_digest
from app.privacy.tables import Consent


async def give_consent(
    session: AsyncSession, actor: Actor, *, purpose: Purpose, version: int, now: datetime
) -> None:
    """Record that a member agrees to the current text; a second time changes nothing.

    Raises NoticeOutdated when the text that was read is not the current one: one has to read again.
    """
    notice = NOTICES[purpose]
    if version != notice.version:
        raise NoticeOutdated(version=notice.version)
    await queries.lock_member(session, actor.id)
    known = (await queries.find_consents(session, actor.id)).get(purpose)
    if known is not None and known.withdrawn_at is None:
        if known.version == version:
            return
        known.withdrawn_at = now
        await session.flush()
    session.add(
        Consent(
            id=new_id(),
            union_id=actor.union_id,
            member_id=actor.id,
            purpose=purpose.value,
            version=version,
            text_digest=text_digest(text("zh-CN", f"message.notice_{purpose}", part="detail")),
            given_at=now,
        )
    )


async def withdraw_consent(session: AsyncSession, actor: Actor, *, purpose: Purpose, now: datetime) -> None:
    """Record that a member no longer agrees; without a consent in force nothing changes.

    Raises ConsentNeeded for the purpose that the service cannot do without: erasure is the way then.
    """
    if not NOTICES[purpose].is_optional:
        raise ConsentNeeded()
    await queries.lock_member(session, actor.id)
    known = (await queries.find_consents(session, actor.id)).get(purpose)
    if known is not None and known.withdrawn_at is None:
        known.withdrawn_at = now
