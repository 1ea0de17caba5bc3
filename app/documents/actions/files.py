"""The files of a document: sealed in pieces, handed out whole, deleted when their time is over."""

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.policy import Permission, may
from app.access.vault import Place, UnionKeys, keys_of
from app.documents import queries
from app.documents.errors import FileDamaged, FilesGone, NotReady, ReasonRequired
from app.documents.rules.issuing import DocumentReason, DocumentStatus, FileFormat
from app.documents.rules.paper import Edition
from app.documents.tables import Document, DocumentFile, DocumentPiece
from app.platform.bulk import insert_rows, run_together
from app.platform.ids import new_id
from app.platform.sealing import Sealed

_PIECE_BYTES = 384 * 1024
_AT_ONCE = 50


async def keep_files(session: AsyncSession, document: Document, files: Mapping[FileFormat, bytes]) -> None:
    """Seal the files of a document that is being made; to be flushed before it is ready."""
    keys = await keys_of(session, document.union_id)
    for name, content in files.items():
        file = DocumentFile(
            id=new_id(),
            union_id=document.union_id,
            document_id=document.id,
            format=name.value,
            sha256=hashlib.sha256(content).digest(),
            byte_count=len(content),
        )
        session.add(file)
        await session.flush()
        pieces = await anyio.to_thread.run_sync(partial(_seal, keys, content, file_id=file.id))
        for piece in pieces:
            await run_together(session, [insert_rows(DocumentPiece, [piece])])


async def take_file(
    session: AsyncSession,
    document: Document,
    *,
    format: FileFormat,
    actor: Actor,
    reason: DocumentReason | None,
    now: datetime,
) -> bytes:
    """Return a file; who took which, when, why and with how many rows is recorded.

    A full edition needs the right to make documents, or a reason. Raises ReasonRequired, NotReady, FilesGone,
    FileDamaged.
    """
    is_full = document.edition == Edition.FULL
    if is_full and reason is None and not may(actor.role, Permission.DOCUMENTS_WRITE):
        raise ReasonRequired()
    if document.status == DocumentStatus.FORGOTTEN:
        raise FilesGone()
    files = (await queries.find_files(session, [document.id])).get(document.id, [])
    file = next((one for one in files if one.format == format.value), None)
    if document.status != DocumentStatus.READY or file is None:
        raise NotReady()
    keys = await keys_of(session, document.union_id)
    content = await _open(keys, file, pieces=await queries.find_pieces(session, file.id))
    details = {"format": format.value, "edition": document.edition, "rows": document.row_count}
    trace = Trace(
        "documents.taken", document.union_id, actor, ("document", document.id),
        reason=None if reason is None else reason.value,
        details=details | {"number": document.number, "sha256": file.sha256.hex()},
    )  # fmt: skip
    record(session, trace, now=now)
    return content


async def forget_files(session: AsyncSession, campaign_ids: Collection[UUID], *, now: datetime) -> int:
    """Delete the files of campaigns whose personal data have ended; return how many documents that was.

    Numbers, hashes and counts stay, so that the copies that finance keeps can be verified (会计档案管理办法).
    """
    documents = await queries.lock_ready_of_campaigns(session, campaign_ids)
    await _forget(session, documents, now=now)
    return len(documents)


async def forget_old_drafts(session: AsyncSession, before: datetime, *, now: datetime) -> int:
    """Delete the files of some drafts that were ready before an instant; return how many drafts."""
    documents = await queries.lock_old_drafts(session, before, limit=_AT_ONCE)
    await _forget(session, documents, now=now)
    return len(documents)


async def _forget(session: AsyncSession, documents: Sequence[Document], *, now: datetime) -> None:
    if not documents:
        return
    for document in documents:
        document.status, document.forgotten_at = DocumentStatus.FORGOTTEN.value, now
        trace = Trace("documents.forgotten", document.union_id, None, ("document", document.id))
        record(session, trace, now=now)
    await session.flush()
    ids = [document.id for document in documents]
    files = select(DocumentFile.id).where(DocumentFile.document_id.in_(ids)).scalar_subquery()
    await session.execute(delete(DocumentPiece).where(DocumentPiece.file_id.in_(files)))


def _seal(keys: UnionKeys, content: bytes, *, file_id: UUID) -> list[dict[str, Any]]:
    pieces = []
    for position, start in enumerate(range(0, len(content), _PIECE_BYTES)):
        piece_id = new_id()
        text = base64.b64encode(content[start : start + _PIECE_BYTES]).decode()
        pieces.append(
            {
                "id": piece_id,
                "union_id": keys.union_id,
                "file_id": file_id,
                "position": position,
                "content": keys.seal(Place("document_pieces", "content", piece_id), text),
            }
        )
    return pieces


async def _open(keys: UnionKeys, file: DocumentFile, *, pieces: Sequence[DocumentPiece]) -> bytes:
    content = await anyio.to_thread.run_sync(partial(_join, keys, pieces))
    if content is None or hashlib.sha256(content).digest() != file.sha256:
        raise FileDamaged()
    return content


def _join(keys: UnionKeys, pieces: Sequence[DocumentPiece]) -> bytes | None:
    try:
        texts = [keys.open(Place("document_pieces", "content", one.id), one.content) for one in pieces]
    except Sealed:
        return None
    return b"".join(map(base64.b64decode, texts))
