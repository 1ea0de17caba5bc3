"""Who may order: the rules of a campaign and its list. What was ordered before stays as it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.campaigns.errors import CampaignNotDraft, RetentionTooShort, RulesInvalid
from app.campaigns.queries import (
    count_campaigns,
    count_units,
    find_campaigns_before,
    find_listed_members,
    find_members_by_number,
    lock_unsealed,
)
from app.campaigns.rules import Stage, add_months
from app.campaigns.schemas import ListChange, ListMode, RulesChange
from app.campaigns.tables import Campaign, ListEntry
from app.platform.clock import local_date
from app.platform.errors import PreconditionFailed

_AS_THEY_ARE = {"synchronize_session": False}


async def _lock_seen(session: AsyncSession, campaign_id: UUID, *, version: int | None) -> Campaign:
    campaign = await lock_unsealed(session, campaign_id)
    if version not in {None, campaign.version}:
        raise PreconditionFailed(version=campaign.version)
    if campaign.stage == Stage.CANCELLED:
        raise CampaignNotDraft()
    return campaign


async def change_rules(
    session: AsyncSession,
    campaign_id: UUID,
    change: RulesChange,
    *,
    by: Actor,
    seen_version: int | None,
    now: datetime,
) -> Campaign:
    """Set the rules of a campaign that the caller saw at `seen_version`, also while it takes orders.

    They hold for orders from now on, and for who waits when a box would be theirs; no order ends by it.
    Raises CampaignNotFound, CampaignSealed, PreconditionFailed, CampaignNotDraft, RulesInvalid,
    RetentionTooShort.
    """
    campaign = await _lock_seen(session, campaign_id, version=seen_version)
    await _check_named(session, campaign, change)
    await _check_remembered(session, campaign, change)
    values = change.model_dump(mode="json")
    before = {name: _plain(getattr(campaign, name)) for name in values}
    for name, value in change.model_dump().items():
        setattr(campaign, name, [str(one) for one in value] if name == "eligible_statuses" else value)
    campaign.version += 1
    changed = {name: [before[name], value] for name, value in values.items() if before[name] != value}
    trace = Trace(
        "campaigns.rules_changed",
        campaign.union_id,
        actor=by,
        subject=("campaign", campaign.id),
        details={"stage": campaign.stage, "changed": changed},
    )
    record(session, trace, now=now)
    await session.flush()
    return campaign


async def _check_remembered(session: AsyncSession, campaign: Campaign, change: RulesChange) -> None:
    """Refuse a rule about the past that retention has made, or will make, untrue while orders are taken."""
    if change.not_received_months is None:
        return
    opens, closes = local_date(campaign.order_opens_at), local_date(campaign.order_closes_at)
    for other in await find_campaigns_before(session, campaign, only=change.not_received_campaign_ids):
        is_asked_for = add_months(other.pickup_until, change.not_received_months) >= opens
        kept_until = other.pickup_until + timedelta(days=other.retention_days)
        if is_asked_for and (other.personal_data_ended_at is not None or kept_until < closes):
            raise RetentionTooShort(campaign_id=str(other.id), title=other.title)


def _plain(value: object) -> object:
    return [str(one) for one in value] if isinstance(value, list) else value


async def _check_named(session: AsyncSession, campaign: Campaign, change: RulesChange) -> None:
    units, others = set(change.eligible_unit_ids), set(change.not_received_campaign_ids)
    if units and await count_units(session, units, street_id=campaign.union_id) != len(units):
        raise RulesInvalid(field="eligible_unit_ids")
    if campaign.id in others or (others and await count_campaigns(session, others) != len(others)):
        raise RulesInvalid(field="not_received_campaign_ids")


@dataclass(frozen=True, slots=True)
class Listed:
    """What came of a change of a list; `unknown` are the numbers that nobody in the union has."""

    campaign: Campaign
    listed: int
    added: int
    removed: int
    unknown: list[str]


async def change_list(
    session: AsyncSession,
    campaign_id: UUID,
    change: ListChange,
    *,
    by: Actor,
    seen_version: int | None,
    now: datetime,
) -> Listed:
    """Put members on a campaign's list, take them off, or replace it, by their numbers.

    Numbers that nobody has are left out and answered. Raises CampaignNotFound, CampaignSealed,
    PreconditionFailed, CampaignNotDraft.
    """
    campaign = await _lock_seen(session, campaign_id, version=seen_version)
    known = await find_members_by_number(session, set(change.member_numbers))
    named, before = set(known.values()), await find_listed_members(session, campaign.id)
    added = set() if change.mode is ListMode.REMOVE else named - before
    removed = {ListMode.REPLACE: before - named, ListMode.ADD: set(), ListMode.REMOVE: before & named}
    gone = removed[change.mode]
    await _write_list(session, campaign, added=added, gone=gone, entry={"added_by": by.id, "added_at": now})
    campaign.version += 1
    counts = {"listed": len(before) + len(added) - len(gone), "added": len(added), "removed": len(gone)}
    trace = Trace(
        "campaigns.list_changed",
        campaign.union_id,
        actor=by,
        subject=("campaign", campaign.id),
        details=counts | {"stage": campaign.stage, "mode": change.mode.value},
    )
    record(session, trace, now=now)
    await session.flush()
    return Listed(campaign, unknown=sorted(set(change.member_numbers) - known.keys()), **counts)


async def _write_list(
    session: AsyncSession, campaign: Campaign, *, added: set[UUID], gone: set[UUID], entry: dict[str, Any]
) -> None:
    if gone:
        is_gone = and_(ListEntry.campaign_id == campaign.id, ListEntry.member_id.in_(gone))
        await session.execute(delete(ListEntry).where(is_gone), execution_options=_AS_THEY_ARE)
    if added:
        whose = {"union_id": campaign.union_id, "campaign_id": campaign.id}
        rows = [entry | whose | {"member_id": member_id} for member_id in sorted(added)]
        await session.execute(insert(ListEntry), rows)
