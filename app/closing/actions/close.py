"""Preparing a closing, withdrawing it, sealing it: two people, and everything checked again under locks."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.campaigns.queries import lock_campaign
from app.campaigns.tables import Campaign
from app.closing.actions.reckon import Reckoning, reckon
from app.closing.errors import AlreadyPrepared, ClosingBlocked, NotPrepared, OwnPreparation
from app.closing.queries import closings, people
from app.closing.rules.agreement import find_changes
from app.closing.rules.blockers import Blocker, BlockerCode, SubjectKind
from app.closing.rules.states import ClosingStatus
from app.closing.tables import Closing
from app.documents.actions.issue import Wanted, request_document
from app.documents.rules.issuing import MOST_ROWS, DocumentReason
from app.documents.rules.paper import DocumentKind, Edition
from app.platform.canonical import canonical
from app.platform.ids import new_id
from app.unions.queries import find_union_names, get_staff

MOST_SHOWN = 10
"""How many blockers a refusal names; the list has them all."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Which reports of devices somebody has looked into, and what they say about it."""

    acknowledged_event_ids: tuple[UUID, ...] = ()
    note: str | None = None


def digest_of(figures: dict[str, Any]) -> bytes:
    """Return the SHA-256 of figures in their canonical form (RFC 8785)."""
    return hashlib.sha256(canonical(figures)).digest()


async def prepare_closing(
    session: AsyncSession, campaign_id: UUID, wanted: Preparation, *, by: Actor, now: datetime
) -> Closing:
    """Freeze the figures of a campaign that adds up.

    Raises CampaignNotFound, AlreadyPrepared, ClosingBlocked.
    """
    campaign = await lock_campaign(session, campaign_id)
    if await closings.find_standing(session, campaign_id) is not None:
        raise AlreadyPrepared()
    acknowledged = frozenset(wanted.acknowledged_event_ids)
    found = await reckon(session, campaign, now=now, acknowledged=acknowledged)
    await _refuse(session, found.blockers)
    closing = Closing(
        id=new_id(),
        union_id=campaign.union_id,
        campaign_id=campaign.id,
        status=ClosingStatus.PREPARED.value,
        figures=found.figures,
        digest=digest_of(found.figures),
        people=found.people,
        acknowledged_event_ids=sorted(acknowledged),
        note=wanted.note,
        prepared_by=by.id,
        prepared_at=now,
    )
    session.add(closing)
    _trace(session, closing, "prepared", by=by, now=now)
    await session.flush()
    return closing


async def withdraw_closing(session: AsyncSession, campaign_id: UUID, *, by: Actor, now: datetime) -> Closing:
    """Take a preparation back; raises CampaignNotFound, ClosingNotFound, NotPrepared (it is sealed)."""
    await lock_campaign(session, campaign_id)
    closing = await closings.lock_standing(session, campaign_id)
    if closing.status != ClosingStatus.PREPARED:
        raise NotPrepared()
    closing.status, closing.people = ClosingStatus.WITHDRAWN.value, None
    closing.withdrawn_by, closing.withdrawn_at = by.id, now
    _trace(session, closing, "withdrawn", by=by, now=now)
    await session.flush()
    return closing


async def seal_closing(session: AsyncSession, campaign_id: UUID, *, by: Actor, now: datetime) -> Closing:
    """Seal a campaign for good and ask for its final papers.

    Locks the campaign, its offers, slots and orders and the balances of its lots, then checks everything
    again: also that everybody still counts as when it was prepared. Raises CampaignNotFound, ClosingNotFound,
    NotPrepared, OwnPreparation, ClosingBlocked.
    """
    campaign = await lock_campaign(session, campaign_id)
    closing = await closings.lock_standing(session, campaign_id)
    if closing.status != ClosingStatus.PREPARED or closing.people is None:
        raise NotPrepared()
    await _refuse_preparer(session, by, prepared_by=closing.prepared_by)
    lot_ids = [UUID(lot["lot_id"]) for lot in closing.figures["lots"]]
    await closings.lock_everything(session, campaign_id, lot_ids)
    await _refuse(session, await check_again(session, campaign, closing, now=now))
    closing.event_ids = await people.find_known_events(session, campaign_id)
    closing.status, closing.people = ClosingStatus.SEALED.value, None
    closing.sealed_by, closing.sealed_at = by.id, now
    # The campaign last: from then on the database takes no change of it.
    campaign.sealed_at, campaign.version = now, campaign.version + 1
    await session.flush()
    await _request_papers(session, closing, by=by, now=now)
    _trace(session, closing, "sealed", by=by, now=now)
    return closing


async def check_again(
    session: AsyncSession, campaign: Campaign, closing: Closing, *, now: datetime
) -> list[Blocker]:
    """Return what stands in the way of a seal: blockers of now, and who counts otherwise than prepared."""
    assert closing.people is not None  # noqa: S101 - a prepared closing has them
    known = {UUID(id): tuple(values) for id, values in closing.people.items()}
    eligible = {member_id: UUID(unit_id) for member_id, (unit_id, _, _) in known.items()}
    found = await reckon(session, campaign, now=now, eligible=eligible)
    before = {member_id: (outcome, boxes) for member_id, (_, outcome, boxes) in known.items()}
    changes = find_changes(before, found.counted, orders=found.orders)
    if not changes and not found.blockers and digest_of(found.figures) != closing.digest:
        values: dict[str, int | str] = {"before": closing.figures["boxes"], "now": found.figures["boxes"]}
        changes = [
            Blocker(code=BlockerCode.CHANGED_SINCE, kind=SubjectKind.CAMPAIGN, id=campaign.id, values=values)
        ]
    return [*changes, *found.blockers]


async def look(session: AsyncSession, campaign: Campaign, *, now: datetime) -> Reckoning:
    """Return what a campaign comes to now; with a prepared closing, also what has changed since."""
    closing = await closings.find_standing(session, campaign.id)
    found = await reckon(session, campaign, now=now)
    if closing is None or closing.status != ClosingStatus.PREPARED:
        return found
    again = await check_again(session, campaign, closing, now=now)
    return Reckoning(found.figures, again, found.counted, found.orders, found.lot_ids)


async def _refuse(session: AsyncSession, blockers: list[Blocker]) -> None:
    if not blockers:
        return
    first = blockers[:MOST_SHOWN]
    names = await people.find_names(session, {one.member_id for one in first if one.member_id is not None})
    units = await find_union_names(session, {one.unit_id for one in first if one.unit_id is not None})
    shown = [
        {
            "code": one.code.value,
            "kind": one.kind.value,
            "id": str(one.id),
            "number": one.number,
            "member_name_masked": names[one.member_id].masked if one.member_id in names else None,
            "unit": units.get(one.unit_id) if one.unit_id is not None else None,
        }
        for one in first
    ]
    raise ClosingBlocked(count=len(blockers), blockers=shown)


async def _refuse_preparer(session: AsyncSession, by: Actor, *, prepared_by: UUID) -> None:
    """Two people, not two accounts: a person is known by their row in the roster."""
    preparer, sealer = await get_staff(session, prepared_by), await get_staff(session, by.id)
    is_same = preparer.member_id is not None and preparer.member_id == sealer.member_id
    if preparer.id == sealer.id or is_same:
        raise OwnPreparation()


async def _request_papers(session: AsyncSession, closing: Closing, *, by: Actor, now: datetime) -> None:
    """Ask for the final papers in both editions: sheets by point and of all, the uncollected, the summary.

    No sheet of all where one paper cannot hold it: what fails for good would be a number without a paper.
    """
    points = await closings.find_points(session, closing)
    sheets: list[tuple[DocumentKind, UUID | None]] = [(DocumentKind.SIGNOFF_SHEET, id) for id in points]
    if len(closing.event_ids) <= MOST_ROWS or len(points) == 1:
        sheets.append((DocumentKind.SIGNOFF_SHEET, None))
    rest = (DocumentKind.UNCOLLECTED, DocumentKind.CAMPAIGN_SUMMARY)
    for kind, point_id in sheets + [(kind, None) for kind in rest]:
        for edition in Edition:
            wanted = Wanted(
                kind=kind, edition=edition, campaign_id=closing.campaign_id, pickup_point_id=point_id,
                reason=DocumentReason.CLOSING,
            )  # fmt: skip
            await request_document(
                session, wanted, union_id=closing.union_id, requested_by=by.id, is_final=True, now=now
            )


def _trace(session: AsyncSession, closing: Closing, what: str, *, by: Actor, now: datetime) -> None:
    details = {"closing_id": str(closing.id), "digest": closing.digest.hex()}
    subject = ("campaign", closing.campaign_id)
    record(session, Trace(f"closing.{what}", closing.union_id, by, subject=subject, details=details), now=now)
