"""Several web processes in one: apps with an engine and desks of their own, on one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from app.main import create_app
from app.platform.settings import Settings
from tests.factories.street import Person, Street

API = "/api/v1"
Result = TypeVar("Result")


@dataclass
class Fleet:
    """Callers of several apps; a call says which app serves it."""

    apps: list[FastAPI]
    clients: list[httpx.AsyncClient]

    async def order(
        self, who: Person, offer_id: UUID, *, via: int = 0, key: str = "new", **wanted: Any
    ) -> httpx.Response:
        """Order one box (or what `wanted` says) through an app."""
        body = {"offer_id": str(offer_id)} | {
            name: str(value) if isinstance(value, UUID) else value for name, value in wanted.items()
        }
        return await self._of(via).post(f"{API}/orders", json=body, headers=who.headers(key))

    async def book(self, who: Person, order_id: str, slot_id: UUID, *, via: int = 0) -> httpx.Response:
        """Book, or move to another slot."""
        path = f"{API}/orders/{order_id}/slot"
        return await self._of(via).put(path, json={"slot_id": str(slot_id)}, headers=who.headers())

    async def cancel(self, who: Person, order_id: str, *, via: int = 0) -> httpx.Response:
        """Cancel an order."""
        return await self._of(via).post(f"{API}/orders/{order_id}/cancel", json={}, headers=who.headers())

    async def code(self, who: Person, order_id: str, *, via: int = 0) -> str:
        """Return the text of an order's QR picture; ask again while the service is busy, as clients do."""
        for _ in range(5):
            found = await self._of(via).get(f"{API}/orders/{order_id}/code", headers=who.headers())
            if found.status_code != 503:
                break
        assert found.status_code == 200, found.text
        return str(found.json()["code"])

    async def scan(
        self, here: Street, code: str, *, via: int = 0, event_id: str | None = None
    ) -> httpx.Response:
        """Scan a code at the first pickup point of a street."""
        body = {"event_id": event_id or str(uuid4()), "code": code, "pickup_point_id": str(here.points[0])}
        return await self._of(via).post(f"{API}/redemptions", json=body, headers=here.clerk.headers())

    async def change_quota(self, here: Street, quota: int, *, version: int, via: int = 0) -> httpx.Response:
        """Set the quota of the first offer of a street."""
        path = f"{API}/offers/{here.offers[0]}/quota"
        headers = here.officer.headers() | {"If-Match": f'"{version}"'}
        return await self._of(via).put(path, json={"quota": quota}, headers=headers)

    def _of(self, position: int) -> httpx.AsyncClient:
        return self.clients[position % len(self.clients)]


@asynccontextmanager
async def run_fleet(settings: Settings, count: int = 2) -> AsyncIterator[Fleet]:
    """Start `count` apps on the database of `settings`."""
    async with AsyncExitStack() as stack:
        fleet = Fleet([], [])
        for _ in range(count):
            app = create_app(settings)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://grainline.test")
            fleet.apps.append(app)
            fleet.clients.append(await stack.enter_async_context(client))
        yield fleet


async def at_once(calls: Iterable[Awaitable[Result]]) -> list[Result]:
    """Make all calls at the same time."""
    return list(await asyncio.gather(*calls))


def code_of(answer: httpx.Response) -> str:
    """Return the problem code of an answer, or its status as text when it is no problem."""
    return str(answer.json()["code"]) if answer.status_code >= 400 else str(answer.status_code)
