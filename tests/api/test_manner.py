"""The manner that all calls share: problems, languages, headers, methods, pages, query parameters."""

import base64
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.platform.problems import MEDIA_TYPE
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.street import Street

LISTS = ("campaigns", "products", "gift-boxes", "pickup-points", "members", "redemptions/conflicts")


@pytest.fixture
async def here(street: MakeStreet) -> Street:
    return await street()


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        (None, "zh-CN"),
        ("zh", "zh-CN"),
        ("en", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr, zh-TW;q=0.4, en;q=0.3", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("de", "zh-CN"),
        ("*", "zh-CN"),
        ("en;q=nan", "zh-CN"),
        ("en;q=x", "zh-CN"),
        (";;;,,,q=1;" * 500, "zh-CN"),
        ("\xff\xfe", "zh-CN"),
    ],
)
async def test_a_problem_speaks_the_language_of_the_caller(
    client: httpx.AsyncClient, asked: str | None, language: str
) -> None:
    headers = {} if asked is None else {"Accept-Language": asked.encode("latin-1")}
    answer = await client.get(f"{API}/me", headers=headers)
    problem = refused(answer, 401, "access.unauthenticated")
    assert answer.headers["content-language"] == language
    assert problem["title"] == {"zh-CN": "请先登录", "en": "Please sign in"}[language]


async def test_every_answer_carries_the_headers_of_the_house(client: httpx.AsyncClient, here: Street) -> None:
    member = here.members[0].headers()
    calls = [
        ("GET", "/healthz"),
        ("GET", "/docs"),
        ("GET", "/nowhere"),
        ("DELETE", "/healthz"),
        ("GET", f"{API}/me"),
    ]
    for method, path in calls:
        answer = await client.request(method, path, headers=member | {"X-Request-ID": "test-12345678"})
        assert answer.headers["x-request-id"] == "test-12345678"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    for bad in ("short", "x" * 65, "a b c d e f g", "<script>alert(1)</script>", "x\ty12345678"):
        answer = await client.get("/healthz", headers={"X-Request-ID": bad})
        assert answer.headers["x-request-id"] != bad


async def test_what_the_database_refuses_carries_them_too(client: httpx.AsyncClient, here: Street) -> None:
    body = {"name": "示例·领取点0", "address": "x"}
    answer = await client.post(f"{API}/pickup-points", json=body, headers=here.officer.headers())
    refused(answer, 409, "platform.conflict")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_nobody_expected_is_a_500_that_tells_nothing(
    client: httpx.AsyncClient, app: FastAPI, here: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret 13800001234")

    monkeypatch.setattr(app.state.snapshots, "get", fail)
    answer = await client.get(f"{API}/campaigns", headers=here.members[0].headers())
    refused(answer, 500, "platform.internal")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def _methods(app: FastAPI) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for context in iter_route_contexts(app.routes):
        found.setdefault(str(context.path), set()).update(context.methods or ())
    return found


async def test_another_method_is_told_which_ones_there_are(client: httpx.AsyncClient, app: FastAPI) -> None:
    known = _methods(app)
    assert len(known) > 20
    for path, methods in known.items():
        address = "/".join(str(uuid4()) if step.startswith("{") else step for step in path.split("/"))
        # `/devices/pairings` is a `/devices/{device_id}` too: what that one takes is not missing here.
        also = set().union(*(more for other, more in known.items() if _is_also(other, address)))
        for method in (
            {*["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"]} - methods - also
        ):
            answer = await client.request(method, address)
            assert answer.status_code == 405, (method, path)
            # Another route may match the same address: /redemptions/batch and so on.
            assert methods <= set(answer.headers["allow"].split(", ")), (method, path)
            if method != "HEAD":
                refused(answer, 405, "platform.method_not_allowed")


METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"}


def _is_also(pattern: str, address: str) -> bool:
    wanted, given = pattern.split("/"), address.split("/")
    return len(wanted) == len(given) and all(
        want.startswith("{") or want == have for want, have in zip(wanted, given, strict=True)
    )


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere", "/api", "/api/v1", "/api/v1/", "/api/v2/me", "/api/v1/me/", "//api/v1/me",
        "/api/v1/orders/", "/api/v1/../me", "/%2e%2e/etc/passwd", "/api/v1/me%00", "/api/v1/me%0a", "/\\",
        "/%ff%fe",         "/" + "a/" * 2000,
    ],
)  # fmt: skip
async def test_what_is_not_there_is_404_and_is_not_repeated(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    refused(answer, 404, "platform.not_found")
    assert "etc" not in answer.text
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("path", [*LISTS, "me", "me/orders"])
async def test_an_unknown_query_parameter_is_refused(
    client: httpx.AsyncClient, here: Street, path: str
) -> None:
    for query in ("x=1", "Limit=1", "limit=1&x=", "%00=1", "__proto__=1", "status=open&offset=2", "x"):
        answer = await client.get(f"{API}/{path}?{query}", headers=here.officer.headers())
        if answer.status_code == 403:
            return
        problem = refused(answer, 422, "platform.malformed")
        assert problem["errors"][0]["pointer"].startswith("query/")


async def test_a_write_takes_no_unknown_query_parameter_either(
    client: httpx.AsyncClient, here: Street
) -> None:
    body = {"name": "x", "address": "x"}
    answer = await client.post(f"{API}/pickup-points?x=1", json=body, headers=here.officer.headers())
    refused(answer, 422, "platform.malformed")


BAD_LIMITS = (
    "0", "-1", "201", "1000000000", "9" * 30, "9" * 5000, "1.5", "1e2", "x", "", "null", "0x10", "١", "１",
    "%00", "true", "1 2", "NaN", "Infinity",
)  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
async def test_a_limit_is_one_to_two_hundred(client: httpx.AsyncClient, here: Street, path: str) -> None:
    for limit in BAD_LIMITS:
        answer = await client.get(f"{API}/{path}?limit={limit}", headers=here.officer.headers())
        problem = refused(answer, 422, "platform.malformed")
        assert problem["errors"][0]["pointer"] == "query/limit"
    for limit in ("1", "200"):
        answer = await client.get(f"{API}/{path}?limit={limit}", headers=here.officer.headers())
        assert answer.status_code == 200


def _cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


ID = str(uuid4())
INSTANT = "2026-10-01T00:00:00+00:00"
BAD_CURSORS = {
    "empty": "",
    "not base64": "ü",
    "one letter": "a",
    "not json": base64.urlsafe_b64encode(b"{").decode(),
    "not utf-8": base64.urlsafe_b64encode(b'["\xff","x"]').decode(),
    "utf-16": base64.urlsafe_b64encode(json.dumps(["a", ID]).encode("utf-16")).decode(),
    "null": _cursor(None),
    "number": _cursor(1),
    "object": _cursor({"0": INSTANT, "1": ID}),
    "letters": _cursor(["x", "y"]),
    "numbers": _cursor([1, 2]),
    "short": _cursor([ID]),
    "long": _cursor([INSTANT, ID, "x"]),
    "swapped": _cursor([ID, INSTANT]),
    "bad id": _cursor([INSTANT, "x"]),
    "nested": _cursor([[INSTANT], [ID]]),
    "deep": base64.urlsafe_b64encode(b"[" * 300).decode(),
    "nul id": _cursor([INSTANT, "\0"]),
    "too long": "a" * 501,
}
BAD_TIMES = {
    "naive": "2026-10-01T00:00:00",
    "year 1": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59-14:00",
    "day only": "2026-10-01",
    "infinity": "infinity",
}


@pytest.mark.parametrize("kind", BAD_CURSORS)
async def test_a_cursor_that_no_list_made_is_refused(
    client: httpx.AsyncClient, here: Street, kind: str
) -> None:
    paths = [*LISTS, f"campaigns/{here.campaign_id}/slots", f"campaigns/{here.campaign_id}/orders"]
    for path in paths:
        query = {"cursor": BAD_CURSORS[kind]}
        answer = await client.get(f"{API}/{path}", params=query, headers=here.officer.headers())
        assert answer.status_code == 422, (path, answer.text)
        code = "platform.malformed" if kind == "too long" else "platform.cursor_invalid"
        refused(answer, 422, code)


async def test_a_cursor_with_a_key_of_another_kind_is_refused(
    client: httpx.AsyncClient, here: Street
) -> None:
    member, officer = here.members[0], here.officer
    for text in ("\0", "a\0", "\ud800"):
        for path in ("products", "gift-boxes", "pickup-points", "members"):
            query = {"cursor": _cursor([text, ID])}
            answer = await client.get(f"{API}/{path}", params=query, headers=officer.headers())
            refused(answer, 422, "platform.cursor_invalid")
    for kind, instant in BAD_TIMES.items():
        for path, who in (
            ("me/orders", member),
            (f"campaigns/{here.campaign_id}/slots", member),
            (f"campaigns/{here.campaign_id}/orders", officer),
            ("redemptions/conflicts", officer),
        ):
            query = {"cursor": _cursor([instant, ID])}
            answer = await client.get(f"{API}/{path}", params=query, headers=who.headers())
            assert answer.status_code == 422, (kind, path)
            refused(answer, 422, "platform.cursor_invalid")
    for day in ("x", "2026-10-01T00:00:00", "0000-00-00", "10000-01-01"):
        query = {"cursor": _cursor([day, ID])}
        answer = await client.get(f"{API}/campaigns", params=query, headers=member.headers())
        refused(answer, 422, "platform.cursor_invalid")


async def test_health_and_pages_need_nobody(client: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", "/healthz", "/openapi.json"):
        assert (await client.get(path)).status_code == 200, path
    page = await client.get("/docs")
    assert "<script" not in page.text
    assert "place_order" in page.text or "/api/v1/orders" in page.text
    for language in ("zh-CN", "en"):
        answer = await client.get("/nowhere", headers={"Accept-Language": language})
        assert answer.headers["content-type"] == MEDIA_TYPE


async def test_readiness_says_what_it_waits_for(client: httpx.AsyncClient, here: Street) -> None:
    from sqlalchemy import delete

    from app.access.scope import every_union
    from app.notifications.jobs import beat
    from app.notifications.tables import Heartbeat
    from app.platform.clock import utc_now

    async with here.database.transaction(every_union("a test stops the worker")) as session:
        await session.execute(delete(Heartbeat))
    answer = await client.get("/readyz", headers={"Accept-Language": "en"})
    problem = refused(answer, 503, "platform.not_ready")
    assert (problem["missing"], problem["detail"]) == (["worker"], "Waiting for: worker.")
    async with here.database.transaction(every_union("a test plays the worker")) as session:
        await beat(session, "worker", now=utc_now())
    assert (await client.get("/readyz")).json() == {"status": "ready"}
