"""Papers are made in the background: one at a time in each process, each step in a short transaction.

A process takes a document by a lease; one that dies leaves a lease that runs out, and another begins again,
with the number that the document has had since it was asked for. Every write asks first whether the lease is
still ours.
"""

import tempfile
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import Trace, record
from app.access.scope import every_union, one_union
from app.documents import queries
from app.documents.actions.files import forget_old_drafts, keep_files
from app.documents.actions.issue import Builder
from app.documents.actions.press import Press, print_paper
from app.documents.errors import GivenUp, KindUnavailable, TooLarge
from app.documents.rules.content import Identity, content_of, hash_of
from app.documents.rules.issuing import LEASE, MOST_ATTEMPTS, MOST_ROWS, DocumentStatus
from app.documents.rules.paper import DocumentKind, Paper
from app.documents.rules.printing import Imprint
from app.documents.tables import Document
from app.platform.clock import SHANGHAI, utc_now
from app.platform.database import Database
from app.platform.errors import DomainError
from app.platform.ids import new_id
from app.unions.errors import PersonNotFound
from app.unions.queries import get_staff

Builders = Mapping[DocumentKind, Builder]
_SOON = timedelta(seconds=5)
_FORMATS = 2
DEFAULT_PRESS = Press(Path(tempfile.gettempdir()) / "grainline-fonts", "http://127.0.0.1:8000/verify")
log = structlog.get_logger()


class LeaseLost(Exception):
    """Another process has the document in hand."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A document in hand, for `rules.issuing.LEASE` from the last word on."""

    database: Database
    document_id: UUID
    union_id: UUID
    id: UUID

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a transaction that sees the street union of the document."""
        return self.database.transaction(one_union(self.union_id))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[tuple[AsyncSession, Document]]:
        """Open a transaction with the document locked and the lease prolonged; raises LeaseLost."""
        async with self.transaction() as session:
            one = await queries.lock_leased_document(session, self.document_id, lease_id=self.id)
            if one is None:
                raise LeaseLost()
            one.leased_until = utc_now() + LEASE
            yield session, one

    async def shorten(self, until: datetime) -> None:
        """Let another attempt begin at `until`."""
        ours = update(Document).where(Document.id == self.document_id, Document.lease_id == self.id)
        async with self.transaction() as session:
            await session.execute(ours.values(leased_until=until))


async def render_waiting(database: Database, builders: Builders, *, press: Press = DEFAULT_PRESS) -> int:
    """Make the documents that wait; return how many attempts were made. Raises what the database raises."""
    count = 0
    while (lease := await _take(database, now=utc_now())) is not None:
        count += 1
        await _attempt(lease, builders, press=press)
    return count


async def expire_drafts(database: Database, *, days: int, now: datetime) -> int:
    """Delete the files of drafts that were ready `days` ago; return how many drafts."""
    count, found = 0, 1
    while found:
        async with database.transaction(every_union("drafts of every union grow old")) as session:
            found = await forget_old_drafts(session, now - timedelta(days=days), now=now)
        count += found
    return count


async def _take(database: Database, *, now: datetime) -> Lease | None:
    """Return a lease of the oldest waiting document; one that was tried too often has failed for good."""
    async with database.transaction(every_union("documents of every union wait")) as session:
        while (one := await queries.lock_next_document(session, now)) is not None:
            if one.attempts < MOST_ATTEMPTS:
                one.lease_id, one.leased_until, one.attempts = new_id(), now + LEASE, one.attempts + 1
                one.status, one.done_count = DocumentStatus.RENDERING.value, 0
                return Lease(database, one.id, one.union_id, one.lease_id)
            _fail(session, one, GivenUp(), now=now)
            await session.flush()
    return None


async def _attempt(lease: Lease, builders: Builders, *, press: Press) -> None:
    try:
        await _render(lease, builders, press=press)
    except LeaseLost:
        log.info("documents.lease_lost", name=str(lease.document_id))
    except DomainError as error:
        with suppress(LeaseLost):
            async with lease.held() as (session, one):
                _fail(session, one, error, now=utc_now())
    except Exception as error:
        log.warning("documents.attempt_failed", name=_where(error, lease), error=type(error).__name__)
        with suppress(Exception):
            await lease.shorten(utc_now() + _SOON)


def _where(error: Exception, lease: Lease) -> str:
    """Say where it happened; not its text, which could name people."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{lease.document_id} {Path(frame.filename).name}:{frame.lineno}"


async def _render(lease: Lease, builders: Builders, *, press: Press) -> None:
    async with lease.transaction() as session:
        document = await queries.get_document(session, lease.document_id)
        content, paper = await _build(session, document, builders)
        imprint = await _imprint(session, document, content, verify_url=press.verify_url)
    async with lease.held() as (_, one):
        one.total_count = paper.row_count * _FORMATS

    async def heard(rows: int) -> None:
        async with lease.held() as (_, one):
            one.done_count = min(rows, one.total_count)

    files = await print_paper(content, imprint, font_folder=press.font_folder, heard=heard)
    async with lease.held() as (session, one):
        await keep_files(session, one, files)
        _make_ready(one, paper, content_hash=imprint.content_hash, now=utc_now())
        details = {"number": one.number, "rows": one.row_count, "content_hash": one.content_hash}
        record(
            session,
            Trace("documents.issued", one.union_id, None, ("document", one.id), details=details),
            now=utc_now(),
        )


async def _build(
    session: AsyncSession, document: Document, builders: Builders
) -> tuple[dict[str, Any], Paper]:
    """Return what the document says; raises KindUnavailable, TooLarge, and what its builder raises."""
    builder = builders.get(DocumentKind(document.kind))
    if builder is None:
        raise KindUnavailable()
    paper = await builder(session, document)
    if paper.row_count > MOST_ROWS:
        raise TooLarge(most=MOST_ROWS)
    first = None
    if document.supplement_to is not None:
        first = (await queries.get_document(session, document.supplement_to)).number
    return content_of(paper, Identity(document.union_id, document.number, first)), paper


async def _imprint(
    session: AsyncSession, document: Document, content: dict[str, Any], *, verify_url: str
) -> Imprint:
    """Return what is printed around it; the mark names the account that asked, not the person."""
    login = "-"
    if document.requested_by is not None:
        with suppress(PersonNotFound):
            login = (await get_staff(session, document.requested_by)).login
    asked_at = document.requested_at.astimezone(SHANGHAI)
    number = document.number or f"草稿 {str(document.id)[-8:]}"
    return Imprint(
        number=number,
        is_draft=not document.is_final,
        mark=f"{login} · {asked_at:%Y-%m-%d %H:%M} · {number}",
        content_hash=hash_of(content),
        verify_url=verify_url,
    )


def _make_ready(one: Document, paper: Paper, *, content_hash: str, now: datetime) -> None:
    one.title, one.paper_on, one.row_count = paper.title, paper.on, paper.row_count
    one.amount_fen, one.content_hash = paper.amount_fen, content_hash
    one.status, one.ready_at, one.done_count = DocumentStatus.READY.value, now, one.total_count
    one.lease_id, one.leased_until, one.attempts = None, None, 0


def _fail(session: AsyncSession, one: Document, error: DomainError, *, now: datetime) -> None:
    one.status, one.failure = DocumentStatus.FAILED.value, error.code
    one.failure_params = {
        name: value if isinstance(value, int | str) else str(value) for name, value in error.params.items()
    }
    one.lease_id, one.leased_until = None, None
    subject = ("document", one.id)
    record(session, Trace("documents.failed", one.union_id, None, subject, reason=error.code), now=now)
