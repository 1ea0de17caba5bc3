"""Places, cooperatives and aid projects of the article, as rows: every figure in its own words."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.demo.directory import Directory
from app.demo.source import SourceError, read_document
from app.impact.rules.measures import Basis, EvidenceKind, Measure, ProjectKind, ProjectStatus, Role
from app.impact.tables import AidProject, AidResult, ProjectSite
from app.platform.ids import new_id
from app.regions.tables import Cooperative, PartnerRegion, Place

Row: TypeAlias = dict[str, Any]
_COOPERATIVE = "合作社"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Region(_Record):
    """What the source says of a region beside its names."""

    id: str
    article_name: str | None = None
    list_592: bool = False


class Village(_Record):
    """A village, with its code where the table of divisions has one."""

    name: str
    region: str
    township: str
    code: str | None
    township_code: str | None = None
    note: str | None = None


class Business(_Record):
    """A supplier of the source, as far as it may be a cooperative."""

    name: str
    region: str
    uscc: str | None
    src: str


class Site(_Record):
    """A region and perhaps a village of it."""

    region: str
    place: str | None = None


class Evidence(_Record):
    """What all figures of the source are proven by."""

    kind: EvidenceKind
    title: str
    sha256: str


class Result(_Record):
    """One figure as it was stated."""

    role: Role = Role.OUTCOME
    measure: Measure
    unit: str = ""
    subject: str | None = None
    value: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    quote: str
    year: int | None = None
    year_is_inferred: bool = False
    stated_on: date | None = None
    overlap: str | None = None


class Project(_Record):
    """An aid project of a union."""

    id: str
    title: str
    sponsor: str
    kind: ProjectKind
    partner: str | None = None
    summary: str | None = None
    activities: list[str] = []
    since_year: int | None = None
    until_year: int | None = None
    held_on: date | None = None
    year_is_inferred: bool = False
    sites: list[Site] = Field(min_length=1)
    results: list[Result]


class AidSource(_Record):
    """Everything about aid that the demo is made of."""

    partner_regions: list[Region]
    places: list[Village]
    suppliers: list[Business]
    aid_evidence: Evidence
    aid_projects: list[Project]


def read_aid() -> AidSource:
    """Return the demo's aid projects. Raises `pydantic.ValidationError` where the source is malformed."""
    return AidSource.model_validate(read_document())


async def insert_aid(
    session: AsyncSession, directory: Directory, *, regions: Mapping[str, UUID], now: datetime
) -> None:
    """Insert places, cooperatives and published aid projects; `regions` are ids by the names of the source.

    Raises SourceError where the source names a place or a region that it does not hold.
    """
    source = read_aid()
    for region in source.partner_regions:
        values = {
            "aliases": [region.article_name] if region.article_name else [],
            "lists": ["592"] if region.list_592 else [],
        }
        await session.execute(
            update(PartnerRegion).where(PartnerRegion.id == regions[region.id]).values(values)
        )
    places = {(one.region, one.name): new_id() for one in source.places}
    await session.execute(insert(Place), _place_rows(source.places, places, regions=regions))
    await session.execute(insert(Cooperative), _cooperative_rows(source.suppliers, regions))
    for project in source.aid_projects:
        id = new_id()
        await session.execute(insert(AidProject), [_project_row(project, directory, id=id, now=now)])
        union_id = directory.unions[project.sponsor]
        ids = {"union_id": union_id, "project_id": id}
        await session.execute(insert(ProjectSite), _site_rows(project, ids, regions=regions, places=places))
        if project.results:
            await session.execute(insert(AidResult), _result_rows(project, ids, evidence=source.aid_evidence))


def _place_rows(
    villages: Collection[Village], ids: Mapping[tuple[str, str], UUID], *, regions: Mapping[str, UUID]
) -> list[Row]:
    return [
        {
            "id": ids[one.region, one.name],
            "region_id": regions[one.region],
            "kind": "village",
            "name": one.name,
            "township": one.township,
            "code": one.code,
            # A village's code begins with its township's.
            "township_code": one.township_code or (one.code[:9] if one.code else None),
            "note": one.note,
        }
        for one in villages
    ]


def _cooperative_rows(businesses: Collection[Business], regions: Mapping[str, UUID]) -> list[Row]:
    return [
        {
            "id": new_id(),
            "region_id": regions[one.region],
            "name": one.name,
            "credit_code": one.uscc,
            "is_name_public": True,
            "is_sample": "sample" in one.src,
        }
        for one in businesses
        if _COOPERATIVE in one.name
    ]


def _project_row(project: Project, directory: Directory, *, id: UUID, now: datetime) -> Row:
    plain = project.model_dump(exclude={"id", "sponsor", "kind", "sites", "results"})
    # Where the union has staff in the demo, two of them did it.
    drafted_by = directory.staff.get(f"officer-{project.sponsor}")
    return plain | {
        "id": id,
        "union_id": directory.unions[project.sponsor],
        "kind": project.kind.value,
        "status": ProjectStatus.PUBLISHED.value,
        "drafted_by": drafted_by,
        "changed_by": drafted_by,
        "published_by": directory.staff.get(f"chair-{project.sponsor}"),
        "published_at": now,
        "version": 2,
        "is_sample": False,
    }


def _site_rows(
    project: Project,
    ids: Mapping[str, UUID],
    *,
    regions: Mapping[str, UUID],
    places: Mapping[tuple[str, str], UUID],
) -> list[Row]:
    rows = []
    for position, site in enumerate(project.sites, start=1):
        if site.place is not None and (site.region, site.place) not in places:
            raise SourceError(f"the demo data has no place {site.place}")
        rows.append(
            {
                **ids,
                "position": position,
                "region_id": regions[site.region],
                "place_id": places[site.region, site.place] if site.place else None,
            }
        )
    return rows


def _result_rows(project: Project, ids: Mapping[str, UUID], *, evidence: Evidence) -> list[Row]:
    return [
        result.model_dump()
        | {
            **ids,
            "id": new_id(),
            "position": position,
            "role": result.role.value,
            "measure": result.measure.value,
            # The article says so: nobody of ours measured it.
            "basis": Basis.REPORTED.value,
            "evidence_kind": evidence.kind.value,
            "evidence_title": evidence.title,
            "evidence_sha256": evidence.sha256,
        }
        for position, result in enumerate(project.results, start=1)
    ]
