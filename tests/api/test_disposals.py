"""Disposals: one asks, another decides, and only then boxes move."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from app.access.policy import Role
from app.platform.clock import local_date, utc_now
from app.stock.rules.ledger import Account, AccountKind
from app.stock.tables import StockMovement
from app.warehouse.tables.disposals import Disposal
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import API, refused, walk
from tests.factories.ledger import Line, MovementKind, at, balances, handed_over, post, quarantine
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

PATH = "/stock/disposals"


def wanted(
    here: Street, lot: UUID, boxes: int, kind: str = "write_off", place: str = "pickup_point", **more: Any
) -> dict[str, Any]:
    line = {"lot_id": str(lot), "pickup_point_id": str(here.points[0]), "place": place, "boxes": boxes}
    return {"kind": kind, "lines": [line], "reason": WHY} | more


async def damaged(here: Street, lot: UUID, boxes: int) -> None:
    (point, *_) = here.points
    kind = MovementKind.QUARANTINED
    await post(here, Line(lot_id=lot, boxes=boxes, source=at(point), target=quarantine(point), kind=kind))


@pytest.mark.parametrize(
    ("kind", "account"),
    [("write_off", AccountKind.LOSS), ("return", AccountKind.RETURNED), ("donation", AccountKind.DONATED)],
)
async def test_boxes_go_when_somebody_else_approves(
    client: httpx.AsyncClient, street: MakeStreet, kind: str, account: AccountKind
) -> None:
    here = await street()
    lot, (point,) = await ledger.stock_lot(here, "A1", 40), here.points
    more = {"party": "示例社区食堂", "evidence_sha256": "ab" * 32, "campaign_id": str(here.campaign_id)}
    made = await ask(client, keeper(here), PATH, wanted(here, lot, 25, kind, **more), 201)
    year = local_date(utc_now()).year
    assert (made["number"], made["status"], made["evidence_sha256"]) == (
        f"CZ-{year}-0001",
        "pending",
        "ab" * 32,
    )
    assert await balances(here, lot) == {at(point): 40}
    done = await ask(client, chair(here), f"{PATH}/{made['id']}/approve", {"reason": "同意"})
    assert (done["status"], done["decided_by"]) == ("approved", str(chair(here).id))
    assert await balances(here, lot) == {at(point): 15, Account(account): 25}
    again = await say(client, chair(here), f"{PATH}/{made['id']}/approve", {})
    assert refused(again, 409, "warehouse.disposal_decided")["state"] == "approved"
    assert await is_proven(here)


async def test_damaged_boxes_are_written_off_and_good_ones_released(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot, (point,) = await ledger.stock_lot(here, "A1", 40), here.points
    await damaged(here, lot, 10)
    off = await ask(client, keeper(here), PATH, wanted(here, lot, 6, "write_off", "quarantine"), 201)
    free = await ask(client, keeper(here), PATH, wanted(here, lot, 4, "release", "quarantine"), 201)
    for made in (off, free):
        await ask(client, chair(here), f"{PATH}/{made['id']}/approve", {})
    assert await balances(here, lot) == {at(point): 34, Account(AccountKind.LOSS): 6}
    wrong = await say(client, keeper(here), PATH, wanted(here, lot, 1, "release"))
    refused(wrong, 422, "warehouse.kind_unfit")


async def test_what_is_no_longer_there_is_refused(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(quota=100)
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    made = await ask(client, keeper(here), PATH, wanted(here, lot, 8), 201)
    await hand_over_from(here, await add_orders(here, 5), lot)
    moved = await here.count(StockMovement)
    answer = await say(client, chair(here), f"{PATH}/{made['id']}/approve", {})
    problem = refused(answer, 409, "warehouse.not_there")
    assert (problem["lot_id"], problem["on_hand"], problem["asked"]) == (str(lot), 5, 8)
    assert (await look(client, keeper(here), f"{PATH}/{made['id']}"))["status"] == "pending"
    assert await here.count(StockMovement) == moved
    assert await balances(here, lot) == {at(point): 5, handed_over(point): 5}


async def test_what_is_promised_is_not_given_away_unless_the_approval_says_so(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=100)
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    await add_orders(here, 7)
    made = await ask(client, keeper(here), PATH, wanted(here, lot, 4, "donation"), 201)
    path = f"{PATH}/{made['id']}/approve"
    problem = refused(await say(client, chair(here), path, {}), 409, "warehouse.coverage_broken")
    assert (problem["on_hand"], problem["promised"], problem["short_by"]) == (10, 7, 1)
    assert await balances(here, lot) == {at(point): 10}
    await ask(client, chair(here), path, {"despite_promises": True, "reason": "示例·改发另一批"})
    assert await balances(here, lot) == {at(point): 6, Account(AccountKind.DONATED): 4}


async def test_recalled_and_expired_boxes_are_not_for_people(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, yesterday = await street(), local_date(utc_now()) - timedelta(days=1)
    old = await ledger.stock_lot(here, "A0", 10, best_before_on=yesterday)
    bad = await ledger.stock_lot(here, "A1", 10)
    waiting = await ask(client, keeper(here), PATH, wanted(here, bad, 10, "donation"), 201)
    await ask(client, here.officer, f"/lots/{bad}/recall", {"reason": "示例·抽检不合格"})
    for lot, kind, place in (
        (old, "donation", "pickup_point"),
        (bad, "donation", "quarantine"),
        (bad, "release", "quarantine"),
    ):
        answer = await say(client, keeper(here), PATH, wanted(here, lot, 1, kind, place))
        assert refused(answer, 409, "warehouse.lot_held_back")["lot_id"] == str(lot)
    answer = await say(client, chair(here), f"{PATH}/{waiting['id']}/approve", {})
    refused(answer, 409, "warehouse.lot_held_back")
    back = await ask(client, keeper(here), PATH, wanted(here, bad, 10, "return", "quarantine"), 201)
    await ask(client, chair(here), f"{PATH}/{back['id']}/approve", {})
    assert await balances(here, bad) == {Account(AccountKind.RETURNED): 10}


async def test_who_asks_does_not_decide(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    made = await ask(client, keeper(here), PATH, wanted(here, lot, 4), 201)
    await same_person(here, keeper(here), chair(here))
    for step, body in (("approve", {}), ("decline", {"reason": WHY})):
        path = f"{PATH}/{made['id']}/{step}"
        refused(await say(client, chair(here), path, body), 403, "warehouse.own_step")
        refused(await say(client, keeper(here), path, body), 403, "access.forbidden")
    withdrawal = f"{PATH}/{made['id']}/withdraw"
    refused(await say(client, here.officer, withdrawal, {"reason": WHY}), 403, "warehouse.own_step")
    gone = await ask(client, keeper(here), withdrawal, {"reason": WHY})
    assert gone["status"] == "withdrawn"
    assert await balances(here, lot) == {at(here.points[0]): 10}
    other = await ask(client, keeper(here), PATH, wanted(here, lot, 4), 201)
    decided = {"status": "approved", "decided_by": keeper(here).id, "decided_at": utc_now()}
    with pytest.raises(DBAPIError, match="two_people"):
        await here.set(Disposal, UUID(other["id"]), **decided)
    with pytest.raises(DBAPIError, match="never changed"):
        await here.set(Disposal, UUID(made["id"]), reason="anders")


async def test_disposals_are_a_list_and_theirs_are_not_ours(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    lot, foreign = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(there, "A1", 10)
    first = await ask(client, keeper(here), PATH, wanted(here, lot, 1), 201)
    campaign = {"campaign_id": str(here.campaign_id)}
    second = await ask(client, keeper(here), PATH, wanted(here, lot, 2, **campaign), 201)
    assert [one["id"] for one in await walk(client, PATH, keeper(here))] == [second["id"], first["id"]]
    assert [one["id"] for one in await walk(client, PATH, keeper(here), **campaign)] == [second["id"]]
    assert await walk(client, PATH, keeper(here), status="approved") == []
    for unknown in (uuid4(), foreign):
        refused(await say(client, keeper(here), PATH, wanted(here, unknown, 1)), 404, "stock.lot_not_found")
    body = wanted(here, lot, 1, campaign_id=str(there.campaign_id))
    refused(await say(client, keeper(here), PATH, body), 404, "campaigns.not_found")
    answer = await client.get(f"{API}{PATH}/{first['id']}", headers=keeper(there).headers())
    refused(answer, 404, "warehouse.disposal_not_found")
    assert await here.count(Disposal) == 2
    refused(
        await say(client, here.staff[Role.STATION_CLERK], PATH, wanted(here, lot, 1)), 403, "access.forbidden"
    )
