"""Idempotency keys of calls whose answers name people: repeated in full, stored as an id and no more."""

from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.campaigns.tables import CorrectionRequest, EligibilityException
from app.platform.keeping import IdempotencyRecord
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.street import Person, Street

WORDS = {"field": "name", "message": "示例·姓名写错了", "wished": "示例改"}


async def _twice(
    client: httpx.AsyncClient, path: str, who: Person, body: Any
) -> tuple[httpx.Response, httpx.Response, str]:
    """Make a call twice with one key, and refuse the key for another body."""
    key = uuid4().hex
    first, second = [await client.post(f"{API}{path}", json=body, headers=who.headers(key)) for _ in range(2)]
    other = await client.post(f"{API}{path}", json=body | {"reason": "示例·另一件"}, headers=who.headers(key))
    refused(other, 422, "idempotency.key_reused")
    return first, second, key


async def _stored(here: Street, key: str) -> str:
    (row,) = await here.read(select(IdempotencyRecord.body).where(IdempotencyRecord.key == key))
    return str(row.body)


async def test_a_correction_is_filed_and_decided_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    filed, again, key = await _twice(client, "/me/corrections", here.members[0], WORDS)
    assert (filed.status_code, again.status_code) == (201, 201)
    assert again.json() == filed.json()
    assert "idempotency-replayed" not in filed.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await here.count(CorrectionRequest) == 1
    id = filed.json()["id"]
    assert await _stored(here, key) == id, "no words, no name"
    path = f"/corrections/{id}/decline"
    done, again, key = await _twice(client, path, here.officer, {"reason": "示例·与证件一致"})
    assert (done.status_code, again.status_code) == (200, 200)
    assert again.json() == done.json()
    assert done.json()["member"]["name_masked"] == "示*0"
    assert await _stored(here, key) == id
    mine = select(AuditEntry.id).where(AuditEntry.union_id == here.id)
    mine = mine.where(AuditEntry.action == "decline_correction")
    assert len(await here.read(mine)) == 1, "a repeated call changes nothing"


async def test_without_a_key_the_second_call_is_another(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    for _ in range(2):
        answer = await client.post(f"{API}/me/corrections", json=WORDS, headers=here.members[0].headers())
        assert answer.status_code == 201
    assert await here.count(CorrectionRequest) == 2


async def test_an_exception_is_asked_for_and_approved_once(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    body = {"member_id": str(here.members[0].id), "rules": ["on_list"], "reason": "示例·名单更新晚"}
    path = f"/campaigns/{here.campaign_id}/exceptions"
    asked, again, key = await _twice(client, path, here.officer, body)
    assert (asked.status_code, again.status_code) == (201, 201)
    assert again.json() == asked.json()
    assert await here.count(EligibilityException) == 1
    assert "示例" not in await _stored(here, key)
    path = f"{API}/exceptions/{asked.json()['id']}/approve"
    chair = here.staff[Role.CHAIR].headers("new")
    answers = [await client.post(path, headers=chair) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    refused(
        await client.post(path, headers=here.staff[Role.CHAIR].headers("new")),
        409,
        "campaigns.exception_decided",
    )


async def test_an_exception_without_evidence_may_say_so(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    body = {"member_id": str(here.members[0].id), "rules": ["on_list"], "reason": "示例·名单更新晚"}
    path = f"{API}/campaigns/{here.campaign_id}/exceptions"
    answer = await client.post(path, json=body | {"evidence": ""}, headers=here.officer.headers())
    assert answer.status_code == 201, answer.text
    found = await client.get(f"{API}/exceptions", headers=here.officer.headers())
    assert [one["evidence"] for one in found.json()["items"]] == [None]
