"""The signed pickup code "GL1": what stands in the QR picture, and whether to believe it.

    text      = "GL1:" + Base45(body || signature)           127 characters, QR version 6
    body      = version(1) key_id(1) union_number(2) unit_ref(8) generation(1) flags(1)
                not_before_day(2) not_after_day(2)            18 bytes, big-endian, days since 1970-01-01
    signature = Ed25519("grainline/v1" || 0x00 || body)       64 bytes

The version fixes the layout and the algorithm, so there is nothing to negotiate. Golden vectors for
other implementations: `docs/vectors/pickup-codes.json`.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.platform import base45
from app.platform.signing import SIGNATURE_BYTES, SigningKey, sign, verify
from app.redemptions.rules.keys import KeyState, PublicKeyState

PREFIX = "GL1:"
VERSION = 1
DOMAIN = b"grainline/v1\0"
UNIT_REF_BYTES = 8
EPOCH = date(1970, 1, 1)

_LAYOUT = struct.Struct(">BBH8sBBHH")
BODY_BYTES = _LAYOUT.size
RECORD_BYTES = BODY_BYTES + SIGNATURE_BYTES
TEXT_LENGTH = len(PREFIX) + RECORD_BYTES // 2 * 3

# Scanner guns append CR LF. Stripping loses nothing: a Base45 text of bytes never ends with a space.
_ASCII_SPACES = " \t\r\n\v\f"


class MalformedCode(ValueError):
    """The text has not the shape of a pickup code, or its fields contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRecord:
    """What a code says: which unit of which union may be collected, from one day to another (both included).

    `generation` counts re-issues: a higher one makes the lower ones void. `flags` are reserved. Raises
    ValueError if a field does not fit its bytes or the code would end before it begins.
    """

    key_id: int
    union_number: int
    unit_ref: bytes
    generation: int
    flags: int
    not_before_on: date
    not_after_on: date

    def __post_init__(self) -> None:
        """Refuse what could not be encoded, or would never be valid."""
        if len(self.unit_ref) != UNIT_REF_BYTES:
            raise ValueError("unit_ref is 8 bytes")
        if self.not_after_on < self.not_before_on:
            raise ValueError("a code cannot end before it begins")
        encode_body(self)


@dataclass(frozen=True, slots=True)
class SignedCode:
    """A code that has the right shape, and nothing more: its signature is not verified yet."""

    body: bytes
    signature: bytes

    @property
    def key_id(self) -> int:
        """The key the code claims to be signed with."""
        return self.body[1]

    @property
    def record(self) -> CodeRecord:
        """The fields as claimed. MalformedCode if they contradict each other."""
        return _decode_body(self.body)


class CodeCheck(StrEnum):
    """The outcome of verifying a code."""

    OK = "ok"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    WITHDRAWN_KEY = "withdrawn_key"
    BAD_SIGNATURE = "bad_signature"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, and the record if and only if the outcome is OK."""

    check: CodeCheck
    record: CodeRecord | None = None


def encode_body(record: CodeRecord) -> bytes:
    """Return the 18 bytes that are signed. ValueError if a field does not fit its bytes."""
    try:
        return _LAYOUT.pack(
            VERSION,
            record.key_id,
            record.union_number,
            record.unit_ref,
            record.generation,
            record.flags,
            (record.not_before_on - EPOCH).days,
            (record.not_after_on - EPOCH).days,
        )
    except struct.error as error:
        raise ValueError(f"a field does not fit its bytes: {error}") from None


def sign_record(record: CodeRecord, private_key: SigningKey) -> str:
    """Return the text of the QR picture. The key must be the one `record.key_id` names."""
    body = encode_body(record)
    return PREFIX + base45.encode(body + sign(private_key, DOMAIN + body))


def parse_code(text: str) -> SignedCode:
    """Take a scanned text apart, without believing it. MalformedCode if it has another shape.

    ASCII white space around the text is ignored; nothing else is mended.
    """
    stripped = text.strip(_ASCII_SPACES)
    if len(stripped) != TEXT_LENGTH or not stripped.startswith(PREFIX):
        raise MalformedCode("not a GL1 text of the right length")
    try:
        octets = base45.decode(stripped.removeprefix(PREFIX))
    except ValueError as error:
        raise MalformedCode(str(error)) from None
    if octets[0] != VERSION:
        raise MalformedCode(f"version {octets[0]} is not known")
    return SignedCode(octets[:BODY_BYTES], octets[BODY_BYTES:])


def verify_code(text: str, keys: Mapping[int, PublicKeyState]) -> Verdict:
    """Decide whether a scanned text is a code we signed; the first refusal wins, in the order below.

    Shape, key known, key not withdrawn, signature, fields. No field but version and key id is looked at
    before the signature is good. Says nothing about days, generation or redemption: those need the ledger.
    """
    try:
        code = parse_code(text)
    except MalformedCode:
        return Verdict(CodeCheck.MALFORMED)
    key = keys.get(code.key_id)
    if key is None:
        return Verdict(CodeCheck.UNKNOWN_KEY)
    if key.state is KeyState.WITHDRAWN:
        return Verdict(CodeCheck.WITHDRAWN_KEY)
    if not verify(key.public_key, DOMAIN + code.body, signature=code.signature):
        return Verdict(CodeCheck.BAD_SIGNATURE)
    try:
        return Verdict(CodeCheck.OK, code.record)
    except MalformedCode:
        return Verdict(CodeCheck.MALFORMED)


def _decode_body(body: bytes) -> CodeRecord:
    _, key_id, union_number, unit_ref, generation, flags, first_day, last_day = _LAYOUT.unpack(body)
    try:
        return CodeRecord(
            key_id=key_id,
            union_number=union_number,
            unit_ref=unit_ref,
            generation=generation,
            flags=flags,
            not_before_on=EPOCH + timedelta(days=first_day),
            not_after_on=EPOCH + timedelta(days=last_day),
        )
    except ValueError as error:
        raise MalformedCode(str(error)) from None
