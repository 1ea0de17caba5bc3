"""Both languages say everything: the same keys, the same placeholders, nothing of one in the other."""

import re
from datetime import UTC, date, datetime
from string import Formatter

import pytest

import app.main  # noqa: F401 - registers every refusal
from app.platform.errors import CATALOGUE
from app.platform.i18n import LANGUAGES, Language, choose_language, said, text, texts

CJK = re.compile(r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]")
ENTRIES = [(key, part) for key, parts in sorted(texts("en").items()) for part in sorted(parts)]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    chinese, english = ({key: set(parts) for key, parts in texts(which).items()} for which in LANGUAGES)
    assert chinese == english
    assert len(english) > 40


@pytest.mark.parametrize("code", sorted(CATALOGUE))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_title_and_a_detail(language: str, code: str) -> None:
    entry = texts(language)[code]
    assert set(entry) == {"title", "detail"}
    assert all(sentence.strip() == sentence and sentence for sentence in entry.values())


def test_there_is_no_text_for_a_refusal_that_nobody_makes() -> None:
    others = ("rule.", "field.", "message.")
    assert {key for key in texts("en") if not key.startswith(others)} == set(CATALOGUE)


@pytest.mark.parametrize(("key", "part"), ENTRIES)
def test_both_languages_use_the_same_placeholders(key: str, part: str) -> None:
    chinese, english = (texts(which)[key][part] for which in LANGUAGES)
    assert chinese.strip()
    assert english.strip()
    assert placeholders(chinese) == placeholders(english)


@pytest.mark.parametrize(("key", "part"), ENTRIES)
def test_each_language_keeps_to_its_script(key: str, part: str) -> None:
    assert not CJK.search(texts("en")[key][part])
    assert CJK.search(texts("zh-CN")[key][part])


def test_a_missing_value_is_a_dash_and_a_list_is_a_list_of_words() -> None:
    assert text("en", "campaigns.not_open", part="detail") == "Orders open at –; please come back then."
    lacking = text("en", "campaigns.incomplete", part="detail", missing=["offers", "slots"])
    assert lacking == "Before it can be published it lacks: offers, slots."


@pytest.mark.parametrize(
    ("moment", "chinese", "english"),
    [
        (
            datetime(2026, 11, 24, 1, 0, 0, 5, tzinfo=UTC),
            "11月24日(周二)09:00",
            "24 Nov 2026 09:00 (Beijing time)",
        ),
        (datetime(2026, 1, 3, 16, 0, tzinfo=UTC), "1月4日(周日)00:00", "4 Jan 2026 00:00 (Beijing time)"),
        (date(2026, 10, 12), "10月12日(周一)", "12 Oct 2026"),
    ],
)
def test_instants_and_days_are_said_as_people_say_them(
    moment: datetime | date, chinese: str, english: str
) -> None:
    assert (said(moment, "zh-CN"), said(moment, "en")) == (chinese, english)


@pytest.mark.parametrize(
    ("language", "detail"),
    [
        ("zh-CN", "活动将于11月24日(周二)09:00开始预订,请稍后再来。"),
        ("en", "Orders open at 24 Nov 2026 09:00 (Beijing time); please come back then."),
    ],
)
def test_an_instant_kept_for_programs_is_said_for_people(language: Language, detail: str) -> None:
    kept = "2026-11-24T09:00:00.123456+08:00"
    assert text(language, "campaigns.not_open", part="detail", opens_at=kept) == detail
    days = {"pickup_from": date(2026, 10, 12), "pickup_until": date(2026, 10, 14)}
    assert said(days["pickup_until"], language) in text(
        language, "pickup.outside_window", part="detail", **days
    )


def test_a_code_without_a_text_is_a_defect() -> None:
    with pytest.raises(KeyError):
        text("en", "campaigns.nothing", part="title")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("*", "zh-CN"),
        ("fr", "zh-CN"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("en;q=0", "zh-CN"),
        ("zh-CN, en;q=0.9", "zh-CN"),
        ("en, zh;q=0.9", "en"),
        ("zh;q=0.3, en;q=0.8", "en"),
        ("fr, en;q=0.1", "en"),
        ("en;q=x, zh", "zh-CN"),
        ("zh-TW", "zh-CN"),
    ],
)
def test_the_language_of_an_answer(header: str | None, language: str) -> None:
    assert choose_language(header) == language
