"""A document is asked for: it has its number at once, its files when a worker has made them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.documents import queries
from app.documents.errors import CampaignNeeded, NotFailed, NotFinal, SubjectNotFound
from app.documents.rules.issuing import (
    OF_A_CAMPAIGN,
    DocumentReason,
    DocumentStatus,
    number_of,
    series_of,
    supplement_number,
)
from app.documents.rules.paper import DocumentKind, Edition, Paper
from app.documents.tables import Document, DocumentSeries
from app.platform.clock import local_date
from app.platform.ids import new_id

Builder: TypeAlias = Callable[[AsyncSession, Document], Awaitable[Paper]]
"""Reads what a document says, in the scope of its union; raises DomainError when it cannot be issued.

What is read must not depend on the clock or on who asks: a document that is built again says the same.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which paper: `subject_id` is the receipt, dispatch or stocktake; days are included.

    `params` are for the builder: ids, counts and codes, no personal data.
    """

    kind: DocumentKind
    reason: DocumentReason
    edition: Edition = Edition.FULL
    campaign_id: UUID | None = None
    pickup_point_id: UUID | None = None
    unit_id: UUID | None = None
    subject_id: UUID | None = None
    from_on: date | None = None
    until_on: date | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


async def request_document(
    session: AsyncSession,
    wanted: Wanted,
    *,
    union_id: UUID,
    requested_by: UUID | None,
    now: datetime,
    is_final: bool = False,
) -> Document:
    """Queue a document and return it; a final one has its number from here on, a draft never has one.

    The number is the next of its series in the Shanghai year of `now`; a transaction that is rolled back
    leaves no gap. Raises CampaignNeeded, SubjectNotFound (not there, or another union's).
    """
    if wanted.kind in OF_A_CAMPAIGN and wanted.campaign_id is None:
        raise CampaignNeeded()
    number = await _next_number(session, wanted, union_id=union_id, now=now) if is_final else None
    document = _document(wanted, union_id, number=number)
    document.requested_by, document.requested_at = requested_by, now
    return await _add(session, document)


async def request_supplement(
    session: AsyncSession,
    document_id: UUID,
    *,
    requested_by: UUID | None,
    reason: DocumentReason,
    now: datetime,
    params: Mapping[str, Any] | None = None,
) -> Document:
    """Queue a supplement to a final document: the same paper with what is known by now, `…-B1`, `…-B2`.

    `params` are added to those of the document. A supplement of a supplement is the next one of the document
    itself. Raises DocumentNotFound, NotFinal.
    """
    first = await queries.lock_document(session, document_id)
    if first.supplement_to is not None:
        first = await queries.lock_document(session, first.supplement_to)
    if first.number is None or first.status not in {DocumentStatus.READY, DocumentStatus.FORGOTTEN}:
        raise NotFinal()
    place = await queries.count_supplements(session, first.id) + 1
    wanted = Wanted(
        kind=DocumentKind(first.kind),
        reason=reason,
        edition=Edition(first.edition),
        campaign_id=first.campaign_id,
        pickup_point_id=first.pickup_point_id,
        unit_id=first.unit_id,
        subject_id=first.subject_id,
        from_on=first.from_on,
        until_on=first.until_on,
        params={**first.params, **(params or {})},
    )
    number = supplement_number(first.number, place)
    document = _document(wanted, first.union_id, number=number)
    document.supplement_to, document.requested_by, document.requested_at = first.id, requested_by, now
    return await _add(session, document)


async def retry_document(session: AsyncSession, document_id: UUID) -> Document:
    """Queue a failed document again, with the number it has; raises DocumentNotFound, NotFailed."""
    document = await queries.lock_document(session, document_id)
    if document.status != DocumentStatus.FAILED:
        raise NotFailed()
    document.status, document.attempts, document.done_count = DocumentStatus.QUEUED.value, 0, 0
    document.failure, document.failure_params = None, {}
    return document


async def _next_number(session: AsyncSession, wanted: Wanted, *, union_id: UUID, now: datetime) -> str:
    """Take the next place; whoever comes second waits for the row of the series."""
    series, year = series_of(wanted.kind, wanted.edition), local_date(now).year
    first = {"id": new_id(), "union_id": union_id, "series": series, "year": year, "last_place": 1}
    taken = (
        insert(DocumentSeries)
        .values(first)
        .on_conflict_do_update(
            index_elements=[DocumentSeries.union_id, DocumentSeries.series, DocumentSeries.year],
            set_={"last_place": DocumentSeries.last_place + 1},
        )
    )
    place = (await session.execute(taken.returning(DocumentSeries.last_place))).scalar_one()
    return number_of(series, year, place=place)


def _document(wanted: Wanted, union_id: UUID, *, number: str | None) -> Document:
    return Document(
        id=new_id(),
        union_id=union_id,
        kind=wanted.kind.value,
        edition=wanted.edition.value,
        number=number,
        is_final=number is not None,
        campaign_id=wanted.campaign_id,
        pickup_point_id=wanted.pickup_point_id,
        unit_id=wanted.unit_id,
        subject_id=wanted.subject_id,
        from_on=wanted.from_on,
        until_on=wanted.until_on,
        params=dict(wanted.params),
        reason=wanted.reason.value,
        status=DocumentStatus.QUEUED.value,
    )


async def _add(session: AsyncSession, document: Document) -> Document:
    """Add a document; its foreign keys carry the union, so what another union has is not there."""
    try:
        async with session.begin_nested():
            session.add(document)
            await session.flush()
    except IntegrityError as error:
        if any(name in str(error.orig) for name in _SUBJECT_KEYS):
            raise SubjectNotFound() from None
        raise
    return document


_SUBJECT_KEYS = tuple(
    f"fk_documents_union_id_{name}" for name in ("campaign_id", "pickup_point_id", "unit_id")
)
