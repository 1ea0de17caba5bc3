"""Where a campaign stands, and who may order."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.campaigns.rules import (
    CampaignStatus,
    EligibilityFacts,
    EligibilityRules,
    RuleResult,
    Windows,
    campaign_status,
    check_eligibility,
    remaining_boxes,
    windows_agree,
)

OPENS = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
CLOSES = datetime(2026, 10, 8, 10, 0, tzinfo=UTC)
# The last pickup day ends at midnight in Shanghai, which is 16:00 UTC.
LAST_DAY_ENDS = datetime(2026, 10, 14, 16, 0, tzinfo=UTC)
WINDOWS = Windows(OPENS, CLOSES, date(2026, 10, 12), date(2026, 10, 14))
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (OPENS - TICK, CampaignStatus.SCHEDULED),
        (OPENS, CampaignStatus.OPEN),
        (CLOSES - TICK, CampaignStatus.OPEN),
        (CLOSES, CampaignStatus.PICKUP),
        (LAST_DAY_ENDS - TICK, CampaignStatus.PICKUP),
        (LAST_DAY_ENDS, CampaignStatus.CLOSED),
    ],
)
def test_where_a_published_campaign_stands(now: datetime, status: CampaignStatus) -> None:
    assert campaign_status("published", WINDOWS, now=now) is status


@pytest.mark.parametrize("now", [OPENS - TICK, OPENS, CLOSES, LAST_DAY_ENDS])
@pytest.mark.parametrize("stage", ["draft", "cancelled"])
def test_a_draft_or_cancelled_campaign_stands_still(stage: str, now: datetime) -> None:
    assert campaign_status(stage, WINDOWS, now=now) == stage


@pytest.mark.parametrize(
    ("status", "eligible", "passed"),
    [
        ("active", ["active"], True),
        ("retained", ["active", "retained"], True),
        ("retained", ["active"], False),
        ("left", ["active"], False),
        ("transferred_out", ["active", "retained"], False),
    ],
)
def test_every_rule_is_named_whether_it_holds_or_not(status: str, eligible: list[str], passed: bool) -> None:
    found = check_eligibility(EligibilityFacts(status), EligibilityRules(eligible), at=OPENS)
    assert found == (
        RuleResult("in_union", passed=True),
        RuleResult("membership_status", passed=passed),
    )


@pytest.mark.parametrize(
    ("changed", "agree"),
    [
        ({}, True),
        ({"order_closes_at": OPENS}, False),
        ({"order_closes_at": OPENS + TICK}, True),
        ({"order_closes_at": LAST_DAY_ENDS}, True),
        ({"order_closes_at": LAST_DAY_ENDS + TICK}, False),
        ({"pickup_from": date(2026, 10, 14)}, True),
        ({"pickup_from": date(2026, 10, 15)}, False),
    ],
)
def test_orders_end_at_the_latest_with_the_last_pickup_day(changed: dict[str, Any], agree: bool) -> None:
    assert windows_agree(replace(WINDOWS, **changed)) is agree


def test_a_newcomer_can_have_what_nobody_holds_or_waits_for() -> None:
    assert remaining_boxes(10, promised=7, waitlisted=0) == 3
    assert remaining_boxes(10, promised=10, waitlisted=0) == 0
    assert remaining_boxes(10, promised=7, waitlisted=1) == 0
