"""What the rules of eligibility need to know, read in bulk; and what follows when rules change."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.queries import find_listed, find_unit_parents, find_waivers
from app.campaigns.rules import (
    EligibilityFacts,
    EligibilityRules,
    RuleResult,
    check_eligibility,
    facts_of_record,
    is_eligible,
)
from app.campaigns.tables import Campaign
from app.orders import queries
from app.orders.rules.desk import MemberState, OrderState

Pair = tuple[UUID, UUID]
LOOKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose eligibility is asked for: rules by campaign, members by id, and pairs (campaign id, member id).

    `hold` keeps the exceptions that decide from being withdrawn before the transaction ends.
    """

    rules: Mapping[UUID, EligibilityRules]
    members: Mapping[UUID, MemberState]
    pairs: Collection[Pair]
    at: datetime
    hold: bool = False


def rules_of(campaign: Campaign) -> EligibilityRules:
    """Return the rules of a campaign."""
    return EligibilityRules(
        campaign.eligible_statuses,
        campaign.eligible_unit_ids,
        campaign.not_received_months,
        campaign.not_received_campaign_ids,
        campaign.is_listed_only,
    )


async def read_facts(session: AsyncSession, asked: Asked) -> dict[Pair, EligibilityFacts]:
    """Return what the rules need to know of each pair, beyond what the members' records tell.

    One statement for each rule that some campaign uses, and one for the exceptions if anybody needs one:
    none at all where everybody passes by their record. Pairs that are not in the answer have nothing more.
    """
    facts: dict[Pair, EligibilityFacts] = {}
    if any(rules.asks_more for rules in asked.rules.values()):
        facts = await _read_more(session, asked)
    failing = [pair for pair in asked.pairs if not _passes(asked, pair, facts=facts)]
    for pair, waived in (await find_waivers(session, failing, hold=asked.hold)).items():
        known = facts.get(pair) or _plain(asked, pair)
        facts[pair] = replace(known, waived=waived)
    return facts


def _plain(asked: Asked, pair: Pair) -> EligibilityFacts:
    return facts_of_record(asked.members[pair[1]].status)


def _passes(asked: Asked, pair: Pair, *, facts: Mapping[Pair, EligibilityFacts]) -> bool:
    known = facts.get(pair)
    rules = asked.rules[pair[0]]
    if known is None:
        return asked.members[pair[1]].status in rules.statuses
    return is_eligible(check_eligibility(known, rules, at=asked.at))


async def _read_more(session: AsyncSession, asked: Asked) -> dict[Pair, EligibilityFacts]:
    pairs = [pair for pair in asked.pairs if asked.rules[pair[0]].asks_more]
    if not pairs:
        return {}

    def who(campaigns: Iterable[UUID]) -> set[UUID]:
        wanted = set(campaigns)
        return {member_id for campaign_id, member_id in pairs if campaign_id in wanted}

    by_unit = who(id for id, rules in asked.rules.items() if rules.unit_ids)
    by_list = {id for id, rules in asked.rules.items() if rules.is_listed_only}
    by_time = who(id for id, rules in asked.rules.items() if rules.not_received_months)
    parents = await find_unit_parents(session, {asked.members[id].unit_id for id in by_unit})
    received = await queries.find_received(session, by_time)
    listed = await find_listed(session, who(by_list), campaign_ids=by_list)
    facts = {}
    for campaign_id, member_id in pairs:
        member = asked.members[member_id]
        parent = parents.get(member.unit_id)
        facts[campaign_id, member_id] = EligibilityFacts(
            member.status,
            unit_ids=(member.unit_id, parent) if parent else (member.unit_id,),
            last_received_at=_last(received.get(member_id, {}), campaign_id, rules=asked.rules[campaign_id]),
            is_listed=(campaign_id, member_id) in listed,
        )
    return facts


def _last(
    received: Mapping[UUID, datetime], campaign_id: UUID, *, rules: EligibilityRules
) -> datetime | None:
    """Return when the member last collected in what the rule looks at; never in the campaign itself."""
    counted = rules.not_received_campaign_ids or received.keys()
    return max((at for id, at in received.items() if id in counted and id != campaign_id), default=None)


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of one member for one campaign, and what follows."""

    facts: EligibilityFacts
    rules: EligibilityRules
    results: tuple[RuleResult, ...]


async def explain_eligibility(
    session: AsyncSession, campaign: Campaign, *, member: MemberState, at: datetime
) -> Explained:
    """Return whether a member may order in a campaign and why: the same facts and rules as the desk's."""
    rules, pair = rules_of(campaign), (campaign.id, member.id)
    asked = Asked({campaign.id: rules}, {member.id: member}, [pair], at)
    facts = (await read_facts(session, asked)).get(pair) or _plain(asked, pair)
    return Explained(facts, rules, check_eligibility(facts, rules, at=at))


@dataclass(frozen=True, slots=True)
class Affected:
    """A live order whose member may not order by the rules that were asked about, and which rules fail."""

    order: OrderState
    failing: tuple[str, ...]


async def find_affected(
    session: AsyncSession,
    campaign_id: UUID,
    *,
    rules: EligibilityRules,
    at: datetime,
    limit: int,
    after: UUID | None,
) -> list[Affected]:
    """Return up to `limit` live orders, by id and beginning behind `after`, that the rules would not allow.

    It looks and changes nothing: what was ordered stays, whatever the rules become.
    """
    found: list[Affected] = []
    while True:
        orders = await queries.find_uncollected(session, campaign_id, limit=LOOKED_AT_ONCE, after=after)
        members = await queries.find_members(session, {order.member_id for order in orders})
        pairs = [(campaign_id, order.member_id) for order in orders if order.member_id in members]
        asked = Asked({campaign_id: rules}, members, pairs, at)
        facts = await read_facts(session, asked)
        for order in orders:
            pair = (campaign_id, order.member_id)
            known = facts.get(pair) or _plain(asked, pair)
            results = check_eligibility(known, rules, at=at)
            if not is_eligible(results):
                found.append(Affected(order, tuple(one.code for one in results if not one.passed)))
        if len(found) >= limit or len(orders) < LOOKED_AT_ONCE:
            return found[:limit]
        after = orders[-1].id
