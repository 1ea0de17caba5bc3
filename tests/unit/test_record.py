"""The signed code GL1, the golden vectors and the states of a key."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.platform import base45
from app.platform.signing import VerifyKey
from app.redemptions.rules.keys import IllegalKeyStep, KeyState, PublicKeyState, check_key_step
from app.redemptions.rules.record import (
    CodeCheck,
    CodeRecord,
    MalformedCode,
    SignedCode,
    Verdict,
    encode_body,
    parse_code,
    sign_record,
    verify_code,
)
from tests.factories.vectors import (
    VECTORS_FILE,
    a_record,
    private_key_of_tests,
    public_keys_of_tests,
    render,
    signed_octets,
    text_of,
)

VECTORS: dict[str, Any] = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))
LISTED_KEYS = {
    key["key_id"]: PublicKeyState(VerifyKey(bytes.fromhex(key["public_key_hex"])), KeyState(key["state"]))
    for key in VECTORS["keys"]
}


def test_the_committed_vectors_are_what_the_generator_writes() -> None:
    assert VECTORS_FILE.read_bytes() == render().encode("utf-8")


def test_the_vectors_show_every_verdict() -> None:
    assert {vector["verdict"] for vector in VECTORS["codes"]} == set(CodeCheck)
    assert len({vector["name"] for vector in VECTORS["codes"]}) == len(VECTORS["codes"]) == 58


@pytest.mark.parametrize("vector", VECTORS["codes"], ids=lambda vector: vector["name"])
def test_every_vector_gets_its_verdict(vector: dict[str, Any]) -> None:
    verdict = verify_code(vector["text"], LISTED_KEYS)
    assert verdict.check == vector["verdict"]
    if verdict.record is None:
        assert "record" not in vector
        return
    record = verdict.record
    assert vector["record"] == {
        "key_id": record.key_id,
        "union_number": record.union_number,
        "unit_ref_hex": record.unit_ref.hex(),
        "generation": record.generation,
        "flags": record.flags,
        "not_before_on": record.not_before_on.isoformat(),
        "not_after_on": record.not_after_on.isoformat(),
    }
    assert encode_body(record).hex() == vector["body_hex"]


@pytest.mark.parametrize("vector", VECTORS["base45"]["good"], ids=lambda vector: vector["text"])
def test_every_good_base45_vector_holds(vector: dict[str, str]) -> None:
    assert base45.encode(bytes.fromhex(vector["bytes_hex"])) == vector["text"]
    assert base45.decode(vector["text"]).hex() == vector["bytes_hex"]


@pytest.mark.parametrize("vector", VECTORS["base45"]["bad"], ids=lambda vector: vector["name"])
def test_every_bad_base45_vector_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Base45"):
        base45.decode(vector["text"])


def test_the_bytes_are_those_of_the_layout() -> None:
    record = CodeRecord(
        key_id=1,
        union_number=0x0203,
        unit_ref=bytes.fromhex("0405060708090a0b"),
        generation=0x0C,
        flags=0x0D,
        not_before_on=date(1980, 1, 1),
        not_after_on=date(2149, 6, 6),
    )
    assert encode_body(record).hex() == "010102030405060708090a0b0c0d0e44ffff"
    text = sign_record(record, private_key_of_tests(1))
    assert len(text) == 127
    assert text.startswith("GL1:")
    octets = base45.decode(text[4:])
    assert len(octets) == 82
    assert octets[:18] == encode_body(record)
    public = Ed25519PublicKey.from_public_bytes(private_key_of_tests(1).public_key.raw)
    public.verify(octets[18:], b"grainline/v1\0" + octets[:18])  # raises unless good


def test_a_good_code_gives_its_record_back() -> None:
    text = sign_record(a_record(), private_key_of_tests(1))
    assert verify_code(text, public_keys_of_tests()) == Verdict(CodeCheck.OK, a_record())
    assert parse_code(text).record == a_record()
    assert parse_code(text).key_id == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"key_id": 256},
        {"key_id": -1},
        {"union_number": 65536},
        {"union_number": -1},
        {"unit_ref": b"1234567"},
        {"unit_ref": b"123456789"},
        {"generation": 256},
        {"generation": -1},
        {"flags": 256},
        {"not_before_on": date(1969, 12, 31)},
        {"not_after_on": date(2149, 6, 7)},
        {"not_after_on": date(2026, 10, 11)},
    ],
)
def test_a_record_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fit|8 bytes|before it begins"):
        replace(a_record(), **changes)


def test_a_code_of_one_day_is_fine() -> None:
    record = replace(a_record(), not_after_on=a_record().not_before_on)
    verdict = verify_code(sign_record(record, private_key_of_tests(1)), public_keys_of_tests())
    assert verdict == Verdict(CodeCheck.OK, record)


def test_parsing_believes_nothing() -> None:
    """The shape is right, the signature is not, and the fields contradict each other."""
    octets = encode_body(a_record())[:-2] + bytes(2 + 64)
    code = parse_code(text_of(octets))
    assert code == SignedCode(octets[:18], octets[18:])
    with pytest.raises(MalformedCode, match="before it begins"):
        _ = code.record
    assert verify_code(text_of(octets), public_keys_of_tests()).check is CodeCheck.BAD_SIGNATURE


def test_no_keys_no_codes() -> None:
    text = sign_record(a_record(), private_key_of_tests(1))
    assert verify_code(text, {}) == Verdict(CodeCheck.UNKNOWN_KEY)


@pytest.mark.parametrize("state", list(KeyState))
def test_every_state_but_withdrawn_verifies(state: KeyState) -> None:
    keys = {1: PublicKeyState(private_key_of_tests(1).public_key, state)}
    verdict = verify_code(sign_record(a_record(), private_key_of_tests(1)), keys)
    expected = CodeCheck.WITHDRAWN_KEY if state == "withdrawn" else CodeCheck.OK
    assert verdict.check is expected
    assert (verdict.record is None) == (state == "withdrawn")


def test_a_huge_text_is_refused_unread() -> None:
    text = text_of(signed_octets(encode_body(a_record()))) + "0" * 10_000_000
    assert verify_code(text, public_keys_of_tests()) == Verdict(CodeCheck.MALFORMED)


ALLOWED_STEPS = {
    ("next", "active"),
    ("next", "withdrawn"),
    ("active", "verify_only"),
    ("active", "withdrawn"),
    ("verify_only", "withdrawn"),
}


@pytest.mark.parametrize("current", list(KeyState))
@pytest.mark.parametrize("wanted", list(KeyState))
def test_keys_only_take_the_steps_of_the_table(current: KeyState, wanted: KeyState) -> None:
    if (current.value, wanted.value) in ALLOWED_STEPS:
        check_key_step(current, wanted)
        return
    with pytest.raises(IllegalKeyStep) as refusal:
        check_key_step(current, wanted)
    assert (refusal.value.current, refusal.value.wanted) == (current, wanted)
    assert str(refusal.value) == f"a key cannot go from {current.value} to {wanted.value}"
