"""Looking at answers: a problem is what RFC 9457 and the contract say, and a refusal changed nothing."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox, GiftBoxComponent
from app.notifications.tables import OutboxEvent
from app.orders.tables import Order
from app.pickup.tables import PickupPoint, Slot
from app.platform.errors import CATALOGUE
from app.redemptions.tables import PickupCode, Redemption, RedemptionConflict
from tests.factories.street import Person, Street

API = "/api/v1"
BUSINESS: tuple[Any, ...] = (
    Campaign, Offer, Slot, Order, PickupPoint, GiftBox, GiftBoxComponent, PickupCode, Redemption,
    RedemptionConflict, OutboxEvent,
)  # fmt: skip


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is the problem document of this refusal and return it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert CATALOGUE[code].status == status
    assert problem["type"].endswith(f"/{code}")
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert ("retry-after" in answer.headers) == (status in {429, 503, 507})
    return problem


def without_ids(answer: httpx.Response) -> dict[str, Any]:
    """Return a problem with everything cut out that names the request or a row."""
    problem: dict[str, Any] = json.loads(
        re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", answer.text)
    )
    problem.pop("request_id")
    return problem | {"status_line": answer.status_code, "headers": sorted(answer.headers)}


async def ledger(here: Street) -> dict[str, list[Any]]:
    """Return every business row of a street union."""
    found = {}
    for model in BUSINESS:
        table = model.__table__
        rows = await here.read(select(*table.c).where(table.c.union_id == here.id))
        found[table.name] = sorted((tuple(row) for row in rows), key=str)
    return found


@asynccontextmanager
async def unchanged(*streets: Street) -> AsyncIterator[None]:
    """Check that what happens inside changes no business row of these street unions."""
    before = [await ledger(here) for here in streets]
    yield
    assert [await ledger(here) for here in streets] == before


async def order(client: httpx.AsyncClient, who: Person, offer_id: UUID, **wanted: Any) -> dict[str, Any]:
    """Place an order that must succeed."""
    body = {"offer_id": str(offer_id)} | {
        key: str(v) if isinstance(v, UUID) else v for key, v in wanted.items()
    }
    answer = await client.post(f"{API}/orders", json=body, headers=who.headers("new"))
    assert answer.status_code == 201, answer.text
    placed: dict[str, Any] = answer.json()
    return placed


async def walk(client: httpx.AsyncClient, path: str, who: Person, **query: Any) -> list[dict[str, Any]]:
    """Return all items of a list, read one by one; fails if the pages go round."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = query | {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = await client.get(f"{API}{path}", params=params, headers=who.headers())
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            return items
        assert len(page.json()["items"]) == 1
        assert len(items) < 500
