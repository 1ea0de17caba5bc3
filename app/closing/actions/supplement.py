"""Supplements: papers that list only what came after the seal."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.campaigns.queries import lock_campaign
from app.closing.errors import NothingLater, NotSealed, PapersUnderWay
from app.closing.queries import closings, papers, people
from app.closing.tables import Closing
from app.documents.actions.issue import request_supplement
from app.documents.errors import NotFinal
from app.documents.rules.issuing import DocumentReason
from app.documents.tables import Document

LISTED = "event_ids"
"""The parameter of a supplement that says which hand-overs it lists."""


async def add_supplements(
    session: AsyncSession, campaign_id: UUID, *, by: Actor, now: datetime
) -> tuple[Closing, int, list[Document]]:
    """Ask for supplements to the final sign-off sheets on which something came later.

    Return the closing, how many hand-overs came later, and the papers. Raises CampaignNotFound, NotSealed,
    NothingLater, PapersUnderWay.
    """
    campaign = await lock_campaign(session, campaign_id)
    if campaign.sealed_at is None:
        raise NotSealed()
    closing = await closings.get_sealed(session, campaign_id)
    listed = await papers.find_listed_events(session, campaign_id)
    known = set(closing.event_ids) | listed
    later = [id for id in await people.find_known_events(session, campaign_id) if id not in known]
    if not later:
        raise NothingLater()
    by_point = await papers.find_points_of(session, later)
    documents = []
    for sheet in await papers.list_final_sheets(session, campaign_id):
        here = [id for id in later if sheet.pickup_point_id in {None, by_point[id]}]
        if here:
            documents.append(await _supplement(session, sheet, here, by=by, now=now))
    subject = ("campaign", campaign_id)
    details = {"hand_overs": len(later), "documents": len(documents)}
    trace = Trace("closing.supplemented", closing.union_id, by, subject=subject, details=details)
    record(session, trace, now=now)
    await session.flush()
    return closing, len(later), documents


async def _supplement(
    session: AsyncSession, sheet: Document, event_ids: list[UUID], *, by: Actor, now: datetime
) -> Document:
    try:
        return await request_supplement(
            session, sheet.id, requested_by=by.id, reason=DocumentReason.CLOSING, now=now,
            params={LISTED: [str(id) for id in sorted(event_ids)]},
        )  # fmt: skip
    except NotFinal:
        raise PapersUnderWay() from None
