"""Every `select` of the auditor's view."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import SEALED, AuditEntry, AuditHead, AuditSeal
from app.platform.ids import first_id_at
from app.platform.paging import Page, page_of, seek, text_key


@dataclass(frozen=True, slots=True)
class EntriesWanted:
    """Which entries: made at or after `since` and before `until`, by whom, of what, at which union."""

    since: datetime | None = None
    until: datetime | None = None
    actor_id: UUID | None = None
    action: str | None = None
    subject_id: UUID | None = None
    union_id: UUID | None = None


async def list_entries(
    session: AsyncSession, wanted: EntriesWanted, *, limit: int, after: tuple[str, ...] | None
) -> Page[Row[Any]]:
    """Return entries with their seals, the newest first."""
    found = select(*SEALED, AuditSeal.seq, AuditSeal.hash)
    found = found.outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
    for name in ("actor_id", "action", "subject_id", "union_id"):
        if (value := getattr(wanted, name)) is not None:
            found = found.where(getattr(AuditEntry, name) == value)
    if wanted.since is not None:
        found = found.where(AuditEntry.id >= first_id_at(wanted.since))
    if wanted.until is not None:
        found = found.where(AuditEntry.id < first_id_at(wanted.until))
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        found = found.where(AuditEntry.id < last_id)
    rows = (await session.execute(found.order_by(AuditEntry.id.desc()).limit(limit + 1))).all()
    return page_of(rows, limit=limit, key=lambda row: ("entry", str(row.id)))


async def find_head(session: AsyncSession) -> AuditHead | None:
    """Return the newest signed head, or None."""
    found = await session.scalars(select(AuditHead).order_by(AuditHead.seq.desc()).limit(1))
    return found.one_or_none()
