"""Every `select` about documents."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.documents.errors import DocumentNotFound
from app.documents.rules.issuing import UNDER_WAY, DocumentStatus
from app.documents.tables import Document, DocumentFile, DocumentPiece
from app.platform.paging import Page, page_of, seek, text_key
from app.unions.tables import Union


async def get_document(session: AsyncSession, document_id: UUID) -> Document:
    """Return a document of the scope; raises DocumentNotFound."""
    return await _one(session, select(Document).where(Document.id == document_id))


async def lock_document(session: AsyncSession, document_id: UUID) -> Document:
    """Return a document of the scope, locked; raises DocumentNotFound."""
    return await _one(session, select(Document).where(Document.id == document_id).with_for_update())


async def _one(session: AsyncSession, wanted: Any) -> Document:
    found: Document | None = (await session.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise DocumentNotFound()
    return found


async def list_documents(
    session: AsyncSession, filters: Mapping[str, Any], *, limit: int, after: tuple[str, ...] | None
) -> Page[Document]:
    """Return the documents of the scope with these values in their columns, newest first."""
    wanted = select(Document).filter_by(**filters)
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        wanted = wanted.where(Document.id < last_id)
    found = await session.execute(wanted.order_by(Document.id.desc()).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda one: ("document", str(one.id)))


async def find_files(session: AsyncSession, document_ids: Collection[UUID]) -> dict[UUID, list[DocumentFile]]:
    """Return the files of documents, by document."""
    wanted = select(DocumentFile).where(DocumentFile.document_id.in_(document_ids))
    files: dict[UUID, list[DocumentFile]] = {}
    for file in (await session.execute(wanted.order_by(DocumentFile.format))).scalars():
        files.setdefault(file.document_id, []).append(file)
    return files


async def find_pieces(session: AsyncSession, file_id: UUID) -> list[DocumentPiece]:
    """Return the sealed pieces of a file, in order."""
    wanted = select(DocumentPiece).where(DocumentPiece.file_id == file_id).order_by(DocumentPiece.position)
    return list((await session.execute(wanted)).scalars())


async def count_supplements(session: AsyncSession, document_id: UUID) -> int:
    """Return how many supplements a document has."""
    wanted = select(func.count()).select_from(Document).where(Document.supplement_to == document_id)
    return int((await session.execute(wanted)).scalar_one())


async def find_supplements(session: AsyncSession, document_id: UUID) -> list[Document]:
    """Return the supplements of a document that are issued, in their order."""
    wanted = select(Document).where(
        Document.supplement_to == document_id,
        Document.status.in_((DocumentStatus.READY, DocumentStatus.FORGOTTEN)),
    )
    return list((await session.execute(wanted.order_by(Document.id))).scalars())


async def lock_next_document(session: AsyncSession, now: datetime) -> Document | None:
    """Return the oldest document to be made that no living worker has in hand, locked; or None."""
    wanted = select(Document).where(
        Document.status.in_(sorted(UNDER_WAY)),
        or_(Document.leased_until.is_(None), Document.leased_until < now),
    )
    found = await session.execute(wanted.order_by(Document.id).limit(1).with_for_update(skip_locked=True))
    return found.scalar_one_or_none()


async def lock_leased_document(
    session: AsyncSession, document_id: UUID, *, lease_id: UUID
) -> Document | None:
    """Return a document that this worker still has in hand, locked; else None."""
    wanted = select(Document).where(
        Document.id == document_id,
        Document.lease_id == lease_id,
        Document.status == DocumentStatus.RENDERING.value,
    )
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def lock_old_drafts(session: AsyncSession, before: datetime, *, limit: int) -> list[Document]:
    """Return drafts that were ready before an instant and still have files, locked."""
    wanted = select(Document).where(
        Document.status == DocumentStatus.READY.value,
        Document.is_final.is_(False),
        Document.ready_at < before,
    )
    found = await session.execute(wanted.order_by(Document.id).limit(limit).with_for_update(skip_locked=True))
    return list(found.scalars())


async def lock_ready_of_campaigns(session: AsyncSession, campaign_ids: Collection[UUID]) -> list[Document]:
    """Return the documents of campaigns that still have files, locked by rising id."""
    wanted = select(Document).where(
        Document.campaign_id.in_(campaign_ids), Document.status == DocumentStatus.READY.value
    )
    return list((await session.execute(wanted.order_by(Document.id).with_for_update())).scalars())


async def find_by_number_and_hash(session: AsyncSession, number: str, content_hash: str) -> list[Any]:
    """Return `(Document, union's name)` of the issued final document with this number and this hash."""
    return await _verified(session, (Document.number == number, Document.content_hash == content_hash))


async def find_by_file(session: AsyncSession, sha256: bytes) -> list[Any]:
    """Return `(Document, union's name)` of the issued final document with a file of this SHA-256."""
    file = aliased(DocumentFile)
    ids = select(file.document_id).where(file.sha256 == sha256).scalar_subquery()
    return await _verified(session, (Document.id.in_(ids),))


async def _verified(session: AsyncSession, criteria: Sequence[Any]) -> list[Any]:
    wanted = select(Document, Union.name).join(Union, Union.id == Document.union_id)
    found = await session.execute(wanted.where(Document.is_final, *criteria).limit(1))
    return list(found.all())


async def get_union_name(session: AsyncSession, union_id: UUID) -> str:
    """Return the name of a union."""
    return str((await session.execute(select(Union.name).where(Union.id == union_id))).scalar_one())
