"""Aid projects: draft, change, write down results, publish. Each union writes its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.impact.errors import (
    EvidenceMissing,
    FigureInvalid,
    NotSponsor,
    OwnProject,
    ProjectIncomplete,
    ProjectPublished,
    UnitMismatch,
)
from app.impact.queries.projects import count_results, find_last_position, get_result, lock_project
from app.impact.rules.measures import UNITS, Form, Measure, ProjectStatus, form_of, may_stand
from app.impact.schemas.projects import EvidenceDraft, ProjectChange, ProjectDraft, ResultDraft, SiteDraft
from app.impact.tables import AidProject, AidResult, ProjectSite
from app.platform.errors import PreconditionFailed
from app.platform.ids import new_id
from app.regions.queries import check_places
from app.unions.queries import get_staff, get_union


async def draft_project(session: AsyncSession, draft: ProjectDraft, *, by: Actor) -> AidProject:
    """Draft a project of the caller's union. Raises RegionNotFound, PlaceNotFound, FigureInvalid."""
    await check_places(session, [(site.region_id, site.place_id) for site in draft.sites])
    project = AidProject(
        id=new_id(),
        union_id=by.union_id,
        status=ProjectStatus.DRAFT.value,
        drafted_by=by.id,
        changed_by=by.id,
        version=1,
        is_sample=False,
        **draft.model_dump(exclude={"sites", "kind"}),
        kind=draft.kind.value,
    )
    _check_years(project)
    session.add(project)
    await session.flush()
    _add_sites(session, project, draft.sites)
    await session.flush()
    return project


async def change_project(
    session: AsyncSession, project_id: UUID, change: ProjectChange, *, by: Actor, seen_version: int | None
) -> AidProject:
    """Change a project that the caller saw at `seen_version` (None: any); it has to be published again.

    Raises ProjectNotFound, NotSponsor, PreconditionFailed, RegionNotFound, PlaceNotFound, FigureInvalid.
    """
    project = await _open(session, project_id, by=by, seen_version=seen_version)
    for name, value in change.model_dump(mode="python", exclude_none=True, exclude={"sites"}).items():
        setattr(project, name, value.value if name == "kind" else value)
    _check_years(project)
    if change.sites is not None:
        await check_places(session, [(site.region_id, site.place_id) for site in change.sites])
        await session.execute(delete(ProjectSite).where(ProjectSite.project_id == project.id))
        _add_sites(session, project, change.sites)
    await session.flush()
    return project


async def add_result(session: AsyncSession, project_id: UUID, draft: ResultDraft, *, by: Actor) -> AidResult:
    """Write a figure down; the project is a draft from then on.

    Raises ProjectNotFound, NotSponsor, UnitMismatch, FigureInvalid, EvidenceMissing.
    """
    values = _values(draft)
    project = await _open(session, project_id, by=by, seen_version=None)
    position = await find_last_position(session, project.id) + 1
    result = AidResult(
        id=new_id(), union_id=project.union_id, project_id=project.id, position=position, **values
    )
    session.add(result)
    await session.flush()
    return result


async def replace_result(
    session: AsyncSession,
    result: tuple[UUID, UUID],
    draft: ResultDraft,
    *,
    by: Actor,
    seen_version: int | None,
) -> AidProject:
    """Write a figure (project id, result id) down anew, as a whole; the project is a draft from then on.

    Raises ProjectNotFound, ResultNotFound, NotSponsor, PreconditionFailed, UnitMismatch, FigureInvalid,
    EvidenceMissing.
    """
    values = _values(draft)
    project = await _open(session, result[0], by=by, seen_version=seen_version)
    found = await get_result(session, project.id, result[1])
    for name, value in values.items():
        setattr(found, name, value)
    await session.flush()
    return project


async def remove_result(
    session: AsyncSession, result: tuple[UUID, UUID], *, by: Actor, seen_version: int | None
) -> AidProject:
    """Take a figure (project id, result id) away; the project is a draft from then on.

    Raises ProjectNotFound, ResultNotFound, NotSponsor, PreconditionFailed.
    """
    project = await _open(session, result[0], by=by, seen_version=seen_version)
    await session.delete(await get_result(session, project.id, result[1]))
    await session.flush()
    return project


async def publish_project(session: AsyncSession, project_id: UUID, *, by: Actor, now: datetime) -> AidProject:
    """Publish a draft: from then on everybody reads it. Two people: never who drafted or changed it last.

    Raises ProjectNotFound, NotSponsor, ProjectPublished, OwnProject, ProjectIncomplete.
    """
    project = await lock_project(session, project_id)
    await _check_sponsor(session, project, by=by)
    if project.status == ProjectStatus.PUBLISHED:
        raise ProjectPublished()
    await _refuse_writers(session, project, by=by)
    if not project.activities and await count_results(session, project.id) == 0:
        raise ProjectIncomplete(missing=["results"])
    project.status, project.published_by, project.published_at = (
        ProjectStatus.PUBLISHED.value,
        by.id,
        now,
    )
    project.version += 1
    await session.flush()
    return project


async def _open(
    session: AsyncSession, project_id: UUID, *, by: Actor, seen_version: int | None
) -> AidProject:
    """Lock a project to be changed: it is a draft again, and the caller is who changed it last."""
    project = await lock_project(session, project_id)
    await _check_sponsor(session, project, by=by)
    if seen_version not in {None, project.version}:
        raise PreconditionFailed(version=project.version)
    project.status, project.published_by, project.published_at = ProjectStatus.DRAFT.value, None, None
    project.changed_by = by.id
    project.version += 1
    return project


async def _check_sponsor(session: AsyncSession, project: AidProject, *, by: Actor) -> None:
    if project.union_id != by.union_id:
        raise NotSponsor(sponsor=(await get_union(session, project.union_id)).name)


async def _refuse_writers(session: AsyncSession, project: AidProject, *, by: Actor) -> None:
    """Two people, not two accounts: a person is known by their row in the roster."""
    publisher = await get_staff(session, by.id)
    for writer_id in {project.drafted_by, project.changed_by} - {None}:
        assert writer_id is not None  # noqa: S101 - taken out above
        writer = await get_staff(session, writer_id)
        if writer.id == publisher.id or (
            writer.member_id is not None and writer.member_id == publisher.member_id
        ):
            raise OwnProject()


def _check_years(project: AidProject) -> None:
    since, until, held = project.since_year, project.until_year, project.held_on
    if since is None:
        wrong = until is not None or held is not None or project.year_is_inferred
    else:
        wrong = (until is not None and until < since) or (held is not None and held.year != since)
    if wrong:
        raise FigureInvalid()


def _add_sites(session: AsyncSession, project: AidProject, sites: list[SiteDraft]) -> None:
    session.add_all(
        ProjectSite(
            union_id=project.union_id,
            project_id=project.id,
            position=position,
            region_id=site.region_id,
            place_id=site.place_id,
        )
        for position, site in enumerate(sites, start=1)
    )


def _values(draft: ResultDraft) -> dict[str, Any]:
    """Return the columns of a result, or raise UnitMismatch, FigureInvalid, EvidenceMissing."""
    if draft.unit not in UNITS[draft.measure]:
        raise UnitMismatch(units=sorted(UNITS[draft.measure]))
    try:
        form = form_of(draft.value, draft.minimum, maximum=draft.maximum)
    except ValueError:
        raise FigureInvalid() from None
    if (form is Form.WORDS) != (draft.measure is Measure.OUTCOME) or not _years_agree(draft):
        raise FigureInvalid()
    evidence = draft.evidence
    is_proven = evidence is not None and (evidence.url or evidence.sha256) is not None
    if not may_stand(draft.basis, has_evidence=is_proven) or (evidence is not None and not is_proven):
        raise EvidenceMissing()
    plain = draft.model_dump(mode="python", exclude={"evidence", "role", "measure", "basis"})
    words = {name: getattr(draft, name).value for name in ("role", "measure", "basis")}
    return plain | words | _evidence_values(evidence)


def _years_agree(draft: ResultDraft) -> bool:
    if draft.year is None:
        return draft.stated_on is None and not draft.year_is_inferred
    return draft.stated_on is None or draft.stated_on.year == draft.year


def _evidence_values(evidence: EvidenceDraft | None) -> dict[str, Any]:
    names = ("kind", "title", "url", "sha256", "on", "page")
    if evidence is None:
        return {f"evidence_{name}": None for name in names}
    return {f"evidence_{name}": getattr(evidence, name) for name in names} | {
        "evidence_kind": evidence.kind.value
    }
