"""Consents name texts that do not change under them; retention ends with a day of Asia/Shanghai."""

from datetime import UTC, date, datetime

import pytest

from app.platform.i18n import text
from app.privacy.rules import (
    NOTICES,
    ConsentState,
    Purpose,
    answer_due,
    consent_state,
    retention_ends,
    text_digest,
)

# A text that changes gets a new version here and in NOTICES: those who agreed to the old one are asked again.
SHOWN = {
    (Purpose.PICKUP, 1): "5dab47446018ba0548e54c73ed3a4d0634bb2dbcf59d43efec94bc9cd90a5019",
    (Purpose.REMINDERS, 1): "418205cb2305f4bcbd0f0cf14ef6d303f35d96a216e2b71a05884f548ae7e44c",
    (Purpose.PROXY_CONTACT, 1): "14a2653727000d0c0a571003900b3f8a650eaaa1e333ceb3181e55e82ea82889",
}


@pytest.mark.parametrize("purpose", Purpose)
def test_the_text_of_a_version_does_not_change(purpose: Purpose) -> None:
    shown = text("zh-CN", f"message.notice_{purpose}", part="detail")
    assert SHOWN[purpose, NOTICES[purpose].version] == text_digest(shown)


@pytest.mark.parametrize(
    ("version", "withdrawn", "state"),
    [
        (None, False, ConsentState.NONE),
        (1, False, ConsentState.GIVEN),
        (1, True, ConsentState.WITHDRAWN),
        (7, False, ConsentState.TO_RENEW),
        (7, True, ConsentState.WITHDRAWN),
    ],
)
def test_where_a_member_stands(version: int | None, withdrawn: bool, state: ConsentState) -> None:
    assert consent_state(Purpose.REMINDERS, version=version, withdrawn=withdrawn) is state


def test_only_what_the_service_cannot_do_without_is_not_optional() -> None:
    assert {one.purpose for one in NOTICES.values() if not one.is_optional} == {Purpose.PICKUP}


def test_retention_ends_with_the_day_in_shanghai() -> None:
    # 90 days after 14 October is 12 January; it ends there at 16:00 UTC.
    assert retention_ends(date(2026, 10, 14), retention_days=90) == datetime(2027, 1, 12, 16, tzinfo=UTC)


def test_a_request_is_answered_within_three_weeks() -> None:
    assert answer_due(datetime(2026, 11, 1, tzinfo=UTC)) == datetime(2026, 11, 22, tzinfo=UTC)
