"""The audit log: who did or looked at what, added in the transaction of the deed, never changed.

An entry carries ids and a reason, no personal data. The chain over the entries is made afterwards by the
sealer (`app.access.sealer`), so that no deed waits for another's (GB/T 22239-2019 8.1.4.3: user, date,
kind, result of every event; 网络安全法 article 23: logs are kept six months at least). Nothing deletes them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Row
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.access.actor import Actor
from app.access.scope import UnionOwned
from app.platform.canonical import canonical
from app.platform.database import Base
from app.platform.ids import new_id


class AuditEntry(UnionOwned, Base):
    """One deed or look."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        CheckConstraint("char_length(action) BETWEEN 3 AND 80", name="action_length"),
        CheckConstraint("char_length(reason) <= 200", name="reason_length"),
        Index("ix_audit_entries_union_id_id", "union_id", "id"),
        Index("ix_audit_entries_subject_id", "subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime]
    actor_id: Mapped[UUID | None]
    role: Mapped[str | None]
    device_id: Mapped[UUID | None]
    action: Mapped[str]
    subject_kind: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]


class AuditSeal(Base):
    """The place of an entry in the chain: `hash` is over the hash before and the entry (`hash_after`)."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        CheckConstraint("seq >= 1", name="seq_from_one"),
        CheckConstraint("octet_length(hash) = 32", name="hash_is_sha256"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    hash: Mapped[bytes]
    sealed_at: Mapped[datetime]


class AuditHead(Base):
    """A signed statement that the chain ended with this seal; it is kept outside too (ADR 0020)."""

    __tablename__ = "audit_heads"
    __table_args__ = (
        CheckConstraint("octet_length(hash) = 32", name="hash_is_sha256"),
        CheckConstraint("octet_length(public_key) = 32", name="public_key_is_ed25519"),
        CheckConstraint("octet_length(signature) = 64", name="signature_is_ed25519"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]
    signed_at: Mapped[datetime]
    key_id: Mapped[int]
    public_key: Mapped[bytes]
    signature: Mapped[bytes]


NO_HASH = bytes(32)
"""What stands before the first entry."""

SEALED = (
    AuditEntry.id, AuditEntry.union_id, AuditEntry.occurred_at, AuditEntry.actor_id, AuditEntry.role,
    AuditEntry.device_id, AuditEntry.action, AuditEntry.subject_kind, AuditEntry.subject_id,
    AuditEntry.reason, AuditEntry.details, AuditEntry.request_id,
)  # fmt: skip
"""The columns that a seal is over: all of an entry."""


def hash_after(before: bytes, entry: Row[Any]) -> bytes:
    """Return SHA-256(hash before ‖ RFC 8785 form of the entry); `entry` has the columns of `SEALED`."""
    content = content_of(entry)
    try:
        form = canonical(content)
    except ValueError:
        # Numbers without a canonical form can only have been written past `record`; they stop nobody.
        form = canonical(content | {"details": json.dumps(content["details"], sort_keys=True)})
    return hashlib.sha256(before + form).digest()


def content_of(entry: Row[Any]) -> dict[str, Any]:
    """Return an entry as JSON content: ids as usual, the instant in UTC to the microsecond."""
    ids = {name: None if (id := getattr(entry, name)) is None else str(id) for name in _IDS}
    texts = {name: getattr(entry, name) for name in _TEXTS}
    instant = entry.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")
    return ids | texts | {"occurred_at": instant, "details": entry.details}


_IDS = ("id", "union_id", "actor_id", "device_id", "subject_id")
_TEXTS = ("role", "action", "subject_kind", "reason", "request_id")


@dataclass(frozen=True, slots=True)
class Trace:
    """What is to be recorded.

    `action` is `<feature>.<what>` or the name of an API operation; `subject` a kind and an id;
    `details` counts, ids and codes only.
    """

    action: str
    union_id: UUID
    actor: Actor | None = None
    subject: tuple[str, UUID] | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def record(session: AsyncSession, trace: Trace, *, now: datetime) -> UUID:
    """Add an entry to the audit log, in the caller's transaction; return its id.

    The id of the request is the one that the session carries (`session.info["request_id"]`), if any.
    """
    actor, (kind, subject_id) = trace.actor, trace.subject or (None, None)
    entry = AuditEntry(
        id=new_id(),
        union_id=trace.union_id,
        occurred_at=now,
        actor_id=actor.id if actor else None,
        role=actor.role.value if actor else None,
        device_id=actor.device_id if actor else None,
        action=trace.action,
        subject_kind=kind,
        subject_id=subject_id,
        reason=trace.reason,
        details=dict(trace.details),
        request_id=session.info.get("request_id"),
    )
    session.add(entry)
    return entry.id
