"""Routes of roster imports."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response

from app.access.actor import Actor
from app.access.deps import CurrentActor, IdempotencyKey, Kept, Transaction, database_of, require
from app.access.policy import Permission
from app.access.scope import one_union
from app.access.vault import keys_of
from app.platform.clock import utc_now
from app.platform.errors import KeyInFlight, KeyRequired, KeyReused, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.i18n import Language, choose_language
from app.platform.keeping import Keeper
from app.platform.limits import Limit
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.roster import errors, queries
from app.roster.actions import decide, receive, workbooks
from app.roster.rules.progress import ImportStatus
from app.roster.schemas import (
    CommitRequest,
    ImportTicket,
    ImportView,
    RowsRequest,
    RowView,
    UploadTerms,
    import_view,
    row_view,
)
from app.unions.queries import find_union_names

router = APIRouter(route_class=StrictRoute, prefix="/members/imports", tags=["roster"])

IMPORTS = Limit("roster.import", 10, timedelta(hours=1))
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MEDIA_TYPES = (workbooks.MEDIA_TYPE, "text/csv", "application/octet-stream")
_BODY = {"requestBody": {"required": True, "content": dict.fromkeys(_MEDIA_TYPES, _BINARY)}}
_WORKBOOK: dict[int | str, dict[str, Any]] = {
    200: {"description": "a workbook", "content": {workbooks.MEDIA_TYPE: _BINARY}}
}
_REFUSED_FILES = (
    errors.FileEmpty, errors.FormatUnknown, errors.FileLocked, errors.MacrosFound, errors.LinksFound,
    errors.ArchiveUnsafe, errors.UnpackedTooLarge, errors.FileUnreadable, errors.MediaTypeRefused,
)  # fmt: skip


def _language(request: Request) -> Language:
    return choose_language(request.headers.get("accept-language"))


Spoken = Annotated[Language, Depends(_language)]


async def read_upload(
    request: Request, terms: Annotated[UploadTerms, Query()], actor: CurrentActor
) -> receive.Upload:
    """Read the file before a connection of the database is taken: a slow sender keeps nobody waiting."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in _MEDIA_TYPES:
        raise errors.MediaTypeRefused()
    await request.app.state.limiter.take(IMPORTS, str(actor.id), now=utc_now())
    return receive.Upload(await request.body(), terms.filename, terms.mode, terms.unit_id)


Uploaded = Annotated[receive.Upload, Depends(read_upload)]


async def keep_upload(
    request: Request, actor: CurrentActor, upload: Uploaded, session: Transaction, key: IdempotencyKey = None
) -> Keeper:
    """Claim the idempotency key of an upload: the same file for the same purpose."""
    keeper = Keeper(session, actor.id, key=key, union_id=actor.union_id)
    asked = {
        "sha256": hashlib.sha256(upload.content).hexdigest(), "filename": upload.filename,
        "mode": upload.mode, "unit_id": upload.unit_id,
    }  # fmt: skip
    await keeper.claim(request, asked, now=utc_now())
    return keeper


@router.post(
    "",
    status_code=202,
    name="send_roster",
    response_model=ImportTicket,
    openapi_extra=_BODY,
    responses=describe(
        *_REFUSED_FILES, errors.UnitNotYours, TooManyRequests, KeyReused, KeyRequired, KeyInFlight
    ),
)
async def send_roster(
    actor: Annotated[Actor, require(Permission.ROSTER_IMPORT)],
    upload: Uploaded,
    session: Transaction,
    keeper: Annotated[Keeper, Depends(keep_upload, scope="function")],
) -> Response:
    """Take in a file of members (xlsx, xls, ods, csv; 5 MB, 50,000 rows); it is read in the background."""
    one = await receive.receive_file(session, upload, actor=actor, now=utc_now())
    return await keeper.keep(ImportTicket(id=one.id, status=ImportStatus(one.status)), status=202)


@router.get(
    "", name="list_roster_imports", response_model=PageView[ImportView], responses=describe(CursorInvalid)
)
async def list_imports(
    page: Annotated[PageRequest, Query()],
    actor: Annotated[Actor, require(Permission.ROSTER_IMPORT)],
    session: Transaction,
    language: Spoken,
) -> PageView[ImportView]:
    """Return the imports of the union, newest first; who looks after some units sees their own."""
    found = await queries.list_imports(session, actor, limit=page.limit, after=page.after)
    keys = await keys_of(session, actor.union_id)
    return PageView(items=[import_view(one, keys, language=language) for one in found.items], next=found.next)


@router.get(
    "/template.xlsx",
    name="get_roster_template",
    response_class=Response,
    responses=describe() | _WORKBOOK,
)
async def get_template(_: Annotated[Actor, require(Permission.ROSTER_IMPORT)], language: Spoken) -> Response:
    """Return the workbook to fill in."""
    content = await anyio.to_thread.run_sync(workbooks.write_template, language)
    return _download(content, "grainline-roster-template.xlsx")


@router.get(
    "/{import_id}",
    name="get_roster_import",
    response_model=ImportView,
    responses=describe(errors.ImportNotFound),
)
async def get_import(
    import_id: UUID,
    actor: Annotated[Actor, require(Permission.ROSTER_IMPORT)],
    session: Transaction,
    language: Spoken,
) -> ImportView:
    """Return how far an import is and what it would do."""
    one = await queries.get_import(session, import_id, actor=actor)
    return import_view(one, await keys_of(session, one.union_id), language=language)


@router.get(
    "/{import_id}/rows",
    name="list_roster_rows",
    response_model=PageView[RowView],
    responses=describe(errors.ImportNotFound, CursorInvalid),
)
async def list_rows(
    import_id: UUID,
    page: Annotated[RowsRequest, Query()],
    actor: Annotated[Actor, require(Permission.ROSTER_IMPORT)],
    session: Transaction,
    language: Spoken,
) -> PageView[RowView]:
    """Return what an import would do, line by line, masked: before and after, or why not."""
    one = await queries.get_import(session, import_id, actor=actor)
    found = await queries.list_rows(session, one.id, kind=page.kind, limit=page.limit, after=page.after)
    units = await find_union_names(
        session, {unit.id for unit in await queries.find_units(session, one.union_id)}
    )
    keys = await keys_of(session, one.union_id)
    items = [row_view(row, keys, units=units, language=language) for row in found.items]
    return PageView(items=items, next=found.next)


@router.get(
    "/{import_id}/errors.xlsx",
    name="get_roster_errors",
    response_class=Response,
    responses=describe(errors.ImportNotFound, errors.NotCompared, errors.ImportEnded) | _WORKBOOK,
)
async def get_errors(
    import_id: UUID,
    actor: Annotated[Actor, require(Permission.ROSTER_IMPORT)],
    session: Transaction,
    language: Spoken,
) -> Response:
    """Return the refused rows as they were sent, with numbers and reasons, to be mended and sent again."""
    one = await queries.get_import(session, import_id, actor=actor)
    rows = await workbooks.open_refused(session, one, actor=actor, now=utc_now())
    keys = await keys_of(session, one.union_id)
    content = await anyio.to_thread.run_sync(partial(workbooks.write_refused, rows, keys, language=language))
    return _download(content, "grainline-roster-errors.xlsx")


async def compare_anew_if_outrun(
    import_id: UUID, request: Request, actor: CurrentActor
) -> AsyncIterator[None]:
    """Notice, in a transaction of its own, that the roster has changed since it was compared."""
    async with database_of(request).transaction(one_union(actor.union_id)) as session:
        await decide.renew_if_outrun(session, import_id, actor=actor)
    yield


@router.post(
    "/{import_id}/commit",
    status_code=202,
    name="commit_roster",
    response_model=ImportTicket,
    responses=describe(
        errors.ImportNotFound, errors.AlreadyCommitted, errors.ImportEnded, errors.NotCompared,
        errors.RosterChanged, errors.ComparisonStale, errors.RemovalsUnconfirmed, KeyReused, KeyRequired,
        KeyInFlight,
    ),
)  # fmt: skip
async def commit_import(
    import_id: UUID,
    body: CommitRequest,
    actor: Annotated[Actor, require(Permission.ROSTER_COMMIT)],
    _: Annotated[None, Depends(compare_anew_if_outrun, scope="function")],
    session: Transaction,
    keeper: Kept,
) -> Response:
    """Write what was looked at into the roster, once, in the background."""
    one = await decide.commit_import(session, import_id, body, actor=actor, now=utc_now())
    return await keeper.keep(ImportTicket(id=one.id, status=ImportStatus(one.status)), status=202)


@router.post(
    "/{import_id}/abandon",
    name="abandon_roster",
    response_model=ImportTicket,
    responses=describe(errors.ImportNotFound, errors.AlreadyCommitted, KeyReused, KeyRequired, KeyInFlight),
)
async def abandon_import(
    import_id: UUID,
    actor: Annotated[Actor, require(Permission.ROSTER_IMPORT)],
    session: Transaction,
    keeper: Kept,
) -> Response:
    """End an import without a trace in the roster; file and rows are deleted at once."""
    one = await decide.abandon_import(session, import_id, actor=actor, now=utc_now())
    return await keeper.keep(ImportTicket(id=one.id, status=ImportStatus(one.status)), status=200)


def _download(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=workbooks.MEDIA_TYPE, headers=headers)
