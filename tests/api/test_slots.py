"""Slots and pickup points through HTTP."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.pickup.tables import Slot
from app.platform.clock import utc_now
from app.platform.ids import new_id
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged, walk, without_ids

PLAN: dict[str, Any] = {
    "from_on": "2026-10-12",
    "until_on": "2026-10-18",
    "opens": "09:00",
    "closes": "11:00",
    "minutes": 30,
    "capacity": 20,
}
WINDOWS: dict[str, Any] = {
    "order_opens_at": datetime(2026, 10, 1, 1, 0, tzinfo=UTC),
    "order_closes_at": datetime(2026, 10, 8, 1, 0, tzinfo=UTC),
    "pickup_from": date(2026, 10, 12),
    "pickup_until": date(2026, 10, 18),
}


async def test_slots_are_listed_by_time_with_what_is_free(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(slots=4, capacity=5, points=2)
    for slot, booked in zip(here.slots[:4], (0, 2, 4, 5), strict=True):
        await here.set(Slot, slot, booked_count=booked)
    path = f"/campaigns/{here.campaign_id}/slots"
    found = await walk(client, path, here.members[0], pickup_point_id=str(here.points[0]))
    assert [item["id"] for item in found] == [str(id) for id in here.slots[:4]]
    assert [(item["remaining"], item["crowd"]) for item in found] == [
        (5, "low"), (3, "medium"), (1, "high"), (0, "full"),
    ]  # fmt: skip
    assert set(found[0]) == {
        "id", "pickup_point_id", "starts_at", "ends_at", "capacity", "remaining", "crowd",
    }  # fmt: skip
    assert found[0]["starts_at"].endswith("+08:00")
    assert len(await walk(client, path, here.members[0])) == 8
    assert await walk(client, path, here.members[0], on="2030-01-01") == []
    assert await walk(client, path, here.members[0], pickup_point_id=str(new_id())) == []
    tag = (await client.get(API + path, headers=here.members[0].headers())).headers["etag"]
    same = await client.get(API + path, headers=here.members[0].headers() | {"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")


async def test_a_plan_cuts_working_days_and_leaves_what_is_there(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(slots=0, campaign=WINDOWS)
    path = f"{API}/campaigns/{here.campaign_id}/slots"
    plan = PLAN | {"pickup_point_id": str(here.points[0])}
    first = await client.post(path, json=plan, headers=here.officer.headers())
    assert (first.status_code, first.json()) == (201, {"added": 20})
    async with unchanged(here):
        again = await client.post(path, json=plan | {"capacity": 5}, headers=here.officer.headers())
        assert again.json() == {"added": 0}
    monday = await walk(client, f"/campaigns/{here.campaign_id}/slots", here.officer, on="2026-10-12")
    assert [item["starts_at"][11:16] for item in monday] == ["09:00", "09:30", "10:00", "10:30"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"until_on": "2026-10-11"}, ""),
        ({"until_on": "2026-12-31"}, ""),
        ({"closes": "09:00"}, ""),
        ({"closes": "08:59"}, ""),
        ({"opens": "09:00+08:00"}, "/opens"),
        ({"opens": "24:00"}, "/opens"),
        ({"opens": "9:00"}, "/opens"),
        ({"opens": 32400}, "/opens"),
        ({"opens": "09:00:00.5"}, "/opens"),
        ({"from_on": "0001-01-01"}, "/from_on"),
        ({"until_on": "9999-12-31"}, "/until_on"),
        ({"minutes": 4}, "/minutes"),
        ({"minutes": 481}, "/minutes"),
        ({"capacity": 0}, "/capacity"),
        ({"capacity": 10_001}, "/capacity"),
        ({"weekdays": []}, "/weekdays"),
        ({"weekdays": [0]}, "/weekdays/0"),
        ({"weekdays": [8]}, "/weekdays/0"),
        ({"weekdays": [1] * 8}, "/weekdays"),
        ({"union_id": "x"}, "/union_id"),
    ],
)
async def test_a_malformed_plan_says_where(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], pointer: str
) -> None:
    here = await street(members=0)
    body = PLAN | {"pickup_point_id": str(here.points[0])} | change
    async with unchanged(here):
        answer = await client.post(
            f"{API}/campaigns/{here.campaign_id}/slots", json=body, headers=here.officer.headers()
        )
        problem = refused(answer, 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_plan_needs_a_point_of_the_own_union(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    path = f"{API}/campaigns/{here.campaign_id}/slots"
    async with unchanged(here, there):
        missing, foreign = [
            await client.post(
                path, json=PLAN | {"pickup_point_id": str(point)}, headers=here.officer.headers()
            )
            for point in (new_id(), there.points[0])
        ]
        refused(missing, 404, "pickup.point_not_found")
        assert without_ids(missing) == without_ids(foreign)
        clerk = await client.post(path, json=PLAN, headers=here.clerk.headers())
        refused(clerk, 403, "access.forbidden")


@pytest.mark.parametrize(
    "on", ["0001-01-01", "1999-12-31", "9999-12-31", "2101-01-01", "x", "", "1760000000"]
)
async def test_a_day_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, on: str
) -> None:
    here = await street()
    answer = await client.get(
        f"{API}/campaigns/{here.campaign_id}/slots", params={"on": on}, headers=here.members[0].headers()
    )
    problem = refused(answer, 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == ["query/on"]


async def test_a_capacity_never_throws_anybody_out(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    await here.set(Slot, here.slots[0], booked_count=3)

    async def change(slot: object, capacity: object) -> httpx.Response:
        return await client.put(
            f"{API}/slots/{slot}/capacity", json={"capacity": capacity}, headers=here.officer.headers()
        )

    async with unchanged(here, there):
        assert refused(await change(here.slots[0], 2), 409, "pickup.capacity_below_booked")["booked"] == 3
        missing, foreign = await change(new_id(), 9), await change(there.slots[0], 9)
        refused(missing, 404, "pickup.slot_not_found")
        assert without_ids(missing) == without_ids(foreign)
        for bad in (-1, 10_001, "3", True, 3.0, None, 10**20):
            refused(await change(here.slots[0], bad), 422, "platform.malformed")
    done = await change(here.slots[0], 3)
    assert (done.status_code, done.json()["remaining"], done.json()["crowd"]) == (200, 0, "full")


async def test_a_pickup_point_is_made_once_and_listed_by_name(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(points=2), await street()
    body = {"name": "  新街口服务站 ", "address": "新街口1号", "phone": "010-12345678", "is_outdoor": True}
    first = await client.post(f"{API}/pickup-points", json=body, headers=here.officer.headers("p-1"))
    assert (first.status_code, first.json()["name"], first.json()["desk_count"]) == (201, "新街口服务站", 1)
    async with unchanged(here, there):
        again = await client.post(f"{API}/pickup-points", json=body, headers=here.officer.headers("p-1"))
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
        other = await client.post(
            f"{API}/pickup-points", json=body | {"name": "别处"}, headers=here.officer.headers("p-1")
        )
        refused(other, 422, "idempotency.key_reused")
        twin = await client.post(f"{API}/pickup-points", json=body, headers=here.officer.headers("p-2"))
        refused(twin, 409, "platform.conflict")
        for bad in ({"name": ""}, {"name": "x" * 81}, {"phone": "x"}, {"desk_count": 0}, {"desk_count": 51}):
            answer = await client.post(
                f"{API}/pickup-points", json=body | bad, headers=here.officer.headers()
            )
            refused(answer, 422, "platform.malformed")
    # The key of a refused call is free again: nothing was done.
    mended = await client.post(
        f"{API}/pickup-points", json=body | {"name": "二号站"}, headers=here.officer.headers("p-2")
    )
    assert mended.status_code == 201
    names = [item["name"] for item in await walk(client, "/pickup-points", here.members[0])]
    assert sorted(names) == sorted(["示例·领取点0", "示例·领取点1", "新街口服务站", "二号站"])
    assert len(await walk(client, "/pickup-points", there.members[0])) == 1


async def test_members_are_not_shown_slots_that_are_over(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(slots=2)
    over = here.slots[0]
    now = utc_now()
    await here.set(Slot, over, starts_at=now - timedelta(hours=2), ends_at=now - timedelta(seconds=1))
    path = f"{API}/campaigns/{here.campaign_id}/slots"
    for person, expected in ((here.members[0], [here.slots[1]]), (here.clerk, here.slots)):
        listed = (await client.get(path, headers=person.headers())).json()["items"]
        assert [slot["id"] for slot in listed] == [str(id) for id in expected]
