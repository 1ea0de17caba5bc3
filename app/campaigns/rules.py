"""Decisions about campaigns: their state in time, who is eligible and why, exceptions and corrections."""

import calendar
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from uuid import UUID

from app.platform.clock import day_end, local_date
from app.unions.rules import MemberStatus


class Stage(StrEnum):
    """What people have decided about a campaign."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


class CampaignKind(StrEnum):
    """What members get: gifts to collect, or places on an exchange visit (交流学习)."""

    GIFT = "gift"
    VISIT = "visit"


def offers_kind(campaign_kind: str, item_kind: str) -> bool:
    """Return whether a campaign of a kind may offer this: a visit offers places, a gift campaign boxes."""
    return (campaign_kind == CampaignKind.VISIT) == (item_kind == "place")


class Allocation(StrEnum):
    """How boxes are allotted: 先到先得 or 摇号."""

    FIRST_COME = "first_come"
    LOTTERY = "lottery"


class CampaignStatus(StrEnum):
    """Where a campaign stands now: its stage and the clock together."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    OPEN = "open"
    PICKUP = "pickup"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Windows:
    """The times of a campaign: orders from/until (instants), pickup from/until (Shanghai days)."""

    order_opens_at: datetime
    order_closes_at: datetime
    pickup_from: date
    pickup_until: date


def windows_agree(windows: Windows) -> bool:
    """Return whether both windows end after they begin, and orders at the latest with the last pickup day.

    Whoever orders can then still collect: the table hands nothing over after the pickup window. That
    orders end in time has no CHECK beside it, unlike the rest: an instant compared with a day depends on
    the time zone, and PostgreSQL holds no such expression immutable.
    """
    return (
        windows.order_opens_at < windows.order_closes_at <= day_end(windows.pickup_until)
        and windows.pickup_from <= windows.pickup_until
    )


def remaining_boxes(quota: int, *, promised: int, waitlisted: int) -> int:
    """Return how many boxes of an offer a newcomer can have: none while anybody waits for it."""
    return 0 if waitlisted else quota - promised


def campaign_status(stage: str, windows: Windows, *, now: datetime) -> CampaignStatus:
    """Return where a campaign stands at `now`; `open` means that orders are taken."""
    if stage != Stage.PUBLISHED:
        return CampaignStatus(stage)
    if now < windows.order_opens_at:
        return CampaignStatus.SCHEDULED
    if now < windows.order_closes_at:
        return CampaignStatus.OPEN
    return CampaignStatus.PICKUP if local_date(now) <= windows.pickup_until else CampaignStatus.CLOSED


class Rule(StrEnum):
    """The rules of eligibility; the codes are shown to people and programs."""

    IN_UNION = "in_union"
    MEMBERSHIP_STATUS = "membership_status"
    UNIT = "unit"
    NOT_RECEIVED_WITHIN = "not_received_within"
    ON_LIST = "on_list"


WAIVABLE = frozenset(Rule) - {Rule.IN_UNION}
"""What an individual exception may set aside: never the limit for each member, nor the windows."""


@dataclass(frozen=True, slots=True)
class EligibilityRules:
    """Who may order in a campaign; a rule that is left at its default asks nothing.

    `unit_ids`: members of these units and of the groups below them. `not_received_months`: nobody who
    collected a box within so many calendar months, of the campaigns in `not_received_campaign_ids` or, if
    there are none, of any other campaign of the union. `is_listed_only`: only who is on the campaign's list.
    """

    statuses: Collection[str]
    unit_ids: Collection[UUID] = ()
    not_received_months: int | None = None
    not_received_campaign_ids: Collection[UUID] = ()
    is_listed_only: bool = False
    asks_more: bool = field(init=False)
    """Whether more has to be known of a member than the record itself tells."""

    def __post_init__(self) -> None:
        """Look once: the hot path asks for every order."""
        asks_more = bool(self.unit_ids or self.not_received_months or self.is_listed_only)
        object.__setattr__(self, "asks_more", asks_more)


@dataclass(frozen=True, slots=True)
class EligibilityFacts:
    """What is known of a member for one campaign.

    `unit_ids` are the member's unit and the one it belongs to; `waived` the rules that an approved
    exception sets aside, with the code of its reason.
    """

    status: str
    unit_ids: Collection[UUID] = ()
    last_received_at: datetime | None = None
    is_listed: bool = False
    waived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule of eligibility: its code, whether it holds, and by which exception, if by one."""

    code: str
    passed: bool
    exception: str | None = None


def check_eligibility(
    facts: EligibilityFacts, rules: EligibilityRules, *, at: datetime
) -> tuple[RuleResult, ...]:
    """Return every rule that the campaign uses with its result; who passes all of them is eligible.

    The only place where this is decided: orders, desks, waiting lists, imports and explanations ask here.
    That the member belongs to the street union is the first rule: rows of another union are never found,
    so it holds for whoever gets here.
    """
    status = facts.status in rules.statuses
    if status and not rules.asks_more:
        return _BY_RECORD
    held = [(Rule.IN_UNION, True), (Rule.MEMBERSHIP_STATUS, status)]
    if rules.unit_ids:
        held.append((Rule.UNIT, not set(rules.unit_ids).isdisjoint(facts.unit_ids)))
    if rules.not_received_months:
        free_on = received_free_on(facts.last_received_at, rules.not_received_months)
        held.append((Rule.NOT_RECEIVED_WITHIN, free_on is None or local_date(at) >= free_on))
    if rules.is_listed_only:
        held.append((Rule.ON_LIST, facts.is_listed))
    return tuple(_result(rule, passed, waived=facts.waived) for rule, passed in held)


# Nearly every answer on the hot path: made once.
_BY_RECORD = (
    RuleResult(Rule.IN_UNION.value, passed=True),
    RuleResult(Rule.MEMBERSHIP_STATUS.value, passed=True),
)


def _result(rule: Rule, passed: bool, *, waived: Mapping[str, str]) -> RuleResult:
    if not passed and rule in WAIVABLE and rule.value in waived:
        return RuleResult(rule.value, passed=True, exception=waived[rule.value])
    return RuleResult(rule.value, passed=passed)


@cache
def facts_of_record(status: str) -> EligibilityFacts:
    """Return what the membership record alone tells."""
    return EligibilityFacts(status)


def is_eligible(results: Sequence[RuleResult]) -> bool:
    """Return whether every rule holds."""
    return all(result.passed for result in results)


def received_free_on(last_received_at: datetime | None, months: int) -> date | None:
    """Return the Shanghai day from which a member may receive again, or None if they never did."""
    return None if last_received_at is None else add_months(local_date(last_received_at), months)


def add_months(day: date, months: int) -> date:
    """Return the same day so many calendar months later, or the last day of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class ExceptionStatus(StrEnum):
    """Where an individual exception stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


STANDING_EXCEPTIONS = frozenset({ExceptionStatus.PENDING, ExceptionStatus.APPROVED})
"""While an exception is in one of these, the member has no other in the campaign."""

EXCEPTION_STEPS: Mapping[ExceptionStatus, frozenset[ExceptionStatus]] = {
    ExceptionStatus.APPROVED: frozenset({ExceptionStatus.PENDING}),
    ExceptionStatus.DECLINED: frozenset({ExceptionStatus.PENDING}),
    ExceptionStatus.WITHDRAWN: STANDING_EXCEPTIONS,
}
"""Where an exception may come from, for each decision."""


class ExceptionReason(StrEnum):
    """Why somebody may order although a rule is against it; the words are kept sealed beside it."""

    ROSTER_LATE = "roster_late"
    RECENTLY_JOINED = "recently_joined"
    HARDSHIP = "hardship"
    BOX_DAMAGED = "box_damaged"
    OTHER = "other"


class CorrectionField(StrEnum):
    """What of their record a member holds to be wrong."""

    NAME = "name"
    MOBILE = "mobile"
    UNIT = "unit"
    STATUS = "status"
    OTHER = "other"


class CorrectionStatus(StrEnum):
    """Where a request to correct a record stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


MOST_OPEN_CORRECTIONS = 3
CORRECTIONS_AT = "/api/v1/me/corrections"
"""Where a member says that their record is wrong; a refusal names it."""
CORRECTION_DAYS = 21
"""15 working days, without a calendar of holidays (个人信息保护法 articles 46 and 50)."""


def correction_due_on(filed_at: datetime) -> date:
    """Return the Shanghai day until which a request is to be decided."""
    return local_date(filed_at) + timedelta(days=CORRECTION_DAYS)


LEAVING = frozenset({MemberStatus.TRANSFERRED_OUT, MemberStatus.LEFT})
"""Who is in one of these states has left the union, unless a campaign expressly includes them."""
