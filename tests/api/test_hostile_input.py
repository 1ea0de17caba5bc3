"""Input that nobody sends by accident: every answer is a clean 4xx that repeats nothing of it."""

import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.platform.settings import Settings
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged
from tests.factories.street import Person, Street

CANARY = "canary-13800138000-Pa55word!"
JSON = {"Content-Type": "application/json"}
Body = dict[str, Any]


@pytest.fixture
async def here(street: MakeStreet) -> Street:
    return await street(points=2)


def is_clean(answer: httpx.Response) -> dict[str, Any]:
    """Check that an answer is a problem for the caller, and that nothing of the request is in it."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(problem)
    for part in (CANARY, "canary", "13800138000", "Pa55word", "Traceback", "sqlalchemy", "asyncpg"):
        assert part not in answer.text
        assert part not in str(answer.headers)
    assert len(answer.content) < 8_000
    return problem


def _good(here: Street) -> dict[str, tuple[str, str, Person, Body]]:
    """Return a good call of every kind that takes a body: name -> (method, path, caller, body)."""
    offer, slot, point = str(here.offers[0]), str(here.slots[0]), str(here.points[0])
    days = {"from_on": "2026-10-12", "until_on": "2026-10-12", "opens": "09:00", "closes": "10:00"}
    component = {"product_id": str(uuid4()), "quantity": 1}
    windows = {
        "order_opens_at": "2026-10-01T01:00:00Z", "order_closes_at": "2026-10-02T01:00:00Z",
        "pickup_from": "2026-10-12", "pickup_until": "2026-10-14",
    }  # fmt: skip
    draft = {"title": "x", "allocation": "first_come", "eligible_statuses": ["active"]} | windows
    scan = {
        "event_id": str(uuid4()), "code": "x", "pickup_point_id": point,
        "scanned_at": "2026-10-01T01:00:00Z", "override": {"reason": "xx"},
    }  # fmt: skip
    box = {"name": "x", "unit": "x", "barcode": "2000000009018", "components": [component]}
    return {
        "place": ("POST", "/orders", here.members[0], {"offer_id": offer, "slot_id": slot, "quantity": 1}),
        "book": ("PUT", f"/orders/{uuid4()}/slot", here.members[0], {"slot_id": slot}),
        "cancel": ("POST", f"/orders/{uuid4()}/cancel", here.members[0], {"reason": "x"}),
        "quota": ("PUT", f"/offers/{offer}/quota", here.officer, {"quota": 9}),
        "draft": ("POST", "/campaigns", here.officer, draft),
        "change": ("PATCH", f"/campaigns/{here.campaign_id}", here.officer, {"title": "x"} | windows),
        "offer": (
            "POST",
            f"/campaigns/{here.campaign_id}/offers",
            here.officer,
            {"gift_box_id": str(uuid4()), "pickup_point_id": point, "quota": 1},
        ),
        "slots": (
            "POST",
            f"/campaigns/{here.campaign_id}/slots",
            here.officer,
            days | {"pickup_point_id": point, "capacity": 1, "weekdays": [1]},
        ),
        "capacity": ("PUT", f"/slots/{slot}/capacity", here.officer, {"capacity": 9}),
        "point": (
            "POST",
            "/pickup-points",
            here.officer,
            {"name": "x", "address": "x", "phone": "010-12345"},
        ),
        "box": ("POST", "/gift-boxes", here.officer, box | {"gross_weight_grams": 1, "unit_price_fen": 1}),
        "redeem": ("POST", "/redemptions", here.clerk, scan),
        "batch": ("POST", "/redemptions/batch", here.clerk, {"device_id": "d", "events": [scan]}),
    }


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every leaf of a body with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, (*path, name))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _places(item, (*path, position))
    else:
        yield path, value


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of the body with another value at a place."""
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy


CALLS = (
    "place", "book", "cancel", "quota", "draft", "change", "offer", "slots", "capacity", "point", "box",
    "redeem", "batch",
)  # fmt: skip


async def _send(
    client: httpx.AsyncClient, call: tuple[str, str, Person, Body], content: bytes
) -> httpx.Response:
    method, path, who, _ = call
    headers = who.headers("new") | JSON | {"If-Match": '"1"'}
    return await client.request(method, API + path, content=content, headers=headers)


RAW_VALUES = {
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "lone surrogate": b'"\\ud800"',
    "lone low surrogate": b'"a\\uDC00b"',
    "swapped surrogates": b'"\\udc00\\ud800"',
    "raw surrogate": b'"\xed\xa0\x80"',
    "NUL": b'"\\u0000"',
    "NUL inside": b'"abc\\u0000def"',
    "raw NUL": b'"\x00"',
    "raw line feed": b'"\n"',
    "latin-1": b'"\xe9"',
    "overlong": b'"\xc0\x80"',
    "10^20": b"100000000000000000000",
    "2^63": b"9223372036854775808",
    "-2^63-1": b"-9223372036854775809",
    "5000 digits": b"9" * 5_000,
    "-5000 digits": b"-" + b"9" * 5_000,
    "1e400": b"1e400",
    "1e-400": b"1e-400",
    "true": b"true",
    "object": b'{"' + CANARY.encode() + b'": 1}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "unended": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", RAW_VALUES)
@pytest.mark.parametrize("name", CALLS)
async def test_no_value_in_no_field_breaks_a_call(
    client: httpx.AsyncClient, here: Street, name: str, kind: str
) -> None:
    call = _good(here)[name]
    async with unchanged(here):
        for path, _ in _places(call[3]):
            body = _with(call[3], path, "@@@")
            content = json.dumps(body).encode().replace(b'"@@@"', RAW_VALUES[kind])
            answer = await _send(client, call, content)
            if name == "batch" and path[0] == "events" and answer.status_code == 200:
                # An event that is malformed, but JSON, is that event's own trouble.
                (result,) = answer.json()["results"]
                assert result["problem"] == "platform.malformed", path
                assert CANARY not in answer.text
                continue
            problem = is_clean(answer)
            assert problem["code"] == "platform.malformed", (path, answer.text)


@pytest.mark.parametrize("name", CALLS)
async def test_a_megabyte_in_any_field_is_refused(client: httpx.AsyncClient, here: Street, name: str) -> None:
    call = _good(here)[name]
    async with unchanged(here):
        for path, _ in _places(call[3]):
            for size, codes in ((1_100_000, {"platform.body_too_large"}), (200_000, {"platform.malformed"})):
                answer = await _send(client, call, json.dumps(_with(call[3], path, "x" * size)).encode())
                if name == "batch" and path[0] == "events" and answer.status_code == 200:
                    assert answer.json()["results"][0]["problem"] == "platform.malformed"
                    continue
                assert is_clean(answer)["code"] in codes, path


@pytest.mark.parametrize("name", CALLS)
async def test_unknown_fields_are_refused_and_not_repeated(
    client: httpx.AsyncClient, here: Street, name: str
) -> None:
    call = _good(here)[name]
    async with unchanged(here):
        for field in (CANARY, "union_id", "status", "__class__", "", "a/b~c", "\u202e", "Idempotency-Key"):
            answer = await _send(client, call, json.dumps(call[3] | {field: CANARY}).encode())
            problem = is_clean(answer)
            assert problem["code"] == "platform.malformed"
            assert "extra_forbidden" in {error["code"] for error in problem["errors"]}


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "space": b"   ",
    "null": b"null",
    "number": b"1",
    "text": b'"' + CANARY.encode() + b'"',
    "list": b"[]",
    "half": b'{"offer_id": "' + CANARY.encode(),
    "two": b"{} {}",
    "comment": b"{} // " + CANARY.encode(),
    "single quotes": b"{'offer_id': 1}",
    "trailing comma": b'{"offer_id": 1,}',
    "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": json.dumps({"offer_id": CANARY}).encode("utf-16"),
    "UTF-16 with NUL": json.dumps({"offer_id": "\0"}).encode("utf-16-le"),
    "UTF-32": json.dumps({"offer_id": CANARY}).encode("utf-32"),
    "invalid UTF-8": b'{"offer_id": "\xff\xfe"}',
    "UTF-7": "{+AC0-}".encode("ascii"),
    "a name twice": b'{"offer_id": "a", "offer_id": "b"}',
    "a name twice, written differently": b'{"offer_id": "a", "offer\\u005fid": "b"}',
    "a name twice below": b'{"x": {"a": 1, "a": 2}}',
    "gzip": b"\x1f\x8b\x08\x00" + CANARY.encode(),
    "deep": b"[" * 100_000,
    "33 levels": b"[" * 33 + b"]" * 33,
    "990 levels": b"[" * 990 + b"]" * 990,
    "xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("name", CALLS)
async def test_no_body_breaks_a_call(client: httpx.AsyncClient, here: Street, name: str, kind: str) -> None:
    call = _good(here)[name]
    async with unchanged(here):
        answer = await _send(client, call, BODIES[kind])
        if (name, kind) in {("cancel", "nothing"), ("cancel", "null")}:
            refused(answer, 404, "orders.not_found")
        else:
            assert is_clean(answer)["code"] == "platform.malformed"


@pytest.mark.parametrize(
    "content_type",
    [
        None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/xml",
        "application/json-seq", "json", "application/", "/", ";", "application/octet-stream", "x" * 5_000,
        CANARY, "text/json", "\xff\xfe",
    ],
)  # fmt: skip
async def test_a_body_of_another_kind_is_refused(
    client: httpx.AsyncClient, here: Street, content_type: str | None
) -> None:
    body = {"offer_id": str(here.offers[0])}
    headers: dict[str, Any] = dict(here.members[0].headers("new"))
    if content_type is not None:
        headers["Content-Type"] = content_type.encode("latin-1")
    async with unchanged(here):
        answer = await client.post(f"{API}/orders", content=json.dumps(body), headers=headers)
        assert is_clean(answer)["code"] == "platform.malformed"
        form = await client.post(f"{API}/orders", data=body, headers=here.members[0].headers("new"))
        assert is_clean(form)["code"] == "platform.malformed"
        files = {"offer_id": ("x", b"x")}
        upload = await client.post(f"{API}/orders", files=files, headers=here.members[0].headers("new"))
        assert is_clean(upload)["code"] == "platform.malformed"


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"]
)
async def test_json_by_its_other_names_is_taken(
    client: httpx.AsyncClient, here: Street, content_type: str
) -> None:
    headers = here.members[0].headers("new") | {"Content-Type": content_type}
    body = json.dumps({"offer_id": str(here.offers[0])})
    assert (await client.post(f"{API}/orders", content=body, headers=headers)).status_code == 201


class Endless:
    """A body in chunks that counts how much of it was taken."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk = b"[" + b" " * 65_535
        while self.taken < self.size:
            self.taken += len(chunk)
            yield chunk


@pytest.mark.parametrize("path", ["/orders", "/redemptions", "/redemptions/batch", "/campaigns"])
async def test_a_hundred_megabytes_are_not_read(
    client: httpx.AsyncClient, settings: Settings, here: Street, path: str
) -> None:
    who = {"/orders": here.members[0], "/campaigns": here.officer}.get(path, here.clerk)
    limit = 1_048_576 if path == "/redemptions/batch" else settings.body_limit_bytes
    async with unchanged(here):
        announced = Endless(100_000_000)
        headers = who.headers("new") | JSON | {"Content-Length": "100000000"}
        answer = await client.post(API + path, content=announced, headers=headers)
        assert refused(answer, 413, "platform.body_too_large")["limit_bytes"] == limit
        assert answer.headers["connection"] == "close"
        assert announced.taken == 0
        tracemalloc.start()
        chunked = Endless(100_000_000)
        answer = await client.post(API + path, content=chunked, headers=who.headers("new") | JSON)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        refused(answer, 413, "platform.body_too_large")
        assert chunked.taken <= limit + 2 * 65_536
        assert peak < 20 * limit


@pytest.mark.parametrize("length", ["-1", "x", "9" * 50, "1e9", "262145", " 262145", "+5"])
async def test_an_absurd_content_length_changes_nothing(
    client: httpx.AsyncClient, here: Street, length: str
) -> None:
    headers = here.members[0].headers("new") | JSON | {"Content-Length": length}
    async with unchanged(here):
        answer = await client.post(f"{API}/orders", content=b"{}", headers=headers)
        assert is_clean(answer)["status"] in {413, 422}


async def test_a_body_up_to_the_limit_is_read(
    client: httpx.AsyncClient, settings: Settings, here: Street
) -> None:
    body = json.dumps({"offer_id": str(here.offers[0])}).encode()
    for size, status in ((settings.body_limit_bytes, 201), (settings.body_limit_bytes + 1, 413)):
        headers = here.members[0].headers("new") | JSON
        answer = await client.post(f"{API}/orders", content=body.ljust(size), headers=headers)
        assert answer.status_code == status


IDS = [
    "0",
    "x",
    "%00",
    "%0a",
    "null",
    "..",
    "%2e%2e",
    "%F0%9F%8E%81",
    "%ff",
    CANARY,
    "9" * 5_000,
    "' OR 1=1 --",
    "*",
]


@pytest.mark.parametrize("id", IDS)
async def test_an_id_in_a_path_is_a_uuid(client: httpx.AsyncClient, here: Street, id: str) -> None:
    member, officer = here.members[0], here.officer
    calls: list[tuple[str, str, Person]] = [
        ("GET", "/orders/{}", member),
        ("GET", "/orders/{}/code", member),
        ("GET", "/orders/{}/code.svg", member),
        ("PUT", "/orders/{}/slot", member),
        ("POST", "/orders/{}/cancel", member),
        ("GET", "/campaigns/{}", member),
        ("GET", "/campaigns/{}/slots", member),
        ("GET", "/campaigns/{}/orders", officer),
        ("POST", "/campaigns/{}/publish", officer),
        ("PUT", "/offers/{}/quota", officer),
        ("PUT", "/slots/{}/capacity", officer),
        ("GET", "/me/eligibility?campaign_id={}", member),
    ]
    async with unchanged(here):
        for method, path, who in calls:
            answer = await client.request(method, API + path.format(id), headers=who.headers())
            assert is_clean(answer)["status"] in {403, 404, 405, 422}, (method, path)


async def test_a_uuid_may_be_written_in_its_other_forms(client: httpx.AsyncClient, here: Street) -> None:
    placed = await order(client, here.members[0], here.offers[0])
    forms: list[Callable[[str], str]] = [str.upper, lambda id: UUID(id).hex, lambda id: UUID(id).urn]
    for form in forms:
        answer = await client.get(f"{API}/orders/{form(placed['id'])}", headers=here.members[0].headers())
        assert (answer.status_code, answer.json()["id"]) == (200, placed["id"])


HEADERS: list[dict[str, bytes]] = [
    {"Idempotency-Key": b"\x00"},
    {"Idempotency-Key": b"\xff\xfe"},
    {"Idempotency-Key": b"x" * 60_000},
    {"Idempotency-Key": "键".encode()},
    {"Idempotency-Key": CANARY.encode() + b" " + b"x"},
    {"Idempotency-Key": CANARY.encode() + b"x" * 64},
]


@pytest.mark.parametrize("headers", HEADERS, ids=range(len(HEADERS)))
async def test_a_key_is_visible_ascii(
    client: httpx.AsyncClient, here: Street, headers: dict[str, bytes]
) -> None:
    async with unchanged(here):
        for name, (method, path, who, body) in _good(here).items():
            if method != "POST":
                continue
            answer = await client.post(API + path, json=body, headers=who.headers() | headers)
            assert is_clean(answer)["code"] == "idempotency.key_required", name


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": b"\xff"},
        {"If-Match": b'"' + b"9" * 38 + b'"'},
        {"If-Match": '"１"'.encode()},
        {"If-Match": CANARY.encode()},
        {"If-Match": b"x" * 60_000},
    ],
    ids=range(5),
)
async def test_a_version_is_a_small_number(
    client: httpx.AsyncClient, here: Street, headers: dict[str, bytes]
) -> None:
    async with unchanged(here):
        for path, body in (
            (f"/offers/{here.offers[0]}/quota", {"quota": 3}),
            (f"/campaigns/{here.campaign_id}", {}),
        ):
            method = "PUT" if "quota" in path else "PATCH"
            answer = await client.request(
                method, API + path, json=body, headers=here.officer.headers() | headers
            )
            assert is_clean(answer)["status"] in {412, 422}


async def test_other_headers_break_nothing(client: httpx.AsyncClient, here: Street) -> None:
    path = f"{API}/campaigns/{here.campaign_id}"
    for name, value in (
        ("Host", b"["),
        ("Host", b"[::1"),
        ("Host", b"a" * 5_000),
        ("Host", b"x:99999999999999999999"),
        ("Host", b"\xff"),
        ("If-None-Match", b"\xff" * 1_000),
        ("If-None-Match", b"," * 5_000),
        ("Accept-Language", b"\xff;q=9999999999999"),
        ("Accept", b"image/png"),
        ("X-Request-ID", b"\x00" * 20),
        ("X-Forwarded-For", b"\xff"),
        ("Range", b"bytes=0-0"),
        ("Expect", b"417-x"),
        ("Transfer-Encoding", b"x"),
        ("Cookie", b"\x00=\xff"),
    ):
        headers: dict[str, Any] = here.officer.headers() | {name: value}
        assert (await client.get(path, headers=headers)).status_code == 200, (name, value)
        body = {"name": uuid4().hex, "address": "x"}
        headers = here.officer.headers("new") | {name: value}
        made = await client.post(f"{API}/pickup-points", json=body, headers=headers)
        assert made.status_code == 201, (name, value)
    body = {"offer_id": str(here.offers[0])}
    strange = here.members[0].headers("new") | {"Host": "[::1"}
    assert (await client.post(f"{API}/orders", json=body, headers=strange)).status_code == 201


@pytest.mark.parametrize(
    "query", ["%ff=1", "%", "&&&", "=", "limit=1&limit=x", "a" * 20_000, "[]=1", "limit[]=1", "%00"]
)
async def test_a_strange_query_is_refused(client: httpx.AsyncClient, here: Street, query: str) -> None:
    for path in ("/campaigns", "/members", "/me"):
        answer = await client.get(f"{API}{path}?{query}", headers=here.officer.headers())
        if answer.status_code != 200:
            is_clean(answer)


@pytest.mark.parametrize("query", [b"\xff\xfe=1", b"\x80", b"\xc3\x28"])
async def test_raw_bytes_in_a_query_break_nothing(app: FastAPI, here: Street, query: bytes) -> None:
    """Past the client library, which would encode them."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"name": "x", "address": "x"}', "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = here.officer.headers("new") | JSON
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "root_path": ""}
    path = f"{API}/pickup-points"
    scope |= {"path": path, "raw_path": path.encode(), "query_string": query, "headers": raw, "client": None}
    async with unchanged(here):
        await app(scope | {"server": ("x", 80)}, receive, send)
    assert sent[0]["status"] == 422
    assert json.loads(sent[1]["body"])["code"] == "platform.malformed"


SQL = [
    "' OR '1'='1",
    "'; DROP TABLE orders; --",
    "1) UNION SELECT 1--",
    "$1",
    "%s",
    "{0}",
    "\\",
    "%",
    "_",
    "${x}",
    "pg_sleep(9)",
]


@pytest.mark.parametrize("text", SQL)
async def test_text_stays_text(client: httpx.AsyncClient, here: Street, text: str) -> None:
    body = {"name": text, "address": text}
    made = await client.post(f"{API}/pickup-points", json=body, headers=here.officer.headers())
    assert (made.status_code, made.json()["name"], made.json()["address"]) == (201, text, text)
    scan = {"event_id": str(uuid4()), "code": text, "pickup_point_id": str(here.points[0])}
    answer = await client.post(f"{API}/redemptions", json=scan, headers=here.clerk.headers())
    assert answer.json()["reason"] == "invalid_code"
    placed = await order(client, here.members[0], here.offers[0])
    path = f"{API}/orders/{placed['id']}/cancel"
    gone = await client.post(path, json={"reason": text}, headers=here.members[0].headers())
    assert gone.json()["status"] == "cancelled"
