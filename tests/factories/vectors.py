"""Golden vectors of the pickup code, good and bad, for every implementation to be tested with.

`python -m tests.factories.vectors` writes `docs/vectors/pickup-codes.json` anew; the same code always
writes the same bytes.
"""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from app.platform import base45
from app.platform.signing import SigningKey, sign
from app.redemptions.rules.keys import KeyState, PublicKeyState
from app.redemptions.rules.record import (
    BODY_BYTES,
    DOMAIN,
    EPOCH,
    PREFIX,
    VERSION,
    CodeCheck,
    CodeRecord,
    encode_body,
    sign_record,
)
from app.redemptions.rules.short_code import SYMBOLS, group_short_code, make_short_code

VECTORS_FILE = Path(__file__).parents[2] / "docs" / "vectors" / "pickup-codes.json"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

KEY_STATES = {1: KeyState.ACTIVE, 2: KeyState.VERIFY_ONLY, 3: KeyState.NEXT, 4: KeyState.WITHDRAWN}
UNKNOWN_KEY_ID = 9

Vector = dict[str, Any]


def private_key_of_tests(key_id: int) -> SigningKey:
    """A key everybody knows: its seed is the hash of a sentence."""
    return SigningKey(
        hashlib.sha256(f"Grainline test key {key_id}, public, never trust it".encode()).digest()
    )


def public_keys_of_tests() -> dict[int, PublicKeyState]:
    """The key list a verifier of the vectors holds."""
    return {
        key_id: PublicKeyState(private_key_of_tests(key_id).public_key, state)
        for key_id, state in KEY_STATES.items()
    }


def a_record(key_id: int = 1, *, generation: int = 1) -> CodeRecord:
    """A record of union 2 for the three days at Niujie."""
    return CodeRecord(
        key_id=key_id,
        union_number=2,
        unit_ref=bytes.fromhex("0123456789abcdef"),
        generation=generation,
        flags=0,
        not_before_on=date(2026, 10, 12),
        not_after_on=date(2026, 10, 14),
    )


def signed_octets(body: bytes, key_id: int = 1, *, domain: bytes = DOMAIN) -> bytes:
    """Body and signature, for bodies that `sign_record` would not make."""
    return body + sign(private_key_of_tests(key_id), domain + body)


def text_of(octets: bytes) -> str:
    """The text of a QR picture for any bytes."""
    return PREFIX + base45.encode(octets)


def flip_bit(octets: bytes, bit: int) -> bytes:
    """The same bytes with one bit turned, counted from the first byte's highest."""
    turned = bytearray(octets)
    turned[bit // 8] ^= 0x80 >> bit % 8
    return bytes(turned)


def with_larger_s(octets: bytes) -> bytes:
    """The same record with S + L for S: the same point equation, but not the signature we made."""
    s = int.from_bytes(octets[-32:], "little") + GROUP_ORDER
    return octets[:-32] + s.to_bytes(32, "little")


def good_codes() -> list[Vector]:
    """Codes that must be believed, with the fields they hold."""
    smallest = CodeRecord(
        key_id=1,
        union_number=0,
        unit_ref=bytes(8),
        generation=0,
        flags=0,
        not_before_on=EPOCH,
        not_after_on=EPOCH,
    )
    last_day = EPOCH + timedelta(days=0xFFFF)
    largest = CodeRecord(
        key_id=1,
        union_number=0xFFFF,
        unit_ref=b"\xff" * 8,
        generation=0xFF,
        flags=0xFF,
        not_before_on=last_day,
        not_after_on=last_day,
    )
    plain = sign_record(a_record(), private_key_of_tests(1))
    return [
        _good("active key", a_record(), plain),
        _good("key that only verifies", a_record(2), sign_record(a_record(2), private_key_of_tests(2))),
        _good("next key, published ahead", a_record(3), sign_record(a_record(3), private_key_of_tests(3))),
        _good(
            "issued again",
            a_record(generation=2),
            sign_record(a_record(generation=2), private_key_of_tests(1)),
        ),
        _good("every field smallest", smallest, sign_record(smallest, private_key_of_tests(1))),
        _good("every field largest", largest, sign_record(largest, private_key_of_tests(1))),
        _good("CR LF added by a scanner", a_record(), plain + "\r\n"),
        _good("ASCII white space around", a_record(), f"\t {plain} \v\f\n"),
    ]


def bad_codes() -> list[Vector]:
    """Codes that must be refused, and why."""
    return _forged_codes() + _misshapen_codes() + _misspelt_texts()


def _forged_codes() -> list[Vector]:
    octets = signed_octets(encode_body(a_record()))
    body, signature = octets[:BODY_BYTES], octets[BODY_BYTES:]
    bad, unknown = CodeCheck.BAD_SIGNATURE, CodeCheck.UNKNOWN_KEY
    turned = {"union number": 16, "unit ref": 32, "generation": 96, "flags": 104, "first day": 127}
    turned |= {
        "last day": 143,
        "R, first bit": 144,
        "R, last bit": 399,
        "S, first bit": 400,
        "S, last bit": 655,
    }
    names_unknown = encode_body(a_record(UNKNOWN_KEY_ID))
    names_withdrawn = encode_body(a_record(4))
    return [
        *(
            _bad(f"one bit turned: {part}", text_of(flip_bit(octets, bit)), bad)
            for part, bit in turned.items()
        ),
        _bad("one bit turned: key id, now another key", text_of(flip_bit(octets, 14)), bad),
        _bad("one bit turned: key id, now no key", text_of(flip_bit(octets, 8)), unknown),
        _bad("S + L for S (RFC 8032, 5.1.7)", text_of(with_larger_s(octets)), bad),
        _bad("signed without the domain prefix", text_of(signed_octets(body, domain=b"")), bad),
        _bad("signed for another domain", text_of(signed_octets(body, domain=b"grainline/v2\0")), bad),
        _bad("signed with another key", text_of(signed_octets(body, 2)), bad),
        _bad("signature of another body", text_of(encode_body(a_record(generation=2)) + signature), bad),
        _bad("signature all zero", text_of(body + bytes(64)), bad),
        _bad("unknown key", text_of(signed_octets(names_unknown, UNKNOWN_KEY_ID)), unknown),
        _bad("withdrawn key", text_of(signed_octets(names_withdrawn, 4)), CodeCheck.WITHDRAWN_KEY),
        _bad("withdrawn key, forged", text_of(names_withdrawn + bytes(64)), CodeCheck.WITHDRAWN_KEY),
    ]


def _misshapen_codes() -> list[Vector]:
    octets = signed_octets(encode_body(a_record()))
    version_2 = bytes([VERSION + 1]) + encode_body(a_record())[1:]
    ends_early = encode_body(a_record())[:-2] + bytes(2)
    shapes = {
        "version 2, signed": signed_octets(version_2),
        "version 0, signed": signed_octets(b"\0" + version_2[1:]),
        "ends before it begins, signed": signed_octets(ends_early),
        "body alone": octets[:BODY_BYTES],
        "one byte short": octets[:-1],
        "two bytes short": octets[:-2],
        "one byte long": octets + b"\0",
        "eight bytes long": octets + bytes(8),
        "nothing behind the prefix": b"",
    }
    return [_bad(name, text_of(shape), CodeCheck.MALFORMED) for name, shape in shapes.items()]


def _misspelt_texts() -> list[Vector]:
    text = sign_record(a_record(), private_key_of_tests(1))
    payload = text.removeprefix(PREFIX)
    texts = {
        "empty": "",
        "white space only": " \r\n",
        "no prefix": payload,
        "prefix HC1": "HC1:" + payload,
        "prefix GL2": "GL2:" + payload,
        "prefix in lower case": "gl1:" + payload,
        "all in lower case": text.lower(),
        "prefix in full-width letters": "\uff27\uff2c\uff11\uff1a" + payload,
        "prefix twice": PREFIX + text,
        "one character short": text[:-1],
        "one character long": text + "0",
        "first group above 65535": PREFIX + "GGW" + payload[3:],
        "last group above 65535": text[:-3] + ":::",
        "symbol outside the alphabet": text[:-1] + "_",
        "full-width symbol": text[:-1] + chr(ord(text[-1]) + 0xFEE0),
        "no-break space behind": text + "\u00a0",
        "byte order mark in front": "\ufeff" + text,
        "NUL behind": text + "\0",
        "line break inside": text[:60] + "\n" + text[60:],
        "padding": text[:-1] + "=",
    }
    return [_bad(name, misspelt, CodeCheck.MALFORMED) for name, misspelt in texts.items()]


def base45_vectors() -> Vector:
    """Base45, the examples of RFC 9285 first."""
    good = [
        b"AB",
        b"Hello!!",
        b"base-45",
        b"ietf!",
        b"",
        b"\0",
        b"\xff",
        b"\0\0",
        b"\xff\xff",
        bytes(range(16)),
    ]
    bad = {
        "one symbol stands for nothing": "0",
        "four symbols": "BB80",
        "three symbols above 65535": "GGW",
        "three symbols, largest": ":::",
        "two symbols above 255": "V5",
        "lower case": "bb8",
        "symbol outside the alphabet": "BB=",
        "full-width letter": "\uff22B8",
        "line break": "BB8\n",
        "three spaces: 36 + 36 x 45 + 36 x 2025 is above 65535": "   ",
    }
    return {
        "good": [{"bytes_hex": octets.hex(), "text": base45.encode(octets)} for octets in good],
        "bad": [{"name": name, "text": text} for name, text in bad.items()],
    }


def short_code_vectors() -> Vector:
    """Short codes: made from numbers, and read as people type them."""
    numbers = [0, 1, 31, 32, 2**45 - 1, 0x123456789AB, 0x1F00FF00FF0]
    return {"made": [_made(number) for number in numbers], "read": _read_short_codes()}


def _read_short_codes() -> list[Vector]:
    code = make_short_code(0x123456789AB)
    foldable = make_short_code(0x010203040506)
    wrong = SYMBOLS[(SYMBOLS.index(code[4]) + 1) % 32]
    read: list[tuple[str, str, str | None]] = [
        ("as printed", group_short_code(code), code),
        ("lower case", code.lower(), code),
        ("spaces", " ".join(code) + "\r\n", code),
        ("dashes of all kinds", f"{code[:3]}\u2013{code[3:6]}\u2014{code[6:8]}\uff0d{code[8:]}", code),
        ("full-width", "".join(chr(ord(symbol) + 0xFEE0) for symbol in code), code),
        ("ideographic space", f"{code[:5]}\u3000{code[5:]}", code),
        ("O for 0 and I for 1", foldable.replace("0", "O").replace("1", "I"), foldable),
        ("o for 0 and l for 1", foldable.replace("0", "o").replace("1", "l"), foldable),
        ("one wrong symbol", code[:4] + wrong + code[5:], None),
        ("wrong check symbol", code[:9] + SYMBOLS[(SYMBOLS.index(code[9]) + 1) % 32], None),
        ("two neighbours swapped", code[:3] + code[4] + code[3] + code[5:], None),
        ("last two swapped", code[:8] + code[9] + code[8], None),
        ("one symbol short", code[:9], None),
        ("one symbol long", code + "0", None),
        ("U is not a symbol", "U" + code[1:], None),
        ("other sign inside", f"{code[:5]}_{code[5:]}", None),
        ("empty", "", None),
    ]
    return [{"name": name, "typed": typed, "code": meant} for name, typed, meant in read]


def render() -> str:
    """The whole file."""
    vectors = {
        "about": "Golden vectors of the pickup code GL1. THE PRIVATE KEYS BELOW ARE PUBLIC: for tests only.",
        "format": {
            "text": "GL1: + Base45(body || signature), 127 symbols; ASCII white space around it is ignored",
            "body": "version(1)=1 key_id(1) union_number(2) unit_ref(8) generation(1) flags(1) "
            "not_before_day(2) not_after_day(2); big-endian; days since 1970-01-01",
            "signature": "Ed25519 over signed_prefix_hex || body; S + L is refused",
            "signed_prefix_hex": DOMAIN.hex(),
            "verdicts_in_order": "shape and version: malformed; unknown_key; withdrawn_key; bad_signature; "
            "last day before first day: malformed; ok",
        },
        "keys": [_key(key_id, state) for key_id, state in KEY_STATES.items()],
        "codes": good_codes() + bad_codes(),
        "base45": base45_vectors(),
        "short_codes": short_code_vectors(),
    }
    return json.dumps(vectors, indent=2, ensure_ascii=True) + "\n"


def _made(number: int) -> Vector:
    code = make_short_code(number)
    return {"random_45_bits": number, "code": code, "shown": group_short_code(code)}


def _key(key_id: int, state: KeyState) -> Vector:
    key = private_key_of_tests(key_id)
    return {
        "key_id": key_id,
        "state": state.value,
        "public_key_hex": key.public_key.raw.hex(),
        "test_only_private_seed_hex": key.seed.hex(),
    }


def _good(name: str, record: CodeRecord, text: str) -> Vector:
    fields = {
        "key_id": record.key_id,
        "union_number": record.union_number,
        "unit_ref_hex": record.unit_ref.hex(),
        "generation": record.generation,
        "flags": record.flags,
        "not_before_on": record.not_before_on.isoformat(),
        "not_after_on": record.not_after_on.isoformat(),
    }
    body = encode_body(record).hex()
    return {"name": name, "text": text, "verdict": CodeCheck.OK.value, "record": fields, "body_hex": body}


def _bad(name: str, text: str, check: CodeCheck) -> Vector:
    return {"name": name, "text": text, "verdict": check.value}


if __name__ == "__main__":
    VECTORS_FILE.write_text(render(), encoding="utf-8")
