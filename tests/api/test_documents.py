"""Papers through the API: asking, looking, taking, verifying; who may, and what is recorded."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.documents import jobs
from app.documents.actions.press import Press
from app.documents.rules.paper import DocumentKind
from app.documents.tables import Document
from tests.factories.managers import browser
from tests.factories.papers import TEMPTING, build_sheet
from tests.factories.street import Street

MakeStreet = Callable[..., Awaitable[Street]]
API = "/api/v1"
BUILDERS: Any = dict.fromkeys(DocumentKind, build_sheet)
FINAL = {"kind": "aided_purchases", "edition": "full", "reason": "reporting", "is_final": True}


@pytest.fixture
async def here(street: MakeStreet) -> Street:
    return await street(members=0, slots=0)


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    return Press(tmp_path_factory.mktemp("fonts"), "https://gl.test/verify")


async def ask(client: httpx.AsyncClient, here: Street, **body: Any) -> httpx.Response:
    wanted = {
        "kind": "signoff_sheet",
        "edition": "full",
        "reason": "signing",
        "campaign_id": str(here.campaign_id),
    }
    return await client.post(f"{API}/documents", json=wanted | body, headers=here.officer.headers("new"))


async def made(client: httpx.AsyncClient, here: Street, press: Press, **body: Any) -> dict[str, Any]:
    answer = await ask(client, here, **body)
    assert answer.status_code == 202, answer.text
    await jobs.render_waiting(here.database, BUILDERS, press=press)
    found = await client.get(f"{API}/documents/{answer.json()['id']}", headers=here.officer.headers())
    view: dict[str, Any] = found.json()
    assert view["status"] == "ready", view
    return view


async def taken(
    client: httpx.AsyncClient,
    here: Street,
    document_id: str,
    *,
    role: Role = Role.UNION_OFFICER,
    query: str = "",
) -> httpx.Response:
    path = f"{API}/documents/{document_id}/files/pdf{query}"
    return await client.get(path, headers=here.staff[role].headers())


async def test_from_request_to_file(client: httpx.AsyncClient, here: Street, press: Press) -> None:
    asked = await ask(client, here)
    assert (asked.status_code, asked.json() | {"id": ""}) == (
        202,
        {"id": "", "number": None, "status": "queued"},
    )
    before = await taken(client, here, asked.json()["id"])
    assert (before.status_code, before.json()["code"]) == (409, "documents.not_ready")
    await jobs.render_waiting(here.database, BUILDERS, press=press)
    listed = (await client.get(f"{API}/documents", headers=here.officer.headers())).json()["items"]
    (view,) = listed
    assert (view["status"], view["done_count"], view["total_count"], view["row_count"]) == ("ready", 6, 6, 3)
    file = await taken(client, here, view["id"])
    assert (file.status_code, file.headers["content-type"], file.content[:5]) == (
        200,
        "application/pdf",
        b"%PDF-",
    )
    assert {one["format"]: one["sha256"] for one in view["files"]}["pdf"] == hashlib.sha256(
        file.content
    ).hexdigest()
    named = re.fullmatch(
        r"attachment; filename=\"(.*)\"; filename\*=UTF-8''(.*)", file.headers["content-disposition"]
    )
    assert named is not None
    assert named[1] == f"draft-{view['id'][-8:]}.pdf"
    assert unquote(named[2]) == "草稿_示例·国庆慰问品签领表.pdf"
    assert file.headers["cache-control"] == "no-store"


async def test_the_same_key_asks_once(client: httpx.AsyncClient, here: Street) -> None:
    headers = here.officer.headers("new")
    answers = [await client.post(f"{API}/documents", json=FINAL, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert re.fullmatch(r"TJ-20\d\d-0001", answers[0].json()["number"])
    assert await here.count(Document) == 1


async def test_what_is_refused_leaves_nothing(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(members=0, slots=0), await street(members=0, slots=0)
    for body, status, code in (
        ({"campaign_id": None}, 422, "documents.campaign_needed"),
        ({"campaign_id": str(there.campaign_id)}, 404, "documents.subject_not_found"),
        ({"pickup_point_id": str(there.points[0])}, 404, "documents.subject_not_found"),
        ({"is_final": True}, 409, "documents.sealed_by_closing"),
        ({"from_on": "2027-02-02", "until_on": "2027-02-01"}, 422, "platform.malformed"),
        ({"reason": "curiosity"}, 422, "platform.malformed"),
        ({"number": "QL-2020-0001"}, 422, "platform.malformed"),
    ):
        answer = await ask(client, here, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await here.count(Document) == 0


async def test_another_union_sees_nothing(
    client: httpx.AsyncClient, street: MakeStreet, press: Press
) -> None:
    here, there = await street(members=0, slots=0), await street(members=0, slots=0)
    view = await made(client, here, press)
    for path in ("", "/files/pdf"):
        answer = await client.get(f"{API}/documents/{view['id']}{path}", headers=there.officer.headers())
        assert (answer.status_code, answer.json()["code"]) == (404, "documents.not_found")
    for path in ("supplements", "retry"):
        answer = await client.post(
            f"{API}/documents/{view['id']}/{path}",
            json={"reason": "audit"} if path == "supplements" else None,
            headers=there.officer.headers("new"),
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "documents.not_found")
    assert (await client.get(f"{API}/documents", headers=there.officer.headers())).json()["items"] == []


async def test_names_in_full_need_a_reason_and_leave_a_trace(
    client: httpx.AsyncClient, here: Street, press: Press
) -> None:
    view = await made(client, here, press)
    refused = await taken(client, here, view["id"], role=Role.AUDITOR)
    assert (refused.status_code, refused.json()["code"]) == (422, "documents.reason_required")
    assert await _traces(here) == []
    given = await taken(client, here, view["id"], role=Role.AUDITOR, query="?reason=audit")
    assert given.status_code == 200
    (trace,) = await _traces(here)
    assert (trace.actor_id, str(trace.subject_id), trace.reason) == (
        here.staff[Role.AUDITOR].id, view["id"], "audit",
    )  # fmt: skip
    assert (trace.details["rows"], trace.details["edition"], trace.details["format"]) == (3, "full", "pdf")
    for role in (Role.STATION_CLERK, Role.GROUP_LEADER, Role.WAREHOUSE_KEEPER):
        assert (await taken(client, here, view["id"], role=role)).status_code == 403
    masked = await made(client, here, press, edition="masked")
    assert (await taken(client, here, masked["id"], role=Role.AUDITOR)).status_code == 200


async def _traces(here: Street) -> list[Any]:
    wanted = select(
        AuditEntry.actor_id, AuditEntry.subject_id, AuditEntry.reason, AuditEntry.details, AuditEntry.action
    ).where(AuditEntry.union_id == here.id, AuditEntry.action == "documents.taken")
    return await here.read(wanted)


# --- Verifying ---------------------------------------------------------------------------------------


async def test_anybody_can_verify_and_nobody_is_named(app: FastAPI, here: Street, press: Press) -> None:
    async with browser(app) as client:
        view = await made(client, here, press, **FINAL)
        asked = {"number": view["number"], "hash": view["content_hash"]}
        answer = await client.get(f"{API}/verify", params=asked)
        found = answer.json()
        shown = [found[name] for name in ("status", "kind", "row_count", "amount_fen", "content_hash")]
        assert answer.status_code == 200
        assert shown == ["genuine", "aided_purchases", 3, view["amount_fen"], view["content_hash"]]
        assert not any(name in answer.text for name in TEMPTING[:5])
        assert "officer" not in answer.text
        pasted = {
            "number": f" {view['number'].lower()} ",
            "hash": view["content_hash"].upper()[:32] + " " + view["content_hash"][32:],
        }
        assert (await client.get(f"{API}/verify", params=pasted)).json() == found
        for file in view["files"]:
            by_file = await client.get(f"{API}/verify", params={"file_sha256": file["sha256"]})
            assert by_file.json() == found


async def test_whatever_does_not_fit_is_unknown_in_the_same_words(
    app: FastAPI, here: Street, press: Press
) -> None:
    async with browser(app) as client:
        final, draft = await made(client, here, press, **FINAL), await made(client, here, press)
        asked = [
            {"number": final["number"], "hash": "0" * 64},
            {"number": "QL-1999-0001", "hash": final["content_hash"]},
            {"number": "no number", "hash": "no hash"},
            {"number": final["number"]},
            {"hash": draft["content_hash"], "number": ""},
            {"file_sha256": draft["files"][0]["sha256"]},
            {"file_sha256": "0" * 64},
            {"file_sha256": "x"},
            {},
        ]
        answers = [await client.get(f"{API}/verify", params=one) for one in asked]
        assert {(one.status_code, one.text) for one in answers} == {(200, answers[0].text)}
        assert answers[0].json()["status"] == "unknown"


async def test_a_supplement_is_told_of(app: FastAPI, here: Street, press: Press) -> None:
    async with browser(app) as client:
        view = await made(client, here, press, **FINAL)
        answer = await client.post(
            f"{API}/documents/{view['id']}/supplements",
            json={"reason": "audit"},
            headers=here.officer.headers("new"),
        )
        assert answer.json()["number"] == f"{view['number']}-B1"
        asked = {"number": view["number"], "hash": view["content_hash"]}
        assert (await client.get(f"{API}/verify", params=asked)).json()["status"] == "genuine", (
            "not issued yet"
        )
        await jobs.render_waiting(here.database, BUILDERS, press=press)
        found = (await client.get(f"{API}/verify", params=asked)).json()
        assert (found["status"], [one["number"] for one in found["supplements"]]) == (
            "superseded", [f"{view['number']}-B1"],
        )  # fmt: skip


async def test_the_page_that_the_code_leads_to(app: FastAPI, here: Street, press: Press) -> None:
    async with browser(app) as client:
        empty = await client.get("/verify", headers={"Accept-Language": "zh-CN"})
        assert (empty.status_code, "未查到" in empty.text, 'name="hash"' in empty.text) == (200, False, True)
        view = await made(client, here, press, **FINAL)
        asked = {"number": view["number"], "hash": view["content_hash"]}
        page = await client.get("/verify", params=asked, headers={"Accept-Language": "zh-CN"})
        assert "真实有效" in page.text
        assert view["number"] in page.text
        assert "消费帮扶采购统计表" in page.text
        assert "<script" not in page.text
        assert page.headers["cache-control"] == "no-store"
        wrong = await client.get(
            "/verify", params={"number": '"><b>x', "hash": "1"}, headers={"Accept-Language": "zh-CN"}
        )
        assert "未查到" in wrong.text
        assert "<b>x" not in wrong.text


async def test_verifying_is_limited_by_address(app: FastAPI) -> None:
    async with browser(app) as client:
        codes = [
            (await client.get(f"{API}/verify", params={"number": "x", "hash": "x"})).status_code
            for _ in range(122)
        ]
    assert codes[:120] == [200] * 120
    assert codes[-1] == 429
