"""Who is calling, and the list of members, through HTTP: masked, paged, of the own union only."""

import base64
import json

import httpx

from app.access.policy import Role
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, walk


async def test_a_member_sees_their_own_name_and_a_masked_mobile(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member = here.members[1]
    me = (await client.get(f"{API}/me", headers=member.headers())).json()
    assert me == {
        "id": str(member.id),
        "role": "member",
        "union": {"id": str(here.id), "name": me["union"]["name"]},
        "unit": {"id": str(here.unit_id), "name": me["unit"]["name"]},
        "name": member.name,
        "number": me["number"],
        "mobile_masked": "138****0001",
        "membership_status": "active",
        "is_senior_mode": False,
        "sample": False,
    }


async def test_staff_see_their_account(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    for role, person in here.staff.items():
        me = (await client.get(f"{API}/me", headers=person.headers())).json()
        assert (me["id"], me["role"], me["name"]) == (str(person.id), role.value, person.name)
        assert (me["unit"], me["number"], me["mobile_masked"], me["membership_status"]) == (None,) * 4


async def test_members_are_listed_masked_by_name(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, _ = await street(members=4), await street()
    await here.set(Member, here.members[3].id, mobile=None)
    for role in (Role.UNION_OFFICER, Role.CHAIR, Role.AUDITOR):
        found = await walk(client, "/members", here.staff[role])
        assert [item["id"] for item in found] == [str(member.id) for member in here.members]
        assert [item["name_masked"] for item in found] == ["示*0", "示*1", "示*2", "示*3"]
        assert found[0]["mobile_masked"] == "138****0000"
        assert found[3]["mobile_masked"] is None
        assert set(found[0]) == {"id", "number", "name_masked", "mobile_masked", "unit", "status", "sample"}
    for person in (here.clerk, here.members[0], here.staff[Role.DISTRICT_VIEWER]):
        refused(await client.get(f"{API}/members", headers=person.headers()), 403, "access.forbidden")


async def test_a_cursor_of_the_member_list_names_nobody(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=3)
    headers = here.officer.headers()
    page = (await client.get(f"{API}/members?limit=1", headers=headers)).json()
    inside = base64.urlsafe_b64decode(page["next"] + "==").decode()
    assert not any(who.name in inside for who in here.members)
    assert str(page["items"][0]["id"]) in inside
    foreign = await street()
    cursor = base64.urlsafe_b64encode(json.dumps(["member", str(foreign.members[0].id)]).encode()).decode()
    refusal = await client.get(f"{API}/members?cursor={cursor.rstrip('=')}", headers=headers)
    assert (refusal.status_code, refusal.json()["code"]) == (422, "platform.cursor_invalid")
