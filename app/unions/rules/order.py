"""The order of names: by pinyin, character by character, surnames read as surnames (单 is shan, 仇 is qiu).

Readings are those of pypinyin but for `surnames.csv`, which has what it reads as an ordinary word.
"""

import csv
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files

from pypinyin import lazy_pinyin

from app.unions.rules.names import SEPARATOR

GAP = 1 << 32
"""Between two neighbours' ranks: so many halvings until somebody has to be moved."""

_LONGEST_SURNAME = 2
_UNREAD = "\uffff"
# Parts of names of other languages whose usual transcription is read otherwise than the words.
_TRANSCRIBED = {"阿不都": ("a", "bu", "du"), "阿卜杜": ("a", "bu", "du")}
_PART = 3


def name_order_key(name: str) -> tuple[str, ...]:
    """Return what names are sorted by: of each character its syllable, then the character itself.

    So people of one surname stand together even where another surname sounds the same. A character without
    a reading comes after all others, a separator before. Equal for equal names only.
    """
    readings = iter(syllables(name))
    key: list[str] = []
    for character in name:
        key += ["" if character in SEPARATOR else next(readings), character]
    return tuple(key)


def syllables(name: str) -> list[str]:
    """Return the syllable of each character but separators: no tones, ü as v; U+FFFF for one without."""
    if SEPARATOR in name:
        return [syllable for part in name.split(SEPARATOR) for syllable in _read_part(part)]
    surname = next((name[:n] for n in range(_LONGEST_SURNAME, 0, -1) if name[:n] in _surnames()), name[:1])
    known = _surnames().get(surname)
    return [*(known or _read(surname)), *_read(name[len(surname) :])]


def ranks_of(names: Iterable[str]) -> dict[str, int]:
    """Return the rank of each name among all of a union, with gaps; the first one is `GAP`."""
    ordered = sorted(set(names), key=name_order_key)
    return {name: place * GAP for place, name in enumerate(ordered, start=1)}


def _read_part(part: str) -> tuple[str, ...]:
    known = _TRANSCRIBED.get(part[:_PART])
    return known + _read(part[_PART:]) if known else _read(part)


@lru_cache(maxsize=65_536)
def _read(text: str) -> tuple[str, ...]:
    """Return one syllable a character; together, because neighbours tell how some are read."""
    found = lazy_pinyin(text, errors=lambda _: _UNREAD, v_to_u=False)
    if len(found) != len(text):
        return tuple(_read_alone(character) for character in text)
    return tuple(found)


def _read_alone(character: str) -> str:
    return "".join(lazy_pinyin(character, errors=lambda _: _UNREAD, v_to_u=False))


@cache
def _surnames() -> dict[str, tuple[str, ...]]:
    table = (files("app.unions.rules") / "surnames.csv").read_text(encoding="utf-8")
    return {row["surname"]: tuple(row["syllables"].split()) for row in csv.DictReader(table.splitlines())}
