"""Events of a device that nobody can place: what is kept of them, and how a second copy is known."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

LONGEST_BODY = 2_000
_EVENT_ID = re.compile(r'"event_id"\s*:\s*"([0-9A-Fa-f-]{32,36})"')


@dataclass(frozen=True, slots=True)
class UnplacedEvent:
    """An event as it came, and why it belongs to no order that we can tell."""

    event_id: UUID | None
    reason: str
    body: str

    @property
    def kept_body(self) -> str:
        """The beginning of the body, without what PostgreSQL cannot keep."""
        readable = self.body.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        return readable[:LONGEST_BODY]

    @property
    def body_sha256(self) -> bytes:
        """The SHA-256 of the whole body."""
        return hashlib.sha256(self.body.encode("utf-8", "replace")).digest()


def body_of(event: Any) -> str:
    """Return the text of an event; one that could not be read is its own text."""
    return event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)


def event_id_of(event: Any) -> UUID | None:
    """Return the id of a malformed event, if it has one, so that the device knows which."""
    if isinstance(event, str):
        found = _EVENT_ID.search(event)
        given: Any = found[1] if found else None
    else:
        given = event.get("event_id") if isinstance(event, dict) else None
    try:
        return UUID(given)
    except (TypeError, ValueError, AttributeError):
        return None
