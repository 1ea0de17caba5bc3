"""How projects and results look to a caller."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.impact.queries.projects import ProjectParts, find_parts
from app.impact.rules.measures import form_of
from app.impact.schemas.projects import (
    EvidenceView,
    ProjectView,
    ResultView,
    SiteView,
    SponsorView,
)
from app.impact.tables import AidProject, AidResult
from app.regions.tables import PartnerRegion, Place
from app.unions.tables import Union

_PLAIN = (
    "id", "title", "kind", "partner", "summary", "activities", "since_year", "until_year", "held_on",
    "year_is_inferred", "status", "version",
)  # fmt: skip
_RESULT = (
    "id", "role", "measure", "unit", "subject", "value", "minimum", "maximum", "basis", "quote", "year",
    "year_is_inferred", "stated_on",
)  # fmt: skip


async def project_views(
    session: AsyncSession, projects: Sequence[AidProject], *, published: bool
) -> list[ProjectView]:
    """Return projects with everything below them."""
    parts = await find_parts(session, projects, published=published)
    return [_project_view(project, parts) for project in projects]


def _project_view(project: AidProject, parts: ProjectParts) -> ProjectView:
    return ProjectView(
        sponsor=sponsor_view(parts.sponsors[project.union_id]),
        sites=[_site_view(region, place) for region, place in parts.sites[project.id]],
        results=[_result_view(result, parts) for result in parts.results[project.id]],
        sample=project.is_sample,
        **{name: getattr(project, name) for name in _PLAIN},
    )


def sponsor_view(union: Union) -> SponsorView:
    """Return a union as a sponsor: its kind where it is none of the street's (enterprise, institution)."""
    return SponsorView(id=union.id, name=union.name, level=union.kind or union.level)


def _site_view(region: PartnerRegion, place: Place | None) -> SiteView:
    return SiteView(
        region_id=region.id,
        region=region.name,
        division_code=region.division_code,
        place_id=place.id if place else None,
        place=place.name if place else None,
        township=place.township if place else None,
        place_code=place.code if place else None,
    )


def _result_view(result: AidResult, parts: ProjectParts) -> ResultView:
    group = parts.overlapping.get((result.union_id, result.overlap), []) if result.overlap else []
    plain: dict[str, Any] = {name: getattr(result, name) for name in _RESULT}
    return ResultView(
        form=form_of(result.value, result.minimum, maximum=result.maximum),
        evidence=_evidence_view(result),
        is_overlapping=bool(group),
        overlaps=[id for id in group if id != result.id],
        **plain,
    )


def _evidence_view(result: AidResult) -> EvidenceView | None:
    if result.evidence_kind is None:
        return None
    names = ("kind", "title", "url", "sha256", "on", "page")
    values: dict[str, Any] = {name: getattr(result, f"evidence_{name}") for name in names}
    return EvidenceView(**values)
