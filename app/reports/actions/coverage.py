"""Counting who received nothing in a year, and why, by the same rule book that decides on orders."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.queries import find_unit_parents
from app.campaigns.rules import EligibilityFacts, check_eligibility, facts_of_record, is_eligible
from app.campaigns.tables import Campaign
from app.orders.actions.eligibility import Asked, read_facts, rules_of
from app.orders.rules.desk import MemberState
from app.reports.queries.coverage import UnitCount, Year, count_by_unit, find_gift_campaigns, find_neither
from app.reports.rules.small_cells import Standing
from app.unions.rules import MemberStatus
from app.unions.tables import Union

LOOKED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class UnitStanding:
    """How the members of a unit fared."""

    union_id: UUID
    unit_id: UUID
    standing: Standing


async def survey(session: AsyncSession, year: Year, now: datetime) -> list[UnitStanding]:
    """Return how the active members of each unit fared in a year, by union and unit.

    Who is on the roster now and was before the year ended is counted, once: received a box of a gift
    campaign; else ordered one (and did not collect, whatever became of the order); else could not order in
    any gift campaign of the year (`not_eligible`); else never ordered. The rules are asked as of `now` or of
    the end of a campaign's orders, whichever was first.
    """
    counts = await count_by_unit(session, year)
    campaigns = await find_gift_campaigns(session, year)
    not_eligible = await _count_not_eligible(session, year, counts=counts, campaigns=campaigns, now=now)
    return [
        UnitStanding(
            one.union_id,
            one.unit_id,
            Standing(
                one.received,
                one.neither - not_eligible[one.unit_id],
                one.not_collected,
                not_eligible[one.unit_id],
            ),
        )
        for one in counts
    ]


async def _count_not_eligible(
    session: AsyncSession,
    year: Year,
    *,
    counts: Sequence[UnitCount],
    campaigns: Sequence[Campaign],
    now: datetime,
) -> Counter[UUID]:
    """Return how many of those who did nothing could not have ordered, by unit.

    Where a campaign lets a whole unit order, nobody in it has to be looked at.
    """
    by_union: defaultdict[UUID, list[Campaign]] = defaultdict(list)
    for campaign in campaigns:
        by_union[campaign.union_id].append(campaign)
    idle = [one for one in counts if one.neither]
    parents = await find_unit_parents(session, {one.unit_id for one in idle})
    found: Counter[UUID] = Counter()
    doubtful: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for one in idle:
        held = by_union[one.union_id]
        units = (one.unit_id, parent) if (parent := parents.get(one.unit_id)) else (one.unit_id,)
        if not held:
            found[one.unit_id] = one.neither
        elif not any(_admits_unit(campaign, units, now=now) for campaign in held):
            doubtful[one.union_id].append(one.unit_id)
    for union_id, unit_ids in doubtful.items():
        members = await find_neither(session, year, unit_ids)
        found.update(await _not_eligible_of(session, members, campaigns=by_union[union_id], now=now))
    return found


def _admits_unit(campaign: Campaign, unit_ids: Collection[UUID], *, now: datetime) -> bool:
    """Tell whether every active member of a unit may order, whatever else is known of them."""
    facts = EligibilityFacts(MemberStatus.ACTIVE.value, unit_ids=unit_ids)
    rules = rules_of(campaign)
    if rules.not_received_months:
        return False
    return is_eligible(check_eligibility(facts, rules, at=_asked_at(campaign, now)))


async def _not_eligible_of(
    session: AsyncSession, members: Sequence[MemberState], *, campaigns: Sequence[Campaign], now: datetime
) -> Counter[UUID]:
    found: Counter[UUID] = Counter()
    for chunk in _chunks(members):
        left = {member.id: member for member in chunk}
        for campaign in campaigns:
            left = await _refused(session, left, campaign=campaign, at=_asked_at(campaign, now))
        found.update(member.unit_id for member in left.values())
    return found


async def _refused(
    session: AsyncSession, members: dict[UUID, MemberState], *, campaign: Campaign, at: datetime
) -> dict[UUID, MemberState]:
    """Return those who may not order in a campaign."""
    if not members:
        return {}
    rules = rules_of(campaign)
    pairs = [(campaign.id, id) for id in members]
    facts = await read_facts(session, Asked({campaign.id: rules}, members, pairs, at))
    return {
        id: member
        for id, member in members.items()
        if not is_eligible(
            check_eligibility(facts.get((campaign.id, id)) or facts_of_record(member.status), rules, at=at)
        )
    }


def _asked_at(campaign: Campaign, now: datetime) -> datetime:
    return min(now, campaign.order_closes_at)


def _chunks(members: Sequence[MemberState]) -> Iterator[Sequence[MemberState]]:
    for start in range(0, len(members), LOOKED_AT_ONCE):
        yield members[start : start + LOOKED_AT_ONCE]


def by_union(found: Sequence[UnitStanding], streets: Sequence[Union]) -> list[UnitStanding]:
    """Return how the members of each street union fared; one without members has a row of zeros."""
    sums = {street.id: Standing() for street in streets}
    for one in found:
        sums[one.union_id] = sums.get(one.union_id, Standing()) + one.standing
    return [UnitStanding(id, id, standing) for id, standing in sums.items()]
