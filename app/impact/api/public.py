"""Public routes of aid projects: what was published, read by anybody; no person is in them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.deps import database_of, public
from app.access.scope import every_union
from app.impact.api.views import project_views
from app.impact.errors import ProjectNotFound
from app.impact.queries import projects as queries
from app.impact.queries.projects import ProjectsWanted
from app.impact.rules.measures import Basis, Measure, Role, form_of
from app.impact.rules.totals import Figure, add_up
from app.impact.schemas.projects import LeftOutView, ProjectView, TotalsView, TotalView
from app.impact.tables import AidResult
from app.platform.http import NOT_MODIFIED, StrictRoute, tagged
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import OPEN, describe
from app.regions.tables import PartnerRegion, Place

router = APIRouter(route_class=StrictRoute, tags=["impact"])
PUBLIC = every_union("published impact is public, and a reader belongs to no union")
YearAsked = Annotated[int | None, Query(ge=1949, le=2100)]


class ProjectsRequest(PageRequest):
    """Which projects are asked for."""

    sponsor_id: UUID | None = None
    region_id: UUID | None = None
    year: YearAsked = None

    @property
    def wanted(self) -> ProjectsWanted:
        """The same for a query."""
        return ProjectsWanted(self.sponsor_id, self.region_id, self.year)


class TotalsRequest(BaseModel):
    """Of which results totals are asked for."""

    model_config = ConfigDict(extra="forbid")

    sponsor_id: UUID | None = None
    region_id: UUID | None = None
    year: Annotated[int | None, Field(ge=1949, le=2100)] = None


@router.get(
    "/impact/projects",
    name="list_aid_projects",
    dependencies=[public()],
    response_model=PageView[ProjectView],
    responses=describe(CursorInvalid, *OPEN, common=False) | NOT_MODIFIED,
)
async def list_projects(request: Request, asked: Annotated[ProjectsRequest, Query()]) -> Response:
    """Return published aid projects with their results, as they were stated."""
    async with database_of(request).transaction(PUBLIC) as session:
        page = await queries.list_projects(
            session, asked.wanted, published=True, limit=asked.limit, after=asked.after
        )
        items = await project_views(session, page.items, published=True)
    view = PageView[ProjectView](items=items, next=page.next)
    return tagged(request, view.model_dump_json().encode())


@router.get(
    "/impact/projects/{project_id}",
    name="get_aid_project",
    dependencies=[public()],
    response_model=ProjectView,
    responses=describe(ProjectNotFound, *OPEN, common=False) | NOT_MODIFIED,
)
async def get_project(request: Request, project_id: UUID) -> Response:
    """Return a published aid project with its results."""
    async with database_of(request).transaction(PUBLIC) as session:
        project = await queries.get_project(session, project_id, published=True)
        (view,) = await project_views(session, [project], published=True)
    return tagged(request, view.model_dump_json().encode())


@router.get(
    "/impact/totals",
    name="get_aid_totals",
    dependencies=[public()],
    response_model=TotalsView,
    responses=describe(*OPEN, common=False) | NOT_MODIFIED,
)
async def get_totals(request: Request, asked: Annotated[TotalsRequest, Query()]) -> Response:
    """Return sums of published results that add up, and every other one with the reason why it does not."""
    wanted = ProjectsWanted(asked.sponsor_id, asked.region_id, asked.year)
    async with database_of(request).transaction(PUBLIC) as session:
        results = await queries.find_published_results(session, wanted)
        sites = await queries.find_sites(session, {result.project_id for result in results})
        groups = {(one.union_id, one.overlap) for one in results if one.overlap is not None}
        shared = await queries.find_overlapping(session, groups, published=True)
    figures = [_figure(result, sites[result.project_id]) for result in results]
    added = add_up(figures, shared=shared.keys(), region_id=asked.region_id)
    quotes = {result.id: result.quote for result in results}
    view = TotalsView(
        totals=[
            TotalView(
                measure=one.measure,
                unit=one.unit,
                basis=one.basis,
                value=one.value,
                result_ids=list(one.result_ids),
            )
            for one in added.sums
        ],
        left_out=[
            LeftOutView(
                result_id=one.id,
                project_id=one.project_id,
                measure=one.measure,
                unit=one.unit,
                quote=quotes[one.id],
                why=why,
            )
            for one, why in added.left_out
        ],
    )
    return tagged(request, view.model_dump_json().encode())


def _figure(result: AidResult, sites: list[tuple[PartnerRegion, Place | None]]) -> Figure:
    return Figure(
        id=result.id,
        project_id=result.project_id,
        measure=Measure(result.measure),
        unit=result.unit,
        basis=Basis(result.basis),
        role=Role(result.role),
        form=form_of(result.value, result.minimum, maximum=result.maximum),
        value=result.value,
        overlap=result.overlap,
        union_id=result.union_id,
        region_ids=frozenset(region.id for region, _ in sites),
    )
