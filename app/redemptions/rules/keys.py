"""The life of a signing key: `next -> active -> verify_only -> withdrawn`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.platform.signing import VerifyKey


class KeyState(StrEnum):
    """What a key may be used for."""

    NEXT = "next"
    """Published ahead so that every scanner knows it; signs nothing yet, verifies."""
    ACTIVE = "active"
    """Signs and verifies."""
    VERIFY_ONLY = "verify_only"
    """Signs nothing any more; the codes it signed stay good."""
    WITHDRAWN = "withdrawn"
    """Neither: every code it signed is refused."""


KEY_STEPS: dict[KeyState, frozenset[KeyState]] = {
    KeyState.NEXT: frozenset({KeyState.ACTIVE, KeyState.WITHDRAWN}),
    KeyState.ACTIVE: frozenset({KeyState.VERIFY_ONLY, KeyState.WITHDRAWN}),
    KeyState.VERIFY_ONLY: frozenset({KeyState.WITHDRAWN}),
    KeyState.WITHDRAWN: frozenset(),
}


LIST_GOOD_FOR = timedelta(hours=24)
"""How old a list of keys a device may be that verifies codes by itself."""


class IllegalKeyStep(ValueError):
    """A key cannot go from `current` to `wanted`."""

    def __init__(self, current: KeyState, wanted: KeyState) -> None:
        """Keep both states for the refusal shown to the person."""
        super().__init__(f"a key cannot go from {current} to {wanted}")
        self.current = current
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class PublicKeyState:
    """What a verifier knows of a key."""

    public_key: VerifyKey
    state: KeyState


def check_key_step(current: KeyState, wanted: KeyState) -> None:
    """Raise IllegalKeyStep unless a key may go from `current` to `wanted`."""
    if wanted not in KEY_STEPS[current]:
        raise IllegalKeyStep(current, wanted)


def list_version(keys: Mapping[int, PublicKeyState]) -> str:
    """Return what names a list of keys: two lists have one name if and only if they say the same."""
    lines = (f"{id} {key.public_key.raw.hex()} {key.state}\n" for id, key in sorted(keys.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
