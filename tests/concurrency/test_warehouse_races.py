"""Transfers beside bookings, hand-overs and each other; each safeguard is taken away once to see the harm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.access.actor import Actor
from app.access.policy import Role
from app.access.scope import one_union
from app.orders.actions.admit import admit_orders
from app.orders.rules.commands import PlaceOrder
from app.platform.clock import local_date, utc_now
from app.platform.idempotency import Answer
from app.platform.ids import new_id
from app.stock.actions.recalls import recall_lot
from app.stock.rules.ledger import Line, MovementKind
from app.warehouse.actions import leaving
from app.warehouse.actions.transfers import send_transfer
from app.warehouse.errors import CoverageBroken
from app.warehouse.queries.coverage import compare_stock
from app.warehouse.rules.coverage import Shelf
from app.warehouse.schemas.papers import TransferDraft, TransferWanted
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import order, refused
from tests.factories.ledger import IN_TRANSIT, at, balances, handed_over, quarantine
from tests.factories.street import Street
from tests.factories.warehouse import WHY, add_orders, ask, chair, is_proven, keeper, look, say

Race = tuple[Street, UUID]


async def left(here: Street) -> int:
    """Return how many boxes are to spare at the first point; below zero means a promise is broken."""
    async with here.database.transaction(one_union(here.id)) as session:
        found = await compare_stock(session, on=local_date(utc_now()))
    shelf = Shelf(here.points[0], await ledger.box_of(here))
    return found.on_hand[shelf] - sum(one.boxes for one in found.booked[shelf])


async def send(here: Street, lot: UUID, boxes: int) -> None:
    now, who = utc_now(), keeper(here)
    by = Actor(who.id, Role.WAREHOUSE_KEEPER, here.id, one_union(here.id), now + timedelta(hours=1))
    draft = TransferDraft(
        from_point_id=here.points[0],
        to_point_id=here.points[1],
        lines=[TransferWanted(lot_id=lot, boxes=boxes)],
        reason=WHY,
    )
    async with here.database.transaction(one_union(here.id)) as session:
        await send_transfer(session, draft, by=by, now=now)


@asynccontextmanager
async def an_order_under_way(here: Street) -> AsyncIterator[None]:
    """Place an order for two boxes and leave the transaction open for a while, as a slow desk would."""
    async with here.database.transaction(one_union(here.id)) as session:
        wanted = PlaceOrder(
            at=utc_now(), claim=None, order_id=new_id(), number=uuid4().hex[:12],
            member_id=here.members[0].id, offer_id=here.offers[0], quantity=2,
        )  # fmt: skip
        (outcome,) = await admit_orders(session, here.id, [wanted])
        assert isinstance(outcome, Answer)
        assert outcome.status == 201
        yield


async def both_at_once(here: Street, lot: UUID, boxes: int) -> asyncio.Task[None]:
    async with an_order_under_way(here):
        sending = asyncio.create_task(send(here, lot, boxes))
        await asyncio.sleep(0.4)
    await asyncio.wait([sending])
    return sending


async def test_an_order_that_is_being_placed_is_waited_for(street: MakeStreet) -> None:
    """CASES 50: nine of ten may leave before the order of two, and no longer once it is there."""
    here = await street(points=2, quota=100)
    lot = await ledger.stock_lot(here, "A1", 10)
    sending = await both_at_once(here, lot, 9)
    with pytest.raises(CoverageBroken) as refusal:
        sending.result()
    assert refusal.value.params | {"gift_box_id": None} == {
        "gift_box_id": None, "on_hand": 10, "promised": 2, "asked": 9, "short_by": 1,
    }  # fmt: skip
    assert (await balances(here, lot), await left(here)) == ({at(here.points[0]): 10}, 8)


async def test_control_without_holding_the_offers_a_promise_is_broken(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def held_nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(leaving, "hold_offers", held_nothing)
    here = await street(points=2, quota=100)
    lot = await ledger.stock_lot(here, "A1", 10)
    sending = await both_at_once(here, lot, 9)
    sending.result()
    assert await left(here) == -1


def slowly(find: Any) -> Any:
    async def late(*args: Any, **values: Any) -> Any:
        found = await find(*args, **values)
        await asyncio.sleep(0.1)
        return found

    return late


async def two_at_once(here: Street, lot: UUID) -> list[Any]:
    return await asyncio.gather(send(here, lot, 4), send(here, lot, 4), return_exceptions=True)


async def test_two_transfers_at_once_leave_what_is_promised(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "compare_stock", slowly(leaving.compare_stock))
    here = await street(points=2, quota=100)
    lot = await ledger.stock_lot(here, "A1", 10)
    await add_orders(here, 5)
    outcomes = await two_at_once(here, lot)
    assert sorted(str(type(one).__name__) for one in outcomes) == ["CoverageBroken", "NoneType"]
    assert await balances(here, lot) == {at(here.points[0]): 6, IN_TRANSIT: 4}
    assert await left(here) == 1


async def test_control_without_locking_the_shelf_two_transfers_break_a_promise(
    street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street(points=2, quota=100)
    lot = await ledger.stock_lot(here, "A1", 10)

    async def locked_nothing(*_: Any) -> dict[tuple[UUID, UUID], int]:
        return {(lot, here.points[0]): 10}

    monkeypatch.setattr(leaving, "lock_shelves", locked_nothing)
    monkeypatch.setattr(leaving, "compare_stock", slowly(leaving.compare_stock))
    await add_orders(here, 5)
    assert await two_at_once(here, lot) == [None, None]
    assert await left(here) == -3


async def test_hand_overs_go_on_beside_transfers(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=8, points=2, quota=100, capacity=20)
    lot = await ledger.stock_lot(here, "A1", 20)
    scans = []
    for who in here.members:
        placed = await order(client, who, here.offers[0], slot_id=here.slots[0])
        code = await look(client, who, f"/orders/{placed['id']}/code")
        scans.append({"event_id": str(uuid4()), "code": code["code"], "pickup_point_id": str(here.points[0])})
    body = {"from_point_id": str(here.points[0]), "to_point_id": str(here.points[1]), "reason": WHY}
    body |= {"lines": [{"lot_id": str(lot), "boxes": 4}]}
    handing = [ask(client, here.clerk, "/redemptions", scan) for scan in scans]
    sending = [say(client, keeper(here), "/stock/transfers", body) for _ in range(4)]
    mixed = [one for pair in zip(handing, sending * 2, strict=False) for one in pair][: len(sending) * 2]
    answers = await asyncio.gather(*mixed, *handing[len(sending) :])
    handed = [one for one in answers if isinstance(one, dict)]
    sent = [one.status_code for one in answers if isinstance(one, httpx.Response)]
    assert [one["result"] for one in handed] == ["handed_over"] * 8
    assert sorted(sent) == [201, 201, 201, 409]
    assert await balances(here, lot) == {handed_over(here.points[0]): 8, IN_TRANSIT: 12}
    assert await left(here) == 0
    assert await is_proven(here)


@pytest.mark.parametrize("kind", ["donation", "release"])
async def test_a_lot_that_is_being_recalled_is_not_given_away(
    client: httpx.AsyncClient, street: MakeStreet, kind: str
) -> None:
    """Damaged boxes wait in quarantine; the recall commits while the approval is on its way to them."""
    here = await street()
    lot, (point,), now = await ledger.stock_lot(here, "A1", 10), here.points, utc_now()
    aside = Line(
        lot_id=lot, boxes=4, source=at(point), target=quarantine(point), kind=MovementKind.QUARANTINED
    )
    await ledger.post(here, aside)
    line = {"lot_id": str(lot), "pickup_point_id": str(point), "place": "quarantine", "boxes": 4}
    asked = await ask(
        client, keeper(here), "/stock/disposals", {"kind": kind, "lines": [line], "reason": WHY}, 201
    )
    by = Actor(here.officer.id, Role.UNION_OFFICER, here.id, one_union(here.id), now + timedelta(hours=1))
    async with here.database.transaction(one_union(here.id)) as session:
        await recall_lot(session, lot, WHY, by=by, now=now)
        approving = asyncio.create_task(
            say(client, chair(here), f"/stock/disposals/{asked['id']}/approve", {})
        )
        await asyncio.sleep(0.4)
    refused(await approving, 409, "warehouse.lot_held_back")
    assert await balances(here, lot) == {quarantine(point): 10}
    assert await is_proven(here)
