"""The short code: making, reading, showing."""

import json
from typing import Any

import pytest

from app.redemptions.rules.short_code import (
    SYMBOLS,
    group_short_code,
    looks_like_short_code,
    make_short_code,
    normalise_short_code,
)
from tests.factories.vectors import VECTORS_FILE

VECTORS: dict[str, Any] = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))["short_codes"]


@pytest.mark.parametrize("vector", VECTORS["made"], ids=lambda vector: vector["code"])
def test_every_number_makes_the_code_of_the_vectors(vector: dict[str, Any]) -> None:
    code = make_short_code(vector["random_45_bits"])
    assert code == vector["code"]
    assert group_short_code(code) == vector["shown"]
    assert normalise_short_code(code) == code


@pytest.mark.parametrize("vector", VECTORS["read"], ids=lambda vector: vector["name"])
def test_every_typed_vector_is_read_as_meant(vector: dict[str, Any]) -> None:
    assert normalise_short_code(vector["typed"]) == vector["code"]


def test_the_alphabet_is_crockfords() -> None:
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 32
    assert set("ILOU").isdisjoint(SYMBOLS)


def test_the_number_is_the_first_nine_symbols() -> None:
    assert make_short_code(0) == "0000000000"
    assert make_short_code(1) == "0000000012"  # the last random symbol weighs alpha, which is 2
    assert make_short_code(16) == "00000000G5"  # 16 times alpha overflows into x^2 + 1
    assert make_short_code(2**45 - 1)[:9] == "ZZZZZZZZZ"


@pytest.mark.parametrize("number", [-1, 2**45, 2**64])
def test_a_number_of_more_than_45_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="45 bits"):
        make_short_code(number)


def test_a_typo_still_looks_like_a_short_code() -> None:
    assert normalise_short_code("0000000013") is None
    assert looks_like_short_code("0000000013") is True
    assert looks_like_short_code(" ooooo-oool3\r\n") is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "000000001",
        "00000000120",
        "GL1:000000",
        "U000000012",
        "000000001\u0131",
        "00000_0012",
        "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341",
        "0" * 10 + " " * 1000,
        "\ufdfa" * 10,
        "0000000012\0",
        "0000000012\ud800",
    ],
)
def test_what_is_no_short_code_is_none(text: str) -> None:
    assert looks_like_short_code(text) is False
    assert normalise_short_code(text) is None


@pytest.mark.parametrize("code", ["", "000000001", "00000-00012"])
def test_only_ten_symbols_are_grouped(code: str) -> None:
    with pytest.raises(ValueError, match="ten symbols"):
        group_short_code(code)
