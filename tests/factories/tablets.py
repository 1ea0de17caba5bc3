"""A pickup device as its client is: a key that never leaves it, calls that it signs."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from app.devices.rules.signature import to_base64url
from app.platform.clock import utc_now
from app.unions.tables import StaffAccount
from tests.factories.answers import API
from tests.factories.street import Person, Street

Private = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def make_key(algorithm: str) -> Private:
    """Return a fresh private key."""
    return Ed25519PrivateKey.generate() if algorithm == "ed25519" else ec.generate_private_key(ec.SECP256R1())


def public_half(key: Private) -> bytes:
    """Return the public half, raw, as WebCrypto exports it."""
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key().public_bytes_raw()
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def sign_with(key: Private, text: bytes) -> bytes:
    """Return a signature of 64 bytes, as WebCrypto makes it."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(text)
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


@dataclass
class Tablet(httpx.Auth):
    """A paired device; as the `auth` of a call it signs it. `clock` is how far its own is off.

    Written against docs/device-requests.md, not with the code of the service.
    """

    key: Private
    id: UUID = field(default_factory=lambda: UUID(int=0))
    token: str = ""
    clock: timedelta = timedelta()
    requires_request_body = True

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Sign a call with the device's own session, or with the token that it carries already."""
        token = request.headers.get("authorization", f"Bearer {self.token}").partition(" ")[2]
        time = (utc_now() + self.clock).isoformat(timespec="milliseconds")
        nonce = to_base64url(secrets.token_bytes(16))
        lines = [
            "grainline-device/v1",
            request.method,
            request.url.raw_path.decode(),
            hashlib.sha256(request.content).hexdigest(),
            time,
            nonce,
            hashlib.sha256(token.encode()).hexdigest(),
        ]
        request.headers["Authorization"] = f"Bearer {token}"
        request.headers["X-Device-Time"], request.headers["X-Device-Nonce"] = time, nonce
        signature = sign_with(self.key, "\n".join(lines).encode())
        request.headers["X-Device-Signature"] = to_base64url(signature)
        yield request


async def pairing_code(client: httpx.AsyncClient, here: Street, **change: Any) -> dict[str, Any]:
    """Return the pairing of a fresh code."""
    body = {
        "name": f"示例·平板{secrets.token_hex(3)}",
        "pickup_point_id": str(here.points[0]),
        "valid_from": (utc_now() - timedelta(hours=1)).isoformat(),
        "valid_until": (utc_now() + timedelta(days=5)).isoformat(),
    } | {
        name: given.isoformat() if isinstance(given, datetime) else str(given)
        for name, given in change.items()
    }
    answer = await client.post(f"{API}/devices/pairings", json=body, headers=here.officer.headers())
    assert answer.status_code == 201, answer.text
    pairing: dict[str, Any] = answer.json()
    return pairing


def pairing_body(code: str, key: Private, **change: str) -> dict[str, str]:
    """Return what a device sends to be paired."""
    algorithm = "ed25519" if isinstance(key, Ed25519PrivateKey) else "p256"
    public_key = to_base64url(public_half(key))
    symbols = code.replace("-", "")
    text = f"grainline-device-pairing/v1\n{symbols}\n{algorithm}\n{public_key}"
    return {
        "pairing_code": code,
        "algorithm": algorithm,
        "public_key": public_key,
        "proof": to_base64url(sign_with(key, text.encode())),
    } | change


async def paired(
    client: httpx.AsyncClient, here: Street, *, algorithm: str = "ed25519", **change: Any
) -> Tablet:
    """Return a device of a street union, paired as people do it."""
    key = make_key(algorithm)
    code = (await pairing_code(client, here, **change))["pairing_code"]
    answer = await client.post(f"{API}/devices/pair", json=pairing_body(code, key))
    assert answer.status_code == 201, answer.text
    return Tablet(key, UUID(answer.json()["device_id"]), answer.json()["token"])


async def clerk_at(
    client: httpx.AsyncClient, here: Street, tablet: Tablet, *, who: Person | None = None, pin: str = "482915"
) -> Person:
    """Return a clerk who has set a PIN and signed in on the device."""
    who = who or here.clerk
    answer = await client.put(f"{API}/me/pin", json={"pin": pin}, headers=who.headers())
    assert answer.status_code == 200, answer.text
    login = await login_of(here, who)
    body = {"login": login, "pin": pin}
    answer = await client.post(f"{API}/device/clerks/sign-in", json=body, auth=tablet)
    assert answer.status_code == 200, answer.text
    return Person(who.id, who.name, answer.json()["token"])


async def login_of(here: Street, who: Person) -> str:
    """Return the login of a staff account."""
    rows = await here.read(select(StaffAccount.login).where(StaffAccount.id == who.id))
    return str(rows[0][0])
