"""What a device signs: the golden vectors, and everything near a good signature that is none."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devices.rules.binding import Doubt, PairedDevice, clerk_of, doubt_of
from app.devices.rules.budget import Budget
from app.devices.rules.one_time_codes import PAIRING, PIN_SETTING
from app.devices.rules.pins import is_simple_pin
from app.devices.rules.signature import (
    Algorithm,
    Call,
    DeviceKey,
    Flaw,
    Seal,
    call_text,
    flaw_of,
    from_base64url,
    pairing_text,
    read_seal,
    to_base64url,
)
from tests.factories.device_vectors import VECTORS_FILE, keys_of_tests, read, render
from tests.factories.tablets import public_half, sign_with

NOW = datetime(2026, 10, 12, 1, 5, tzinfo=UTC)
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def key_of(algorithm: str) -> DeviceKey:
    return DeviceKey(Algorithm(algorithm), public_half(keys_of_tests()[algorithm]))


def test_the_vectors_are_what_the_code_makes() -> None:
    assert VECTORS_FILE.read_text(encoding="utf-8") == render(read())


@pytest.mark.parametrize("row", read()["calls"] + read()["pairings"], ids=lambda row: row["text"][:30])
def test_every_vector_is_signed(row: dict[str, Any]) -> None:
    key = key_of(row["algorithm"])
    if "target" in row:
        call = Call(row["method"], row["target"], row["body"].encode(), row["token"])
        text = call_text(call, time=row["time"], nonce=row["nonce"])
    else:
        text = pairing_text(row["pairing_code"], algorithm=row["algorithm"], public_key=row["public_key"])
    signature = from_base64url(row["signature"])
    assert text.decode() == row["text"]
    assert key.has_signed(text, signature)
    other = {"ed25519": "p256", "p256": "ed25519"}[row["algorithm"]]
    assert not key_of(other).has_signed(text, signature)
    for bit in range(0, 512, 7):
        turned = bytearray(signature)
        turned[bit // 8] ^= 1 << bit % 8
        assert not key.has_signed(text, bytes(turned))
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(64), b"\xff" * 64):
        assert not key.has_signed(text, wrong)


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), bytes(64), bytes(65), b"\x04" + b"\x01" * 64])
def test_what_is_no_public_key_is_refused(algorithm: Algorithm, raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        DeviceKey(algorithm, raw)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_time_of_a_call_is_within_five_minutes(algorithm: Algorithm) -> None:
    call, private = Call("GET", "/x", b"", "t"), keys_of_tests()[algorithm]
    for seconds, flaw in ((-301, Flaw.TIME), (-300, None), (0, None), (300, None), (301, Flaw.TIME)):
        time, nonce = (NOW + timedelta(seconds=seconds)).isoformat(), to_base64url(bytes(16))
        signature = sign_with(private, call_text(call, time=time, nonce=nonce))
        assert flaw_of(call, Seal(time, nonce, signature), key=key_of(algorithm), now=NOW) is flaw
    same = Seal(NOW.isoformat(), nonce, bytes(64))
    assert flaw_of(call, same, key=key_of(algorithm), now=NOW) is Flaw.SIGNATURE


def test_another_form_of_the_second_half_changes_nothing_a_nonce_does_not_catch() -> None:
    """ECDSA signatures have a twin (n - s): it signs the same text, so the same nonce, which counts once."""
    text = b"x"
    signature = sign_with(keys_of_tests()["p256"], text)
    twin = signature[:32] + (ORDER_OF_P256 - int.from_bytes(signature[32:])).to_bytes(32)
    assert key_of("p256").has_signed(text, twin)
    seals = [
        read_seal(
            {"x-device-time": "2026-10-12T01:05:00Z", "x-device-nonce": "A" * 22, "x-device-signature": s}
        )
        for s in (to_base64url(signature), to_base64url(twin))
    ]
    assert {seal.nonce_bytes for seal in seals if seal} == {bytes(16)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(
            ["x-device-time"],
            ["", "2026-10-12", "2026-10-12T01:05:00", "2026-10-12T25:05:00Z", "1760000000",
             "2026-10-12 01:05:00Z", "2026-10-12T01:05:00+0800", "٢026-10-12T01:05:00Z",
             "2026-10-12T01:05:00Z "],
        ),
        *itertools.product(
            ["x-device-nonce"], ["", "A" * 21, "A" * 23, "A" * 21 + "B", "A" * 21 + "=", "é" * 22]
        ),
        *itertools.product(["x-device-signature"], ["=", "A", "A" * 86 + "==", "é"]),
    ],
)  # fmt: skip
def test_a_header_of_another_form_is_not_read(name: str, value: str) -> None:
    good = {
        "x-device-time": "2026-10-12T01:05:00Z",
        "x-device-nonce": "A" * 22,
        "x-device-signature": "A" * 86,
    }
    assert read_seal(good) is not None
    assert read_seal(good | {name: value}) is None


@given(st.binary(max_size=80))
def test_base64url_has_one_spelling(octets: bytes) -> None:
    assert from_base64url(to_base64url(octets)) == octets


@given(st.integers(0, 2**128 - 1))
def test_a_pairing_code_is_read_however_it_is_typed(bits: int) -> None:
    code = PAIRING.make(bits)
    assert (len(code), PAIRING.read(code)) == (26, code)
    assert PAIRING.read("GLD1:" + code + "\r\n") == code
    typed = PAIRING.shown(code).lower().replace("0", "o").replace("1", "l").replace("-", " \u2013 ")
    assert PAIRING.read(typed) == code
    assert PAIRING.read(code[:-1]) is None
    assert PAIRING.read("U" + code[1:]) is None
    assert PAIRING.digest(code) != PIN_SETTING.digest(code)


def test_every_bit_of_a_code_counts() -> None:
    for kind in (PAIRING, PIN_SETTING):
        codes = {kind.make(0), *(kind.make(1 << bit) for bit in range(kind.random_bits))}
        assert len(codes) == kind.random_bits + 1
        with pytest.raises(ValueError, match="bits"):
            kind.make(1 << kind.random_bits)


@pytest.mark.parametrize(
    ("pin", "is_simple"),
    [("000000", True), ("123456", True), ("98765432", True), ("890123", True), ("121212", True),
     ("12341234", True), ("112233", True), ("482915", False), ("123457", False), ("11111112", False),
     ("1234512", False)],
)  # fmt: skip
def test_which_pins_everybody_tries(pin: str, is_simple: bool) -> None:
    assert is_simple_pin(pin) is is_simple


def test_a_budget_lets_thirty_through_at_once_and_ten_a_second() -> None:
    budget, one, other = Budget(10, 30), uuid4(), uuid4()
    assert [budget.wait_of(one, 5.0) for _ in range(30)] == [0.0] * 30
    assert budget.wait_of(one, 5.0) == pytest.approx(0.1)
    assert budget.wait_of(other, 5.0) == 0.0
    assert [budget.wait_of(one, 5.11), budget.wait_of(one, 5.11) > 0] == [0.0, True]
    # 200 shots a second for ten seconds: the burst, and ten for each second.
    let_in = sum(budget.wait_of(other, 100 + n / 200) == 0 for n in range(2_000))
    assert 129 <= let_in <= 130


def device(**change: Any) -> PairedDevice:
    hour = timedelta(hours=1)
    terms: dict[str, Any] = {
        "id": uuid4(), "union_id": uuid4(), "key": key_of("ed25519"), "pickup_point_id": uuid4(),
        "valid_from": NOW - 2 * hour, "valid_until": NOW + 2 * hour, "paired_at": NOW - hour,
        "revoked_at": None, "clerks": frozenset(),
    }  # fmt: skip
    return PairedDevice(**(terms | change))


@pytest.mark.parametrize(
    ("minutes", "doubt"),
    [
        (-66, Doubt.OUTSIDE_PERIOD),
        (-64, None),
        (0, None),
        (124, None),
        (126, Doubt.OUTSIDE_PERIOD),
        (None, None),
    ],
)
def test_a_record_lies_between_pairing_and_end(minutes: int | None, doubt: Doubt | None) -> None:
    at = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert doubt_of(device(), at) is doubt


@pytest.mark.parametrize(
    ("minutes", "doubt"), [(-1, None), (0, Doubt.REVOKED), (1, Doubt.REVOKED), (None, Doubt.REVOKED)]
)
def test_a_record_after_the_revocation_is_doubted(minutes: int | None, doubt: Doubt | None) -> None:
    at = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert doubt_of(device(revoked_at=NOW), at) is doubt


def test_who_may_be_named_as_the_clerk_of_a_record() -> None:
    me, known, stranger = uuid4(), uuid4(), uuid4()
    tablet = device(clerks=frozenset({known}))
    assert clerk_of(tablet, None, uploader=me) == me
    assert clerk_of(tablet, known, uploader=me) == known
    assert clerk_of(tablet, known, uploader=None) == known
    assert clerk_of(tablet, stranger, uploader=me) is None
    assert clerk_of(tablet, None, uploader=None) is None
    assert clerk_of(None, me, uploader=me) == me
    assert clerk_of(None, known, uploader=me) is None
