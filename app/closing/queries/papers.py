"""The final papers of a campaign, and what its supplements list."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Campaign
from app.documents.rules.issuing import DocumentStatus
from app.documents.rules.paper import DocumentKind
from app.documents.tables import Document
from app.redemptions.tables import Redemption


async def list_final_sheets(session: AsyncSession, campaign_id: UUID) -> list[Document]:
    """Return the sign-off sheets that the seal asked for, by id; no supplements."""
    wanted = select(Document).where(
        Document.campaign_id == campaign_id,
        Document.kind == DocumentKind.SIGNOFF_SHEET.value,
        Document.is_final,
        Document.supplement_to.is_(None),
    )
    return list((await session.execute(wanted.order_by(Document.id))).scalars())


async def find_listed_events(
    session: AsyncSession, campaign_id: UUID, *, before: UUID | None = None
) -> set[UUID]:
    """Return the hand-overs that supplements of a campaign's sheets list; those before a document, or all."""
    wanted = select(Document.params["event_ids"]).where(
        Document.campaign_id == campaign_id,
        Document.kind == DocumentKind.SIGNOFF_SHEET.value,
        Document.supplement_to.is_not(None),
    )
    if before is not None:
        wanted = wanted.where(Document.id < before)
    return {UUID(id) for ids in (await session.execute(wanted)).scalars() for id in ids or ()}


async def find_points_of(session: AsyncSession, event_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return at which pickup point each hand-over was."""
    wanted = select(Redemption.event_id, Redemption.pickup_point_id).where(Redemption.event_id.in_(event_ids))
    return {row.event_id: row.pickup_point_id for row in await session.execute(wanted)}


async def find_campaigns_to_forget(session: AsyncSession) -> list[tuple[UUID, UUID]]:
    """Return (campaign id, street union id) of campaigns without members whose papers still have files."""
    wanted = (
        select(Campaign.id, Campaign.union_id)
        .join(Document, Document.campaign_id == Campaign.id)
        .where(Campaign.personal_data_ended_at.is_not(None), Document.status == DocumentStatus.READY.value)
        .distinct()
    )
    return [(row.id, row.union_id) for row in await session.execute(wanted.order_by(Campaign.id))]
