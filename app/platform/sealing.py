"""Sealing short texts: AES-256-GCM bound to the place a value stands in, and a blind index to find it by.

A sealed value is `version (2 bytes) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The place (table, column, owner,
row) and the version are authenticated with it, so that a value moved elsewhere does not open
(NIST SP 800-38D; additional authenticated data).
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
INDEX_BYTES = 16
_NONCE_BYTES = 12


class Sealed(ValueError):
    """A value does not open: another key, another place, or it was changed."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One version of a 32-byte key; ValueError for another length."""

    version: int
    secret: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Expand the key once."""
        if len(self.secret) != KEY_BYTES:
            raise ValueError("a sealing key has 32 bytes")
        object.__setattr__(self, "_cipher", AESGCM(self.secret))

    def seal(self, content: bytes, *, place: str) -> bytes:
        """Return the sealed value; the same content never looks the same twice."""
        nonce = os.urandom(_NONCE_BYTES)
        head = self.version.to_bytes(2, "big")
        return head + nonce + self._cipher.encrypt(nonce, content, head + place.encode())

    def open(self, value: bytes, *, place: str) -> bytes:
        """Return the content of a sealed value; raises Sealed."""
        head, nonce, body = value[:2], value[2 : 2 + _NONCE_BYTES], value[2 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, head + place.encode())
        except (InvalidTag, ValueError):
            raise Sealed("the value does not open here") from None


def version_of(value: bytes) -> int:
    """Return the version of the key that a value was sealed with."""
    return int.from_bytes(value[:2], "big")


def blind_index(secret: bytes, kind: str, *, content: str) -> bytes:
    """Return 128 bits under which equal contents of one kind are found, and nothing is read."""
    return hmac.digest(secret, f"{kind}\0{content}".encode(), hashlib.sha256)[:INDEX_BYTES]
