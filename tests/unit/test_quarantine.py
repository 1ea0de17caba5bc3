"""What is kept of an event that nobody can place."""

import json
from typing import Any
from uuid import UUID

import pytest

from app.redemptions.rules.quarantine import LONGEST_BODY, UnplacedEvent, body_of, event_id_of

ID = "03b020dc-ce2c-4e0f-934c-6b891f1744ef"


@pytest.mark.parametrize(
    "event", [{"event_id": ID}, {"event_id": ID.upper()}, f'{{"event_id" : "{ID}", "code": "\\ud800"}}']
)
def test_the_device_hears_which_event_it_was(event: Any) -> None:
    assert event_id_of(event) == UUID(ID)


@pytest.mark.parametrize(
    "event", [None, 1, [], {}, {"event_id": 1}, {"event_id": "x"}, ID, '"event_id": "-"', ""]
)
def test_an_event_may_have_no_id(event: Any) -> None:
    assert event_id_of(event) is None


def test_a_body_is_kept_so_that_postgresql_can_hold_it() -> None:
    kept = UnplacedEvent(None, "platform.malformed", "a\x00b\ud800").kept_body
    assert kept == "a\ufffdb?"
    long = UnplacedEvent(None, "platform.malformed", "示" * 5_000)
    assert long.kept_body == "示" * LONGEST_BODY


def test_a_body_is_known_by_all_of_it() -> None:
    one, other = (UnplacedEvent(None, "x", "示" * 5_000 + end) for end in "ab")
    assert one.kept_body == other.kept_body
    assert one.body_sha256 != other.body_sha256
    assert len(one.body_sha256) == 32


def test_the_text_of_an_event() -> None:
    assert body_of("{") == "{"
    assert json.loads(body_of({"a": ["示"]})) == {"a": ["示"]}
