"""Corrections through HTTP: the member asks, the administrator of the unit decides, the words are sealed."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import one_union
from app.access.vault import keys_of
from app.campaigns.tables import CorrectionRequest
from app.notifications.tables import OutboxEvent
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.unions.tables import Member, Particulars, StaffAccount, open_particulars
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged, walk, without_ids
from tests.factories.eligible import add_unit, add_unit_admin
from tests.factories.street import Person, Street

PATH = f"{API}/me/corrections"


async def _file(client: httpx.AsyncClient, who: Person, **body: Any) -> httpx.Response:
    given = {"field": "name", "message": "示例·姓名写错了", "wished": "示例改"} | body
    return await client.post(PATH, json=given, headers=who.headers())


async def _accept(client: httpx.AsyncClient, by: Person, id: str, **body: Any) -> httpx.Response:
    return await client.post(f"{API}/corrections/{id}/accept", json=body, headers=by.headers())


async def _record(here: Street, who: Person) -> tuple[Particulars, Any]:
    async with here.database.transaction(one_union(here.id)) as session:
        member = (await session.execute(select(Member).where(Member.id == who.id))).scalar_one()
        return open_particulars(await keys_of(session, here.id), member), member


async def test_a_member_asks_and_reads_the_answer(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    who = here.members[0]
    filed = await _file(client, who, campaign_id=str(here.campaign_id))
    assert filed.status_code == 201
    asked = filed.json()
    assert asked | {"id": "", "filed_at": ""} == {
        "id": "", "field": "name", "status": "open", "campaign_id": str(here.campaign_id),
        "message": "示例·姓名写错了", "wished": "示例改", "answer": None, "filed_at": "",
        "due_on": (local_date(utc_now()) + timedelta(days=21)).isoformat(), "decided_at": None,
    }  # fmt: skip
    (row,) = await here.read(
        select(CorrectionRequest.message, CorrectionRequest.wished).where(
            CorrectionRequest.id == UUID(asked["id"])
        )
    )
    assert "示例".encode() not in row.message + row.wished, "words about a person are sealed"
    declined = await client.post(
        f"{API}/corrections/{asked['id']}/decline", json={"reason": "示例·与证件一致"},
        headers=here.officer.headers(),
    )  # fmt: skip
    assert declined.json()["status"] == "declined"
    assert "answer" not in declined.json()
    (mine,) = await walk(client, "/me/corrections", who)
    assert (mine["status"], mine["answer"]) == ("declined", "示例·与证件一致")
    assert await walk(client, "/me/corrections", here.members[1]) == []
    kinds = await here.read(
        select(OutboxEvent.kind, OutboxEvent.payload)
        .where(OutboxEvent.subject_id == UUID(asked["id"]))
        .order_by(OutboxEvent.id)
    )
    assert [tuple(row) for row in kinds] == [("correction.filed", {}), ("correction.declined", {})]
    told = await client.get(f"{API}/me/eligibility?campaign_id={here.campaign_id}", headers=who.headers())
    assert told.json()["correction"]["open"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"message": "x"}, {"message": "x" * 201}, {"field": "id_number"}, {"wished": ""},
        {"wished": "x" * 51}, {"member_id": str(new_id())}, {"message": "a\nb"},
    ],
)  # fmt: skip
async def test_a_malformed_request_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, body: dict[str, Any]
) -> None:
    here = await street()
    refused(await _file(client, here.members[0], **body), 422, "platform.malformed")
    assert await here.count(CorrectionRequest) == 0


async def test_a_wished_value_has_the_form_of_its_field(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    who = here.members[0]
    for field, wished in (("mobile", "12345"), ("name", "\u202e张")):
        answer = await _file(client, who, field=field, wished=wished)
        refused(answer, 422, "campaigns.correction_value_invalid")
    for id in (there.campaign_id, new_id()):
        refused(await _file(client, who, campaign_id=str(id)), 404, "campaigns.not_found")
    assert await here.count(CorrectionRequest) == 0


async def test_three_may_be_open_however_many_come_at_once(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who = here.members[0]
    answers = await asyncio.gather(*(_file(client, who) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    for answer in answers:
        if answer.status_code == 409:
            assert refused(answer, 409, "campaigns.corrections_full")["most"] == 3
    done = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert (await _accept(client, here.officer, done)).status_code == 200
    assert (await _file(client, who)).status_code == 201, "one decided makes room for one"


async def test_lists_are_masked_and_a_look_at_the_words_leaves_a_trace(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    who = here.members[0]
    id = (await _file(client, who)).json()["id"]
    (listed,) = await walk(client, "/corrections", here.officer, status="open")
    assert (listed["id"], listed["member"]["name_masked"]) == (id, "示*0")
    assert not {"message", "wished", "answer"} & set(listed)
    path = f"{API}/corrections/{id}"
    headers = here.officer.headers()
    refused(await client.get(path, headers=headers), 422, "platform.malformed")
    refused(await client.get(f"{path}?reason=x", headers=headers), 422, "platform.malformed")
    wanted = select(AuditEntry.actor_id, AuditEntry.subject_id, AuditEntry.reason).where(
        AuditEntry.action == "corrections.revealed", AuditEntry.union_id == here.id
    )
    assert await here.read(wanted) == []
    shown = (await client.get(f"{path}?reason=核对姓名", headers=headers)).json()
    assert (shown["message"], shown["wished"]) == ("示例·姓名写错了", "示例改")
    assert shown["member"]["name_masked"] == "示*0"
    assert [tuple(row) for row in await here.read(wanted)] == [(here.officer.id, who.id, "核对姓名")]
    (seen,) = await walk(client, "/me/looks", who)
    assert (seen["role"], seen["fields"], seen["reason"], seen["note"]) == (
        "union_officer", ["correction"], "correct_record", "核对姓名",
    ), "the member reads who looked and why"  # fmt: skip
    ask = {"fields": ["correction"], "reason": "correct_record"}
    answer = await client.post(f"{API}/members/{who.id}/reveal", json=ask, headers=here.officer.headers("k"))
    refused(answer, 422, "platform.malformed")


@pytest.mark.parametrize("by_wish", [True, False])
async def test_what_is_accepted_changes_the_record(
    client: httpx.AsyncClient, street: MakeStreet, by_wish: bool
) -> None:
    here = await street()
    who, other = here.members[0], await add_unit(here)
    placed = await order(client, who, here.offers[0])
    values = {"name": "示例·改", "mobile": "13900001234", "status": "retained", "unit": str(other)}
    for field, value in values.items():
        wish = {"wished": value} if by_wish else {"wished": None}
        id = (await _file(client, who, field=field, **wish)).json()["id"]
        if not by_wish:
            missing = await _accept(client, here.officer, id)
            refused(missing, 422, "campaigns.correction_value_invalid")
        accepted = await _accept(client, here.officer, id, **({} if by_wish else {"value": value}))
        assert accepted.json()["status"] == "accepted", accepted.text
    particulars, member = await _record(here, who)
    assert (particulars.name, particulars.mobile, particulars.id_last4) == ("示例·改", "13900001234", "0017")
    assert (member.status, member.unit_id) == ("retained", other)
    found = await client.get(f"{API}/orders/{placed['id']}", headers=who.headers())
    assert found.json()["status"] == "to_book", "and what was ordered stays"


async def test_nothing_is_changed_for_other(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    before, _ = await _record(here, here.members[0])
    id = (await _file(client, here.members[0], field="other", wished=None)).json()["id"]
    answer = await _accept(client, here.officer, id, value="x")
    refused(answer, 422, "campaigns.correction_value_invalid")
    assert (await _accept(client, here.officer, id)).json()["status"] == "accepted"
    assert (await _record(here, here.members[0]))[0] == before
    again = await _accept(client, here.officer, id)
    assert refused(again, 409, "campaigns.correction_decided")["state"] == "accepted"


async def test_nobody_decides_their_own(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    who = here.members[0]
    await here.set(StaffAccount, here.officer.id, member_id=who.id)
    id = (await _file(client, who)).json()["id"]
    async with unchanged(here):
        refused(await _accept(client, here.officer, id), 403, "campaigns.own_correction")
        declined = await client.post(
            f"{API}/corrections/{id}/decline", json={"reason": "示例"}, headers=here.officer.headers()
        )
        refused(declined, 403, "campaigns.own_correction")
    assert (await _record(here, who))[0].name == "示例0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mobile", "123"),
        ("unit", "示例"),
        ("unit", "0198f000-0000-7000-8000-000000000000"),
        ("status", "king"),
        ("name", "·"),
    ],
)
async def test_a_record_takes_no_value_of_another_kind(
    client: httpx.AsyncClient, street: MakeStreet, field: str, value: str
) -> None:
    here = await street()
    before = await _record(here, here.members[0])
    id = (await _file(client, here.members[0], field=field, wished=None)).json()["id"]
    answer = await _accept(client, here.officer, id, value=value)
    refused(answer, 422, "campaigns.correction_value_invalid")
    assert (await _record(here, here.members[0]))[0] == before[0]


async def test_an_administrator_decides_for_their_own_units_only(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    who, other = here.members[0], await add_unit(here)
    mine, theirs = await add_unit_admin(here, [here.unit_id]), await add_unit_admin(here, [other])
    id = (await _file(client, who, field="unit", wished="示例")).json()["id"]
    assert await walk(client, "/corrections", theirs) == []
    assert len(await walk(client, "/corrections", mine)) == 1
    foreign = (await _file(client, there.members[0])).json()["id"]
    async with unchanged(here, there):
        answers = [await _accept(client, mine, one, value=str(other)) for one in (foreign, str(new_id()))]
        answers += [await _accept(client, theirs, id, value=str(other))]
        refused(answers[0], 404, "campaigns.correction_not_found")
        assert without_ids(answers[0]) == without_ids(answers[1]) == without_ids(answers[2])
        looked = await client.get(f"{API}/corrections/{id}?reason=看看", headers=theirs.headers())
        refused(looked, 404, "campaigns.correction_not_found")
        beyond = await _accept(client, mine, id, value=str(other))
        refused(beyond, 403, "campaigns.correction_beyond_units")
    assert (await _record(here, who))[1].unit_id == here.unit_id
    for role in (Role.CHAIR, Role.AUDITOR, Role.STATION_CLERK, Role.GROUP_LEADER):
        refused(await _accept(client, here.staff[role], id), 403, "access.forbidden")
    assert (await _accept(client, here.officer, id, value=str(other))).status_code == 200
    assert (await _record(here, who))[1].unit_id == other
