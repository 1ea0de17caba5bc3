"""Nobody makes a second code out of a good one, and no slip of the finger makes another short code."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from app.platform import base45
from app.redemptions.rules.record import PREFIX, CodeCheck, CodeRecord, encode_body, sign_record, verify_code
from app.redemptions.rules.short_code import SYMBOLS, make_short_code, normalise_short_code
from tests.factories.vectors import (
    a_record,
    flip_bit,
    private_key_of_tests,
    public_keys_of_tests,
    signed_octets,
    text_of,
)

KEYS = public_keys_of_tests()
OCTETS = signed_octets(encode_body(a_record()))
TEXT = text_of(OCTETS)
RECORD_BITS = 656


def accepted(texts: list[str]) -> list[str]:
    return [text for text in texts if verify_code(text, KEYS).record is not None]


def random_octets(name: str, size: int, count: int) -> list[bytes]:
    """The same random bytes at every run."""
    stream = hashlib.shake_256(name.encode()).digest(size * count)
    return [stream[start : start + size] for start in range(0, size * count, size)]


def sample_short_codes(count: int) -> list[str]:
    return [
        make_short_code(int.from_bytes(octets, "big") >> 3)
        for octets in random_octets("short codes", 6, count)
    ]


def test_the_code_that_is_tampered_with_is_good() -> None:
    """The control: without it every test below could pass by refusing everything."""
    assert accepted([TEXT]) == [TEXT]
    assert len(OCTETS) * 8 == RECORD_BITS


def test_no_flipped_bit_is_accepted() -> None:
    flipped = [text_of(flip_bit(OCTETS, bit)) for bit in range(RECORD_BITS)]
    assert len(set(flipped) - {TEXT}) == RECORD_BITS
    assert accepted(flipped) == []


def test_no_flipped_bit_of_a_code_of_another_key_is_accepted() -> None:
    octets = signed_octets(encode_body(a_record(2, generation=200)), 2)
    assert accepted([text_of(octets)]) == [text_of(octets)]
    assert accepted([text_of(flip_bit(octets, bit)) for bit in range(RECORD_BITS)]) == []


def test_no_other_symbol_is_accepted() -> None:
    texts = [
        TEXT[:place] + symbol + TEXT[place + 1 :]
        for place in range(len(TEXT))
        for symbol in base45.ALPHABET
        if symbol != TEXT[place]
    ]
    assert len(texts) == 127 * 44
    assert accepted(texts) == []


def test_no_truncation_is_accepted() -> None:
    shorter = [text_of(OCTETS[:size]) for size in range(len(OCTETS))]
    shorter += [text_of(OCTETS[size:]) for size in range(1, len(OCTETS))]
    shorter += [TEXT[:length] for length in range(len(TEXT))]
    assert accepted(shorter) == []


def test_no_extension_is_accepted() -> None:
    longer = [text_of(OCTETS + extra) for size in range(1, 65) for extra in (bytes(size), b"\xff" * size)]
    longer += [text_of(extra + OCTETS) for size in range(1, 9) for extra in (bytes(size), OCTETS[:size])]
    longer += [TEXT + symbol for symbol in base45.ALPHABET if symbol != " "]
    longer += [PREFIX + symbol + TEXT.removeprefix(PREFIX) for symbol in base45.ALPHABET]
    assert accepted(longer) == []


def test_no_random_record_is_accepted() -> None:
    """The header is right, so each of the 20,000 gets as far as its signature."""
    texts = [text_of(b"\x01\x01" + rest) for rest in random_octets("records", 80, 20_000)]
    assert {verify_code(text, KEYS).check for text in texts} == {CodeCheck.BAD_SIGNATURE}


def test_no_random_signature_is_accepted() -> None:
    body = encode_body(a_record())
    assert accepted([text_of(body + signature) for signature in random_octets("signatures", 64, 2_000)]) == []


@st.composite
def records(draw: st.DrawFn) -> CodeRecord:
    first, last = sorted((draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 0xFFFF))))
    body = b"\x01\x01" + draw(st.binary(min_size=12, max_size=12))
    octets = body + first.to_bytes(2, "big") + last.to_bytes(2, "big")
    record = verify_code(text_of(signed_octets(octets)), KEYS).record
    assert record is not None
    assert encode_body(record) == octets
    return record


@given(record=records(), bits=st.sets(st.integers(0, RECORD_BITS - 1), min_size=1, max_size=8))
def test_any_record_is_accepted_as_signed_and_in_no_other_form(record: CodeRecord, bits: set[int]) -> None:
    text = sign_record(record, private_key_of_tests(1))
    assert verify_code(text, KEYS).record == record
    octets = base45.decode(text.removeprefix(PREFIX))
    for bit in bits:
        octets = flip_bit(octets, bit)
    assert verify_code(text_of(octets), KEYS).record is None


@given(st.text())
def test_any_text_gets_a_verdict(text: str) -> None:
    assert verify_code(text, KEYS).check is CodeCheck.MALFORMED
    assert verify_code(PREFIX + text, KEYS).check is CodeCheck.MALFORMED


@given(st.integers(0, 2**45 - 1))
def test_any_number_makes_a_short_code_that_is_read_back(number: int) -> None:
    code = make_short_code(number)
    assert normalise_short_code(code.lower()) == code
    assert sum(SYMBOLS.index(symbol) << 5 * place for place, symbol in enumerate(code[8::-1])) == number


def test_no_wrong_symbol_slips_through() -> None:
    slipped, tried = 0, 0
    for code in sample_short_codes(400):
        for place in range(10):
            for symbol in SYMBOLS.replace(code[place], ""):
                tried += 1
                slipped += normalise_short_code(code[:place] + symbol + code[place + 1 :]) is not None
    assert (slipped, tried) == (0, 400 * 10 * 31)


def test_no_swap_of_neighbours_slips_through() -> None:
    slipped, tried = 0, 0
    for code in sample_short_codes(4_000):
        for place in range(9):
            first, second = code[place], code[place + 1]
            if first != second:
                tried += 1
                slipped += normalise_short_code(code[:place] + second + first + code[place + 2 :]) is not None
    assert slipped == 0
    assert tried > 34_000


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_code_of_ten_symbols_or_nothing(text: str) -> None:
    code = normalise_short_code(text)
    assert code is None or (len(code) == 10 and set(code) <= set(SYMBOLS))
