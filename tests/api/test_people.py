"""Who is calling, and the list of members, through HTTP: masked, paged, of the own union only."""

import base64
import json

import httpx
import pytest
from sqlalchemy import select

from app.access.policy import Permission, Role, may
from app.access.scope import one_union
from app.access.vault import keys_of
from app.unions.actions import place, rerank
from app.unions.rules import mask_name
from app.unions.rules.names import normalise_name
from app.unions.rules.order import GAP
from app.unions.tables import Member, Particulars, seal_particulars
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, walk
from tests.factories.street import Street


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
        if not may(role, Permission.PROFILE_OWN):
            continue
        me = (await client.get(f"{API}/me", headers=person.headers())).json()
        assert (me["id"], me["role"], me["name"]) == (str(person.id), role.value, person.name)
        assert (me["unit"], me["number"], me["mobile_masked"], me["membership_status"]) == (None,) * 4


async def test_members_are_listed_masked_by_name(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, _ = await street(members=4), await street()
    await here.set(Member, here.members[3].id, mobile_sealed=None, mobile_index=None)
    for role in (Role.UNION_OFFICER, Role.CHAIR, Role.AUDITOR):
        found = await walk(client, "/members", here.staff[role])
        assert [item["id"] for item in found] == [str(member.id) for member in here.members]
        assert [item["name_masked"] for item in found] == ["示*0", "示*1", "示*2", "示*3"]
        assert found[0]["mobile_masked"] == "138****0000"
        assert found[3]["mobile_masked"] is None
        assert [(item["same_name"], item["id_last4_masked"]) for item in found] == [(False, None)] * 4
        assert set(found[0]) == {
            "id", "number", "name_masked", "mobile_masked", "same_name", "id_last4_masked", "unit", "status",
            "sample",
        }  # fmt: skip
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


async def rename(here: Street, position: int, name: str, *, last4: str = "0017") -> None:
    """Give a member another name, and the place in the list that it has."""
    member_id = here.members[position].id
    async with here.database.transaction(one_union(here.id)) as session:
        keys = await keys_of(session, here.id)
        values = seal_particulars(keys, member_id, particulars=Particulars(name, "13800000000", last4))
        rank = await place(session, here.id, name)
    await here.set(Member, member_id, **values, name_rank=rank)


async def test_people_of_one_name_are_told_apart(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(members=3), await street(members=1)
    await rename(here, 0, "张三丰", last4="002X")
    await rename(here, 1, "张\uf9fe丰")
    await rename(here, 2, "张茶丰")
    await rename(there, 0, "张三丰")
    found = await walk(client, "/members", here.officer)
    seen = {item["id"]: (item["name_masked"], item["same_name"], item["id_last4_masked"]) for item in found}
    assert seen == {
        str(here.members[0].id): ("张*丰", False, None),
        str(here.members[1].id): ("张*丰", True, "**************0017"),
        str(here.members[2].id): ("张*丰", True, "**************0017"),
    }


async def test_members_stand_in_the_order_of_pinyin(client: httpx.AsyncClient, street: MakeStreet) -> None:
    names = ["张伟", "单雄信", "阿依古丽·买买提", "李伟", "黎飞", "李安", "曾巩", "仇英", "\ue001"]
    wanted = ["阿依古丽·买买提", "李安", "李伟", "黎飞", "仇英", "单雄信", "曾巩", "张伟", "\ue001"]
    here = await street(members=len(names))
    for position, name in enumerate(names):
        await rename(here, position, name)
    ids = {name: str(here.members[position].id) for position, name in enumerate(names)}
    listed = [item["id"] for item in await walk(client, "/members", here.officer)]
    assert listed == [ids[name] for name in wanted]
    async with here.database.transaction(one_union(here.id)) as session:
        assert await rerank(session, here.id) > 0
        assert await rerank(session, here.id) == 0
    assert [item["id"] for item in await walk(client, "/members", here.officer)] == listed
    ranks = await here.read(select(Member.name_rank).where(Member.union_id == here.id))
    assert sorted(rank for (rank,) in ranks) == [GAP * step for step in range(1, 10)]


async def test_where_there_is_no_room_all_are_moved(street: MakeStreet) -> None:
    here = await street(members=3)
    for position, (name, rank) in enumerate([("李安", 5), ("李伟", 6), ("张三", 7)]):
        await rename(here, position, name)
        await here.set(Member, here.members[position].id, name_rank=rank)
    async with here.database.transaction(one_union(here.id)) as session:
        assert await place(session, here.id, "李二") == GAP + GAP // 2
        assert await place(session, here.id, "李伟") == 2 * GAP, "a name that is there has its place"
        assert await place(session, here.id, "安娜") == GAP // 2
        assert await place(session, here.id, "卓玛") > 3 * GAP
    ranks = await here.read(select(Member.id, Member.name_rank).where(Member.union_id == here.id))
    assert dict(tuple(row) for row in ranks) == {here.members[step].id: GAP * (step + 1) for step in range(3)}


async def test_the_first_name_of_a_union_has_room_on_both_sides(street: MakeStreet) -> None:
    here = await street(members=0)
    async with here.database.transaction(one_union(here.id)) as session:
        assert await place(session, here.id, "李伟") == GAP


@pytest.mark.parametrize(
    "name", ["李𬱖", "张\ue001", "\uf900明", "阿依古丽·买买提", "김가", "José García", "王〇", "𬱖" * 50]
)
async def test_a_name_comes_back_as_it_was_written(
    client: httpx.AsyncClient, street: MakeStreet, name: str
) -> None:
    here = await street(members=1)
    await rename(here, 0, normalise_name(name))
    me = (await client.get(f"{API}/me", headers=here.members[0].headers())).json()
    assert me["name"] == name
    (listed,) = await walk(client, "/members", here.officer)
    assert listed["name_masked"] == mask_name(name)
