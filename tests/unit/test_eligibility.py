"""Who may order: every rule by a table of cases, and what exceptions can and cannot do."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.campaigns.rules import (
    EXCEPTION_STEPS,
    WAIVABLE,
    EligibilityFacts,
    EligibilityRules,
    ExceptionStatus,
    Rule,
    RuleResult,
    add_months,
    check_eligibility,
    correction_due_on,
    is_eligible,
    received_free_on,
)

UNIT, GROUP, OTHER = uuid4(), uuid4(), uuid4()
NOW = datetime(2026, 10, 12, 2, 0, tzinfo=UTC)


def rules(**wanted: Any) -> EligibilityRules:
    return EligibilityRules(**({"statuses": ("active",)} | wanted))


def facts(**known: Any) -> EligibilityFacts:
    return EligibilityFacts(**({"status": "active", "unit_ids": (UNIT,)} | known))


def failing(known: EligibilityFacts, asked: EligibilityRules, *, at: datetime = NOW) -> list[str]:
    return [one.code for one in check_eligibility(known, asked, at=at) if not one.passed]


def test_only_the_rules_that_a_campaign_uses_are_named() -> None:
    plain = (RuleResult("in_union", passed=True), RuleResult("membership_status", passed=True))
    assert check_eligibility(facts(), rules(), at=NOW) == plain
    every = rules(unit_ids=(UNIT,), not_received_months=6, is_listed_only=True)
    assert [one.code for one in check_eligibility(facts(), every, at=NOW)] == [rule.value for rule in Rule]


@pytest.mark.parametrize(
    ("unit_ids", "listed", "passed"),
    [
        ((UNIT,), (UNIT,), True),
        ((GROUP, UNIT), (UNIT,), True),  # a unit includes the groups below it
        ((UNIT,), (GROUP,), False),  # and a group not the unit above
        ((GROUP, UNIT), (GROUP,), True),
        ((UNIT,), (OTHER, UNIT), True),
        ((UNIT,), (OTHER,), False),
        ((), (UNIT,), False),
    ],
)
def test_the_unit(unit_ids: tuple[UUID, ...], listed: tuple[UUID, ...], passed: bool) -> None:
    assert failing(facts(unit_ids=unit_ids), rules(unit_ids=listed)) == ([] if passed else ["unit"])


@pytest.mark.parametrize(
    ("received_at", "months", "passed"),
    [
        (None, 6, True),
        (datetime(2026, 4, 12, 1, 0, tzinfo=UTC), 6, True),
        (datetime(2026, 4, 12, 15, 59, 59, tzinfo=UTC), 6, True),  # still 12 April in Shanghai
        (datetime(2026, 4, 12, 16, 0, tzinfo=UTC), 6, False),  # 13 April in Shanghai
        (datetime(2026, 9, 30, 1, 0, tzinfo=UTC), 1, False),
        (datetime(2023, 10, 12, 1, 0, tzinfo=UTC), 36, True),
        (datetime(2023, 10, 13, 1, 0, tzinfo=UTC), 36, False),
    ],
)
def test_not_received_within(received_at: datetime | None, months: int, passed: bool) -> None:
    found = failing(facts(last_received_at=received_at), rules(not_received_months=months))
    assert found == ([] if passed else ["not_received_within"])


def test_months_end_at_midnight_in_shanghai() -> None:
    known, asked = (
        facts(last_received_at=datetime(2026, 7, 31, 3, 0, tzinfo=UTC)),
        rules(not_received_months=7),
    )
    assert received_free_on(known.last_received_at, 7) == date(2027, 2, 28)
    assert failing(known, asked, at=datetime(2027, 2, 27, 15, 59, 59, tzinfo=UTC)) == ["not_received_within"]
    assert failing(known, asked, at=datetime(2027, 2, 27, 16, 0, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 8, 31), 36, date(2029, 8, 31)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
    ],
)
def test_calendar_months(day: date, months: int, then: date) -> None:
    assert add_months(day, months) == then


def test_the_list_and_the_status() -> None:
    asked = rules(is_listed_only=True)
    assert failing(facts(), asked) == ["on_list"]
    assert failing(facts(is_listed=True), asked) == []
    assert failing(facts(status="left"), asked) == ["membership_status", "on_list"]


def test_a_rule_that_was_set_aside_says_why() -> None:
    known = facts(status="retained", waived={"membership_status": "hardship"})
    results = check_eligibility(known, rules(), at=NOW)
    assert results[1] == RuleResult("membership_status", passed=True, exception="hardship")
    passing = check_eligibility(facts(waived={"membership_status": "hardship"}), rules(), at=NOW)
    assert passing[1] == RuleResult("membership_status", passed=True), "nobody needed the exception"


def test_nothing_sets_the_union_aside() -> None:
    assert {"unit", "membership_status", "not_received_within", "on_list"} == WAIVABLE


MOMENTS = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
FACTS = st.builds(
    EligibilityFacts,
    status=st.sampled_from(["active", "retained", "left"]),
    unit_ids=st.lists(st.sampled_from([UNIT, GROUP, OTHER]), max_size=2),
    last_received_at=MOMENTS,
    is_listed=st.booleans(),
)
RULES = st.builds(
    EligibilityRules,
    statuses=st.lists(st.sampled_from(["active", "retained", "left"]), min_size=1),
    unit_ids=st.lists(st.sampled_from([UNIT, GROUP]), max_size=2),
    not_received_months=st.none() | st.integers(1, 36),
    is_listed_only=st.booleans(),
)
WAIVED = st.dictionaries(st.sampled_from([rule.value for rule in Rule]), st.just("other"))


def with_waived(known: EligibilityFacts, waived: dict[str, str]) -> EligibilityFacts:
    return EligibilityFacts(
        known.status, known.unit_ids, known.last_received_at, known.is_listed, waived=waived
    )


@given(known=FACTS, asked=RULES, waived=WAIVED)
def test_an_exception_sets_just_its_rules_aside(
    known: EligibilityFacts, asked: EligibilityRules, waived: dict[str, str]
) -> None:
    before = check_eligibility(known, asked, at=NOW)
    after = check_eligibility(with_waived(known, waived), asked, at=NOW)
    assert [one.code for one in before] == [one.code for one in after]
    for was, is_now in zip(before, after, strict=True):
        set_aside = not was.passed and was.code in waived and was.code != "in_union"
        assert is_now.passed == (was.passed or set_aside)
        assert (is_now.exception is not None) == set_aside


@given(known=FACTS, asked=RULES, fewer=WAIVED, more=WAIVED)
def test_more_exceptions_never_take_away(
    known: EligibilityFacts, asked: EligibilityRules, fewer: dict[str, str], more: dict[str, str]
) -> None:
    if is_eligible(check_eligibility(with_waived(known, fewer), asked, at=NOW)):
        assert is_eligible(check_eligibility(with_waived(known, fewer | more), asked, at=NOW))


@given(known=FACTS, asked=RULES, days=st.integers(0, 1_500))
def test_waiting_never_takes_away(known: EligibilityFacts, asked: EligibilityRules, days: int) -> None:
    """What is known staying the same, who may order today may order tomorrow."""
    later = datetime.fromordinal(NOW.toordinal() + days).replace(hour=2, tzinfo=UTC)
    if is_eligible(check_eligibility(known, asked, at=NOW)):
        assert is_eligible(check_eligibility(known, asked, at=later))


@given(known=FACTS, asked=RULES)
def test_dropping_a_rule_never_takes_away(known: EligibilityFacts, asked: EligibilityRules) -> None:
    plain = EligibilityRules(asked.statuses)
    if is_eligible(check_eligibility(known, asked, at=NOW)):
        assert is_eligible(check_eligibility(known, plain, at=NOW))


def test_only_what_is_needed_is_asked() -> None:
    assert not rules().asks_more
    for more in ({"unit_ids": (UNIT,)}, {"not_received_months": 1}, {"is_listed_only": True}):
        assert rules(**more).asks_more


def test_decisions_on_exceptions() -> None:
    steps = {(origin.value, to.value) for to, origins in EXCEPTION_STEPS.items() for origin in origins}
    assert steps == {
        ("pending", "approved"),
        ("pending", "declined"),
        ("pending", "withdrawn"),
        ("approved", "withdrawn"),
    }
    assert set(ExceptionStatus) - set(EXCEPTION_STEPS) == {ExceptionStatus.PENDING}


def test_a_correction_is_due_in_three_weeks() -> None:
    assert correction_due_on(datetime(2026, 10, 12, 16, 0, tzinfo=UTC)) == date(2026, 11, 3)
