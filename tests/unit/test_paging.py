"""Cursors: opaque, round trips, and never a defect however they are bent."""

import base64
import json
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platform.paging import (
    CursorInvalid,
    instant_key,
    int_key,
    make_cursor,
    page_of,
    read_cursor,
    seek,
    text_key,
)


@given(st.tuples(st.text(), st.text()))
def test_a_cursor_gives_its_key_back(key: tuple[str, str]) -> None:
    cursor = make_cursor(key)
    assert read_cursor(cursor) == key
    assert cursor.isascii()
    assert "=" not in cursor


def _cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "AAAA",
        _cursor(["one"]),
        _cursor(["one", "two", "three"]),
        _cursor(["one", 2]),
        _cursor({"one": "two"}),
        _cursor(None),
        base64.urlsafe_b64encode(b'["\xff","x"]').decode(),
        base64.urlsafe_b64encode(b"[" * 300).decode(),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        read_cursor(cursor)


@given(st.text(max_size=500))
def test_any_text_is_a_cursor_or_is_refused(text: str) -> None:
    try:
        key = read_cursor(text)
    except CursorInvalid:
        return
    assert len(key) == 2


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        (("yesterday", str(UUID(int=1))), (instant_key, UUID)),
        (("2026-10-12T09:00:00", str(UUID(int=1))), (instant_key, UUID)),
        (("2026-10-12T09:00:00+08:00", "1"), (instant_key, UUID)),
        (("a\x00b", str(UUID(int=1))), (text_key, UUID)),
        (("a\ud800b", str(UUID(int=1))), (text_key, UUID)),
        (("a",), (text_key, UUID)),
        (("2147483648", str(UUID(int=1))), (int_key, UUID)),
        (("-2147483648", str(UUID(int=1))), (int_key, UUID)),
        (("9" * 480, str(UUID(int=1))), (int_key, UUID)),
    ],
)
def test_a_key_of_another_kind_is_refused(key: tuple[str, ...], kinds: tuple[object, ...]) -> None:
    with pytest.raises(CursorInvalid):
        seek(key, *kinds)  # type: ignore[arg-type]


def test_a_key_is_read_as_values() -> None:
    found = seek(("2026-10-12T09:00:00+08:00", str(UUID(int=7))), instant_key, UUID)
    assert found == (datetime.fromisoformat("2026-10-12T01:00:00+00:00"), UUID(int=7))
    assert seek(("2147483647", "-7"), int_key, int_key) == (2_147_483_647, -7)


def test_a_page_has_a_next_one_only_if_more_was_found() -> None:
    def key(item: int) -> tuple[str, ...]:
        return (str(item), "id")

    full = page_of([1, 2, 3], limit=2, key=key)
    assert (list(full.items), full.next) == ([1, 2], make_cursor(("2", "id")))
    exact = page_of([1, 2], limit=2, key=key)
    assert (list(exact.items), exact.next) == ([1, 2], None)
    nothing: list[int] = []
    empty = page_of(nothing, limit=2, key=key)
    assert (list(empty.items), empty.next) == ([], None)
