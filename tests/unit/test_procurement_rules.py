"""Codes, numbers, quantities and certificates of procurement, and what receipts post."""

from datetime import date
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.schemas import check_sc_number
from app.procurement.rules.certificates import Doubt, Held, doubt_of
from app.procurement.rules.numbers import check_uscc, purchase_number, receipt_number
from app.procurement.rules.quantities import amount_of, grams_of_jin, shown_in_jin, total_of
from app.procurement.rules.receiving import (
    Arrived,
    days_left,
    delivered,
    delivered_late,
    is_too_short,
    reversed_delivery,
    reversed_late,
)
from app.procurement.rules.states import FROM, PurchaseStatus, PurchaseStep, may_step
from app.stock.rules.ledger import Account, AccountKind, Line

COUNTS = st.integers(0, 3_000)


def test_numbers_of_papers() -> None:
    assert purchase_number(2020, 1) == "CG-2020-0001"
    assert purchase_number(2026, 12_345) == "CG-2026-12345"
    assert receipt_number(date(2020, 10, 18), 1) == "RK-20201018-001"
    assert receipt_number(date(2020, 10, 18), 1_000) == "RK-20201018-1000"


@pytest.mark.parametrize("code", ["91110000600037341L", "91350100M000100Y43"])
def test_a_credit_code_that_holds(code: str) -> None:
    assert check_uscc(code) == code


@pytest.mark.parametrize(
    "code",
    [
        "91110000600037342L", "91110000600037341M", "9111000060003734", "91110000600037341l",
        "91110000 600037341L", "9111000060003734IL", "",
    ],
)  # fmt: skip
def test_a_credit_code_that_does_not(code: str) -> None:
    with pytest.raises(ValueError, match=r"check digit|form"):
        check_uscc(code)


def test_every_other_last_digit_of_a_licence_is_refused() -> None:
    right = [digit for digit in "0123456789" if _holds(f"SC1041307220001{digit}")]
    assert right == ["1"]
    for wrong in (
        "10413072200011",
        "SC1041307220001",
        "SC104130722000112",
        "sc10413072200011",
        "SC１0413072200011",
    ):
        assert not _holds(wrong)


def _holds(number: str) -> bool:
    try:
        check_sc_number(number)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("grams", "jin"),
    [(0, "0"), (1, "0.002"), (250, "0.5"), (500, "1"), (501, "1.002"), (2_500, "5"), (5_000_000, "10000"),
     (1_999, "3.998"), (499_999, "999.998"), (550, "1.1")],
)  # fmt: skip
def test_jin_is_exact(grams: int, jin: str) -> None:
    assert shown_in_jin(grams) == jin


@given(st.integers(0, 10**12))
def test_jin_says_what_the_grams_are(grams: int) -> None:
    assert Fraction(shown_in_jin(grams)) * 500 == grams


def test_ten_thousand_operations_do_not_drift() -> None:
    """CASES 52: 10,000 斤 in boxes of 2.5 kg are 2,000 boxes, and stay so however often they are moved."""
    grams = grams_of_jin(10_000)
    assert grams == 5_000_000
    assert divmod(grams, 2_500) == (2_000, 0)
    held = grams
    for step in range(10_000):
        part = 2_500 * (step % 7 + 1)
        taken = Fraction(shown_in_jin(held - part)) * 500
        assert taken.denominator == 1
        held = int(taken) + grams_of_jin(part // 500) + part % 500
    assert (held, shown_in_jin(held)) == (5_000_000, "10000")


def test_money() -> None:
    assert amount_of(2_000, 8_800) == 17_600_000
    assert amount_of(None, 8_800) is None
    assert amount_of(3, None) is None
    assert total_of([17_600_000, 1]) == 17_600_001
    assert total_of([17_600_000, None]) is None
    assert total_of([]) is None
    assert total_of([0]) == 0


SUPPLIER, PRODUCT = UUID(int=1), UUID(int=2)
HELD = Held(SUPPLIER, date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "held", "doubt"),
    [
        (date(2026, 1, 1), HELD, None),
        (date(2026, 12, 31), HELD, None),
        (date(2025, 12, 31), HELD, Doubt.NOT_YET_VALID),
        (date(2027, 1, 1), HELD, Doubt.EXPIRED),
        (None, HELD, Doubt.DAY_UNKNOWN),
        (date(2090, 1, 1), Held(SUPPLIER, date(2026, 1, 1), None), None),
        (date(2026, 6, 1), Held(SUPPLIER, date(2026, 1, 1), None, date(2026, 6, 1)), Doubt.WITHDRAWN),
        (date(2026, 5, 31), Held(SUPPLIER, date(2026, 1, 1), None, date(2026, 6, 1)), None),
        (date(2026, 6, 1), Held(UUID(int=9), date(2026, 1, 1), None), Doubt.OTHER_SUPPLIER),
        (date(2026, 6, 1), Held(SUPPLIER, date(2026, 1, 1), None, None, PRODUCT), None),
        (date(2026, 6, 1), Held(SUPPLIER, date(2026, 1, 1), None, None, UUID(int=3)), Doubt.OTHER_GOODS),
    ],
)
def test_a_certificate_counts_or_says_why_not(day: date | None, held: Held, doubt: Doubt | None) -> None:
    assert doubt_of(held, supplier_id=SUPPLIER, day=day, product_ids={PRODUCT}) == doubt


def test_days_left() -> None:
    assert days_left(date(2026, 12, 1), date(2026, 10, 2)) == 60
    assert days_left(None, date(2026, 10, 2)) is None
    assert [is_too_short(left, 60) for left in (59, 60, 61, None)] == [True, False, False, True]


def test_steps_of_a_purchase() -> None:
    assert {step: sorted(FROM[step]) for step in PurchaseStep} == {
        PurchaseStep.CHANGE: ["draft"],
        PurchaseStep.SUBMIT: ["draft"],
        PurchaseStep.APPROVE: ["pending"],
        PurchaseStep.DECLINE: ["pending"],
        PurchaseStep.CANCEL: ["approved", "draft", "pending"],
        PurchaseStep.RECEIVE: ["approved"],
        PurchaseStep.RECORD_PAPERS: ["approved"],
    }
    assert not may_step(PurchaseStatus.CANCELLED, PurchaseStep.APPROVE)


def arrived(good: int, damaged: int, missing: int) -> Arrived:
    ids = {"lot_id": UUID(int=4), "point_id": UUID(int=5), "receipt_id": UUID(int=6)}
    return Arrived(good=good, damaged=damaged, missing=missing, **ids)


def held_after(lines: list[Line]) -> dict[AccountKind, int]:
    held: dict[Account, int] = {}
    for line in lines:
        if line.source is not None:
            held[line.source] = held.get(line.source, 0) - line.boxes
        held[line.target] = held.get(line.target, 0) + line.boxes
    return {account.kind: boxes for account, boxes in held.items() if boxes}


def counted(**kinds: int) -> dict[AccountKind, int]:
    return {AccountKind(kind): boxes for kind, boxes in kinds.items() if boxes}


@given(COUNTS, COUNTS, COUNTS)
def test_a_delivery_posts_what_came(good: int, damaged: int, missing: int) -> None:
    came = arrived(good, damaged, missing)
    after = held_after(delivered(came))
    assert after == counted(pickup_point=good, quarantine=damaged, supplier=missing)
    back = delivered(came) + reversed_delivery(came)
    assert held_after(back) == counted(returned=good + damaged + missing)
    anew = back + delivered(came, taken_back=good + damaged + missing)
    assert held_after(anew) == after
    assert sum(line.boxes for line in anew if line.source is None) == good + damaged + missing


@given(COUNTS, COUNTS, COUNTS)
def test_a_late_delivery_and_its_way_back(good: int, damaged: int, missing: int) -> None:
    first = delivered(arrived(0, 0, good + damaged + missing))
    late = arrived(good, damaged, 0)
    after = held_after(first + delivered_late(late))
    assert after == counted(pickup_point=good, quarantine=damaged, supplier=missing)
    assert held_after(first + delivered_late(late) + reversed_late(late)) == held_after(first)
