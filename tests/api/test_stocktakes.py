"""Blind counts: two people, a recount where they differ, an approval where books are to be changed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from app.access.policy import Role
from app.access.scope import every_union
from app.platform.clock import shown, utc_now
from app.redemptions.tables import Redemption
from app.stock.tables import StockMovement
from app.warehouse.tables.stocktakes import Stocktake, StocktakeCount
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import API, refused, walk
from tests.factories.ledger import VARIANCE, at, balances, handed_over, quarantine
from tests.factories.street import Person, Street
from tests.factories.warehouse import (
    WHY,
    add_orders,
    ask,
    chair,
    hand_over_from,
    is_proven,
    keeper,
    same_person,
    say,
)  # fmt: skip

TAKES = "/stock/stocktakes"


async def opened(client: httpx.AsyncClient, here: Street) -> str:
    body = {"pickup_point_id": str(here.points[0]), "note": "示例·月末盘点"}
    made = await ask(client, keeper(here), TAKES, body, 201)
    return f"{TAKES}/{made['id']}"


def sheet(numbers: dict[UUID, tuple[int, int]], when: datetime | None = None) -> dict[str, Any]:
    lines = [{"lot_id": str(lot), "good": good, "damaged": bad} for lot, (good, bad) in numbers.items()]
    return {"lines": lines} | ({"counted_at": shown(when)} if when else {})


async def count(
    client: httpx.AsyncClient, who: Person, path: str, numbers: dict[UUID, tuple[int, int]], **more: Any
) -> dict[str, Any]:
    return await ask(client, who, f"{path}/counts", sheet(numbers, **more), 201)


async def test_nobody_sees_books_or_counts_while_people_count(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 4711)
    path = await opened(client, here)
    for who in (keeper(here), here.clerk, here.officer, chair(here), here.staff[Role.AUDITOR]):
        seen = await client.get(f"{API}{path}", headers=who.headers())
        assert "4711" not in seen.text
        found = seen.json()
        assert [one["lot_id"] for one in found["to_count"]] == [str(lot)]
        assert set(found["to_count"][0]) == {
            "lot_id", "lot_number", "gift_box_id", "gift_box", "best_before_on",
        }  # fmt: skip
    after = await count(client, here.clerk, path, {lot: (3917, 0)})
    assert "3917" not in str(after)
    seen = await client.get(f"{API}{path}", headers=keeper(here).headers())
    assert "3917" not in seen.text
    assert "4711" not in seen.text
    assert (seen.json()["short"], seen.json()["findings"]) == (None, [])
    assert [one["staff_id"] for one in seen.json()["counts"]] == [str(here.clerk.id)]


async def test_without_differences_it_closes_by_itself(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    one, two = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(here, "A2", 5)
    path = await opened(client, here)
    moved = await here.count(StockMovement)
    assert (await count(client, here.clerk, path, {one: (10, 0), two: (5, 0)}))["status"] == "counting"
    closed = await count(client, keeper(here), path, {one: (10, 0), two: (5, 0)})
    assert (closed["status"], closed["short"], closed["over"], closed["decided_by"]) == ("closed", 0, 0, None)
    found = [(row["lot_number"], row["book_good"], row["counted_good"]) for row in closed["findings"]]
    assert sorted(found) == [("A1", 10, 10), ("A2", 5, 5)]
    assert await here.count(StockMovement) == moved
    await opened(client, here)


async def test_differences_are_posted_when_somebody_else_approves(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, (one, two) = await street(), (None, None)
    (point,) = here.points
    one, two = await ledger.stock_lot(here, "A1", 100), await ledger.stock_lot(here, "A2", 50)
    path = await opened(client, here)
    numbers = {one: (95, 2), two: (51, 0)}
    await count(client, here.clerk, path, numbers)
    found = await count(client, keeper(here), path, numbers)
    assert (found["status"], found["short"], found["over"]) == ("to_approve", 5, 3)
    assert await balances(here, one) == {at(point): 100}
    assert found["findings"][0]["posted_good"] is None
    approval = {"short": 5, "over": 3, "reason": "示例·已核对"}
    done = await ask(client, chair(here), f"{path}/approve", approval)
    assert (done["status"], done["decided_by"], done["short"], done["over"]) == (
        "closed", str(chair(here).id), 5, 3,
    )  # fmt: skip
    assert await balances(here, one) == {at(point): 95, quarantine(point): 2, VARIANCE: 3}
    assert await balances(here, two) == {at(point): 51, VARIANCE: -1}
    assert await is_proven(here)
    again = await say(client, chair(here), f"{path}/approve", approval)
    assert refused(again, 409, "warehouse.stocktake_settled")["state"] == "closed"


async def test_boxes_are_handed_over_while_people_count(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """Compared are differences at the time of each count: 100 before and 97 after three hand-overs agree."""
    here = await street(quota=100)
    lot, orders = await ledger.stock_lot(here, "A1", 100), await add_orders(here, 5)
    path = await opened(client, here)
    await count(client, here.clerk, path, {lot: (100, 0)})
    await hand_over_from(here, orders[:3], lot)
    closed = await count(client, keeper(here), path, {lot: (97, 0)})
    assert (closed["status"], closed["round"]) == ("closed", 1)
    assert closed["findings"][0]["book_good"] == 97
    assert closed["findings"][0]["frozen_good"] == 100


async def test_a_box_that_had_left_before_the_count_is_no_difference_though_told_of_later(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """A device without a connection scanned at the minute of the opening and uploads after both counts."""
    here = await street(quota=100)
    lot, (first, second) = await ledger.stock_lot(here, "A1", 10), await add_orders(here, 2)
    path = await opened(client, here)
    scanned, counted = utc_now(), utc_now()
    await count(client, here.clerk, path, {lot: (9, 0)}, when=counted)
    found = await count(client, keeper(here), path, {lot: (9, 0)}, when=counted)
    assert (found["status"], found["short"]) == ("to_approve", 1)
    await hand_over_from(here, [first], lot)
    event = select(Redemption.id).where(Redemption.order_id == first)
    await here.set(Redemption, (await here.read(event))[0][0], scanned_at=scanned - timedelta(seconds=1))
    late = await say(client, chair(here), f"{path}/approve", {"short": 1, "over": 0, "reason": WHY})
    problem = refused(late, 409, "warehouse.figures_moved")
    assert (problem["short"], problem["over"]) == (0, 0)
    # One that left after the counts changes nothing.
    await hand_over_from(here, [second], lot)
    done = await ask(client, chair(here), f"{path}/approve", {"short": 0, "over": 0, "reason": WHY})
    assert done["findings"][0] | {"counts": []} == done["findings"][0] | {
        "book_good": 9, "counted_good": 9, "posted_good": 0, "counts": [],
    }  # fmt: skip
    assert await balances(here, lot) == {at(here.points[0]): 8, handed_over(here.points[0]): 2}


async def test_where_two_differ_the_lots_in_question_are_counted_again(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    one, two = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(here, "A2", 5)
    path = await opened(client, here)
    await count(client, here.clerk, path, {one: (10, 0), two: (4, 0)})
    found = await count(client, keeper(here), path, {one: (10, 0), two: (5, 0)})
    assert (found["status"], found["round"], found["findings"]) == ("counting", 2, [])
    assert [row["lot_id"] for row in found["to_count"]] == [str(two)]
    too_many = await say(client, here.officer, f"{path}/counts", sheet({one: (10, 0), two: (4, 0)}))
    assert refused(too_many, 422, "warehouse.lot_not_asked")["lot_id"] == str(one)
    # A third person agrees with the first: that settles it, and all rounds stay on record.
    found = await count(client, here.officer, path, {two: (4, 0)})
    assert (found["status"], found["short"], found["over"]) == ("to_approve", 1, 0)
    assert [(row["round"], row["staff_id"]) for row in found["counts"]] == [
        (1, str(here.clerk.id)), (1, str(keeper(here).id)), (2, str(here.officer.id)),
    ]  # fmt: skip
    second = next(row for row in found["findings"] if row["lot_id"] == str(two))
    assert [(row["round"], row["good"]) for row in second["counts"]] == [(1, 4), (1, 5), (2, 4)]


async def test_both_may_count_again(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    path = await opened(client, here)
    for who, good in ((here.clerk, 10), (keeper(here), 9)):
        await count(client, who, path, {lot: (good, 0)})
    assert (await count(client, here.clerk, path, {lot: (8, 0)}))["round"] == 2
    again = await say(client, here.clerk, f"{path}/counts", sheet({lot: (9, 0)}))
    refused(again, 409, "warehouse.counted_already")
    third = await count(client, keeper(here), path, {lot: (7, 0)})
    assert (third["status"], third["round"]) == ("counting", 3)
    await count(client, here.clerk, path, {lot: (8, 0)})
    found = await count(client, keeper(here), path, {lot: (8, 0)})
    assert (found["status"], found["short"]) == ("to_approve", 2)


async def test_two_accounts_of_one_person_are_no_two_people(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    path = await opened(client, here)
    await same_person(here, here.clerk, keeper(here))
    await count(client, here.clerk, path, {lot: (9, 0)})
    answer = await say(client, keeper(here), f"{path}/counts", sheet({lot: (9, 0)}))
    refused(answer, 409, "warehouse.counted_already")
    assert await here.count(StocktakeCount) == 1


async def test_who_counted_neither_approves_nor_declines(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    path = await opened(client, here)
    for who in (here.clerk, keeper(here)):
        await count(client, who, path, {lot: (9, 0)})
    await same_person(here, here.clerk, chair(here))
    for step, body in (("approve", {"short": 1, "over": 0, "reason": WHY}), ("decline", {"reason": WHY})):
        refused(await say(client, chair(here), f"{path}/{step}", body), 403, "warehouse.own_step")
        refused(await say(client, keeper(here), f"{path}/{step}", body), 403, "access.forbidden")
    assert await balances(here, lot) == {at(here.points[0]): 10}
    with pytest.raises(DBAPIError, match="counters_do_not_decide"):
        await here.set(
            Stocktake, UUID(path.rpartition("/")[2]), decided_by=here.clerk.id, decided_at=utc_now()
        )


async def test_declined_differences_are_not_posted(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    path = await opened(client, here)
    for who in (here.clerk, keeper(here)):
        await count(client, who, path, {lot: (9, 0)})
    done = await ask(client, chair(here), f"{path}/decline", {"reason": "示例·请重盘"})
    assert (done["status"], done["short"], done["decision_reason"]) == ("declined", 1, "示例·请重盘")
    assert await balances(here, lot) == {at(here.points[0]): 10}


async def test_a_count_is_whole_timely_and_of_known_lots(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    one, two = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(here, "A2", 5)
    foreign = await ledger.stock_lot(there, "A1", 5)
    path, now = await opened(client, here), utc_now()
    numbers = {one: (10, 0), two: (5, 0)}
    for body, status, code in (
        (sheet({one: (10, 0)}), 422, "warehouse.count_incomplete"),
        (sheet(numbers | {uuid4(): (1, 0)}), 404, "stock.lot_not_found"),
        (sheet(numbers | {foreign: (1, 0)}), 404, "stock.lot_not_found"),
        (sheet(numbers, now - timedelta(hours=1)), 422, "warehouse.count_time_invalid"),
        (sheet(numbers, now + timedelta(hours=1)), 422, "warehouse.count_time_invalid"),
        (sheet({one: (-1, 0), two: (5, 0)}), 422, "platform.malformed"),
    ):
        refused(await say(client, here.clerk, f"{path}/counts", body), status, code)
    assert await here.count(StocktakeCount) == 0
    refused(
        await client.get(f"{API}{path}", headers=keeper(there).headers()),
        404,
        "warehouse.stocktake_not_found",
    )


async def test_boxes_of_a_lot_that_nobody_expected_are_found(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2)
    lot, far = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(here, "A2", 5, point=1)
    path = await opened(client, here)
    for who in (here.clerk, keeper(here)):
        found = await count(client, who, path, {lot: (10, 0), far: (2, 0)})
    assert (found["status"], found["short"], found["over"]) == ("to_approve", 0, 2)
    await ask(client, chair(here), f"{path}/approve", {"short": 0, "over": 2, "reason": WHY})
    first, second = here.points
    assert await balances(here, far) == {at(first): 2, at(second): 5, VARIANCE: -2}


async def test_one_stocktake_of_a_point_at_a_time(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    path = await opened(client, here)
    again = await say(client, here.officer, TAKES, {"pickup_point_id": str(here.points[0])})
    assert refused(again, 409, "warehouse.stocktake_open")["stocktake_id"] in path
    other = await ask(client, here.officer, TAKES, {"pickup_point_id": str(here.points[1])}, 201)
    assert other["number"].endswith("-0002")
    await ask(client, here.officer, f"{path}/cancel", {"reason": WHY})
    await opened(client, here)
    numbers = [one["number"][-4:] for one in await walk(client, TAKES, keeper(here))]
    assert numbers == ["0003", "0002", "0001"]
    assert len(await walk(client, TAKES, keeper(here), status="cancelled")) == 1


async def test_what_is_over_is_never_changed(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    path = await opened(client, here)
    for who in (here.clerk, keeper(here)):
        await count(client, who, path, {lot: (10, 0)})
    id = UUID(path.rpartition("/")[2])
    with pytest.raises(DBAPIError, match="never changed"):
        await here.set(Stocktake, id, note="anders")
    changed = update(StocktakeCount).where(StocktakeCount.stocktake_id == id)
    with pytest.raises(DBAPIError, match="denied"):
        async with here.database.transaction(every_union("a test tries")) as session:
            await session.execute(changed.values(counted_at=datetime(2026, 1, 1, tzinfo=UTC)))
