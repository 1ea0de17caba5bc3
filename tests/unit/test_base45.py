"""Base45 against RFC 9285."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.platform import base45


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"AB", "BB8"),  # RFC 9285, 4.3
        (b"Hello!!", "%69 VD92EX0"),
        (b"base-45", "UJCLQE7W581"),
        (b"ietf!", "QED8WEX0"),  # RFC 9285, 4.4
        (b"", ""),
        (b"\x00", "00"),
        (b"\xff", "U5"),
        (b"\xff\xff", "FGW"),
    ],
)
def test_known_texts(octets: bytes, text: str) -> None:
    assert base45.encode(octets) == text
    assert base45.decode(text) == octets


@given(st.binary(max_size=200))
def test_decoding_undoes_encoding(octets: bytes) -> None:
    assert base45.decode(base45.encode(octets)) == octets


@given(st.text(alphabet=base45.ALPHABET, max_size=12))
def test_no_second_text_for_the_same_bytes(text: str) -> None:
    try:
        octets = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(octets) == text


@given(st.binary(min_size=1, max_size=200))
def test_a_text_of_bytes_never_ends_with_a_space(octets: bytes) -> None:
    assert not base45.encode(octets).endswith(" ")


@pytest.mark.parametrize("text", ["0", "BB80", "0000000"])
def test_a_length_no_bytes_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="length"):
        base45.decode(text)


@pytest.mark.parametrize("text", ["GGW", ":::", "   ", "V5", "::", "BB8GGW", "BB8V5"])
def test_a_group_too_large_for_its_bytes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        base45.decode(text)


@pytest.mark.parametrize(
    "text", ["bb8", "BB=", "B_8", "BB8\n0", "\uff22B8", "\u0660\u0660", "\x000", "\ud8000"]
)
def test_a_symbol_outside_the_alphabet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="alphabet"):
        base45.decode(text)
