"""A body whose list is read element by element: what is broken, and only that, is left as text."""

import json
import time
from typing import Any

import pytest

from app.platform.piecewise import parse_piecewise


def body(*elements: bytes, around: bytes = b'"device": "d"') -> bytes:
    return b"{" + around + b', "events" : [' + b" , ".join(elements) + b"] }"


GOOD = b'{"a": [1, {"b": "x, ]} \\" y"}]}'


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (b'{"a": "\\u0000"}', '{"a": "\\u0000"}'),
        (b'{"a": "\x00"}', '{"a": "\x00"}'),
        (b'{"a": "\\ud800"}', '{"a": "\\ud800"}'),
        (b'{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        (b"9" * 41, "9" * 41),
        (b"NaN", "NaN"),
        (b"tru", "tru"),
        (b"", ""),
        (b'{"a": "\xff"}', '{"a": "\ufffd"}'),
        (b'{"a": "\xed\xa0\x80"}', '{"a": "\ufffd\ufffd\ufffd"}'),
        (b"[" * 40 + b"]" * 40, "[" * 40 + "]" * 40),
        (b"[" * 2_000 + b"]" * 2_000, "[" * 2_000 + "]" * 2_000),
    ],
)
def test_a_broken_element_spoils_no_other(broken: bytes, text: str) -> None:
    value = parse_piecewise(body(GOOD, broken, GOOD), "events")
    good = json.loads(GOOD)
    assert value == {"device": "d", "events": [good, text, good]}


def test_a_good_body_is_read_as_ever() -> None:
    assert parse_piecewise(body(GOOD), "events") == json.loads(body(GOOD))
    assert parse_piecewise(b"[1]", "events") == [1]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"NaN",
        b"[" * 100_000,
        body(b"1", around=b'"device": NaN'),
        body(b"NaN", around=b'"events": [1]'),
        body(b"NaN", around=b'"device": 1, "device": 2'),
        body(b"NaN") + b"{}",
        body(*[b"[]"] * 20_000),
        body(b"NaN")[:-2],
        body(b"NaN").replace(b"] }", b"], }"),
        body(b"[" * 100_000 + b"]" * 100_000),
        b'{"events": NaN}',
    ],
)
def test_what_is_broken_outside_the_list_is_refused(broken: bytes) -> None:
    with pytest.raises(json.JSONDecodeError, match="not strict JSON"):
        parse_piecewise(broken, "events")


@pytest.mark.parametrize("piece", [b'\\"', b'"', b"[", b",", b"{}", b"[],", b'"",', b"\\"])
def test_a_megabyte_of_anything_is_refused_soon(piece: bytes) -> None:
    sent = b'{"events": [NaN, "' + piece * (1_000_000 // len(piece)) + b"]}"
    begin = time.perf_counter()
    with pytest.raises(json.JSONDecodeError, match="not strict JSON"):
        parse_piecewise(sent, "events")
    assert time.perf_counter() - begin < 2


def test_the_last_resort_is_text() -> None:
    value: dict[str, Any] = parse_piecewise(body(b'{"event_id": "x"' + b"\xff}"), "events")
    assert value["events"] == ['{"event_id": "x"\ufffd}']
