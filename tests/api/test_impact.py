"""Aid projects through HTTP: one person writes a figure down, another publishes it, everybody reads it."""

import re
import secrets
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import add_token
from app.impact.tables import AidProject, AidResult, ProjectSite
from app.platform.clock import utc_now
from app.platform.i18n import texts
from app.platform.ids import new_id
from app.unions.queries import find_streets_below
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, walk, without_ids
from tests.factories.figures import add_purchase, add_region, add_supplier, move_below
from tests.factories.impact import EVIDENCE, WELLS, add_site, drafted, published, with_result
from tests.factories.street import Person, Street

PROJECTS = f"{API}/impact/projects"
UNITS = ("boxes", "fen", "grams")


async def staff_at(here: Street, union_id: UUID, role: Role) -> Person:
    """Add somebody with a role at a union of any level, who sees it and the street unions below."""
    id, now = new_id(), utc_now()
    async with here.database.transaction(every_union("a test arranges")) as session:
        login = f"t-{secrets.token_hex(5)}"
        session.add(
            StaffAccount(id=id, union_id=union_id, login=login, display_name="示例", role=role.value,
                         approved_at=now)
        )  # fmt: skip
        await session.flush()
        scope = await find_streets_below(session, union_id)
        token = add_token(session, id, role=role, union_id=union_id, scope_union_ids=scope, now=now)
    return Person(id, "示例", token)


async def rows(here: Street) -> list[Any]:
    """Return all rows of aid projects of a street union."""
    found = []
    for model in (AidProject, ProjectSite, AidResult):
        table: Any = model.__table__
        found += await here.read(
            select(*table.c).where(table.c.union_id == here.id).order_by(*table.primary_key)
        )
    return [tuple(row) for row in found]


async def test_a_figure_is_written_down_published_by_another_and_read_by_anybody(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=0), await street(members=0)
    site = await add_site(here)
    project = await drafted(client, here, site, summary=" 投入37万元捐修机井 ", partner="示例村委会")
    assert (project["status"], project["version"], project["results"]) == ("draft", 1, [])
    assert (project["sponsor"]["id"], project["summary"]) == (str(here.id), "投入37万元捐修机井")
    assert project["sites"] == [
        {
            "region_id": str(site.region_id), "region": "示例县",
            "place_id": str(site.place_id), "place": "示例村",
            "township": "示例镇", "place_code": None, "division_code": project["sites"][0]["division_code"],
        }
    ]  # fmt: skip
    path = f"{PROJECTS}/{project['id']}"
    refused(await client.get(path), 404, "impact.not_found")
    chair = here.staff[Role.CHAIR].headers()
    empty = await client.post(f"{path}/publish", headers=chair)
    assert refused(empty, 409, "impact.incomplete")["missing"] == ["results"]

    told = await with_result(client, here, project["id"])
    (result,) = told["results"]
    assert result == {
        "id": result["id"], "role": "outcome", "measure": "wells", "unit": "口", "subject": None,
        "form": "exact", "value": 12, "minimum": None, "maximum": None, "basis": "reported",
        "quote": "捐修12口机井", "year": None, "year_is_inferred": False, "stated_on": None,
        "evidence": EVIDENCE | {"url": None, "on": None},
        "is_overlapping": False, "overlaps": [],
    }  # fmt: skip
    assert told["version"] == 2
    shown = await published(client, here, project["id"])
    assert (shown["status"], shown["version"]) == ("published", 3)
    anybody = await client.get(path)
    assert anybody.status_code == 200
    assert anybody.json() == shown
    refused(await client.post(f"{path}/publish", headers=chair), 409, "impact.already_published")
    listed = await client.get(PROJECTS, params={"sponsor_id": str(here.id)})
    assert listed.json() == {"items": [shown], "next": None}
    for other in ({"sponsor_id": str(there.id)}, {"region_id": str(new_id())}, {"year": 2017}):
        asked = {"sponsor_id": str(here.id)} | other
        assert (await client.get(PROJECTS, params=asked)).json()["items"] == []
    assert (await client.get(PROJECTS, params={"region_id": str(site.region_id), "year": 2018})).json()[
        "items"
    ] == [shown]


async def test_a_change_takes_a_project_back_until_somebody_else_publishes_it_again(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    project = await drafted(client, here, await add_site(here))
    await with_result(client, here, project["id"])
    shown = await published(client, here, project["id"])
    path, officer = f"{PROJECTS}/{project['id']}", here.officer.headers()
    result_path = f"{path}/results/{shown['results'][0]['id']}"
    before = await rows(here)
    blind = await client.patch(path, json={"title": "改"}, headers=officer)
    refused(blind, 428, "platform.precondition_required")
    for call in (
        client.patch(path, json={"title": "改"}, headers=officer | {"If-Match": '"1"'}),
        client.put(result_path, json=WELLS, headers=officer | {"If-Match": '"1"'}),
        client.delete(result_path, headers=officer | {"If-Match": '"1"'}),
    ):
        assert refused(await call, 412, "platform.precondition_failed")["version"] == 3
    assert await rows(here) == before

    tag = (await client.get(f"{API}/impact/drafts/{project['id']}", headers=officer)).headers["etag"]
    changed = await client.put(result_path, json=WELLS | {"value": 13}, headers=officer | {"If-Match": tag})
    assert (changed.json()["results"][0]["value"], changed.json()["status"]) == (13, "draft")
    refused(await client.get(path), 404, "impact.not_found")
    assert (await published(client, here, project["id"]))["version"] == 5
    again = await client.patch(path, json={"title": "改名"}, headers=officer | {"If-Match": '"5"'})
    assert (again.json()["title"], again.json()["status"], again.json()["version"]) == ("改名", "draft", 6)
    gone = await client.delete(result_path, headers=officer | {"If-Match": "*"})
    assert gone.json()["results"] == []
    missing = await client.delete(result_path, headers=officer | {"If-Match": "*"})
    refused(missing, 404, "impact.result_not_found")


async def test_who_wrote_it_does_not_publish_it(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """Two people and not two accounts: the chair who is the same member as the officer is refused too."""
    here = await street(members=1)
    project = await drafted(client, here, await add_site(here))
    await with_result(client, here, project["id"])
    chair, path = here.staff[Role.CHAIR], f"{PROJECTS}/{project['id']}/publish"
    refused(await client.post(path, headers=here.officer.headers()), 403, "access.forbidden")
    before = await rows(here)
    await here.set(AidProject, UUID(project["id"]), changed_by=chair.id)
    refused(await client.post(path, headers=chair.headers()), 403, "impact.own_draft")
    await here.set(AidProject, UUID(project["id"]), changed_by=here.officer.id)
    for account in (chair.id, here.officer.id):
        await here.set(StaffAccount, account, member_id=here.members[0].id)
    refused(await client.post(path, headers=chair.headers()), 403, "impact.own_draft")
    assert await rows(here) == before
    await here.set(StaffAccount, chair.id, member_id=None)
    assert (await published(client, here, project["id"]))["status"] == "published"


async def test_every_level_writes_its_own_and_only_looks_at_those_below(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    site, district = await add_site(here), await move_below(here)
    officer = await staff_at(here, district, Role.UNION_OFFICER)
    chair = await staff_at(here, district, Role.CHAIR)
    theirs = await drafted(client, here, site)
    made = await client.post(PROJECTS, json=site.body(), headers=officer.headers())
    assert made.status_code == 201, made.text
    assert (made.json()["sponsor"]["id"], made.json()["sponsor"]["level"]) == (str(district), "district")
    own = f"{PROJECTS}/{made.json()['id']}"
    assert (await client.post(f"{own}/results", json=WELLS, headers=officer.headers())).status_code == 201
    assert (await client.post(f"{own}/publish", headers=chair.headers())).status_code == 200
    assert {one["id"] for one in await walk(client, "/impact/drafts", officer)} == {
        theirs["id"],
        made.json()["id"],
    }

    before = await rows(here)
    path = f"{PROJECTS}/{theirs['id']}"
    for call in (
        client.patch(path, json={"title": "改"}, headers=officer.headers() | {"If-Match": "*"}),
        client.post(f"{path}/results", json=WELLS, headers=officer.headers()),
        client.post(f"{path}/publish", headers=chair.headers()),
    ):
        refused(await call, 403, "impact.not_sponsor")
    upwards = await client.post(f"{own}/results", json=WELLS, headers=here.officer.headers())
    refused(upwards, 404, "impact.not_found")
    assert await rows(here) == before


async def test_a_project_of_others_is_as_unknown_as_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=0), await street(members=0)
    project = await drafted(client, there, await add_site(there))
    before = await rows(there)
    headers = here.officer.headers() | {"If-Match": "*"}
    for method, tail, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "改"}),
        ("POST", "/results", WELLS),
        ("POST", "/publish", None),
    ):
        caller = here.staff[Role.CHAIR].headers() if tail == "/publish" else headers
        root = f"{API}/impact/drafts" if method == "GET" else PROJECTS
        answers = [
            await client.request(method, f"{root}/{id}{tail}", json=body, headers=caller)
            for id in (project["id"], str(new_id()))
        ]
        refused(answers[0], 404, "impact.not_found")
        assert without_ids(answers[0]) == without_ids(answers[1])
    assert await rows(there) == before


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"evidence": None}, 409, "impact.evidence_missing"),
        ({"evidence": None, "basis": "measured"}, 409, "impact.evidence_missing"),
        ({"evidence": {"kind": "report", "title": "示例"}}, 409, "impact.evidence_missing"),
        ({"unit": "人次"}, 422, "impact.unit_mismatch"),
        ({"measure": "temporary_work", "unit": "人"}, 422, "impact.unit_mismatch"),
        ({"measure": "people", "unit": "人次"}, 422, "impact.unit_mismatch"),
        ({"value": 12, "maximum": 13}, 422, "impact.figure_invalid"),
        ({"value": None}, 422, "impact.figure_invalid"),
        ({"value": None, "minimum": 5, "maximum": 5}, 422, "impact.figure_invalid"),
        ({"measure": "outcome", "unit": "", "value": 1}, 422, "impact.figure_invalid"),
        ({"year_is_inferred": True}, 422, "impact.figure_invalid"),
        ({"year": 2019, "stated_on": "2020-10-10"}, 422, "impact.figure_invalid"),
        ({"value": 1.5}, 422, "platform.malformed"),
        ({"value": -1}, 422, "platform.malformed"),
        ({"quote": ""}, 422, "platform.malformed"),
        ({"evidence": EVIDENCE | {"url": "javascript:alert(1)"}}, 422, "platform.malformed"),
    ],
)
async def test_what_is_no_figure_is_not_written_down(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], status: int, code: str
) -> None:
    here = await street(members=0)
    project = await drafted(client, here, await add_site(here))
    before = await rows(here)
    path = f"{PROJECTS}/{project['id']}/results"
    refused(await client.post(path, json=WELLS | change, headers=here.officer.headers()), status, code)
    assert await rows(here) == before


async def test_a_figure_without_evidence_is_an_estimate_and_nothing_more(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    project = await drafted(client, here, await add_site(here))
    told = await with_result(client, here, project["id"], basis="estimated", evidence=None)
    assert (told["results"][0]["basis"], told["results"][0]["evidence"]) == ("estimated", None)
    path = f"{PROJECTS}/{project['id']}/results/{told['results'][0]['id']}"
    headers = here.officer.headers() | {"If-Match": "*"}
    measured = WELLS | {"basis": "measured", "evidence": None}
    refused(await client.put(path, json=measured, headers=headers), 409, "impact.evidence_missing")
    with pytest.raises(IntegrityError, match="no_evidence_no_fact"):
        await here.set(AidResult, UUID(told["results"][0]["id"]), basis="measured")
    await published(client, here, project["id"])
    totals = (await client.get(f"{API}/impact/totals", params={"sponsor_id": str(here.id)})).json()
    assert [(one["value"], one["basis"]) for one in totals["totals"]] == [(12, "estimated")]


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"unit": "人次"}, "unit_of_its_measure"),
    ({"maximum": 20}, "value_or_range"),
    ({"value": None}, "words_or_a_figure"),
    ({"value": None, "minimum": 9, "maximum": 9}, "range_goes_up"),
    ({"evidence_kind": None}, "no_evidence_no_fact|evidence_is_whole"),
    ({"evidence_title": None}, "evidence_is_whole"),
    ({"evidence_sha256": "x"}, "evidence_sha256_form"),
    ({"value": -1}, "value_in_range"),
    ({"quote": ""}, "quote_length"),
    ({"year_is_inferred": True}, "inferred_is_a_year"),
]


@pytest.mark.parametrize(("change", "constraint"), BROKEN)
async def test_the_database_refuses_it_too(
    street: MakeStreet, client: httpx.AsyncClient, change: dict[str, Any], constraint: str
) -> None:
    here = await street(members=0)
    project = await drafted(client, here, await add_site(here))
    row = {
        "id": new_id(), "union_id": here.id, "project_id": UUID(project["id"]), "position": 1,
        "role": "outcome", "measure": "wells", "unit": "口", "value": 12, "basis": "reported",
        "quote": "捐修12口机井",
        "evidence_kind": "report", "evidence_title": "示例", "evidence_sha256": "0" * 64,
    }  # fmt: skip
    with pytest.raises(IntegrityError, match=constraint):
        async with here.database.transaction(every_union("a test breaks it")) as session:
            await session.execute(insert(AidResult).values(row | change))
    assert await here.read(select(func.count()).where(AidResult.union_id == here.id)) == [(0,)]
    async with here.database.transaction(every_union("a control: unchanged, the row is kept")) as session:
        await session.execute(insert(AidResult).values(row))


async def test_the_same_people_are_flagged_across_projects_and_counted_in_no_total(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=0)
    site = await add_site(here)
    homes = {"measure": "households", "unit": "户", "overlap": "two-villages"}
    ids = []
    for value in (136, 87):
        project = await drafted(client, here, site)
        told = await with_result(client, here, project["id"], value=value, quote=f"{value}户", **homes)
        ids.append(told["results"][0]["id"])
        shown = await published(client, here, project["id"])
    assert (shown["results"][0]["is_overlapping"], shown["results"][0]["overlaps"]) == (True, ids[:1])
    await published(client, here, (await _one_more(client, here, site))["id"])
    totals = (await client.get(f"{API}/impact/totals", params={"sponsor_id": str(here.id)})).json()
    assert [(one["measure"], one["value"]) for one in totals["totals"]] == [("households", 5)]
    assert [(one["result_id"], one["why"], one["quote"]) for one in totals["left_out"]] == [
        (ids[0], "counts_the_same_people", "136户"),
        (ids[1], "counts_the_same_people", "87户"),
    ]


async def _one_more(client: httpx.AsyncClient, here: Street, site: Any) -> dict[str, Any]:
    project = await drafted(client, here, site)
    return await with_result(
        client, here, project["id"], measure="households", unit="户", value=5, quote="5户"
    )


async def test_places_are_in_their_region(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=0)
    site, other = await add_site(here), await add_site(here)
    for wrong, code in (
        ({"region_id": str(new_id())}, "regions.not_found"),
        ({"region_id": str(site.region_id), "place_id": str(new_id())}, "regions.place_not_found"),
        ({"region_id": str(site.region_id), "place_id": str(other.place_id)}, "regions.place_not_found"),
    ):
        body = site.body(sites=[wrong])
        refused(await client.post(PROJECTS, json=body, headers=here.officer.headers()), 404, code)
    wrong_year = site.body(held_on="2020-10-10")
    answer = await client.post(PROJECTS, json=wrong_year, headers=here.officer.headers())
    refused(answer, 422, "impact.figure_invalid")
    assert await rows(here) == []


async def test_a_region_is_public_with_its_places(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=0)
    site = await add_site(here)
    region = (await client.get(f"{API}/regions/{site.region_id}")).json()
    assert (region["name"], region["places"][0]["name"], region["cooperatives"]) == ("示例县", "示例村", [])
    assert region["places"][0]["note"] == "示例:区划表无此村"
    missing = await client.get(f"{API}/regions/{new_id()}")
    refused(missing, 404, "regions.not_found")


async def test_a_campaign_says_what_share_of_purchases_it_was(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(members=0), await street(members=0)
    region, code = await add_region(here, "示例县"), f"91{secrets.randbelow(10**16):016}"
    sellers = [await add_supplier(one, "示例·合作社", code) for one in (here, there)]
    boxes = [(await one.read(_box_of(one)))[0][0] for one in (here, there)]

    def line(box: UUID, count: int) -> dict[str, Any]:
        amounts = {"boxes": count, "unit_price_fen": 8_800, "amount_fen": count * 8_800}
        return {"gift_box_id": box, "region_id": region, "grams": count * 2_800} | amounts

    await add_purchase(here, line(boxes[0], 2_000), supplier_id=sellers[0], campaign_id=here.campaign_id)
    await add_purchase(here, line(boxes[0], 500), supplier_id=sellers[0])
    await add_purchase(here, line(boxes[0], 77), supplier_id=sellers[0], status="draft")
    await add_purchase(there, line(boxes[1], 380), supplier_id=sellers[1])
    path = f"{API}/campaigns/{here.campaign_id}/impact"
    answer = await client.get(path, headers=here.officer.headers())
    shares = {(one["of"], one["among"]): one for one in answer.json()["shares"]}
    known = {
        key: [(one[unit]["numerator"]["value"], one[unit]["denominator"]["value"]) for unit in UNITS]
        for key, one in shares.items()
    }
    own = [(2_000, 2_500), (17_600_000, 22_000_000), (5_600_000, 7_000_000)]
    everybody = [(2_000, 2_880), (17_600_000, 25_344_000), (5_600_000, 8_064_000)]
    assert known == {
        ("supplier", "this_union"): own,
        ("region", "this_union"): own,
        ("supplier", "all_unions"): everybody,
        ("region", "all_unions"): everybody,
    }
    assert {(one["from_year"], one["until_year"]) for one in shares.values()} == {(2020, 2020)}
    refused(await client.get(path, headers=there.officer.headers()), 404, "campaigns.not_found")
    refused(await client.get(path, headers=here.clerk.headers()), 403, "access.forbidden")
    assert not LIFTED.search(answer.text)


def _box_of(here: Street) -> Any:
    from app.campaigns.tables import Offer

    return select(Offer.gift_box_id).where(Offer.id == here.offers[0])


LIFTED = re.compile(
    r"lifted|out of poverty|you helped|your (purchase|order) (has )?(helped|changed)"
    r"|让\S{0,6}人脱贫|帮助了?\S{0,6}(户|人)脱贫|您(已|为|帮助|让)\S{0,10}(脱贫|增收)|因为您|贫困户专供",
    re.IGNORECASE,
)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_text_says_that_somebody_lifted_anybody(language: Any) -> None:
    assert not LIFTED.search("\n".join(said for entry in texts(language).values() for said in entry.values()))


@pytest.mark.parametrize(
    "claim",
    ["您帮助3人脱贫", "让6人脱贫", "You lifted 3 people out of poverty", "您已带动2户增收", "贫困户专供"],
)
def test_control_such_a_claim_is_found(claim: str) -> None:
    assert LIFTED.search(claim)
