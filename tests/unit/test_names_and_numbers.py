"""Names and numbers as they are stored and shown; the vectors of `docs/vectors/people.json`, all of them."""

import json
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.unions.rules import Audience, mask_id_last4, mask_mobile, mask_name
from app.unions.rules.names import Fault, Unusable, folded_name, normalise_name
from app.unions.rules.numbers import check_identity_number, normalise_last4, normalise_mobile
from app.unions.rules.order import GAP, name_order_key, ranks_of, syllables

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "vectors" / "people.json").read_text(encoding="utf-8")
)
TODAY = date(2026, 11, 23)


def fault_of(call: Any, given: str, **more: Any) -> Fault | None:
    try:
        call(given, **more)
    except Unusable as refused:
        if given:
            assert given not in str(refused), "a refusal repeats nothing personal"  # noqa: PT017
        return refused.fault
    return None


@pytest.mark.parametrize("vector", VECTORS["names"], ids=lambda one: one["in"])
def test_vector_of_a_name(vector: dict[str, str]) -> None:
    assert normalise_name(vector["in"]) == vector["out"]


@pytest.mark.parametrize("vector", VECTORS["mask"], ids=lambda one: one["in"])
def test_vector_of_a_masked_name(vector: dict[str, str]) -> None:
    assert mask_name(vector["in"], Audience.PUBLIC) == vector["public"]
    assert mask_name(vector["in"], Audience.STAFF) == mask_name(vector["in"]) == vector["staff"]


@pytest.mark.parametrize("vector", VECTORS["id_numbers"], ids=lambda one: one["why"])
def test_vector_of_an_identity_number(vector: dict[str, Any]) -> None:
    fault = fault_of(check_identity_number, vector["v"], today=TODAY)
    assert (fault is None) == vector["ok"], fault
    if vector["ok"]:
        assert check_identity_number(vector["v"], today=TODAY) == vector["v"][-4:].upper()


@pytest.mark.parametrize(("surname", "reading"), VECTORS["surname_pinyin"].items())
def test_vector_of_a_surname(surname: str, reading: str) -> None:
    assert syllables(surname + "伟")[:-1] == reading.split()
    assert syllables(surname + "伟")[-1] == "wei"


def test_vectors_of_masked_numbers() -> None:
    assert mask_mobile("13800008000") == VECTORS["mobile"]
    assert mask_id_last4("002X") == VECTORS["id_mask"]
    assert mask_id_last4(None) is None


def test_no_kind_of_vector_is_left_out() -> None:
    assert set(VECTORS) == {"names", "mask", "id_numbers", "surname_pinyin", "mobile", "id_mask"}
    assert [len(VECTORS[kind]) for kind in ("names", "mask", "id_numbers", "surname_pinyin")] == [6, 5, 9, 35]


@pytest.mark.parametrize(
    ("name", "public"), [("王", "*"), ("𬱖𬱖𬱖", "𬱖**"), ("阿·买买提", "*·***"), ("买买提·艾力", "买**·**")]
)
def test_a_public_name_is_its_first_character(name: str, public: str) -> None:
    assert mask_name(name, Audience.PUBLIC) == public


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("\u3000张\u3000伟\u3000", "张伟"),
        ("阿依古丽‧买买提", "阿依古丽·买买提"),
        ("阿依古丽⸱买买提", "阿依古丽·买买提"),
        ("阿依古丽.买买提", "阿依古丽·买买提"),
        ("阿依古丽･买买提", "阿依古丽·买买提"),
        ("Jose\u0301 Garci\u0301a", "José García"),
        ("Mary  O’Brien", "Mary O'Brien"),
        ("Anna\u2011Lena", "Anna-Lena"),
        ("张 Wei", "张Wei"),
        ("王〇", "王〇"),
        ("张\ue001", "张\ue001"),
        ("李\U000323af", "李\U000323af"),
        ("䶮龑", "䶮龑"),
        ("\uf900明", "\uf900明"),
        ("\ufa0e明", "\ufa0e明"),
        ("が" + "か\u3099", "がが"),
        ("김\u1100\u1161", "김가"),
    ],
)
def test_what_a_name_is_stored_as(given: str, stored: str) -> None:
    assert normalise_name(given) == stored
    assert normalise_name(stored) == stored, "stored once, stored the same again"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("", Fault.NAME_MISSING),
        (" \u3000\u00a0 ", Fault.NAME_MISSING),
        ("张" * 51, Fault.NAME_TOO_LONG),
        ("张\u200b三", Fault.NAME_HIDDEN_CHARACTER),
        ("\ufeff张三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\u202e三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\u2066三\u2069", Fault.NAME_HIDDEN_CHARACTER),
        ("张\u200f三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\u00ad三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\x00三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\t三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\n三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\u2028三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\ud800三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\U000e0041三", Fault.NAME_HIDDEN_CHARACTER),
        ("张\u3164", Fault.NAME_HIDDEN_CHARACTER),
        ("李😀", Fault.NAME_CHARACTER),
        ("李❤\ufe0f", Fault.NAME_HIDDEN_CHARACTER),
        ("=cmd|' /C calc'!A0", Fault.NAME_CHARACTER),
        ("＝1+1", Fault.NAME_CHARACTER),
        ("@张三", Fault.NAME_CHARACTER),
        ("<b>张三</b>", Fault.NAME_CHARACTER),
        ("13800138000", Fault.NAME_CHARACTER),
        ("张\ufffd", Fault.NAME_CHARACTER),
        ("张\U0001ffff", Fault.NAME_CHARACTER),
        ("-张三", Fault.NAME_SEPARATOR),
        ("·张三", Fault.NAME_SEPARATOR),
        ("张三.", Fault.NAME_SEPARATOR),
        ("阿依古丽··买买提", Fault.NAME_SEPARATOR),
    ],
)
def test_what_no_name_may_hold(given: str, fault: Fault) -> None:
    assert fault_of(normalise_name, given) is fault


def test_fifty_characters_are_counted_as_people_count() -> None:
    assert normalise_name("𬱖" * 50) == "𬱖" * 50
    assert normalise_name("e\u0301" * 50) == "é" * 50
    assert fault_of(normalise_name, "𬱖" * 51) is Fault.NAME_TOO_LONG


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\uf900明", "\u8c48明"),
        ("李\U0002f804", "李\u4f60"),
        ("ＺＨＡＮＧ伟", "zhang伟"),
        ("阿依古丽·买买提", "阿依古丽买买提"),
        ("Anna-Lena", "anna lena"),
        ("葛\U000e0100", "葛"),
        (unicodedata.normalize("NFD", "José"), "José"),
    ],
)
def test_spellings_of_one_name_fold_together(one: str, other: str) -> None:
    assert one != other
    assert folded_name(one) == folded_name(other)


def test_names_that_only_look_alike_stay_apart() -> None:
    assert folded_name("张伟") != folded_name("張偉")
    assert folded_name("Аnna") != folded_name("Anna"), "a Cyrillic letter"


@pytest.mark.parametrize(
    "given",
    ["13800008000", "１３８００００８０００", "+86 138-0000-8000", "8613800008000", "0086 138 0000 8000",
     "138\u30000000\u30008000", "138–0000–8000", " 13800008000 "],
)  # fmt: skip
def test_a_mobile_number_however_typed(given: str) -> None:
    assert normalise_mobile(given) == "13800008000"


@pytest.mark.parametrize(
    "given",
    ["", "12800008000", "1380000800", "138000080000", "23800008000", "1380000800O", "+1 13800008000",
     "١٣٨٠٠٠٠٨٠٠٠", "13800008000\x00", "86138000080", "010-12345678", "13800008000;13900009000"],
)  # fmt: skip
def test_what_is_no_mobile_number(given: str) -> None:
    assert fault_of(normalise_mobile, given) is Fault.MOBILE_FORM


def test_numbers_that_begin_like_the_country_stay_whole() -> None:
    assert normalise_mobile("18613800008") == "18613800008"


@pytest.mark.parametrize(("given", "stored"), [("002x", "002X"), (" ００２Ｘ ", "002X"), ("0017", "0017")])
def test_the_last_four(given: str, stored: str) -> None:
    assert normalise_last4(given) == stored


@pytest.mark.parametrize("given", ["", "002", "00X2", "0017X", "X002", "00１", "①②③④⑤"])
def test_what_are_no_last_four(given: str) -> None:
    assert fault_of(normalise_last4, given) is Fault.ID_LAST4_FORM


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("110105491231002", Fault.ID_NUMBER_FORM),
        ("１１０１０５１９４９１２３１００２Ｘ", None),
        ("110105 19491231 002x", None),
        ("110105194912310021", Fault.ID_NUMBER_CHECK),
        ("11010519990230001?", Fault.ID_NUMBER_DATE),
        ("99010519491231001?", None),
        ("00010519491231001?", Fault.ID_NUMBER_REGION),
        ("", Fault.ID_NUMBER_FORM),
    ],
)
def test_what_an_identity_number_must_be(given: str, fault: Fault | None) -> None:
    assert fault_of(check_identity_number, with_check(given), today=TODAY) is fault


def with_check(number: str) -> str:
    """Return a number with its check symbol in place of a question mark."""
    if not number.endswith("?"):
        return number
    total = sum((1 << 17 - place) % 11 * int(digit) for place, digit in enumerate(number[:17]))
    return number[:17] + "10X98765432"[total % 11]


def test_nobody_is_born_tomorrow() -> None:
    born_in_1949 = "11010519491231002X"
    assert fault_of(check_identity_number, born_in_1949, today=date(1949, 12, 30)) is Fault.ID_NUMBER_DATE
    assert check_identity_number(born_in_1949, today=date(1949, 12, 31)) == "002X"


def test_names_stand_in_the_order_of_pinyin() -> None:
    ordered = ["阿依古丽·买买提", "单于飞", "仇英", "单雄信", "解缙", "吕布", "吕卓", "尉迟恭", "曾巩",
               "张三", "张三丰",               "张伟", "章太", "\ue001"]  # fmt: skip
    readings = [" ".join(syllables(name)) for name in ordered]
    assert readings[:4] == ["a yi gu li mai mai ti", "chan yu fei", "qiu ying", "shan xiong xin"]
    assert sorted(ordered, key=name_order_key) == [
        "阿依古丽·买买提", "单于飞", "吕布", "吕卓", "仇英", "单雄信", "解缙", "尉迟恭", "曾巩", "张三",
        "张三丰", "张伟", "章太", "\ue001",
    ]  # fmt: skip


def test_people_of_one_surname_stand_together() -> None:
    assert sorted(["李伟", "黎飞", "李安", "黎云"], key=name_order_key) == ["李安", "李伟", "黎飞", "黎云"]


def test_the_order_tells_any_two_names_apart() -> None:
    assert name_order_key("\ue001") != name_order_key("\ue002")
    assert name_order_key("阿·买") != name_order_key("阿买")


def test_ranks_leave_room_and_are_shared_by_equal_names() -> None:
    assert ranks_of(["李伟", "安娜", "李伟"]) == {"安娜": GAP, "李伟": 2 * GAP}
