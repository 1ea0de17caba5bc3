"""Every `select` about aid projects and their results."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.impact.errors import ProjectNotFound, ResultNotFound
from app.impact.rules.measures import ProjectStatus
from app.impact.tables import AidProject, AidResult, ProjectSite
from app.platform.paging import Page, page_of, seek, text_key
from app.regions.tables import PartnerRegion, Place
from app.unions.tables import Union

MOST_ADDED = 5_000


@dataclass(frozen=True, slots=True)
class ProjectsWanted:
    """Which projects: of a sponsor, for a region, of a year that lies in their time."""

    sponsor_id: UUID | None = None
    region_id: UUID | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectParts:
    """What belongs to some projects: sponsors by id, sites and results by project, groups of overlaps."""

    sponsors: dict[UUID, Union]
    sites: dict[UUID, list[tuple[PartnerRegion, Place | None]]]
    results: dict[UUID, list[AidResult]]
    overlapping: dict[tuple[UUID, str], list[UUID]]


async def list_projects(
    session: AsyncSession,
    wanted: ProjectsWanted,
    *,
    published: bool,
    limit: int,
    after: tuple[str, ...] | None,
) -> Page[AidProject]:
    """Return projects by id; only the published ones if asked for."""
    found = _narrow(select(AidProject), wanted)
    if published:
        found = found.where(AidProject.status == ProjectStatus.PUBLISHED)
    if after is not None:
        found = found.where(AidProject.id > seek(after, text_key, UUID)[1])
    rows = await session.execute(found.order_by(AidProject.id).limit(limit + 1))
    return page_of(list(rows.scalars()), limit=limit, key=lambda project: ("project", str(project.id)))


def _narrow(statement: Select[AidProject], wanted: ProjectsWanted) -> Select[AidProject]:
    if wanted.sponsor_id is not None:
        statement = statement.where(AidProject.union_id == wanted.sponsor_id)
    if wanted.region_id is not None:
        there = select(ProjectSite.project_id).where(ProjectSite.region_id == wanted.region_id)
        statement = statement.where(AidProject.id.in_(there))
    if wanted.year is not None:
        last = func.coalesce(AidProject.until_year, AidProject.since_year)
        statement = statement.where(AidProject.since_year <= wanted.year, last >= wanted.year)
    return statement


async def get_project(session: AsyncSession, project_id: UUID, *, published: bool) -> AidProject:
    """Return a project that the session sees, or raise ProjectNotFound."""
    wanted = select(AidProject).where(AidProject.id == project_id)
    if published:
        wanted = wanted.where(AidProject.status == ProjectStatus.PUBLISHED)
    project = await session.scalar(wanted)
    if project is None:
        raise ProjectNotFound()
    return project


async def lock_project(session: AsyncSession, project_id: UUID) -> AidProject:
    """Lock and return a project of the session's unions, or raise ProjectNotFound."""
    project = await session.scalar(select(AidProject).where(AidProject.id == project_id).with_for_update())
    if project is None:
        raise ProjectNotFound()
    return project


async def get_result(session: AsyncSession, project_id: UUID, result_id: UUID) -> AidResult:
    """Return a result of a project, or raise ResultNotFound."""
    wanted = select(AidResult).where(AidResult.id == result_id, AidResult.project_id == project_id)
    result = await session.scalar(wanted)
    if result is None:
        raise ResultNotFound()
    return result


async def count_results(session: AsyncSession, project_id: UUID) -> int:
    """Return how many results a project has."""
    return int(await session.scalar(select(func.count()).where(AidResult.project_id == project_id)) or 0)


async def find_last_position(session: AsyncSession, project_id: UUID) -> int:
    """Return the position of the last result of a project, 0 if there is none."""
    wanted = select(func.max(AidResult.position)).where(AidResult.project_id == project_id)
    return int(await session.scalar(wanted) or 0)


async def find_parts(
    session: AsyncSession, projects: Sequence[AidProject], *, published: bool
) -> ProjectParts:
    """Return everything below projects; overlaps name results of published projects only, if asked for."""
    ids = [project.id for project in projects]
    results = await find_results(session, ids)
    groups = {(one.union_id, one.overlap) for one in results if one.overlap is not None}
    unions = await session.scalars(select(Union).where(Union.id.in_({one.union_id for one in projects})))
    by_project: dict[UUID, list[AidResult]] = {id: [] for id in ids}
    for result in results:
        by_project[result.project_id].append(result)
    return ProjectParts(
        {union.id: union for union in unions},
        await find_sites(session, ids),
        by_project,
        await find_overlapping(session, groups, published=published),
    )


async def find_results(session: AsyncSession, project_ids: Collection[UUID]) -> list[AidResult]:
    """Return the results of projects in their order."""
    wanted = select(AidResult).where(AidResult.project_id.in_(project_ids))
    return list(await session.scalars(wanted.order_by(AidResult.project_id, AidResult.position)))


async def find_sites(
    session: AsyncSession, project_ids: Collection[UUID]
) -> dict[UUID, list[tuple[PartnerRegion, Place | None]]]:
    """Return where projects are, in the order given."""
    wanted = (
        select(ProjectSite.project_id, PartnerRegion, Place)
        .join(PartnerRegion, PartnerRegion.id == ProjectSite.region_id)
        .outerjoin(Place, Place.id == ProjectSite.place_id)
        .where(ProjectSite.project_id.in_(project_ids))
        .order_by(ProjectSite.project_id, ProjectSite.position)
    )
    sites: dict[UUID, list[tuple[PartnerRegion, Place | None]]] = {id: [] for id in project_ids}
    for project_id, region, place in await session.execute(wanted):
        sites[project_id].append((region, place))
    return sites


async def find_overlapping(
    session: AsyncSession, groups: Collection[tuple[UUID, str]], *, published: bool
) -> dict[tuple[UUID, str], list[UUID]]:
    """Return the results of groups (union id, name) that count the same people, where there are several."""
    wanted = select(AidResult.union_id, AidResult.overlap, AidResult.id).where(
        tuple_(AidResult.union_id, AidResult.overlap).in_(groups)
    )
    if published:
        public = select(AidProject.id).where(AidProject.status == ProjectStatus.PUBLISHED)
        wanted = wanted.where(AidResult.project_id.in_(public))
    found: dict[tuple[UUID, str], list[UUID]] = {}
    for union_id, overlap, id in await session.execute(wanted.order_by(AidResult.id)):
        found.setdefault((union_id, str(overlap)), []).append(id)
    return {group: ids for group, ids in found.items() if len(ids) > 1}


async def find_published_results(session: AsyncSession, wanted: ProjectsWanted) -> list[AidResult]:
    """Return the results of published projects, 5,000 at most; `year` is the result's, else its project's."""
    projects = _narrow(
        select(AidProject), ProjectsWanted(sponsor_id=wanted.sponsor_id, region_id=wanted.region_id)
    ).where(AidProject.status == ProjectStatus.PUBLISHED)
    if wanted.year is None:
        ids = projects.with_only_columns(AidProject.id)
        found = select(AidResult).where(AidResult.project_id.in_(ids))
    else:
        own = projects.with_only_columns(AidProject.id)
        of_year = _narrow(projects, ProjectsWanted(year=wanted.year)).with_only_columns(AidProject.id)
        is_of_year = or_(
            AidResult.year == wanted.year, AidResult.year.is_(None) & AidResult.project_id.in_(of_year)
        )
        found = select(AidResult).where(AidResult.project_id.in_(own), is_of_year)
    ordered = found.order_by(AidResult.project_id, AidResult.position).limit(MOST_ADDED)
    return list(await session.scalars(ordered))
