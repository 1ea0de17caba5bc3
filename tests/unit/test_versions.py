"""`If-Match`: which version of a shared thing the caller saw."""

import pytest

from app.platform.errors import PreconditionFailed, PreconditionRequired
from app.platform.http import seen_version


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ('"3"', 3),
        ("3", 3),
        (' "3" ', 3),
        ('"3-' + "0af9" * 8 + '"', 3),
        ('"999999999"', 999_999_999),
        ("*", None),
    ],
)
def test_the_version_that_was_seen(header: str, version: int | None) -> None:
    assert seen_version(header) == version


@pytest.mark.parametrize(
    "header",
    [
        "", '""', '"', '"3', '3"', "-3", '"-3"', '"3-"', "3-0af9", '"0af9"', '"3-xyz"', 'W/"3"', '"1", "2"',
        "**", '"*"', "\uff11", '"\uff11"', '"9999999999"', "1.0", "x",
    ],
)  # fmt: skip
def test_what_is_no_version_matches_none(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        seen_version(header)


def test_a_change_says_what_it_saw() -> None:
    with pytest.raises(PreconditionRequired):
        seen_version(None)
