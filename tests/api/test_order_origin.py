"""From an order to where its boxes come from: before the hand-over, after it, after a swap."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import func, select

from app.impact.tables import OriginCard
from app.platform.clock import local_date, utc_now
from app.stock.tables import Lot
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused
from tests.factories.ledger import stock_lot
from tests.factories.street import Person, Street


async def origin(client: httpx.AsyncClient, who: Person, order_id: str) -> dict[str, Any]:
    answer = await client.get(f"{API}/orders/{order_id}/origin", headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def numbers(client: httpx.AsyncClient, found: dict[str, Any]) -> list[str]:
    """Open the cards, as anybody can, and return the numbers of their lots."""
    cards = [
        (await client.get(f"{API}/origin/{one['reference']}", headers={"Accept-Language": "en"})).json()
        for one in found["cards"]
    ]
    assert [one["path"] for one in found["cards"]] == [f"/o/{one['reference']}" for one in found["cards"]]
    return [card["lot_number"] for card in cards]


async def booked(client: httpx.AsyncClient, here: Street, member: int = 0, *, quantity: int = 1) -> str:
    who = here.members[member]
    placed = await order(client, who, here.offers[0], slot_id=here.slots[0], quantity=quantity)
    return str(placed["id"])


async def hand_over(client: httpx.AsyncClient, here: Street, order_id: str, **more: Any) -> str:
    code = await client.get(f"{API}/orders/{order_id}/code", headers=here.members[0].headers())
    event_id = str(uuid4())
    scan = {"event_id": event_id, "code": code.json()["code"], "pickup_point_id": str(here.points[0])} | more
    answer = await client.post(f"{API}/redemptions", json=scan, headers=here.clerk.headers())
    assert answer.json()["result"] == "handed_over", answer.text
    return event_id


async def test_before_the_hand_over_it_is_what_the_point_has(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, today = await street(points=2), local_date(utc_now())
    who, id = here.members[0], await booked(client, here)
    assert await origin(client, who, id) == {"order_id": id, "is_handed_over": False, "cards": []}
    for days in (50, 30, 20, 40, 60, 70):
        await stock_lot(here, f"L{days}", 5, best_before_on=today + timedelta(days=days))
    await stock_lot(here, "expired", 5, best_before_on=today - timedelta(days=1))
    await stock_lot(here, "elsewhere", 5, point=1, best_before_on=today + timedelta(days=10))
    recalled = await stock_lot(here, "recalled", 5, best_before_on=today + timedelta(days=10))
    await here.set(Lot, recalled, recalled_at=utc_now(), recall_reason="示例")
    found = await origin(client, who, id)
    assert found["is_handed_over"] is False
    assert await numbers(client, found) == ["L20", "L30", "L40", "L50", "L60"]
    # Asked again, they are the same cards; once nothing is to be collected, there is none.
    assert await origin(client, who, id) == found
    assert await here.count(OriginCard) == 5
    cancelled = await client.post(f"{API}/orders/{id}/cancel", json={}, headers=who.headers())
    assert cancelled.status_code == 200
    assert (await origin(client, who, id))["cards"] == []


async def test_afterwards_it_is_what_the_member_holds(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    who, id = here.members[0], await booked(client, here, quantity=2)
    one, two = await stock_lot(here, "A1", 5), await stock_lot(here, "A2", 5)
    first = await hand_over(client, here, id, quantity=1, lot_id=str(one))
    found = await origin(client, who, id)
    assert (found["is_handed_over"], await numbers(client, found)) == (True, ["A1"])
    second = await hand_over(client, here, id, lot_id=str(two))
    assert await numbers(client, await origin(client, who, id)) == ["A1", "A2"]
    swap = {"event_id": str(uuid4()), "reason": "示例·破损", "lot_id": str(two)}
    path = f"{API}/redemptions/{first}/swap"
    swapped = await client.post(path, json=swap, headers=here.clerk.headers())
    assert swapped.status_code == 200, swapped.text
    assert await numbers(client, await origin(client, who, id)) == ["A2"]
    for event_id in (first, second):
        undo = {"event_id": str(uuid4()), "reason": "示例·递错了"}
        path = f"{API}/redemptions/{event_id}/undo"
        undone = await client.post(path, json=undo, headers=here.clerk.headers())
        assert undone.status_code == 200, undone.text
    found = await origin(client, who, id)
    assert (found["is_handed_over"], sorted(await numbers(client, found))) == (False, ["A1", "A2"])


async def test_boxes_nobody_recorded_have_no_card(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    id = await booked(client, here)
    await hand_over(client, here, id)
    found = await origin(client, here.members[0], id)
    assert found == {"order_id": id, "is_handed_over": True, "cards": []}


async def test_it_is_told_to_whose_order_it_is(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    await stock_lot(here, "A1", 5)
    id = await booked(client, here)
    for who, wanted in ((here.members[1], id), (there.members[0], id), (here.members[0], str(uuid4()))):
        answer = await client.get(f"{API}/orders/{wanted}/origin", headers=who.headers())
        refused(answer, 404, "orders.not_found")
    answer = await client.get(f"{API}/orders/{id}/origin", headers=here.clerk.headers())
    refused(answer, 403, "access.forbidden")
    made = select(func.count()).select_from(OriginCard).where(OriginCard.union_id == UUID(str(here.id)))
    assert (await here.read(made))[0][0] == 0
