"""Texts for people: `app/locales/*.toml`, keyed by problem code, in zh-CN and en."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")


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
    listed = {name: ", ".join(map(str, value)) for name, value in params.items() if isinstance(value, list)}
    return texts(language)[code][part].format_map(_Blank(params | listed))


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
