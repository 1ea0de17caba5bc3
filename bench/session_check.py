"""What it costs to know who calls: `python -m bench.session_check`.

A route that does nothing, through the app's own dependencies and without server or database: open to
anybody, with a bearer token that the worker remembers, and with the cookie. Prints microseconds for each call
of processor time (the least of twenty rounds in turn) and the ratio to the open route.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, FastAPI

from app.access.actor import Actor
from app.access.cookies import SESSION_COOKIE
from app.access.deps import public, require
from app.access.policy import Permission, Role
from app.access.reader import TokenReader
from app.access.scope import one_union
from app.platform.clock import utc_now
from app.platform.http import StrictRoute

CALLS, ROUNDS = 1_000, 20
router = APIRouter(route_class=StrictRoute)


@router.get("/open", dependencies=[public()])
async def free() -> dict[str, str]:
    """Do nothing for anybody."""
    return {}


@router.get("/closed")
async def closed(actor: Annotated[Actor, require(Permission.PROFILE_OWN)]) -> dict[str, str]:
    """Do nothing for whoever is signed in."""
    return {}


def _app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    reader = TokenReader(None)  # type: ignore[arg-type]
    union, until = uuid4(), utc_now() + timedelta(days=1)
    for token in ("t" * 43, "~" + "t" * 43):
        actor = Actor(uuid4(), Role.MEMBER, union, one_union(union), until)
        reader._known[token] = (actor, time.monotonic() + 3_600)
    app.state.tokens = reader
    return app


async def _call(app: Any, path: str, headers: list[tuple[bytes, bytes]]) -> int:
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": headers, "scheme": "http",
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


async def _measure() -> dict[str, float]:
    app, common = _app(), [(b"host", b"x"), (b"accept", b"*/*"), (b"user-agent", b"bench")]
    ways: dict[str, tuple[str, list[tuple[bytes, bytes]]]] = {
        "open": ("/open", common),
        "bearer": ("/closed", [*common, (b"authorization", b"Bearer " + b"t" * 43)]),
        "cookie": ("/closed", [*common, (b"cookie", f"{SESSION_COOKIE}=~{'t' * 43}".encode())]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    clock: Callable[[], float] = time.process_time
    for _ in range(ROUNDS):
        for name, (path, headers) in ways.items():
            assert await _call(app, path, headers) == 200
            begun = clock()
            for _ in range(CALLS):
                await _call(app, path, headers)
            times[name].append((clock() - begun) / CALLS * 1e6)
    return {name: min(found) for name, found in times.items()}


if __name__ == "__main__":
    found = asyncio.run(_measure())
    for way, microseconds in found.items():
        print(f"{way:<8}{microseconds:8.1f} µs   × {microseconds / found['open']:.2f}")
