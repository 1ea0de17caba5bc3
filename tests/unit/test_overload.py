"""Too much at once: the envelope refuses politely, the database has a line, memories stay small."""

import asyncio
from typing import Any

import pytest

from app.platform.database import MOST_WAITING, Database
from app.platform.errors import Busy
from app.platform.http import Envelope
from app.platform.snapshots import Snapshots


def scope(path: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}


async def answered(envelope: Envelope, path: str) -> dict[str, Any]:
    """Return status and headers of one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await envelope(scope(path), receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return {"status": sent[0]["status"], **headers}


async def test_beyond_the_limit_callers_are_told_to_come_back_and_health_still_answers() -> None:
    door = asyncio.Event()

    async def slow(asked: Any, receive: Any, send: Any) -> None:
        if asked["path"] == "/slow":
            await door.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    envelope = Envelope(slow, body_limit_bytes=1_000, most_requests=2)
    waiting = [asyncio.create_task(answered(envelope, "/slow")) for _ in range(2)]
    await asyncio.sleep(0)
    refused = await answered(envelope, "/quick")
    assert (refused["status"], refused["retry-after"]) == (503, "1")
    assert refused["content-type"] == "application/problem+json"
    assert (await answered(envelope, "/healthz"))["status"] == 200
    door.set()
    assert [answer["status"] for answer in await asyncio.gather(*waiting)] == [200, 200]
    assert (await answered(envelope, "/quick"))["status"] == 200, "the line is counted down again"


async def test_a_line_that_is_too_long_is_refused_at_once() -> None:
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", pool_size=2)
    database._waiting = MOST_WAITING
    with pytest.raises(Busy):
        async with database.transaction(object()):
            pass
    await database.close()


async def test_snapshots_forget_what_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.platform.snapshots.time.monotonic", lambda: now[0])
    snapshots, made = Snapshots(), []

    async def make() -> bytes:
        made.append(1)
        return b"x"

    for number in range(200):
        await snapshots.get(number, make)
        now[0] += 0.1
    assert len(snapshots._kept) <= 11
    assert len(made) == 200
    await snapshots.get(199, make)
    assert len(made) == 200, "a fresh one is shared"


async def test_snapshots_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.platform.snapshots.time.monotonic", lambda: 100.0)
    snapshots = Snapshots()

    async def make() -> bytes:
        return b"x"

    for number in range(1_000):
        assert await snapshots.get(number, make) == b"x"
    assert len(snapshots._kept) == 256
