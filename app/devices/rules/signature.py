"""What a device signs, and with what (`docs/device-requests.md`; `docs/vectors/device-requests.json`).

The first line of a signed text fixes its layout; the algorithm is fixed when the device is paired. There is
nothing to negotiate. As with DPoP (RFC 9449), a call is bound to its token, and nothing of it can be changed.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

CALL, PAIRING = "grainline-device/v1", "grainline-device-pairing/v1"
TIME_HEADER, NONCE_HEADER, SIGNATURE_HEADER = "x-device-time", "x-device-nonce", "x-device-signature"
MOST_SKEW = timedelta(minutes=5)
NONCE_BYTES, SIGNATURE_BYTES = 16, 64
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class Algorithm(StrEnum):
    """How a device signs: Ed25519 (RFC 8032), or ECDSA on P-256 with SHA-256 where a browser lacks it."""

    ED25519 = "ed25519"
    P256 = "p256"


PUBLIC_KEY_BYTES = {Algorithm.ED25519: 32, Algorithm.P256: 65}
"""Raw, as WebCrypto exports them; a point of P-256 uncompressed (SEC 1 section 2.3.3)."""


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A public key of a device; ValueError if `raw` is none of its algorithm."""

    algorithm: Algorithm
    raw: bytes
    _handle: Ed25519PublicKey | EllipticCurvePublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse the bytes once."""
        if len(self.raw) != PUBLIC_KEY_BYTES[self.algorithm]:
            raise ValueError("a public key of another length")
        object.__setattr__(self, "_handle", _parse(self.algorithm, self.raw))

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        """Say whether a signature of 64 bytes (for P-256 r || s, IEEE P1363) is this key's for a text."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            if isinstance(self._handle, Ed25519PublicKey):
                self._handle.verify(signature, text)
            else:
                halves = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
                self._handle.verify(encode_dss_signature(*halves), text, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def _parse(algorithm: Algorithm, raw: bytes) -> Ed25519PublicKey | EllipticCurvePublicKey:
    if algorithm is Algorithm.ED25519:
        return Ed25519PublicKey.from_public_bytes(raw)
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it arrived: `target` is path and query as they were sent."""

    method: str
    target: str
    body: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Seal:
    """What proves a call: the device's time as text, 16 bytes that are used once, a signature."""

    time: str
    nonce: str
    signature: bytes

    @property
    def nonce_bytes(self) -> bytes:
        """The nonce as it is remembered."""
        return from_base64url(self.nonce)

    @property
    def at(self) -> datetime:
        """The device's time."""
        return datetime.fromisoformat(self.time)


def call_text(call: Call, *, time: str, nonce: str) -> bytes:
    """Return what is signed for a call: seven lines, a line feed between them, none at the end."""
    body, token = hashlib.sha256(call.body).hexdigest(), hashlib.sha256(call.token.encode()).hexdigest()
    return f"{CALL}\n{call.method}\n{call.target}\n{body}\n{time}\n{nonce}\n{token}".encode()


def pairing_text(code: str, *, algorithm: str, public_key: str) -> bytes:
    """Return what is signed for a pairing: four lines, the code as 26 symbols, the key as base64url."""
    return f"{PAIRING}\n{code}\n{algorithm}\n{public_key}".encode()


def read_seal(headers: Mapping[str, str]) -> Seal | None:
    """Return what the three headers of a call say, or None if one is missing or has another form."""
    time, nonce = headers.get(TIME_HEADER, ""), headers.get(NONCE_HEADER, "")
    try:
        signature = from_base64url(headers.get(SIGNATURE_HEADER, ""))
        if len(from_base64url(nonce)) != NONCE_BYTES or not _INSTANT.fullmatch(time):
            return None
        datetime.fromisoformat(time)
    except ValueError:
        return None
    return Seal(time, nonce, signature)


class Flaw(StrEnum):
    """Why a call is not believed; for the audit log, never for the caller."""

    FORM = "form"
    TIME = "time"
    SIGNATURE = "signature"
    REPLAY = "replay"
    DEVICE = "device"


def flaw_of(call: Call, seal: Seal, *, key: DeviceKey, now: datetime) -> Flaw | None:
    """Return what is wrong with a signed call, but for a nonce that was used before."""
    if not abs(now - seal.at) <= MOST_SKEW:
        return Flaw.TIME
    text = call_text(call, time=seal.time, nonce=seal.nonce)
    return None if key.has_signed(text, seal.signature) else Flaw.SIGNATURE


def to_base64url(octets: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Return the bytes of a base64url text without padding; ValueError for any other spelling of them."""
    octets = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if to_base64url(octets) != text:
        raise ValueError("not the one spelling")
    return octets
