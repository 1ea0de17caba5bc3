"""Aid projects for tests: a region with a village, bodies of projects and figures, who publishes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from app.access.policy import Role
from app.access.scope import every_union
from app.platform.ids import new_id
from app.regions.tables import Place
from tests.factories.answers import API
from tests.factories.figures import add_region
from tests.factories.street import Street

EVIDENCE: dict[str, Any] = {"kind": "report", "title": "示例·工作总结", "sha256": "0" * 64, "page": "第3页"}
WELLS: dict[str, Any] = {
    "measure": "wells",
    "unit": "口",
    "value": 12,
    "basis": "reported",
    "quote": "捐修12口机井",
    "evidence": EVIDENCE,
}


@dataclass(frozen=True)
class Site:
    """A partner region and a village in it."""

    region_id: UUID
    place_id: UUID

    def body(self, **change: Any) -> dict[str, Any]:
        """Return the body of a project there."""
        site = {"region_id": str(self.region_id), "place_id": str(self.place_id)}
        return {
            "title": "示例·捐修机井",
            "kind": "infrastructure",
            "since_year": 2018,
            "sites": [site],
        } | change


async def add_site(here: Street, name: str = "示例村") -> Site:
    """Add a partner region with a village that has no code."""
    region_id = await add_region(here, "示例县")
    place_id = new_id()
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            Place(id=place_id, region_id=region_id, kind="village", name=name, township="示例镇",
                  note="示例:区划表无此村")
        )  # fmt: skip
    return Site(region_id, place_id)


async def drafted(client: httpx.AsyncClient, here: Street, site: Site, **change: Any) -> dict[str, Any]:
    """Draft a project of a street union as its officer."""
    body = site.body(**change)
    answer = await client.post(f"{API}/impact/projects", json=body, headers=here.officer.headers())
    assert answer.status_code == 201, answer.text
    project: dict[str, Any] = answer.json()
    return project


async def with_result(
    client: httpx.AsyncClient, here: Street, project_id: str, **change: Any
) -> dict[str, Any]:
    """Write a figure of a project down as the officer; return the project."""
    path = f"{API}/impact/projects/{project_id}/results"
    answer = await client.post(path, json=WELLS | change, headers=here.officer.headers())
    assert answer.status_code == 201, answer.text
    project: dict[str, Any] = answer.json()
    return project


async def published(client: httpx.AsyncClient, here: Street, project_id: str) -> dict[str, Any]:
    """Publish a project as the chair."""
    path = f"{API}/impact/projects/{project_id}/publish"
    answer = await client.post(path, headers=here.staff[Role.CHAIR].headers())
    assert answer.status_code == 200, answer.text
    project: dict[str, Any] = answer.json()
    return project
