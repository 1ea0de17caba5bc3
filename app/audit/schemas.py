"""Bodies of the audit log: ids, counts and codes, no personal data."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.platform.clock import Instant


class EntryView(BaseModel):
    """One deed or look; `seq` and `hash` (hexadecimal) are those of its seal, None until it is sealed."""

    id: UUID
    union_id: UUID
    occurred_at: Instant
    actor_id: UUID | None
    role: str | None
    device_id: UUID | None
    action: str
    subject_kind: str | None
    subject_id: UUID | None
    reason: str | None
    details: dict[str, Any]
    request_id: str | None
    seq: int | None
    hash: str | None


class HeadView(BaseModel):
    """A signed statement that the log ended with seal `seq`; bytes in hexadecimal, the key is Ed25519's."""

    seq: int
    hash: str
    signed_at: Instant
    key_id: int
    public_key: str
    signature: str
