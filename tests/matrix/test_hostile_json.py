"""JSON that nobody sends by accident, and texts without end: over every operation with a body (A11, A20)."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.factories.answers import API
from tests.factories.matrix import Operation, Players, build, missing, operations
from tests.factories.worlds import OWN

JSON = {"Content-Type": "application/json"}
MARK = "canary-13800138000"
RAW: dict[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "lone surrogate": b'"\\ud800"',
    "swapped surrogates": b'"\\udc00\\ud800"',
    "raw surrogate": b'"\xed\xa0\x80"',
    "NUL": b'"a\\u0000b"',
    "raw NUL": b'"\x00"',
    "latin-1": b'"\xe9"',
    "overlong": b'"\xc0\x80"',
    "2^63": b"9223372036854775808",
    "5000 digits": b"9" * 5_000,
    "1e400": b"1e400",
    "object": b'{"' + MARK.encode() + b'": 1}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "unended": b"[" * 100_000,
}
WHOLE: dict[str, bytes] = {
    "number": b"1",
    "text": b'"' + MARK.encode() + b'"',
    "list": b"[]",
    "half": b'{"a": "' + MARK.encode(),
    "two": b"{} {}",
    "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": json.dumps({"a": MARK}).encode("utf-16"),
    "UTF-32": json.dumps({"a": MARK}).encode("utf-32"),
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice below": b'{"a": {"b": 1, "b": 2}}',
    "gzip": b"\x1f\x8b\x08\x00",
    "deep": b"[" * 100_000,
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "xml": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
}
MOST_SECONDS = 0.05


def _with_body(app: FastAPI) -> Iterator[tuple[Operation, dict[str, Any]]]:
    """Return each operation that takes JSON, with the schema of its body."""
    document = app.openapi()
    for operation in operations(app):
        described = document["paths"].get(operation.path, {}).get(operation.method.lower(), {})
        schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is not None:
            yield operation, _resolved(schema, document)


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = document["components"]["schemas"]
    for one in schema.get("anyOf", [schema]):
        if "$ref" in one:
            return dict(known[one["$ref"].rpartition("/")[2]])
    return schema


def _call(players: Players, operation: Operation) -> dict[str, Any]:
    """Return a call about things that are not there: nothing could come of it."""
    things = {
        place: missing(terms["kind"]) if place.startswith("path") else players.ours.things[terms["kind"]][OWN]
        for place, terms in operation.named.items()
    }
    call = build(operation, things)
    call["headers"] |= JSON
    return call


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if not isinstance(value, dict | list):
        yield at
        return
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _places(one, (*at, key))


def _bodies(call: dict[str, Any], schema: dict[str, Any], value: Any) -> Iterator[tuple[Any, Any]]:
    """Return the body with a value in each of its fields, also those that may be left out."""
    body = call.get("json") or {}
    for name in schema.get("properties", {}):
        yield name, body | {name: value}
    for place in _places(body):
        if len(place) > 1:
            copy = json.loads(json.dumps(body))
            inner = copy
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            yield place, copy


def _is_refused(answer: httpx.Response, codes: set[str]) -> bool:
    if answer.url.path == f"{API}/redemptions/batch" and answer.status_code == 200:
        return {one["problem"] for one in answer.json()["results"]} <= {"platform.malformed"}
    is_problem = answer.headers["content-type"] == "application/problem+json"
    return is_problem and answer.json()["code"] in codes and MARK not in answer.text


async def _rows(players: Players) -> dict[str, str]:
    """Return what there is; an event of a device that nobody understands is kept for a person."""
    found = await players.watch.digests(players.ours)
    return {table: digest for table, digest in found.items() if table != "quarantined_events"}


async def _send(
    players: Players, operation: Operation, call: dict[str, Any], content: bytes
) -> tuple[httpx.Response, float]:
    plain = {name: value for name, value in call.items() if name != "json"} | {"content": content}
    if call["method"] == "POST":
        plain["headers"] = plain["headers"] | {"Idempotency-Key": uuid4().hex}
    return await players.send(players.first_let(operation), plain)


async def test_no_value_in_no_field_breaks_a_call(app: FastAPI, players: Players) -> None:
    before = await _rows(players)
    taken, tried = [], 0
    for operation, schema in _with_body(app):
        call = _call(players, operation)
        for place, body in _bodies(call, schema, "@@@"):
            for kind, raw in RAW.items():
                content = json.dumps(body).encode().replace(b'"@@@"', raw)
                answer, _ = await _send(players, operation, call, content)
                tried += 1
                if not _is_refused(answer, {"platform.malformed", "platform.body_too_large"}):
                    taken.append((operation.name, place, kind, answer.status_code, answer.text[:200]))
    assert taken == [], taken[:5]
    assert tried > 1_500
    assert await _rows(players) == before


@pytest.mark.parametrize("kind", WHOLE)
async def test_no_body_breaks_a_call(app: FastAPI, players: Players, kind: str) -> None:
    before = await _rows(players)
    taken, tried = [], 0
    for operation, _ in _with_body(app):
        answer, _seconds = await _send(players, operation, _call(players, operation), WHOLE[kind])
        tried += 1
        if not _is_refused(answer, {"platform.malformed"}):
            taken.append((operation.name, answer.status_code, answer.text[:200]))
    assert taken == [], taken[:5]
    assert tried >= 40
    assert await _rows(players) == before


async def test_a_text_without_end_is_refused_quickly(app: FastAPI, players: Players) -> None:
    """A20: a megabyte is not read, and what is read is not looked through at length."""
    before = await _rows(players)
    taken, slow = [], []
    for operation, schema in _with_body(app):
        call = _call(players, operation)
        for size in (1_100_000, 200_000):
            for place, body in _bodies(call, schema, "x" * size):
                content = json.dumps(body).encode()
                answer, seconds = await _send(players, operation, call, content)
                for _ in range(5):
                    if seconds > MOST_SECONDS:
                        seconds = min(seconds, (await _send(players, operation, call, content))[1])
                codes = {"platform.body_too_large"} | ({"platform.malformed"} if size < 1_000_000 else set())
                if not _is_refused(answer, codes):
                    taken.append((operation.name, place, size, answer.status_code, answer.text[:200]))
                if seconds > MOST_SECONDS:
                    slow.append((operation.name, place, size, round(seconds, 3)))
    assert taken == [], taken[:5]
    assert slow == [], slow[:5]
    assert await _rows(players) == before


async def test_control_a_good_call_is_not_refused(app: FastAPI, players: Players) -> None:
    """What is sent above fails for its one strange value: without it the call is understood."""
    understood = 0
    for operation, _ in _with_body(app):
        call = _call(players, operation)
        if operation.row.get("proof") or "json" not in call:
            continue
        answer, _seconds = await _send(players, operation, call, json.dumps(call["json"]).encode())
        is_problem = answer.status_code >= 400
        assert not is_problem or answer.json()["code"] != "platform.malformed", (operation.name, answer.text)
        understood += 1
    assert understood >= 30
