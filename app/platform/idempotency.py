"""Repeating a call safely: the record and the business write share one transaction (ADR 0002).

The first statement of a call that carries a key claims it; whoever comes second waits on the unique
index until the first has committed, and is then answered with the stored answer, byte for byte.
There is no "in progress" state to be left behind by a crash.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that a caller sent, with the fingerprint of what it asked."""

    actor_id: UUID
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer: HTTP status and JSON text."""

    status: int
    body: str
    fingerprint: bytes


def fingerprint(method: str, path: str, *, body: Any) -> bytes:
    """Return the SHA-256 of what is asked: method, path and the body in one canonical form."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(f"{method} {path}\n{canonical}".encode()).digest()
