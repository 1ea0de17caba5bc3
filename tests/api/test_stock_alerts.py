"""Alerts and coverage: offers, bookings and boxes on hand compared, and shortages told of once."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.notifications.tables import OutboxEvent
from app.pickup.tables import Slot
from app.platform.clock import SHANGHAI, local_date, shown, utc_now
from app.platform.i18n import said
from app.stock.tables import Lot
from app.warehouse.jobs import watch_stock
from app.warehouse.tables.watch import StockShortage
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import refused, walk
from tests.factories.ledger import IN_TRANSIT, VARIANCE, Line, MovementKind, at, consigned, post
from tests.factories.street import Street
from tests.factories.warehouse import WHY, add_orders, ask, hand_over_from, keeper, look, say

ALERTS, COVERAGE = "/stock/alerts", "/stock/coverage"


async def half_past_three_tomorrow(here: Street) -> datetime:
    """Move the third slot to half past three tomorrow afternoon and return when it begins."""
    day = local_date(utc_now()) + timedelta(days=1)
    begins = datetime(day.year, day.month, day.day, 15, 30, tzinfo=SHANGHAI)
    await here.set(Slot, here.slots[2], starts_at=begins, ends_at=begins + timedelta(minutes=30))
    return begins


async def alerts(client: httpx.AsyncClient, here: Street, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await look(client, keeper(here), ALERTS, **query))["items"]
    return found


async def test_short_by_twelve_at_half_past_three_tomorrow(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=500, capacity=500)
    await ledger.stock_lot(here, "A1", 60)
    begins = await half_past_three_tomorrow(here)
    await add_orders(here, 50, slot=1)
    assert await alerts(client, here) == []
    await add_orders(here, 22, slot=2)
    (first, second) = await alerts(client, here)
    assert (first["code"], first["boxes"], first["at"]) == ("stock.short_at_slot", 12, shown(begins))
    assert (first["on_hand"], first["promised"], first["booked"], first["arriving"]) == (60, 72, 72, 0)
    assert (second["code"], second["boxes"], second["at"]) == ("stock.short_of_promised", 12, None)
    assert "15:30" in first["text"]
    assert "12 份" in first["text"]
    headers = keeper(here).headers() | {"Accept-Language": "en"}
    english = (await client.get(f"/api/v1{ALERTS}", headers=headers)).json()["items"][0]["text"]
    assert f"short by 12 from {said(begins, 'en')} on (60 on hand, 72 booked until then)" in english
    (row,) = (await look(client, keeper(here), COVERAGE))["items"]
    assert {name: row[name] for name in row if name not in {"gift_box", "pickup_point"}} == {
        "on_hand": 60, "promised": 72, "booked": 72, "arriving": 0, "short_by": 12,
        "first_short_at": shown(begins), "short_then": 12,
    }  # fmt: skip


async def test_what_is_on_its_way_is_shown_apart_and_helps_when_it_is_there(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2, quota=500, capacity=500)
    lot = await ledger.stock_lot(here, "A1", 30)
    await add_orders(here, 12, offer=1, slot=4)
    body = {"from_point_id": str(here.points[0]), "to_point_id": str(here.points[1]), "reason": WHY}
    line = {"lot_id": str(lot), "boxes": 15}
    sent = await ask(client, keeper(here), "/stock/transfers", body | {"lines": [line]}, 201)
    found = await alerts(client, here, pickup_point_id=str(here.points[1]))
    assert [(one["code"], one["boxes"], one["arriving"]) for one in found] == [
        ("stock.short_at_slot", 12, 15), ("stock.short_of_promised", 12, 15),
    ]  # fmt: skip
    assert await alerts(client, here, pickup_point_id=str(here.points[0])) == []
    came = {"lines": [{"lot_id": str(lot), "good": 15}]}
    await ask(client, here.officer, f"/stock/transfers/{sent['id']}/arrive", came)
    assert await alerts(client, here) == []
    rows = await walk(client, COVERAGE, keeper(here))
    assert {row["pickup_point"]["id"]: (row["on_hand"], row["promised"]) for row in rows} == {
        str(here.points[0]): (15, 0), str(here.points[1]): (15, 12),
    }  # fmt: skip


async def test_lots_to_look_at(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, today = await street(points=2, quota=500), local_date(utc_now())
    (point, *_) = here.points
    names: dict[str, UUID] = {}

    async def lot(number: str, boxes: int, best_before_on: date | None = None) -> UUID:
        names[number] = await ledger.stock_lot(here, number, boxes, best_before_on=best_before_on)
        return names[number]

    await lot("good", 5, today + timedelta(days=200))
    await lot("soon", 4, today + timedelta(days=20))
    await lot("old", 3, today - timedelta(days=1))
    moving = await lot("moving", 9)
    leave = Line(lot_id=moving, boxes=9, source=at(point), target=IN_TRANSIT, kind=MovementKind.DISPATCHED)
    await post(here, consigned(names["good"], 7), leave)
    await here.set(Lot, moving, recalled_at=utc_now(), recall_reason="示例")
    nameless = await ledger.unrecorded_lot(here, await ledger.box_of(here))
    await hand_over_from(here, await add_orders(here, 2), nameless, source=VARIANCE)
    found = [(one["code"], one["boxes"], one["lot_number"]) for one in await alerts(client, here)]
    assert found == [
        ("stock.recalled_on_hand", 9, "moving"),
        ("stock.expired", 3, "old"),
        ("stock.expiring", 4, "soon"),
        ("stock.unrecorded", 2, "-"),
        ("stock.supplier_missing", 7, "good"),
    ]
    assert "stock.expiring" not in [one["code"] for one in await alerts(client, here, days=19)]
    assert "stock.expiring" in [one["code"] for one in await alerts(client, here, days=20)]
    walked = await walk(client, ALERTS, keeper(here))
    assert [(one["code"], one["boxes"], one["lot_number"]) for one in walked] == found
    assert all("–" not in one["text"] for one in walked if one["pickup_point"])


async def test_who_may_look(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(quota=100), await street()
    await add_orders(here, 3, slot=2)
    for path in (ALERTS, COVERAGE):
        for role in (Role.STATION_CLERK, Role.CHAIR, Role.AUDITOR, Role.FINANCE):
            assert (await look(client, here.staff[role], path))["items"]
        assert (await look(client, keeper(there), path))["items"] == []
        answer = await client.get(f"/api/v1{path}", headers=here.members[0].headers())
        refused(answer, 403, "access.forbidden")


async def told(here: Street) -> list[tuple[str, int]]:
    rows = await here.read(
        select(OutboxEvent.kind, OutboxEvent.payload)
        .where(OutboxEvent.union_id == here.id, OutboxEvent.kind.startswith("stock."))
        .order_by(OutboxEvent.id)
    )
    return [(row.kind, row.payload["short_by"]) for row in rows]


async def test_a_shortage_is_told_of_once_and_again_when_it_grows(street: MakeStreet) -> None:
    here = await street(quota=500, capacity=500)
    await ledger.stock_lot(here, "A1", 10)
    begins = await half_past_three_tomorrow(here)
    orders = await add_orders(here, 13, slot=2)
    transaction = here.database.transaction
    await asyncio.gather(*(watch_stock(transaction, now=utc_now()) for _ in range(4)))
    assert await told(here) == [("stock.short", 3)]
    await watch_stock(transaction, now=utc_now())
    assert await told(here) == [("stock.short", 3)]
    await add_orders(here, 2, slot=2)
    await asyncio.gather(*(watch_stock(transaction, now=utc_now()) for _ in range(4)))
    assert await told(here) == [("stock.short", 3), ("stock.short", 5)]
    lot = await ledger.stock_lot(here, "A2", 5)
    await asyncio.gather(*(watch_stock(transaction, now=utc_now()) for _ in range(4)))
    assert (await told(here))[2:] == [("stock.short_over", 5)]
    await hand_over_from(here, orders[:5], lot)
    await add_orders(here, 1, slot=2)
    await watch_stock(transaction, now=utc_now())
    assert (await told(here))[3:] == [("stock.short", 1)]
    rows = await here.read(select(StockShortage).where(StockShortage.union_id == here.id))
    assert sorted(row[0].resolved_at is None for row in rows) == [False, True]
    assert {row[0].first_short_at for row in rows} == {begins}


async def test_the_watch_looks_two_days_ahead(street: MakeStreet) -> None:
    here = await street(quota=500, capacity=500)
    later = utc_now() + timedelta(hours=49)
    await here.set(Slot, here.slots[2], starts_at=later, ends_at=later + timedelta(hours=1))
    await add_orders(here, 3, slot=2)
    await add_orders(here, 3)
    await watch_stock(here.database.transaction, now=utc_now())
    assert await told(here) == []
    await watch_stock(here.database.transaction, now=utc_now() + timedelta(hours=2))
    assert await told(here) == [("stock.short", 3)]


@pytest.mark.parametrize("query", [{"days": "-1"}, {"days": "400"}, {"cursor": "x"}, {"what": "1"}])
async def test_strange_questions(
    client: httpx.AsyncClient, street: MakeStreet, query: dict[str, str]
) -> None:
    here = await street()
    answer = await client.get(f"/api/v1{ALERTS}", params=query, headers=keeper(here).headers())
    assert answer.status_code == 422
    assert (await say(client, keeper(here), ALERTS, {})).status_code == 405
