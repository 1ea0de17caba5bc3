"""Transfers between pickup points: what is promised stays, two people, what arrives is what was sent."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.platform.clock import local_date, utc_now
from app.stock.tables import Lot, StockMovement
from app.warehouse.tables.transfers import Transfer
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import API, order, refused, walk
from tests.factories.ledger import IN_TRANSIT, VARIANCE, at, balances, quarantine
from tests.factories.street import Street
from tests.factories.warehouse import (
    WHY,
    add_orders,
    ask,
    chair,
    hand_over_from,
    is_proven,
    keeper,
    look,
    same_person,
    say,
)  # fmt: skip

SENT = "/stock/transfers"


def wanted(here: Street, boxes: int, *, lot: Any = None, box: Any = None, **more: Any) -> dict[str, Any]:
    line: dict[str, Any] = {"boxes": boxes}
    line |= {"lot_id": str(lot)} if lot else {"gift_box_id": str(box)}
    ends = {"from_point_id": str(here.points[0]), "to_point_id": str(here.points[1])}
    return ends | {"lines": [line], "reason": WHY} | more


async def is_refused(
    client: httpx.AsyncClient, here: Street, body: dict[str, Any], status: int, code: str
) -> dict[str, Any]:
    """Check that the keeper's transfer is refused and nothing moved."""
    moved, made = await here.count(StockMovement), await here.count(Transfer)
    problem = refused(await say(client, keeper(here), SENT, body), status, code)
    assert (await here.count(StockMovement), await here.count(Transfer)) == (moved, made)
    return problem


async def test_boxes_leave_are_on_their_way_and_arrive(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    lot, (first, second) = await ledger.stock_lot(here, "A1", 100), here.points
    sent = await ask(client, keeper(here), SENT, wanted(here, 40, lot=lot), 201)
    year = local_date(utc_now()).year
    assert (sent["number"], sent["status"]) == (f"DB-{year}-0001", "dispatched")
    assert await balances(here, lot) == {at(first): 60, IN_TRANSIT: 40}
    arrival = {
        "lines": [{"lot_id": str(lot), "good": 35, "damaged": 3, "missing": 2}],
        "note": "示例·两箱受潮",
    }
    came = await ask(client, here.officer, f"{SENT}/{sent['id']}/arrive", arrival)
    assert came["status"] == "arrived"
    assert came["lines"] == [{"lot_id": str(lot), "boxes": 40, "good": 35, "damaged": 3, "missing": 2}]
    assert await balances(here, lot) == {at(first): 60, at(second): 35, quarantine(second): 3, VARIANCE: 2}
    assert came == await look(client, here.staff[Role.AUDITOR], f"{SENT}/{sent['id']}")
    assert await is_proven(here)


async def test_what_is_promised_stays(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """CASES 50: 100 there, 70 promised (30 of them in one hand-over of three, one box of which is gone)."""
    here = await street(points=2, quota=500, capacity=500)
    lot = await ledger.stock_lot(here, "A1", 100)
    booked = await add_orders(here, 40, slot=1)
    await add_orders(here, 30)
    await add_orders(here, 25, offer=1)
    problem = await is_refused(client, here, wanted(here, 31, lot=lot), 409, "warehouse.coverage_broken")
    numbers = {name: problem[name] for name in ("on_hand", "promised", "asked", "short_by")}
    assert numbers == {"on_hand": 100, "promised": 70, "asked": 31, "short_by": 1}
    await hand_over_from(here, booked[:10], lot)
    problem = await is_refused(client, here, wanted(here, 31, lot=lot), 409, "warehouse.coverage_broken")
    assert (problem["on_hand"], problem["promised"]) == (90, 60)
    await ask(client, keeper(here), SENT, wanted(here, 30, lot=lot), 201)
    assert await balances(here, lot) == {
        at(here.points[0]): 60, IN_TRANSIT: 30, ledger.handed_over(here.points[0]): 10,
    }  # fmt: skip
    problem = await is_refused(client, here, wanted(here, 1, lot=lot), 409, "warehouse.coverage_broken")
    assert problem["short_by"] == 1
    assert await is_proven(here)


async def test_of_an_order_that_is_partly_collected_the_rest_is_promised(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2, quota=500)
    lot = await ledger.stock_lot(here, "A1", 10)
    placed = await order(client, here.members[0], here.offers[0], quantity=2, slot_id=here.slots[0])
    code = await look(client, here.members[0], f"/orders/{placed['id']}/code")
    scan = {"event_id": str(uuid4()), "code": code["code"], "pickup_point_id": str(here.points[0])}
    found = await ask(client, here.clerk, "/redemptions", scan | {"quantity": 1})
    assert (found["result"], found["quantity_handed_over"]) == ("handed_over", 1)
    problem = await is_refused(client, here, wanted(here, 9, lot=lot), 409, "warehouse.coverage_broken")
    assert (problem["on_hand"], problem["promised"]) == (9, 1)
    await ask(client, keeper(here), SENT, wanted(here, 8, lot=lot), 201)


async def test_recalled_and_expired_boxes_cover_nothing(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, yesterday = await street(points=2, quota=500), local_date(utc_now()) - timedelta(days=1)
    good = await ledger.stock_lot(here, "A1", 10)
    old = await ledger.stock_lot(here, "A0", 50, best_before_on=yesterday)
    await add_orders(here, 10)
    problem = await is_refused(client, here, wanted(here, 1, lot=good), 409, "warehouse.coverage_broken")
    assert problem["on_hand"] == 10
    # What may not be handed over may leave: nobody is promised it.
    await ask(client, keeper(here), SENT, wanted(here, 50, lot=old), 201)


async def test_an_exception_waits_for_somebody_who_may_approve_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2, quota=500)
    lot = await ledger.stock_lot(here, "A1", 10)
    await add_orders(here, 10)
    sent = await ask(client, keeper(here), SENT, wanted(here, 4, lot=lot, asks_exception=True), 201)
    path = f"{SENT}/{sent['id']}"
    assert (sent["status"], sent["dispatched_at"]) == ("waiting", None)
    assert await balances(here, lot) == {at(here.points[0]): 10}
    refused(await say(client, here.officer, f"{path}/approve", {"reason": WHY}), 403, "access.forbidden")
    line = {"lines": [{"lot_id": str(lot), "good": 4}]}
    refused(await say(client, here.officer, f"{path}/arrive", line), 409, "warehouse.transfer_settled")
    went = await ask(client, chair(here), f"{path}/approve", {"reason": "示例·二号点更急"})
    assert (went["status"], went["decided_by"]) == ("dispatched", str(chair(here).id))
    assert await balances(here, lot) == {at(here.points[0]): 6, IN_TRANSIT: 4}
    again = await say(client, chair(here), f"{path}/approve", {"reason": WHY})
    assert refused(again, 409, "warehouse.transfer_settled")["state"] == "dispatched"
    assert await is_proven(here)


async def test_an_exception_is_declined_or_no_longer_possible(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2, quota=500)
    lot = await ledger.stock_lot(here, "A1", 10)
    orders = await add_orders(here, 10)
    body = wanted(here, 4, lot=lot, asks_exception=True)
    one, two = [await ask(client, keeper(here), SENT, body, 201) for _ in range(2)]
    no = await ask(client, chair(here), f"{SENT}/{one['id']}/decline", {"reason": WHY})
    assert (no["status"], no["decision_reason"]) == ("declined", WHY)
    await hand_over_from(here, orders[:8], lot)
    late = await say(client, chair(here), f"{SENT}/{two['id']}/approve", {"reason": WHY})
    problem = refused(late, 409, "warehouse.not_there")
    assert (problem["lot_id"], problem["on_hand"], problem["asked"]) == (str(lot), 2, 4)
    assert (await look(client, chair(here), f"{SENT}/{two['id']}"))["status"] == "waiting"
    await same_person(here, keeper(here), chair(here))
    own = await say(client, chair(here), f"{SENT}/{two['id']}/decline", {"reason": WHY})
    refused(own, 403, "warehouse.own_step")


async def test_who_sends_does_not_receive(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    lot = await ledger.stock_lot(here, "A1", 10)
    sent = await ask(client, keeper(here), SENT, wanted(here, 4, lot=lot), 201)
    path, line = f"{SENT}/{sent['id']}/arrive", {"lines": [{"lot_id": str(lot), "good": 4}]}
    refused(await say(client, keeper(here), path, line), 403, "warehouse.own_step")
    await same_person(here, keeper(here), here.officer)
    refused(await say(client, here.officer, path, line), 403, "warehouse.own_step")
    assert await balances(here, lot) == {at(here.points[0]): 6, IN_TRANSIT: 4}


async def test_what_arrives_adds_up_to_what_was_sent(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    lot, other = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(here, "A2", 10)
    sent = await ask(client, keeper(here), SENT, wanted(here, 4, lot=lot), 201)
    for lines in (
        [{"lot_id": str(lot), "good": 3}],
        [{"lot_id": str(lot), "good": 4, "missing": 1}],
        [{"lot_id": str(other), "good": 4}],
        [{"lot_id": str(lot), "good": 4}, {"lot_id": str(lot), "good": 4}],
        [{"lot_id": str(lot), "good": 4}, {"lot_id": str(other), "good": 1}],
    ):
        answer = await say(client, here.officer, f"{SENT}/{sent['id']}/arrive", {"lines": lines})
        refused(answer, 422, "warehouse.lines_contradict")
    assert (await look(client, keeper(here), f"{SENT}/{sent['id']}"))["status"] == "dispatched"


async def test_a_lot_that_is_recalled_on_its_way_is_set_aside_where_it_arrives(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2)
    lot = await ledger.stock_lot(here, "A1", 10)
    sent = await ask(client, keeper(here), SENT, wanted(here, 4, lot=lot), 201)
    await ask(client, here.officer, f"/lots/{lot}/recall", {"reason": "示例·抽检不合格"})
    line = {"lines": [{"lot_id": str(lot), "good": 4}]}
    await ask(client, here.officer, f"{SENT}/{sent['id']}/arrive", line)
    first, second = here.points
    assert await balances(here, lot) == {quarantine(first): 6, quarantine(second): 4}
    assert await is_proven(here)


async def test_of_a_gift_box_what_goes_off_first_is_sent(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """CASES 49."""
    here, today = await street(points=2), local_date(utc_now())
    late = await ledger.stock_lot(here, "A1", 10, best_before_on=today + timedelta(days=90))
    soon = await ledger.stock_lot(here, "A2", 10, best_before_on=today + timedelta(days=30))
    old = await ledger.stock_lot(here, "A3", 10, best_before_on=today - timedelta(days=1))
    box = await ledger.box_of(here)
    sent = await ask(client, keeper(here), SENT, wanted(here, 14, box=box), 201)
    assert {line["lot_id"]: line["boxes"] for line in sent["lines"]} == {str(soon): 10, str(late): 4}
    problem = await is_refused(client, here, wanted(here, 7, box=box), 409, "warehouse.not_there")
    assert (problem["on_hand"], problem["asked"], "lot_id" in problem) == (6, 7, False)
    assert await balances(here, old) == {at(here.points[0]): 10}


async def test_what_cannot_be_sent(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(points=2), await street(points=2)
    lot, foreign = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(there, "A1", 10)
    one_point = wanted(here, 1, lot=lot) | {"to_point_id": str(here.points[0])}
    await is_refused(client, here, one_point, 422, "warehouse.same_point")
    await is_refused(client, here, wanted(here, 11, lot=lot), 409, "warehouse.not_there")
    for unknown in (foreign, uuid4()):
        await is_refused(client, here, wanted(here, 1, lot=unknown), 404, "stock.lot_not_found")
        elsewhere = wanted(here, 1, lot=lot) | {"to_point_id": str(unknown)}
        await is_refused(client, here, elsewhere, 404, "pickup.point_not_found")
    both = wanted(here, 1, lot=lot)
    both["lines"][0]["gift_box_id"] = str(await ledger.box_of(here))
    await is_refused(client, here, both, 422, "platform.malformed")


async def test_numbers_are_gapless_also_after_a_refusal(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(points=2), await street(points=2)
    lot, other = await ledger.stock_lot(here, "A1", 3), await ledger.stock_lot(there, "A1", 3)
    numbers = []
    for _ in range(3):
        sent = await ask(client, keeper(here), SENT, wanted(here, 1, lot=lot), 201)
        numbers.append(sent["number"][-4:])
        await is_refused(client, here, wanted(here, 9, lot=lot), 409, "warehouse.not_there")
    assert numbers == ["0001", "0002", "0003"]
    first = await ask(client, keeper(there), SENT, wanted(there, 1, lot=other), 201)
    assert first["number"].endswith("-0001")
    found = await walk(client, SENT, keeper(here))
    assert [one["number"][-4:] for one in found] == ["0003", "0002", "0001"]
    assert await walk(client, SENT, keeper(here), status="arrived") == []
    assert len(await walk(client, SENT, keeper(here), pickup_point_id=str(here.points[1]))) == 3
    answer = await client.get(f"{API}{SENT}/{first['id']}", headers=keeper(here).headers())
    refused(answer, 404, "warehouse.transfer_not_found")


async def test_the_same_key_sends_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    lot, headers = await ledger.stock_lot(here, "A1", 10), keeper(here).headers("new")
    body = wanted(here, 4, lot=lot)
    first, second = [await client.post(f"{API}{SENT}", json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, second.text) == (201, first.text)
    assert await balances(here, lot) == {at(here.points[0]): 6, IN_TRANSIT: 4}


@pytest.mark.parametrize("role", [Role.STATION_CLERK, Role.CHAIR, Role.AUDITOR, Role.MEMBER])
async def test_who_may_not_send(client: httpx.AsyncClient, street: MakeStreet, role: Role) -> None:
    here = await street(points=2)
    lot = await ledger.stock_lot(here, "A1", 10)
    who = here.members[0] if role is Role.MEMBER else here.staff[role]
    refused(await say(client, who, SENT, wanted(here, 1, lot=lot)), 403, "access.forbidden")
    assert (await here.read(select(Lot.id).where(Lot.id == lot)))[0][0] == lot
    assert await balances(here, lot) == {at(here.points[0]): 10}
