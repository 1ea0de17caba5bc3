"""Reckoning a campaign: both identities with all their numbers, and everything that stands in the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.rules import Stage, check_eligibility, facts_of_record, is_eligible
from app.campaigns.tables import Campaign
from app.closing.actions.goods import GoodsReckoning, reckon_goods
from app.closing.queries import closings, goods, people
from app.closing.queries.goods import Goods
from app.closing.rules.agreement import Ledger, find_contradictions
from app.closing.rules.blockers import Blocker, BlockerCode, SubjectKind, order_of
from app.closing.rules.partition import (
    Counted,
    OrderFacts,
    Outcome,
    UnitFigures,
    count_members,
    figures_by_unit,
    outcome_of,
    total_of,
)
from app.orders.actions.eligibility import Asked, read_facts, rules_of
from app.platform.clock import day_start, local_date
from app.unions.queries import find_union_names


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a campaign comes to at one moment: `figures` as a closing keeps them."""

    figures: dict[str, Any]
    blockers: list[Blocker]
    counted: list[Counted]
    orders: list[OrderFacts]
    lot_ids: list[UUID]

    @property
    def people(self) -> dict[str, list[Any]]:
        """What each member counts as: unit, outcome, boxes; by the member's id."""
        return {str(one.member_id): [str(one.unit_id), one.outcome.value, one.boxes] for one in self.counted}


async def reckon(
    session: AsyncSession,
    campaign: Campaign,
    *,
    now: datetime,
    eligible: Mapping[UUID, UUID] | None = None,
    acknowledged: frozenset[UUID] = frozenset(),
) -> Reckoning:
    """Reckon a campaign in the session's one street union; nothing is changed and nothing locked.

    `eligible` are members with their units who count without an order: those who pass the campaign's rules
    now, unless the caller holds on to those of an earlier reckoning. `acknowledged` are reports of devices
    that somebody has looked into.
    """
    wares = await goods.find_goods(session, campaign.id)
    orders = await people.list_orders(session, campaign.id)
    if eligible is None:
        eligible = await _find_eligible(session, campaign, now=now)
    counted = count_members(eligible, orders)
    units = figures_by_unit(eligible, counted)
    stock = await reckon_goods(session, campaign, wares)
    ledger = await _read_ledger(session, campaign, orders=orders, wares=wares)
    blockers = [*find_contradictions(ledger), *_about_units(units), *stock.blockers]
    blockers += _about_campaign(campaign, now=now)
    blockers += await _unfinished(session, campaign, orders=orders, acknowledged=acknowledged)
    names = await find_union_names(session, units)
    return Reckoning(
        _figures(campaign, units, names=names, stock=stock, ledger=ledger),
        sorted({order_of(one): one for one in blockers}.values(), key=order_of),
        counted,
        orders,
        stock.lot_ids,
    )


async def _find_eligible(session: AsyncSession, campaign: Campaign, *, now: datetime) -> dict[UUID, UUID]:
    members = await people.list_members(session, campaign.union_id)
    rules = rules_of(campaign)
    pairs = [(campaign.id, member_id) for member_id in members]
    facts = await read_facts(session, Asked({campaign.id: rules}, members, pairs, now))
    found = {}
    for pair in pairs:
        member = members[pair[1]]
        known = facts.get(pair) or facts_of_record(member.status)
        if is_eligible(check_eligibility(known, rules, at=now)):
            found[member.id] = member.unit_id
    return found


async def _read_ledger(
    session: AsyncSession, campaign: Campaign, *, orders: list[OrderFacts], wares: Goods
) -> Ledger:
    offers, slots = await people.list_counters(session, campaign.id)
    return Ledger(
        orders=orders,
        hand_overs=await people.list_hand_overs(session, campaign.id),
        offers=offers,
        slots=slots,
        strays=await goods.find_strays(session, wares, since=campaign.order_opens_at),
        per_member_limit=campaign.per_member_limit,
        places=wares.places,
    )


def _about_units(units: Mapping[UUID, UnitFigures]) -> list[Blocker]:
    return [
        Blocker(
            code=BlockerCode.UNIT_DOES_NOT_ADD_UP, kind=SubjectKind.UNIT, id=unit_id, unit_id=unit_id,
            values={"eligible": one.eligible, "counted": sum(one.outcomes.values())},
        )
        for unit_id, one in units.items()
        if not one.adds_up
    ]  # fmt: skip


def _about_campaign(campaign: Campaign, *, now: datetime) -> list[Blocker]:
    def about(code: BlockerCode, **values: int | str) -> Blocker:
        return Blocker(code=code, kind=SubjectKind.CAMPAIGN, id=campaign.id, values=values)

    found = []
    if campaign.stage != Stage.PUBLISHED:
        found.append(about(BlockerCode.NOT_PUBLISHED))
    if campaign.personal_data_ended_at is not None:
        found.append(about(BlockerCode.MEMBERS_FORGOTTEN))
    if local_date(now) <= campaign.pickup_until:
        found.append(about(BlockerCode.WINDOW_OPEN, until=campaign.pickup_until.isoformat()))
    return found


async def _unfinished(
    session: AsyncSession, campaign: Campaign, *, orders: list[OrderFacts], acknowledged: frozenset[UUID]
) -> list[Blocker]:
    found = [
        Blocker(
            code=BlockerCode.ORDER_OPEN, kind=SubjectKind.ORDER, id=order.id, number=order.number,
            member_id=order.member_id, unit_id=order.unit_id, values={"status": order.status},
        )
        for order in orders
        if outcome_of(order)[0] is Outcome.OPEN
    ]  # fmt: skip
    found += [
        Blocker(
            code=BlockerCode.CONFLICT_OPEN, kind=SubjectKind.EVENT, id=row.id, number=row.number,
            member_id=row.member_id, unit_id=row.unit_id, values={"reason": row.reason},
        )
        for row in await goods.list_open_conflicts(session, campaign.id)
    ]  # fmt: skip
    looked_into = acknowledged | await closings.find_acknowledged(session, campaign.union_id)
    since = day_start(campaign.pickup_from)
    for event in await goods.list_undecided_events(session, campaign, since=since):
        if event.id not in looked_into:
            values: dict[str, int | str] = {"reason": event.reason}
            found.append(
                Blocker(code=BlockerCode.EVENT_UNDECIDED, kind=SubjectKind.EVENT, id=event.id, values=values)
            )
    return found


def _figures(
    campaign: Campaign,
    units: Mapping[UUID, UnitFigures],
    *,
    names: Mapping[UUID, str],
    stock: GoodsReckoning,
    ledger: Ledger,
) -> dict[str, Any]:
    """Return what a closing keeps: numbers, units and lots, and nobody's name."""
    standing = [one for one in ledger.hand_overs if not one.is_undone]
    return {
        "campaign_id": str(campaign.id),
        "orders": len(ledger.orders),
        "hand_overs": len(standing),
        "boxes": sum(order.collected_count for order in ledger.orders),
        "total": _unit(total_of(units.values())),
        "units": [
            {"unit_id": str(id), "unit": names.get(id, "-"), **_unit(one)} for id, one in units.items()
        ],
        "lots": stock.lots,
    }


def _unit(figures: UnitFigures) -> dict[str, Any]:
    outcomes = {outcome.value: count for outcome, count in figures.outcomes.items()}
    shades = {shade.value: count for shade, count in figures.shades.items()}
    return {
        "eligible": figures.eligible, **outcomes, **shades, "boxes": figures.boxes,
        "adds_up": figures.adds_up,
    }  # fmt: skip
