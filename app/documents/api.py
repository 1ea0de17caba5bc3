"""Routes of papers: asking for one, looking how far it is, taking its files, verifying it."""

import ipaddress
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, check_stepped_up, database_of, public, require
from app.access.policy import Permission
from app.access.scope import every_union
from app.documents import errors, queries
from app.documents.actions import files, issue
from app.documents.actions.verify import VERIFICATIONS, verify
from app.documents.rules.issuing import OF_A_CAMPAIGN, DocumentStatus, FileFormat
from app.documents.rules.paper import Edition
from app.documents.schemas import (
    DocumentRequest,
    DocumentsRequest,
    DocumentTicket,
    DocumentView,
    SupplementRequest,
    TakeRequest,
    VerifiedView,
    VerifyRequest,
    document_view,
)
from app.documents.tables import Document
from app.platform.clock import utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.i18n import choose_language
from app.platform.limits import Limit
from app.platform.paging import CursorInvalid, PageView
from app.platform.problems import OPEN, describe

router = APIRouter(route_class=StrictRoute, tags=["documents"])

TAKES = Limit("documents.take", 120, timedelta(hours=1))
MEDIA_TYPES = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.PDF: "application/pdf",
}
_KEYED = (KeyReused, KeyRequired, KeyInFlight)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {
            name: {"schema": {"type": "string", "format": "binary"}} for name in MEDIA_TYPES.values()
        },
    }
}
Reader = Annotated[Actor, require(Permission.DOCUMENTS_READ)]
Writer = Annotated[Actor, require(Permission.DOCUMENTS_WRITE)]


@router.post(
    "/documents",
    status_code=202,
    name="request_document",
    response_model=DocumentTicket,
    responses=describe(errors.CampaignNeeded, errors.SubjectNotFound, errors.SealedByClosing, *_KEYED),
)
async def request_document(
    body: DocumentRequest, actor: Writer, session: Transaction, keeper: Kept
) -> Response:
    """Ask for a paper; it is made in the background, in XLSX and PDF."""
    if body.is_final and body.kind in OF_A_CAMPAIGN:
        raise errors.SealedByClosing()
    wanted = issue.Wanted(**body.model_dump(exclude={"is_final"}))
    document = await issue.request_document(
        session, wanted, union_id=actor.union_id, requested_by=actor.id, now=utc_now(), is_final=body.is_final
    )
    return await keeper.keep(_ticket(document), status=202)


@router.get(
    "/documents",
    name="list_documents",
    response_model=PageView[DocumentView],
    responses=describe(CursorInvalid),
)
async def list_documents(
    request: Request, query: Annotated[DocumentsRequest, Query()], _: Reader, session: Transaction
) -> PageView[DocumentView]:
    """Return the papers of the union, newest first."""
    found = await queries.list_documents(session, query.filters, limit=query.limit, after=query.after)
    held = await queries.find_files(session, [one.id for one in found.items])
    language = choose_language(request.headers.get("accept-language"))
    items = [document_view(one, held.get(one.id, []), language=language) for one in found.items]
    return PageView(items=items, next=found.next)


@router.get(
    "/documents/{document_id}",
    name="get_document",
    response_model=DocumentView,
    responses=describe(errors.DocumentNotFound),
)
async def get_document(request: Request, document_id: UUID, _: Reader, session: Transaction) -> DocumentView:
    """Return a paper: how far it is, its files, its hash."""
    one = await queries.get_document(session, document_id)
    held = (await queries.find_files(session, [one.id])).get(one.id, [])
    return document_view(one, held, language=choose_language(request.headers.get("accept-language")))


@router.get(
    "/documents/{document_id}/files/{format}",
    name="take_document_file",
    response_class=Response,
    responses=describe(
        errors.DocumentNotFound, errors.NotReady, errors.FilesGone, errors.FileDamaged, errors.ReasonRequired,
        TooManyRequests,
    ) | _FILE,
)  # fmt: skip
async def take_file(
    request: Request,
    document_id: UUID,
    format: FileFormat,
    query: Annotated[TakeRequest, Query()],
    actor: Reader,
    session: Transaction,
) -> Response:
    """Return a file; who took it is recorded. Names in full ask for a second proof, of some for a reason."""
    now = utc_now()
    await request.app.state.limiter.take(TAKES, str(actor.id), now=now)
    one = await queries.get_document(session, document_id)
    if one.edition == Edition.FULL:
        check_stepped_up(actor)
    content = await files.take_file(session, one, format=format, actor=actor, reason=query.reason, now=now)
    return _download(one, format, content)


@router.post(
    "/documents/{document_id}/supplements",
    status_code=202,
    name="supplement_document",
    response_model=DocumentTicket,
    responses=describe(errors.DocumentNotFound, errors.NotFinal, *_KEYED),
)
async def supplement_document(
    document_id: UUID, body: SupplementRequest, actor: Writer, session: Transaction, keeper: Kept
) -> Response:
    """Ask for a supplement to a final paper: the same paper with what is known by now; the first stays."""
    document = await issue.request_supplement(
        session, document_id, requested_by=actor.id, reason=body.reason, now=utc_now()
    )
    return await keeper.keep(_ticket(document), status=202)


@router.post(
    "/documents/{document_id}/retry",
    status_code=202,
    name="retry_document",
    response_model=DocumentTicket,
    responses=describe(errors.DocumentNotFound, errors.NotFailed, *_KEYED),
)
async def retry_document(document_id: UUID, _: Writer, session: Transaction, keeper: Kept) -> Response:
    """Make a paper that failed once more, with the number that it has."""
    document = await issue.retry_document(session, document_id)
    return await keeper.keep(_ticket(document), status=202)


@router.get(
    "/verify",
    name="verify_document",
    response_model=VerifiedView,
    dependencies=[public()],
    responses=describe(*OPEN, common=False),
)
async def verify_document(request: Request, query: Annotated[VerifyRequest, Query()]) -> VerifiedView:
    """Say whether a paper, or a file, was issued here as it is; anybody may ask, nobody is named."""
    return await verify_for(request, query)


async def verify_for(request: Request, asked: VerifyRequest) -> VerifiedView:
    """Return what is known of a paper, counted by the caller's address; raises TooManyRequests."""
    address = request.client.host if request.client else "-"
    await request.app.state.limiter.take(VERIFICATIONS, _network_of(address), now=utc_now())
    async with database_of(request).transaction(
        every_union("a paper is verified by whoever holds it")
    ) as session:
        return await verify(session, asked)


def _ticket(document: Document) -> DocumentTicket:
    return DocumentTicket(id=document.id, number=document.number, status=DocumentStatus(document.status))


def _download(document: Document, format: FileFormat, content: bytes) -> Response:
    plain = f"{document.number or f'draft-{str(document.id)[-8:]}'}.{format.value}"
    full = quote(f"{document.number or '草稿'}_{document.title}.{format.value}", safe="")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)


def _network_of(address: str) -> str:
    """Return an IPv4 address, or the /64 that one customer has of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))
