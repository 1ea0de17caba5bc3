"""Texts for people: `app/locales/*.toml`, keyed by problem code, in zh-CN and en."""

import tomllib
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from app.platform.clock import SHANGHAI

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
_WEEKDAYS = "一二三四五六日"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "–"


@cache
def texts(language: Language) -> dict[str, dict[str, str]]:
    """Return all texts of a language: code -> {"title", "detail"}."""
    name = language.replace("-", "_") + ".toml"
    return tomllib.loads((files("app") / "locales" / name).read_text(encoding="utf-8"))


def text(language: Language, code: str, *, part: str, **params: Any) -> str:
    """Return one text with its placeholders filled; a missing value shows as a dash.

    Raises KeyError when the code has no text: a test keeps both languages complete.
    """
    filled = {name: _for_people(name, value, language=language) for name, value in params.items()}
    return texts(language)[code][part].format_map(_Blank(filled))


def _for_people(name: str, value: Any, *, language: Language) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, str) and name.endswith("_at"):
        # An instant in the form in which it is also shown to programs, and kept.
        return said(datetime.fromisoformat(value), language)
    return said(value, language) if isinstance(value, date) else value


def said(moment: datetime | date, language: Language) -> str:
    """Return an instant (to the minute, in the time of Shanghai) or a day as people say it.

    `11月24日(周二)09:00` or `24 Nov 2026 09:00 (Beijing time)`; a day is the same without the time.
    """
    local = moment.astimezone(SHANGHAI) if isinstance(moment, datetime) else moment
    time = f"{local:%H:%M}" if isinstance(local, datetime) else ""
    if language == "zh-CN":
        return f"{local.month}月{local.day}日(周{_WEEKDAYS[local.weekday()]}){time}"
    day = f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day} {time} (Beijing time)" if time else day


def choose_language(accept_language: str | None) -> Language:
    """Return the language to answer in (RFC 9110 section 12.5.4): zh-CN unless en is preferred."""
    best: tuple[float, Language] = (0.0, "zh-CN")
    for part in (accept_language or "")[:200].split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        tag = tag.strip().lower()
        language: Language | None = (
            "zh-CN" if tag == "zh" or tag.startswith("zh-") else "en" if tag[:2] == "en" else None
        )
        if language and quality > best[0]:
            best = (quality, language)
    return best[1]
