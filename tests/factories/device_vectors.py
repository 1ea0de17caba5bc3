"""Golden vectors of device requests, from fixed keys, written with the code of the service.

`python -m tests.factories.device_vectors` writes `docs/vectors/device-requests.json` anew. ECDSA signatures
differ each time they are made, so those of P-256 are kept as they were and verified.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.devices.rules.signature import Call, call_text, pairing_text, to_base64url
from tests.factories.tablets import Private, public_half, sign_with

VECTORS_FILE = Path(__file__).parents[2] / "docs" / "vectors" / "device-requests.json"
CODE, TIME, NONCE = "0123456789ABCDEFGHJKMNPQRS", "2026-10-12T09:05:00.000+08:00", "AAECAwQFBgcICQoLDA0ODw"
TOKEN = "a-token-of-a-test-and-of-nothing-else-00000"
CALLS = {
    "without a body": Call("GET", "/api/v1/device", b"", TOKEN),
    "with a query": Call("GET", "/api/v1/campaigns?limit=1&cursor=WzFd", b"", TOKEN),
    "with a body": Call(
        "POST", "/api/v1/device/clerks/sign-in", b'{"login":"clerk-1","pin":"482915"}', TOKEN
    ),
}


def keys_of_tests() -> dict[str, Private]:
    """Return one private key of each algorithm; they are public."""
    seed = hashlib.sha256(b"grainline test device").digest()
    number = int.from_bytes(hashlib.sha256(b"grainline test device p256").digest()) >> 1
    return {
        "ed25519": Ed25519PrivateKey.from_private_bytes(seed),
        "p256": ec.derive_private_key(number, ec.SECP256R1()),
    }


def render(known: dict[str, Any]) -> str:
    """Return the whole file; signatures of P-256 are taken from `known`, if it has them."""
    vectors: dict[str, Any] = {
        "about": "Golden vectors of device requests. THE PRIVATE KEYS BELOW ARE PUBLIC: for tests only.",
        "keys": [_key(name, key) for name, key in keys_of_tests().items()],
        "pairings": [],
        "calls": [],
    }
    for algorithm, key in keys_of_tests().items():
        public_key = to_base64url(public_half(key))
        text = pairing_text(CODE, algorithm=algorithm, public_key=public_key)
        row = {"algorithm": algorithm, "pairing_code": CODE, "public_key": public_key}
        kept = _of(known, algorithm)
        vectors["pairings"].append(row | _signed(key, text, kept=kept))
        for name, call in CALLS.items():
            text = call_text(call, time=TIME, nonce=NONCE)
            row = {
                "name": name, "algorithm": algorithm, "method": call.method, "target": call.target,
                "body": call.body.decode(), "time": TIME, "nonce": NONCE, "token": call.token,
            }  # fmt: skip
            vectors["calls"].append(row | _signed(key, text, kept=kept))
    return json.dumps(vectors, indent=2, ensure_ascii=True) + "\n"


def _of(known: dict[str, Any], algorithm: str) -> dict[str, str]:
    """Return the signatures that are to stay: those of P-256, by what they sign."""
    rows = [*known.get("pairings", []), *known.get("calls", [])] if algorithm == "p256" else []
    return {row["text"]: row["signature"] for row in rows if row["algorithm"] == algorithm}


def _signed(key: Private, text: bytes, *, kept: dict[str, str]) -> dict[str, str]:
    signature = kept.get(text.decode()) or to_base64url(sign_with(key, text))
    return {"text": text.decode(), "signature": signature}


def _key(algorithm: str, key: Private) -> dict[str, str]:
    private = (
        key.private_bytes_raw()
        if isinstance(key, Ed25519PrivateKey)
        else key.private_numbers().private_value.to_bytes(32)
    )
    public_key = to_base64url(public_half(key))
    return {"algorithm": algorithm, "public_key": public_key, "test_only_private_hex": private.hex()}


def read() -> dict[str, Any]:
    """Return the file as it is."""
    found: dict[str, Any] = (
        json.loads(VECTORS_FILE.read_text(encoding="utf-8")) if VECTORS_FILE.exists() else {}
    )
    return found


if __name__ == "__main__":
    VECTORS_FILE.write_text(render(read()), encoding="utf-8")
