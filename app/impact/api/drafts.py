"""Routes with which a union writes down its aid projects, and a second person publishes them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.deps import Kept, Transaction, require
from app.access.policy import Permission
from app.impact.actions import projects as actions
from app.impact.api.public import ProjectsRequest
from app.impact.api.views import project_views
from app.impact.errors import (
    EvidenceMissing,
    FigureInvalid,
    NotSponsor,
    OwnProject,
    ProjectIncomplete,
    ProjectNotFound,
    ProjectPublished,
    ResultNotFound,
    UnitMismatch,
)
from app.impact.queries import projects as queries
from app.impact.schemas.projects import ProjectChange, ProjectDraft, ProjectView, ResultDraft
from app.impact.tables import AidProject
from app.platform.clock import utc_now
from app.platform.errors import (
    Conflict,
    KeyInFlight,
    KeyRequired,
    KeyReused,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.http import NOT_MODIFIED, IfMatch, StrictRoute, seen_version, tagged
from app.platform.paging import CursorInvalid, PageView
from app.platform.problems import describe
from app.regions.errors import PlaceNotFound, RegionNotFound

router = APIRouter(route_class=StrictRoute, tags=["impact"])
_KEYED = (KeyReused, KeyRequired, KeyInFlight, Conflict)
_SEEN = (PreconditionFailed, PreconditionRequired)
_SITES = (RegionNotFound, PlaceNotFound, FigureInvalid)
_FIGURES = (UnitMismatch, FigureInvalid, EvidenceMissing)
Writer = Annotated[Actor, require(Permission.IMPACT_WRITE)]


async def _view(session: AsyncSession, project: AidProject) -> ProjectView:
    (view,) = await project_views(session, [project], published=False)
    return view


@router.get(
    "/impact/drafts",
    name="list_aid_drafts",
    response_model=PageView[ProjectView],
    responses=describe(CursorInvalid),
)
async def list_drafts(
    asked: Annotated[ProjectsRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.IMPACT_READ)],
) -> PageView[ProjectView]:
    """Return the aid projects of the caller's unions, drafts too."""
    page = await queries.list_projects(
        session, asked.wanted, published=False, limit=asked.limit, after=asked.after
    )
    items = await project_views(session, page.items, published=False)
    return PageView(items=items, next=page.next)


@router.get(
    "/impact/drafts/{project_id}",
    name="get_aid_draft",
    response_model=ProjectView,
    responses=describe(ProjectNotFound) | NOT_MODIFIED,
)
async def get_draft(
    request: Request,
    project_id: UUID,
    session: Transaction,
    _: Annotated[Actor, require(Permission.IMPACT_READ)],
) -> Response:
    """Return an aid project of the caller's unions; its entity tag begins with the version to name."""
    project = await queries.get_project(session, project_id, published=False)
    view = await _view(session, project)
    return tagged(request, view.model_dump_json().encode(), version=view.version)


@router.post(
    "/impact/projects",
    status_code=201,
    name="draft_aid_project",
    response_model=ProjectView,
    responses=describe(*_SITES, *_KEYED),
)
async def draft_project(body: ProjectDraft, session: Transaction, keeper: Kept, actor: Writer) -> Response:
    """Draft an aid project of the caller's own union, whatever its level."""
    project = await actions.draft_project(session, body, by=actor)
    return await keeper.keep(await _view(session, project))


@router.patch(
    "/impact/projects/{project_id}",
    name="change_aid_project",
    response_model=ProjectView,
    responses=describe(ProjectNotFound, NotSponsor, *_SITES, *_SEEN),
)
async def change_project(
    project_id: UUID, body: ProjectChange, session: Transaction, actor: Writer, if_match: IfMatch = None
) -> ProjectView:
    """Change an aid project; a published one is a draft again until somebody else publishes it."""
    project = await actions.change_project(
        session, project_id, body, by=actor, seen_version=seen_version(if_match)
    )
    return await _view(session, project)


@router.post(
    "/impact/projects/{project_id}/results",
    status_code=201,
    name="add_aid_result",
    response_model=ProjectView,
    responses=describe(ProjectNotFound, NotSponsor, *_FIGURES, *_KEYED),
)
async def add_result(
    project_id: UUID, body: ResultDraft, session: Transaction, keeper: Kept, actor: Writer
) -> Response:
    """Write down a figure as it was stated, with what proves it."""
    await actions.add_result(session, project_id, body, by=actor)
    project = await queries.get_project(session, project_id, published=False)
    return await keeper.keep(await _view(session, project))


@router.put(
    "/impact/projects/{project_id}/results/{result_id}",
    name="replace_aid_result",
    response_model=ProjectView,
    responses=describe(ProjectNotFound, ResultNotFound, NotSponsor, *_FIGURES, *_SEEN),
)
async def replace_result(
    project_id: UUID,
    result_id: UUID,
    body: ResultDraft,
    session: Transaction,
    actor: Writer,
    if_match: IfMatch = None,
) -> ProjectView:
    """Write a figure down anew, as a whole; `If-Match` names the version of the project."""
    project = await actions.replace_result(
        session, (project_id, result_id), body, by=actor, seen_version=seen_version(if_match)
    )
    return await _view(session, project)


@router.delete(
    "/impact/projects/{project_id}/results/{result_id}",
    name="remove_aid_result",
    response_model=ProjectView,
    responses=describe(ProjectNotFound, ResultNotFound, NotSponsor, *_SEEN),
)
async def remove_result(
    project_id: UUID, result_id: UUID, session: Transaction, actor: Writer, if_match: IfMatch = None
) -> ProjectView:
    """Take a figure away; `If-Match` names the version of the project."""
    project = await actions.remove_result(
        session, (project_id, result_id), by=actor, seen_version=seen_version(if_match)
    )
    return await _view(session, project)


@router.post(
    "/impact/projects/{project_id}/publish",
    name="publish_aid_project",
    response_model=ProjectView,
    responses=describe(ProjectNotFound, NotSponsor, ProjectPublished, OwnProject, ProjectIncomplete, *_KEYED),
)
async def publish_project(
    project_id: UUID,
    session: Transaction,
    keeper: Kept,
    actor: Annotated[Actor, require(Permission.IMPACT_PUBLISH)],
) -> Response:
    """Publish an aid project that somebody else wrote down."""
    project = await actions.publish_project(session, project_id, by=actor, now=utc_now())
    return await keeper.keep(await _view(session, project), status=200)
