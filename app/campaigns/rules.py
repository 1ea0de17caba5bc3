"""Decisions about campaigns: their state in time, who is eligible, what a member may still do."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.platform.clock import day_end, local_date


class Stage(StrEnum):
    """What people have decided about a campaign."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


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


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule of eligibility: whether it holds, and the code of the text that explains it."""

    code: str
    passed: bool


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


def check_eligibility(member_status: str, eligible_statuses: Collection[str]) -> tuple[RuleResult, ...]:
    """Return every rule with its result; a member is eligible when all of them pass.

    That the member belongs to the street union is the first rule: rows of another union are never
    found, so it holds for whoever gets here.
    """
    return (
        RuleResult("in_union", passed=True),
        RuleResult("membership_status", passed=member_status in eligible_statuses),
    )
