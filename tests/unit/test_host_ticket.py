"""Signed tickets of a host app: what is signed cannot be moved, and only for ten minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from app.sign_in.errors import HostRefused
from app.sign_in.rules.host_ticket import MOST_SKEW, NONCE_LIFE, open_ticket, sign_ticket, signed_text

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
PARAMS = {"sub": "u-1", "timestamp": str(int(NOW.timestamp())), "nonce": "n-12345678", "name": "李 & 四=5"}


def signed(**changes: str) -> dict[str, str]:
    params = PARAMS | changes
    return params | {"sign": sign_ticket(params, SECRET)}


def test_the_signature_is_the_documented_one() -> None:
    assert signed_text({"b": "2 &=", "a": "é", "sign": "x"}) == b"a=%C3%A9&b=2%20%26%3D"
    import hashlib
    import hmac

    expected = hmac.new(SECRET, b"a=%C3%A9&b=2%20%26%3D", hashlib.sha256).hexdigest()
    assert sign_ticket({"b": "2 &=", "a": "é"}, SECRET) == expected


def test_a_good_ticket_opens_in_upper_case_too() -> None:
    ticket = signed()
    opened = open_ticket(ticket | {"sign": ticket["sign"].upper()}, SECRET, now=NOW)
    assert opened.nonce == "n-12345678"
    assert opened.values == PARAMS


@pytest.mark.parametrize("skew", [-MOST_SKEW, MOST_SKEW])
def test_clocks_may_differ_by_five_minutes_and_no_second_more(skew: timedelta) -> None:
    assert open_ticket(signed(), SECRET, now=NOW + skew).values["sub"] == "u-1"
    with pytest.raises(HostRefused):
        open_ticket(signed(), SECRET, now=NOW + skew * (301 / 300))


def test_a_nonce_is_remembered_as_long_as_its_ticket_could_count() -> None:
    assert NONCE_LIFE > 2 * MOST_SKEW


BAD = {
    "another subject": signed() | {"sub": "u-2"},
    "one more parameter": signed() | {"member_number": "M1"},
    "one parameter less": {name: value for name, value in signed().items() if name != "name"},
    "another secret": PARAMS | {"sign": sign_ticket(PARAMS, b"x" * 32)},
    "no signature": PARAMS,
    "an empty signature": PARAMS | {"sign": ""},
    "letters that are none": PARAMS | {"sign": "签" * 64},
    "no nonce": signed(nonce=""),
    "a short nonce": signed(nonce="1234567"),
    "no time": signed(timestamp=""),
    "milliseconds": signed(timestamp=str(int(NOW.timestamp() * 1000))),
    "a negative time": signed(timestamp="-1"),
    "full-width digits": signed(timestamp="１７"),
    "very many digits": signed(timestamp="9" * 400),
    "a parameter moved into another": {
        "sub": "u-1&timestamp=" + PARAMS["timestamp"],
        "nonce": PARAMS["nonce"],
        "name": PARAMS["name"],
        "sign": sign_ticket(PARAMS, SECRET),
    },
}


@pytest.mark.parametrize("kind", BAD)
def test_whatever_else_is_refused(kind: str) -> None:
    with pytest.raises(HostRefused):
        open_ticket(BAD[kind], SECRET, now=NOW)
