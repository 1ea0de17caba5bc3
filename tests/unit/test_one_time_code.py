"""Codes in text messages: bound to their challenge, few tries, short-lived, hard to guess."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.sign_in.rules.one_time_code import (
    CODES_PER_DAY,
    CODES_PER_HOUR,
    LIFE,
    MOST_TRIES,
    Challenge,
    Verdict,
    chance_of_guessing,
    choice_of,
    chosen_of,
    digest_of_code,
    digest_of_number,
    judge,
    new_code,
)

SECRET = bytes(range(32))
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
ID = uuid4()
RIGHT = digest_of_code(SECRET, ID, code="012345")
WRONG = digest_of_code(SECRET, ID, code="012346")


def challenge(**other: object) -> Challenge:
    values = {"code_digest": RIGHT, "expires_at": NOW + LIFE, "try_count": 0, "is_used": False} | other
    return Challenge(**values)  # type: ignore[arg-type]


def test_the_figures_are_those_that_were_promised() -> None:
    assert (timedelta(minutes=5), 5, 5, 10) == (LIFE, MOST_TRIES, CODES_PER_HOUR, CODES_PER_DAY)


def test_all_allowed_guesses_of_an_hour_hit_less_often_than_once_in_ten_thousand() -> None:
    assert chance_of_guessing(CODES_PER_HOUR) == 25e-6 < 1e-4
    assert chance_of_guessing(CODES_PER_DAY) == 50e-6 < 1e-4


def test_codes_have_six_digits_and_every_digit_comes_everywhere() -> None:
    codes = [new_code() for _ in range(5_000)]
    assert {(len(code), code.isdigit()) for code in codes} == {(6, True)}
    for position in range(6):
        seen = Counter(code[position] for code in codes)
        assert set(seen) == set("0123456789")
        assert max(seen.values()) < 700  # 500 expected; nine standard deviations


@pytest.mark.parametrize(
    ("known", "given", "after", "verdict"),
    [
        (challenge(), RIGHT, timedelta(), Verdict.RIGHT),
        (challenge(), WRONG, timedelta(), Verdict.WRONG),
        (challenge(), RIGHT, LIFE - timedelta(seconds=1), Verdict.RIGHT),
        (challenge(), RIGHT, LIFE, Verdict.DEAD),
        (challenge(), RIGHT, timedelta(minutes=11), Verdict.DEAD),
        (challenge(try_count=4), RIGHT, timedelta(), Verdict.RIGHT),
        (challenge(try_count=5), RIGHT, timedelta(), Verdict.DEAD),
        (challenge(is_used=True), RIGHT, timedelta(), Verdict.DEAD),
        (None, RIGHT, timedelta(), Verdict.DEAD),
        (None, bytes(32), timedelta(), Verdict.DEAD),
        (challenge(), digest_of_code(SECRET, uuid4(), code="012345"), timedelta(), Verdict.WRONG),
        (challenge(), digest_of_code(bytes(32), ID, code="012345"), timedelta(), Verdict.WRONG),
    ],
    ids=[str(number) for number in range(12)],
)
def test_a_code_is_right_for_its_challenge_in_time_and_not_too_often(
    known: Challenge | None, given: bytes, after: timedelta, verdict: Verdict
) -> None:
    assert judge(known, given, now=NOW + after) is verdict


def test_a_number_and_a_code_never_have_the_same_digest() -> None:
    assert digest_of_number(SECRET, "13800138000") != digest_of_number(SECRET, "13800138001")
    assert len({digest_of_number(SECRET, "012345"), RIGHT, WRONG}) == 3


def test_a_choice_names_one_member_of_one_challenge() -> None:
    husband, wife = uuid4(), uuid4()
    choice = choice_of(SECRET, ID, member_id=wife)
    assert chosen_of(SECRET, ID, among=[husband, wife], choice=choice) == wife
    assert chosen_of(SECRET, ID, among=[husband], choice=choice) is None
    assert chosen_of(SECRET, uuid4(), among=[husband, wife], choice=choice) is None
    assert chosen_of(SECRET, ID, among=[husband, wife], choice="王") is None
    assert str(wife) not in choice
