"""The invented members: as many as promised, the same each time, and nobody's real numbers."""

import re
import unicodedata
from collections import Counter
from random import Random

from app.demo.directory import units_of_streets
from app.demo.names import invent_name
from app.demo.people import Person, make_people
from app.demo.source import read_source
from app.unions.rules import MemberStatus
from app.unions.rules.order import syllables

SOURCE = read_source()
UNITS = units_of_streets(SOURCE)
PEOPLE = make_people(SOURCE, UNITS)


def count_active(street: str) -> int:
    return sum(one.street == street and one.status is MemberStatus.ACTIVE for one in PEOPLE)


def synthetic() -> list[Person]:
    return PEOPLE[len(SOURCE.members) :]


def test_there_are_three_thousand_numbered_without_gaps() -> None:
    assert [one.number for one in PEOPLE] == [f"M{number:07d}" for number in range(1, 3_001)]
    assert Counter(one.street for one in PEOPLE) == {"xjk": 2_100, "nj": 440, "ds": 460}
    assert count_active("xjk") >= 2_050
    assert count_active("nj") >= 420
    assert {one.status for one in synthetic()} == {
        MemberStatus.ACTIVE,
        MemberStatus.RETAINED,
        MemberStatus.TRANSFERRED_OUT,
    }


def test_they_are_the_same_each_time() -> None:
    assert make_people(SOURCE, UNITS) == PEOPLE


def test_the_personas_are_as_in_the_source() -> None:
    for persona, one in zip(SOURCE.members, PEOPLE, strict=False):
        assert (one.number, one.name, one.unit) == (persona.no, persona.name, persona.org)
        assert (one.mobile, one.id_last4, one.status) == (persona.mobile, persona.id_last4, persona.status)
    keys = [one.name_key for one in PEOPLE[:12]]
    assert keys[3] == "shan ming"
    assert keys[8:11] == ["wang xiu ying", "liu jian guo", "zhao min"]
    assert [one.number for one in PEOPLE[:12] if one.is_senior_mode] == ["M0000009"]


def test_everybody_is_in_a_unit_of_their_street() -> None:
    assert all(one.unit in UNITS[one.street] for one in PEOPLE)
    used = {one.unit for one in PEOPLE}
    assert used == {unit for units in UNITS.values() for unit in units}
    assert "xjk-g01-t1" in used


def test_numbers_cannot_belong_to_anybody() -> None:
    mobiles = [one.mobile for one in PEOPLE if one.mobile is not None]
    assert len(mobiles) == len(set(mobiles)) < len(PEOPLE)
    assert all(re.fullmatch(r"1380000\d{4}", mobile) for mobile in mobiles)
    endings = [one.id_last4 for one in PEOPLE if one.id_last4 is not None]
    assert all(re.fullmatch(r"\d{3}[\dX]", ending) for ending in endings)
    assert any(ending.endswith("X") for ending in endings)
    assert any(one.id_last4 is None for one in synthetic())


def test_names_have_a_syllable_for_each_character() -> None:
    for one in PEOPLE:
        assert re.fullmatch(r"[a-z]+( [a-z]+)*", one.name_key), one
        assert len(one.name_key.split()) == len(one.name.replace("·", "")), one
        assert unicodedata.normalize("NFC", one.name) == one.name


def test_names_are_read_as_their_bearers_say() -> None:
    assert [one for one in PEOPLE if " ".join(syllables(one.name)) != one.name_key] == []


def test_names_that_programs_like_to_get_wrong_are_there() -> None:
    names = [one.name for one in synthetic()]
    assert any("·" in name for name in names)
    assert any(ord(character) > 0xFFFF for name in names for character in name)
    assert any(name.startswith(("上官", "长孙", "司马")) for name in names)
    assert Counter(names).most_common(1)[0][1] > 1, "people with the same name"


def test_readings_of_surnames_are_those_of_names() -> None:
    invented = dict(invent_name(Random(seed)) for seed in range(20_000))
    by_surname = {name[0]: key.split()[0] for name, key in invented.items() if "·" not in name}
    assert {surname: by_surname[surname] for surname in "单仇解曾查区盖任吕"} == {
        "单": "shan",
        "仇": "qiu",
        "解": "xie",
        "曾": "zeng",
        "查": "zha",
        "区": "ou",
        "盖": "ge",
        "任": "ren",
        "吕": "lv",
    }
    assert any(key.startswith("zhang sun ") for name, key in invented.items() if name.startswith("长孙"))
