"""Campaigns, offers and eligibility through HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from app.access.policy import Role
from app.campaigns.tables import Campaign, Offer
from app.pickup.tables import Slot
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged, walk, without_ids
from tests.factories.street import Street

DRAFT: dict[str, Any] = {
    "title": " 示例·中秋慰问 ",
    "order_opens_at": "2026-10-01T01:00:00Z",
    "order_closes_at": "2026-10-03T09:00:00+08:00",
    "pickup_from": "2026-10-12",
    "pickup_until": "2026-10-14",
}
DRAFTED = {"stage": "draft", "published_at": None}


async def _draft(client: httpx.AsyncClient, here: Street, **change: Any) -> httpx.Response:
    return await client.post(f"{API}/campaigns", json=DRAFT | change, headers=here.officer.headers())


async def test_a_campaign_is_drafted_changed_filled_and_published_by_another(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    officer, chair = here.officer, here.staff[Role.CHAIR]
    made = await _draft(client, here, per_member_limit=2)
    assert made.status_code == 201
    campaign = made.json()
    assert (campaign["title"], campaign["status"], campaign["version"]) == ("示例·中秋慰问", "draft", 1)
    assert campaign["order_opens_at"] == "2026-10-01T09:00:00+08:00"
    assert (campaign["allocation"], campaign["eligible_statuses"]) == ("first_come", ["active"])
    path = f"{API}/campaigns/{campaign['id']}"

    publish = f"{path}/publish"
    empty = await client.post(publish, headers=chair.headers())
    assert refused(empty, 409, "campaigns.incomplete")["missing"] == ["offers", "slots"]
    assert "offers, slots" in (await client.post(publish, headers=chair.headers())).json()["detail"]

    box = (await client.get(f"{API}/gift-boxes", headers=officer.headers())).json()["items"][0]["id"]
    body = {"gift_box_id": box, "pickup_point_id": str(here.points[0]), "quota": 7}
    offer = await client.post(f"{path}/offers", json=body, headers=officer.headers())
    assert offer.status_code == 201
    assert offer.json() | {"id": ""} == body | {"id": "", "campaign_id": campaign["id"], "version": 1}
    twice = await client.post(f"{path}/offers", json=body, headers=officer.headers())
    refused(twice, 409, "platform.conflict")

    days = {"from_on": "2026-10-12", "until_on": "2026-10-14", "opens": "09:00", "closes": "10:00"}
    slots = days | {"pickup_point_id": str(here.points[0]), "capacity": 4}
    added = await client.post(f"{path}/slots", json=slots, headers=officer.headers())
    assert (added.status_code, added.json()) == (201, {"added": 6})

    tag = (await client.get(path, headers=officer.headers())).headers["etag"]
    await here.set(Offer, UUID(offer.json()["id"]), promised_count=1)
    now_shown = await client.get(path, headers=officer.headers() | {"If-None-Match": tag})
    assert now_shown.status_code == 200, "what is left has changed, and so has the tag"
    assert now_shown.headers["etag"] != tag
    seen = {"If-Match": tag}
    changed = await client.patch(path, json={"title": "改名"}, headers=officer.headers() | seen)
    assert (changed.json()["title"], changed.json()["version"]) == ("改名", 2)
    for stale_tag in (tag, '"1"', "1"):
        stale = await client.patch(
            path, json={"title": "又改"}, headers=officer.headers() | {"If-Match": stale_tag}
        )
        assert refused(stale, 412, "platform.precondition_failed")["version"] == 2
    anyhow = await client.patch(path, json={"title": "改名"}, headers=officer.headers() | {"If-Match": "*"})
    assert anyhow.json()["version"] == 3
    blind = await client.patch(path, json={"title": "又改"}, headers=officer.headers())
    refused(blind, 428, "platform.precondition_required")

    published = await client.post(publish, headers=chair.headers("p-1"))
    assert (published.status_code, published.json()["version"]) == (200, 4)
    again = await client.post(publish, headers=chair.headers("p-1"))
    assert (again.content, again.headers["idempotency-replayed"]) == (published.content, "true")
    async with unchanged(here):
        refused(await client.post(publish, headers=chair.headers()), 409, "campaigns.not_draft")
        late = await client.post(f"{path}/offers", json=body, headers=officer.headers())
        refused(late, 409, "campaigns.not_draft")


async def test_who_drafted_it_does_not_publish_it(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(campaign=DRAFTED)
    chair = here.staff[Role.CHAIR]
    await here.set(Campaign, here.campaign_id, drafted_by=chair.id, published_by=None)
    async with unchanged(here):
        answer = await client.post(f"{API}/campaigns/{here.campaign_id}/publish", headers=chair.headers())
        refused(answer, 403, "campaigns.own_draft")


async def test_a_published_campaign_only_grows(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    path = f"{API}/campaigns/{here.campaign_id}"
    headers = here.officer.headers() | {"If-Match": '"1"'}
    now = utc_now()
    async with unchanged(here):
        for change in (
            {"pickup_until": str(local_date(now))},
            {"order_closes_at": (now + timedelta(hours=1)).isoformat()},
            {"order_opens_at": (now + timedelta(hours=1)).isoformat()},
            {"pickup_from": str(local_date(now) - timedelta(days=3))},
            {"title": "偷偷改名"},
            {"title": "偷偷改名", "pickup_until": str(local_date(now) + timedelta(days=9))},
        ):
            refused(await client.patch(path, json=change, headers=headers), 409, "campaigns.not_draft")
    later = {"pickup_until": str(local_date(now) + timedelta(days=9))}
    assert (await client.patch(path, json=later, headers=headers)).json()["pickup_until"] == later[
        "pickup_until"
    ]
    await here.set(Campaign, here.campaign_id, stage="cancelled")
    async with unchanged(here):
        answer = await client.patch(path, json=later, headers=headers | {"If-Match": '"2"'})
        refused(answer, 409, "campaigns.not_draft")


@pytest.mark.parametrize(
    "change",
    [
        {"order_closes_at": "2026-10-01T09:00:00+08:00"},
        {"order_closes_at": "2026-09-01T00:00:00Z"},
        {"pickup_until": "2026-10-11"},
        {"order_closes_at": "2026-10-15T00:00:01+08:00"},
        {"pickup_from": "2026-10-01", "pickup_until": "2026-10-02"},
    ],
)
async def test_windows_that_contradict_each_other_are_refused(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any]
) -> None:
    here = await street()
    async with unchanged(here):
        refused(await _draft(client, here, **change), 422, "campaigns.windows_invalid")
    made = (await _draft(client, here)).json()
    async with unchanged(here):
        headers = here.officer.headers() | {"If-Match": '"1"'}
        answer = await client.patch(f"{API}/campaigns/{made['id']}", json=change, headers=headers)
        refused(answer, 422, "campaigns.windows_invalid")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "   "}, "/title"),
        ({"title": "a\nb"}, "/title"),
        ({"title": "x" * 81}, "/title"),
        ({"allocation": "auction"}, "/allocation"),
        ({"has_waitlist": "true"}, "/has_waitlist"),
        ({"per_member_limit": 0}, "/per_member_limit"),
        ({"per_member_limit": 21}, "/per_member_limit"),
        ({"eligible_statuses": []}, "/eligible_statuses"),
        ({"eligible_statuses": ["king"]}, "/eligible_statuses/0"),
        ({"early_minutes": -1}, "/early_minutes"),
        ({"late_minutes": 1441}, "/late_minutes"),
        ({"stage": "published"}, "/stage"),
        ({"id": "0"}, "/id"),
        ({"published_at": "2026-10-01T01:00:00Z"}, "/published_at"),
    ],
)
async def test_a_malformed_draft_says_where(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], pointer: str
) -> None:
    here = await street()
    async with unchanged(here):
        problem = refused(await _draft(client, here, **change), 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


DAYS = [
    "0000-01-01", "0001-01-01", "1969-12-31", "1999-12-31", "2101-01-01", "2149-06-07", "9999-12-31",
    "10000-01-01", "2026-02-30", "2026-1-1", "20260101", "2026-01-01T00:00:00", "1767225600", "", "today", 0,
    1767225600, True,
]  # fmt: skip


@pytest.mark.parametrize("field", ["pickup_from", "pickup_until"])
@pytest.mark.parametrize("value", DAYS)
async def test_a_day_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, field: str, value: Any
) -> None:
    here = await street(members=0)
    async with unchanged(here):
        problem = refused(await _draft(client, here, **{field: value}), 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]


INSTANTS = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z", "2026-10-01T09:00:00",
    "2026-10-01", "2026-10-01T25:00:00Z", "2026-10-01T09:00:00+24:00", "2026-13-01T09:00:00Z", "1767225600",
    "", 0, 1767225600, 1e300, True,
]  # fmt: skip


@pytest.mark.parametrize("field", ["order_opens_at", "order_closes_at"])
@pytest.mark.parametrize("value", INSTANTS)
async def test_an_instant_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, field: str, value: Any
) -> None:
    here = await street(members=0)
    async with unchanged(here):
        problem = refused(await _draft(client, here, **{field: value}), 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]


async def test_the_first_and_the_last_year_that_can_be_meant_work(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await _draft(
        client, here, order_opens_at="2000-01-01T00:00:00+14:00", order_closes_at="2100-12-31T23:59:59+08:00",
        pickup_from="2000-01-01", pickup_until="2100-12-31",
    )  # fmt: skip
    assert made.status_code == 201
    path = f"{API}/campaigns/{made.json()['id']}"
    assert (await client.get(path, headers=here.officer.headers())).status_code == 200
    days = {"from_on": "2100-12-31", "until_on": "2100-12-31", "opens": "00:00", "closes": "23:59:59"}
    plan = days | {"pickup_point_id": str(here.points[0]), "capacity": 1, "weekdays": [1, 2, 3, 4, 5, 6, 7]}
    added = await client.post(f"{path}/slots", json=plan, headers=here.officer.headers())
    assert (added.status_code, added.json()) == (201, {"added": 47})
    listed = await client.get(f"{path}/slots?on=2100-12-31", headers=here.officer.headers())
    assert len(listed.json()["items"]) == 47


async def test_drafts_are_for_those_who_make_or_oversee_them(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(campaign=DRAFTED)
    path = f"{API}/campaigns/{here.campaign_id}"
    for role in (Role.UNION_OFFICER, Role.CHAIR, Role.AUDITOR):
        person = here.staff[role]
        assert (await client.get(path, headers=person.headers())).json()["status"] == "draft"
        listed = await walk(client, "/campaigns", person, status="draft")
        assert [item["id"] for item in listed] == [str(here.campaign_id)]
    missing = await client.get(f"{API}/campaigns/{new_id()}", headers=here.members[0].headers())
    refused(missing, 404, "campaigns.not_found")
    for who in (here.members[0], here.clerk, here.staff[Role.WAREHOUSE_KEEPER]):
        assert await walk(client, "/campaigns", who) == []
        for tail in ("", "/slots"):
            hidden = await client.get(path + tail, headers=who.headers())
            refused(hidden, 404, "campaigns.not_found")
    asked = await client.get(
        f"{API}/me/eligibility?campaign_id={here.campaign_id}", headers=here.members[0].headers()
    )
    refused(asked, 404, "campaigns.not_found")


async def test_campaigns_are_listed_in_pages_by_status_and_tagged(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    made = [(await _draft(client, here, pickup_from=f"2026-10-0{day}")).json()["id"] for day in (5, 3, 4)]
    drafts = await walk(client, "/campaigns", here.officer, status="draft")
    assert [item["id"] for item in drafts] == [made[1], made[2], made[0]]
    for status, days in {"scheduled": (1, 2), "open": (-1, 2), "pickup": (-2, -1)}.items():
        now = utc_now()
        await here.set(
            Campaign,
            here.campaign_id,
            order_opens_at=now + timedelta(days=days[0]),
            order_closes_at=now + timedelta(days=days[1]),
        )
        found = await walk(client, "/campaigns", here.members[0], status=status)
        assert [item["id"] for item in found] == [str(here.campaign_id)], status
        assert found[0]["status"] == status
    assert str(there.campaign_id) not in {
        item["id"] for item in await walk(client, "/campaigns", here.officer)
    }
    listed = await client.get(f"{API}/campaigns?status=pickup", headers=here.members[0].headers())
    known = here.members[0].headers() | {"If-None-Match": listed.headers["etag"]}
    assert (await client.get(f"{API}/campaigns?status=pickup", headers=known)).status_code == 304
    one = await client.get(f"{API}/campaigns/{here.campaign_id}", headers=here.members[0].headers())
    known = here.members[0].headers() | {"If-None-Match": one.headers["etag"]}
    assert (await client.get(f"{API}/campaigns/{here.campaign_id}", headers=known)).status_code == 304
    assert one.headers["vary"] == "Authorization"


async def test_campaigns_of_others_are_as_unknown_as_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street(campaign=DRAFTED)
    box = (await client.get(f"{API}/gift-boxes", headers=here.officer.headers())).json()["items"][0]["id"]
    offer = {"gift_box_id": box, "pickup_point_id": str(here.points[0]), "quota": 1}
    days = {"from_on": "2026-10-12", "until_on": "2026-10-12", "opens": "09:00", "closes": "10:00"}
    plan = days | {"pickup_point_id": str(here.points[0]), "capacity": 1}
    officer = here.officer.headers() | {"If-Match": '"1"'}
    calls = [
        ("GET", "", None, officer),
        ("PATCH", "", {"title": "x"}, officer),
        ("POST", "/publish", None, here.staff[Role.CHAIR].headers()),
        ("POST", "/offers", offer, here.officer.headers()),
        ("GET", "/slots", None, officer),
        ("POST", "/slots", plan, here.officer.headers()),
    ]
    async with unchanged(here, there):
        for method, tail, body, headers in calls:
            missing, foreign = [
                await client.request(method, f"{API}/campaigns/{id}{tail}", json=body, headers=headers)
                for id in (new_id(), there.campaign_id)
            ]
            refused(missing, 404, "campaigns.not_found")
            assert without_ids(missing) == without_ids(foreign), (method, tail)


async def test_an_offer_needs_a_box_and_a_point_of_the_own_union(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(campaign=DRAFTED), await street()
    own = (await client.get(f"{API}/gift-boxes", headers=here.officer.headers())).json()["items"][0]["id"]
    theirs = (await client.get(f"{API}/gift-boxes", headers=there.officer.headers())).json()["items"][0]["id"]
    path = f"{API}/campaigns/{here.campaign_id}/offers"
    good = {"gift_box_id": own, "pickup_point_id": str(here.points[0]), "quota": 1}
    async with unchanged(here, there):
        for field, id, code in (
            ("gift_box_id", theirs, "catalog.gift_box_not_found"),
            ("pickup_point_id", str(there.points[0]), "pickup.point_not_found"),
        ):
            missing, foreign = [
                await client.post(path, json=good | {field: value}, headers=here.officer.headers())
                for value in (str(new_id()), id)
            ]
            refused(missing, 404, code)
            assert without_ids(missing) == without_ids(foreign)
        for quota in (-1, 1_000_001, 10**20, "1", True, 1.0):
            bad = await client.post(path, json=good | {"quota": quota}, headers=here.officer.headers())
            refused(bad, 422, "platform.malformed")


async def test_eligibility_is_explained_rule_by_rule_in_both_languages(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member = here.members[0]
    path = f"{API}/me/eligibility?campaign_id={here.campaign_id}"
    passed = (await client.get(path, headers=member.headers())).json()
    assert passed["eligible"] is True
    assert [(rule["code"], rule["passed"], rule["action"]) for rule in passed["rules"]] == [
        ("in_union", True, None),
        ("membership_status", True, None),
    ]
    await here.set(Member, member.id, status="retained")
    chinese = (await client.get(path, headers=member.headers())).json()
    english = (await client.get(path, headers=member.headers() | {"Accept-Language": "en"})).json()
    assert (chinese["eligible"], chinese["rules"][1]["passed"]) == (False, False)
    assert chinese["rules"][1]["action"].startswith("如会籍")
    assert english["rules"][1]["action"].startswith("If it is wrong")
    refused(await client.get(path, headers=here.officer.headers()), 403, "access.forbidden")
    for query in ("", "?campaign_id=x"):
        answer = await client.get(f"{API}/me/eligibility{query}", headers=member.headers())
        refused(answer, 422, "platform.malformed")


@pytest.mark.parametrize("call", ["draft", "offer", "slots", "publish"])
async def test_every_post_is_repeated_by_its_key(
    client: httpx.AsyncClient, street: MakeStreet, call: str
) -> None:
    here = await street(campaign=DRAFTED, points=2)
    officer = here.officer
    box = (await client.get(f"{API}/gift-boxes", headers=officer.headers())).json()["items"][0]["id"]
    made = (await _draft(client, here)).json()["id"]
    day = str(local_date(utc_now()))
    days = {"from_on": day, "until_on": day, "opens": "09:00", "closes": "10:00"}
    body, other, path, who = {
        "draft": (DRAFT, DRAFT | {"title": "另一个"}, "/campaigns", officer),
        "offer": (
            {"gift_box_id": box, "pickup_point_id": str(here.points[0]), "quota": 1},
            {"gift_box_id": box, "pickup_point_id": str(here.points[1]), "quota": 1},
            f"/campaigns/{made}/offers",
            officer,
        ),
        "slots": (
            days | {"pickup_point_id": str(here.points[0]), "capacity": 1},
            days | {"pickup_point_id": str(here.points[0]), "capacity": 2},
            f"/campaigns/{here.campaign_id}/slots",
            officer,
        ),
        "publish": (None, {"x": 1}, f"/campaigns/{here.campaign_id}/publish", here.staff[Role.CHAIR]),
    }[call]
    first = await client.post(API + path, json=body, headers=who.headers("same"))
    assert first.status_code in {200, 201}, first.text
    assert "idempotency-replayed" not in first.headers
    async with unchanged(here):
        again = await client.post(API + path, json=body, headers=who.headers("same"))
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        changed = await client.post(API + path, json=other, headers=who.headers("same"))
        refused(changed, 422, "idempotency.key_reused")
        for key in (" ", "x" * 65, "a b"):
            bad = await client.post(API + path, json=body, headers=who.headers() | {"Idempotency-Key": key})
            refused(bad, 400, "idempotency.key_required")


async def test_counts_after_all_that_are_those_of_one_call(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(campaign=DRAFTED)
    for _ in range(3):
        await client.post(f"{API}/campaigns", json=DRAFT, headers=here.officer.headers("once"))
    rows = await here.read(select(func.count()).select_from(Campaign).where(Campaign.union_id == here.id))
    assert rows[0][0] == 2


async def test_an_offer_shows_what_is_in_the_box_and_what_is_left(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=10)
    await here.set(Offer, here.offers[0], promised_count=3)
    shown = await client.get(f"{API}/campaigns/{here.campaign_id}", headers=here.members[0].headers())
    (offer,) = shown.json()["offers"]
    assert (offer["quota"], offer["remaining"], offer["waitlisted"]) == (10, 7, 0)
    assert offer["gift_box"]["components"] == [
        {"name": "小米", "quantity": 1, "unit": "袋", "net_content_grams": 2500, "net_content_ml": None,
         "allergens": []}
    ]  # fmt: skip
    assert offer["gift_box"]["origin_region"] is None
    assert offer["pickup_point"] == {
        "id": str(here.points[0]),
        "name": "示例·领取点0",
        "address": "示例地址",
        "phone": None,
        "outdoor": True,
    }
    assert UUID(offer["id"]) == here.offers[0]
    assert await here.count(Slot) == 3


async def test_orders_may_be_taken_until_the_last_pickup_day_ends(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await _draft(client, here, order_closes_at="2026-10-15T00:00:00+08:00")
    assert made.status_code == 201


async def _slots(client: httpx.AsyncClient, here: Street, campaign_id: str, **change: Any) -> httpx.Response:
    plan = {
        "pickup_point_id": str(here.points[0]), "from_on": "2026-10-12", "until_on": "2026-10-14",
        "opens": "09:00", "closes": "10:00", "capacity": 1, "weekdays": [1, 2, 3, 4, 5, 6, 7],
    }  # fmt: skip
    path = f"{API}/campaigns/{campaign_id}/slots"
    return await client.post(path, json=plan | change, headers=here.officer.headers())


@pytest.mark.parametrize(
    "change",
    [
        {"from_on": "2026-10-11"},
        {"until_on": "2026-10-15"},
        {"from_on": "2026-10-20", "until_on": "2026-10-21"},
    ],
)
async def test_slots_lie_on_the_pickup_days(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, str]
) -> None:
    here = await street()
    made = (await _draft(client, here)).json()["id"]
    async with unchanged(here):
        problem = refused(await _slots(client, here, made, **change), 409, "pickup.outside_window")
    assert (problem["pickup_from"], problem["pickup_until"]) == ("2026-10-12", "2026-10-14")
    assert "10月12日(周一) 至 10月14日(周三)" in problem["detail"]


@pytest.mark.parametrize("change", [{"pickup_from": "2026-10-13"}, {"pickup_until": "2026-10-13"}])
async def test_the_pickup_days_are_not_taken_from_under_the_slots(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, str]
) -> None:
    here = await street()
    path = f"{API}/campaigns/{(made := (await _draft(client, here)).json()['id'])}"
    headers = here.officer.headers() | {"If-Match": "*"}
    assert (await _slots(client, here, made)).json() == {"added": 6}
    async with unchanged(here):
        refused(await client.patch(path, json=change, headers=headers), 409, "pickup.outside_window")
    wider = {"pickup_from": "2026-10-11", "pickup_until": "2026-10-15"}
    assert (await client.patch(path, json=wider, headers=headers)).status_code == 200


async def test_every_point_with_a_box_has_slots(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    made = (await _draft(client, here)).json()["id"]
    path, chair = f"{API}/campaigns/{made}", here.staff[Role.CHAIR]
    box = (await client.get(f"{API}/gift-boxes", headers=here.officer.headers())).json()["items"][0]["id"]
    for point in here.points:
        body = {"gift_box_id": box, "pickup_point_id": str(point), "quota": 7}
        await client.post(f"{path}/offers", json=body, headers=here.officer.headers())
    await _slots(client, here, made)
    async with unchanged(here):
        lacking = await client.post(f"{path}/publish", headers=chair.headers())
        assert refused(lacking, 409, "campaigns.incomplete")["missing"] == ["slots"]
    await _slots(client, here, made, pickup_point_id=str(here.points[1]))
    published = await client.post(f"{path}/publish", headers=chair.headers())
    assert published.json()["status"] in {"scheduled", "open", "pickup", "closed"}
