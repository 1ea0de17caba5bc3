"""Which passwords are refused, and which codes of an authenticator count."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from app.access.clients import label_of
from app.sign_in.rules.breached import DIGEST_BYTES, FILE, count_breached, is_breached
from app.sign_in.rules.passwords import weakness_of
from app.sign_in.rules.recovery import new_recovery_codes, read_recovery_code
from app.sign_in.rules.totp import accepted_step, provisioning_uri, step_of

NOW = datetime(2026, 10, 12, 1, 0, 10, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("quiet rive", "too_short"),
        ("quiet river", "too_short"),
        ("quiet rivers", None),
        ("q" * 4 + "uiet rivers carry boxes" * 6, "too_long"),
        ("my clerk-xjk box", "context"),
        ("the clerk of rivers", "context"),
        ("GrainLine of rivers", "context"),
        ("rivers 12351 boxes", "context"),
        ("a reunion of rivers", "context"),
        ("张三丰 walks along", "context"),
        ("1qaz2wsx3edc", "known"),
        ("1QAZ2wsx3edc", "known"),
        ("Dragon!2026!!", "known"),
        ("123456789012", "known"),
        ("abcabcabcabc", "known"),
        ("aaaaaaaaaaaaaaaa", "known"),
        ("河流安静地带走盒子一二三", None),
        ("831047295620", None),
    ],
)
def test_a_password_is_refused_for_a_reason(password: str, reason: str | None) -> None:
    assert weakness_of(password, login="clerk-xjk", name="示例·张三丰") == reason


def test_the_list_of_leaked_passwords_is_whole_and_sorted() -> None:
    held = FILE.read_bytes()
    digests = [held[start : start + DIGEST_BYTES] for start in range(0, len(held), DIGEST_BYTES)]
    assert count_breached() == len(set(digests)) == 100_000
    assert digests == sorted(digests)
    assert not is_breached("quiet rivers carry boxes")


@pytest.mark.parametrize(("distance", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_for_its_step_and_the_neighbours(distance: int, counts: bool) -> None:
    code = pyotp.TOTP(SECRET).at(int((NOW + timedelta(seconds=30 * distance)).timestamp()))
    wanted = step_of(NOW) + distance if counts else None
    assert accepted_step(SECRET, code, last_step=0, now=NOW) == wanted


def test_a_step_counts_once_and_none_before_it_counts_any_more() -> None:
    totp, last = pyotp.TOTP(SECRET), step_of(NOW)
    codes = {distance: totp.generate_otp(last + distance) for distance in (-1, 0, 1)}
    found = {d: accepted_step(SECRET, code, last_step=last, now=NOW) for d, code in codes.items()}
    assert found == {-1: None, 0: None, 1: last + 1}


def test_codes_that_are_none_are_refused() -> None:
    for code in ("", "12345", "1234567", "abcdef", "１２３４５６", "\ud800"):
        assert accepted_step(SECRET, code, last_step=0, now=NOW) is None


def test_an_authenticator_is_told_who_we_are() -> None:
    uri = provisioning_uri(SECRET, "chair-xjk")
    assert uri == f"otpauth://totp/Grainline:chair-xjk?secret={SECRET}&issuer=Grainline"


def test_recovery_codes_are_read_as_people_type_them() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(len(code) == 14 for code in codes)
    assert read_recovery_code(" 0oil-7kq2 m8tx ") == "00117KQ2M8TX"


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
            "Chrome · Android",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) Version/17 Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/99 MicroMessenger/8.0", "WeChat · Android"),
        ("13800138000 张伟", None),
        (None, None),
    ],
)
def test_a_session_is_labelled_with_fixed_words(given: str | None, label: str | None) -> None:
    assert label_of(given) == label
