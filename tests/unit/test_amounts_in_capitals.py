"""Amounts in capitals: the vectors, and a reader of its own that finds every amount again."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.rules.capitals import MOST_FEN, amount_in_capitals

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "amounts.json").read_text("utf-8"))
DIGITS = {sign: value for value, sign in enumerate("零壹贰叁肆伍陆柒捌玖")}
PLACES = {"拾": 10, "佰": 100, "仟": 1_000}


def read(capitals: str) -> int:
    """Read an amount as an accountant does: digits with their places, sections of 亿 and 万."""
    text = capitals.removeprefix("人民币").removesuffix("整")
    sign = -1 if text.startswith("负") else 1
    text = text.removeprefix("负")
    whole, _, rest = text.rpartition("元")
    fen = 0
    for unit, value in (("角", 10), ("分", 1)):
        if unit in rest:
            fen += DIGITS[rest[rest.index(unit) - 1]] * value
    total = section = digit = 0
    for char in whole:
        if char in DIGITS:
            digit = DIGITS[char]
        elif char in PLACES:
            section, digit = section + digit * PLACES[char], 0
        else:
            total = (
                (total + section + digit) * (10**8 if char == "亿" else 10**4)
                if char == "亿"
                else total + (section + digit) * 10**4
            )
            section = digit = 0
    return sign * ((total + section + digit) * 100 + fen)


@pytest.mark.parametrize("vector", VECTORS, ids=[one["yuan"] for one in VECTORS])
def test_the_vectors(vector: dict[str, str]) -> None:
    assert amount_in_capitals(int(Decimal(vector["yuan"]) * 100)) == vector["capitals"]


@given(st.integers(-MOST_FEN, MOST_FEN) | st.integers(0, 10_000_000))
def test_every_amount_is_read_back(fen: int) -> None:
    capitals = amount_in_capitals(fen)
    assert read(capitals) == fen
    assert "零零" not in capitals
    assert capitals.endswith("整") == (fen % 100 == 0 if fen >= 0 else -fen % 100 == 0)


@given(st.integers(0, MOST_FEN - 1))
def test_two_amounts_never_look_alike(fen: int) -> None:
    assert amount_in_capitals(fen) != amount_in_capitals(fen + 1)


def test_beyond_what_is_printed() -> None:
    assert read(amount_in_capitals(MOST_FEN)) == MOST_FEN
    with pytest.raises(ValueError, match="twelve digits"):
        amount_in_capitals(MOST_FEN + 1)
