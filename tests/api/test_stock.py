"""Lots, balances, movements, recalls and attributions through HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.platform.clock import shown, utc_now
from app.platform.ids import new_id
from app.stock.tables import Lot, StockBalance, StockMovement
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import API, refused, walk, without_ids
from tests.factories.ledger import SUPPLIER, VARIANCE, at, balances, handed_over, handing, post, quarantine
from tests.factories.street import Person, Street

REASON = {"reason": "示例·抽检不合格"}


async def say(client: httpx.AsyncClient, who: Person, path: str, body: dict[str, Any]) -> httpx.Response:
    """Post to the API with a key of its own."""
    return await client.post(f"{API}{path}", json=body, headers=who.headers("new"))


async def look(client: httpx.AsyncClient, who: Person, path: str, **query: str) -> Any:
    """Return what a GET answers."""
    answer = await client.get(f"{API}{path}", params=query, headers=who.headers())
    assert answer.status_code == 200, answer.text
    return answer.json()


async def books(*streets: Street) -> list[Any]:
    """Return every row of stock of these street unions."""
    found: list[Any] = []
    for model in (Lot, StockMovement, StockBalance):
        table = model.__table__
        for here in streets:
            found += sorted(await here.read(select(table).where(table.c.union_id == here.id)), key=str)
    return found


async def test_a_lot_says_what_became_of_it(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    await post(here, handing(lot, 3, point), ledger.consigned(lot, 2))
    found = await look(client, here.staff[Role.AUDITOR], f"/lots/{lot}")
    assert found["figures"] == {
        "consigned": 12, "received": 10, "missing": 2, "handed_over": 3, "returned": 0, "damaged": 0,
        "donated": 0, "on_hand": 7, "in_transit": 0, "variance": 0, "accounted": 10, "adds_up": True,
    }  # fmt: skip
    assert found["accounts"] == [
        {"kind": "handed_over", "pickup_point_id": str(point), "boxes": 3},
        {"kind": "pickup_point", "pickup_point_id": str(point), "boxes": 7},
        {"kind": "supplier", "pickup_point_id": None, "boxes": 2},
    ]
    assert (found["number"], found["kind"], found["recalled_at"]) == ("A1", "received", None)


async def test_lots_balances_and_movements_are_lists(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(points=2, boxes=2), await street()
    first = here.points[0]
    box, keeper = await ledger.box_of(here), here.staff[Role.WAREHOUSE_KEEPER]
    one, two = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(here, "A2", 4, point=1)
    other = await ledger.stock_lot(here, "B1", 5, offer=2)
    await ledger.stock_lot(there, "A1", 8)
    await here.set(Lot, two, recalled_at=utc_now(), recall_reason="示例")

    async def numbers(**query: str) -> list[str]:
        return [item["number"] for item in await walk(client, "/lots", keeper, **query)]

    assert await numbers() == ["B1", "A2", "A1", "-", "-"]
    assert await numbers(gift_box_id=str(box)) == ["A2", "A1", "-"]
    assert await numbers(is_recalled="true") == ["A2"]
    assert await numbers(is_recalled="false", gift_box_id=str(box)) == ["A1", "-"]

    async def held(**query: str) -> set[tuple[str, int]]:
        found = await walk(client, "/stock/balances", keeper, **query)
        return {(item["lot_number"], item["boxes"]) for item in found}

    assert await held() == {("A1", 10), ("A2", 4), ("B1", 5)}
    assert await held(pickup_point_id=str(first)) == {("A1", 10), ("B1", 5)}
    assert await held(gift_box_id=str(box), kind="pickup_point") == {("A1", 10), ("A2", 4)}
    assert await held(kind="supplier") == await held(pickup_point_id=str(there.points[0])) == set()

    document, since = new_id(), utc_now()
    line = handing(one, 2, first)
    await post(here, line, ledger.replace(handing(other, 1, first), document_id=document))

    async def moved(**query: str) -> list[tuple[str, str, int]]:
        found = await walk(client, "/stock/movements", keeper, **query)
        return [(item["lot_id"], item["kind"], item["boxes"]) for item in found]

    latest = [(str(other), "handed_over", 1), (str(one), "handed_over", 2)]
    assert (await moved())[:3] == [*latest, (str(other), "received", 5)]
    assert len(await moved()) == 8
    assert await moved(kind="handed_over") == await moved(**{"from": shown(since)}) == latest
    assert len(await moved(until=shown(since))) == 6
    assert await moved(document_id=str(document)) == latest[:1]
    assert await moved(lot_id=str(two)) == [(str(two), "received", 4), (str(two), "consigned", 4)]
    assert await moved(until=shown(since - timedelta(days=1))) == []


async def test_who_may_look_and_who_may_not(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    for path in ("/lots", "/stock/balances", "/stock/movements", "/stock/proof"):
        for role in (Role.AUDITOR, Role.CHAIR, Role.FINANCE, Role.STATION_CLERK, Role.WAREHOUSE_KEEPER):
            await look(client, here.staff[role], path)
        for nobody in (here.members[0], here.staff[Role.GROUP_LEADER], here.staff[Role.SYS_ADMIN]):
            answer = await client.get(f"{API}{path}", headers=nobody.headers())
            refused(answer, 403, "access.forbidden")


async def test_the_proof_is_for_the_auditor(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    auditor = here.staff[Role.AUDITOR]
    assert await look(client, auditor, "/stock/proof") == {
        "is_proven": True, "difference_count": 0, "differences": [],
    }  # fmt: skip
    (row,) = await here.read(
        select(StockBalance.id).where(StockBalance.lot_id == lot, StockBalance.kind == "pickup_point")
    )
    await here.set(StockBalance, row[0], boxes=12)
    try:
        found = await look(client, auditor, "/stock/proof")
        assert (await look(client, there.staff[Role.AUDITOR], "/stock/proof"))["is_proven"]
    finally:
        await here.set(StockBalance, row[0], boxes=10)
    whole = {"lot_id": str(lot), "held": 12, "expected": 10}
    assert found == {
        "is_proven": False,
        "difference_count": 2,
        "differences": [
            whole | {"kind": "pickup_point", "pickup_point_id": str(point)},
            whole | {"kind": None, "pickup_point_id": None},
        ],
    }


async def test_a_recalled_lot_is_held_back_and_given_free(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2)
    lot, (first, second) = await ledger.stock_lot(here, "A1", 10), here.points
    kind = ledger.MovementKind
    damaged = ledger.Line(
        lot_id=lot, boxes=2, source=at(first), target=quarantine(first), kind=kind.QUARANTINED
    )
    moved = [
        ledger.Line(lot_id=lot, boxes=5, source=at(first), target=ledger.IN_TRANSIT, kind=kind.DISPATCHED),
        ledger.Line(lot_id=lot, boxes=4, source=ledger.IN_TRANSIT, target=at(second), kind=kind.ARRIVED),
    ]
    await post(here, handing(lot, 1, first), damaged, *moved)
    recalled = await say(client, here.officer, f"/lots/{lot}/recall", REASON)
    assert recalled.status_code == 200, recalled.text
    assert (recalled.json()["recall_reason"], recalled.json()["recalled_by"]) == (
        REASON["reason"], str(here.officer.id),
    )  # fmt: skip
    in_transit, handed = {ledger.IN_TRANSIT: 1}, {handed_over(first): 1}
    held_back = {quarantine(first): 4, quarantine(second): 4}
    assert await balances(here, lot) == in_transit | handed | held_back
    before = await books(here)
    refused(await say(client, here.officer, f"/lots/{lot}/recall", REASON), 409, "stock.recalled_already")
    assert await books(here) == before
    # One box leaves quarantine meanwhile: nobody knows which, so one fewer comes back.
    loss = ledger.Account(ledger.AccountKind.LOSS)
    gone = ledger.Line(lot_id=lot, boxes=1, source=quarantine(first), target=loss, kind=kind.WRITTEN_OFF)
    await post(here, gone)
    lifted = await say(client, here.officer, f"/lots/{lot}/recall/lift", {"reason": "示例·复检合格"})
    assert (lifted.status_code, lifted.json()["recalled_at"]) == (200, None)
    free = {at(first): 1, at(second): 4, quarantine(first): 2, loss: 1}
    assert await balances(here, lot) == in_transit | handed | free
    refused(await say(client, here.officer, f"/lots/{lot}/recall/lift", REASON), 409, "stock.not_recalled")
    assert (await look(client, here.officer, "/stock/proof"))["is_proven"]
    traces = await here.read(
        select(AuditEntry.action, AuditEntry.reason, AuditEntry.details)
        .where(AuditEntry.union_id == here.id, AuditEntry.action.like("stock.%"))
        .order_by(AuditEntry.id)
    )
    assert [tuple(row) for row in traces] == [
        ("stock.lot_recalled", REASON["reason"], {str(first): 2, str(second): 4}),
        ("stock.recall_lifted", "示例·复检合格", {str(first): 1, str(second): 4}),
    ]


async def test_a_second_recall_gives_back_its_own_boxes(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    for count in (10, 6):
        await say(client, here.officer, f"/lots/{lot}/recall", REASON)
        assert await balances(here, lot) == {quarantine(point): count} | (
            {handed_over(point): 4} if count < 10 else {}
        )
        await say(client, here.officer, f"/lots/{lot}/recall/lift", REASON)
        assert (await balances(here, lot))[at(point)] == count
        if count == 10:
            await post(here, handing(lot, 4, point))


async def test_a_recall_is_not_for_everybody_and_not_for_the_unrecorded(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    lot, theirs = await ledger.stock_lot(here, "A1", 10), await ledger.stock_lot(there, "A1", 10)
    unrecorded = await ledger.unrecorded_lot(here, await ledger.box_of(here))
    before = await books(here, there)
    for role in (Role.WAREHOUSE_KEEPER, Role.STATION_CLERK, Role.CHAIR, Role.AUDITOR):
        refused(await say(client, here.staff[role], f"/lots/{lot}/recall", REASON), 403, "access.forbidden")
    refused(
        await say(client, here.officer, f"/lots/{unrecorded}/recall", REASON), 409, "stock.lot_unrecorded"
    )
    for what in ("recall", "recall/lift"):
        foreign = await say(client, here.officer, f"/lots/{theirs}/{what}", REASON)
        missing = await say(client, here.officer, f"/lots/{new_id()}/{what}", REASON)
        refused(foreign, 404, "stock.lot_not_found")
        assert without_ids(foreign) == without_ids(missing)
    refused(await say(client, here.officer, f"/lots/{lot}/recall", {}), 422, "platform.malformed")
    assert await books(here, there) == before
    answer = await client.get(f"{API}/lots/{theirs}", headers=here.officer.headers())
    refused(answer, 404, "stock.lot_not_found")


async def test_boxes_without_a_lot_are_given_to_the_lot_they_were_of(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot, (point,), keeper = (
        await ledger.stock_lot(here, "A1", 10),
        here.points,
        here.staff[Role.WAREHOUSE_KEEPER],
    )
    unrecorded = await ledger.unrecorded_lot(here, await ledger.box_of(here))
    await post(here, handing(unrecorded, 5, point, source=VARIANCE))
    body = {"lot_id": str(lot), "pickup_point_id": str(point), "boxes": 3, "reason": "示例·核对箱签"}
    key = keeper.headers("a-1")
    first = await client.post(f"{API}/stock/attributions", json=body, headers=key)
    again = await client.post(f"{API}/stock/attributions", json=body, headers=key)
    assert (first.status_code, again.content) == (201, first.content)
    assert first.json() == {
        "id": first.json()["id"], "lot_id": str(lot), "pickup_point_id": str(point), "boxes": 3,
        "unrecorded_left": 2,
    }  # fmt: skip
    assert await balances(here, lot) == {at(point): 7, handed_over(point): 3}
    assert await balances(here, unrecorded) == {VARIANCE: -2, handed_over(point): 2}
    posted = await look(client, keeper, "/stock/movements", document_id=first.json()["id"])
    assert {(item["lot_id"], item["reason"]) for item in posted["items"]} == {
        (str(lot), "示例·核对箱签"), (str(unrecorded), "示例·核对箱签"),
    }  # fmt: skip
    rest = await say(client, keeper, "/stock/attributions", body | {"boxes": 2})
    assert rest.json()["unrecorded_left"] == 0
    assert await balances(here, unrecorded) == {}
    assert (await look(client, keeper, "/stock/proof"))["is_proven"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"boxes": 6}, 409, "stock.too_few_unrecorded"),
        ({"boxes": 5}, 409, "stock.not_enough"),
        ({"boxes": 0}, 422, "platform.malformed"),
        ({"lot_id": "unrecorded"}, 409, "stock.lot_unrecorded"),
        ({"lot_id": "theirs"}, 404, "stock.lot_not_found"),
        ({"pickup_point_id": "theirs"}, 404, "pickup.point_not_found"),
        ({"pickup_point_id": "second"}, 409, "stock.too_few_unrecorded"),
    ],
)
async def test_an_attribution_that_cannot_be_changes_nothing(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], status: int, code: str
) -> None:
    here, there = await street(points=2), await street()
    first, second = here.points
    lot, unrecorded = (
        await ledger.stock_lot(here, "A1", 4),
        await ledger.unrecorded_lot(here, await ledger.box_of(here)),
    )
    names: dict[tuple[str, str], UUID] = {
        ("lot_id", "unrecorded"): unrecorded,
        ("lot_id", "theirs"): await ledger.stock_lot(there, "A1", 4),
        ("pickup_point_id", "theirs"): there.points[0],
        ("pickup_point_id", "second"): second,
    }
    await post(here, handing(unrecorded, 5, first, source=VARIANCE))
    body = {"lot_id": str(lot), "pickup_point_id": str(first), "boxes": 2, "reason": "示例·核对"}
    before = await books(here, there)
    changed = {
        name: str(names.get((name, value), value)) if name != "boxes" else value
        for name, value in change.items()
    }
    answer = await say(client, here.officer, "/stock/attributions", body | changed)
    problem = refused(answer, status, code)
    if code == "stock.too_few_unrecorded":
        assert (problem["left"], problem["asked"]) == ((0, 2) if "pickup_point_id" in change else (5, 6))
    if code == "stock.not_enough":
        assert (problem["on_hand"], problem["asked"]) == (4, 5)
    refused(await say(client, here.clerk, "/stock/attributions", body), 403, "access.forbidden")
    assert await books(here, there) == before
    assert SUPPLIER not in await balances(here, lot)


async def test_an_attribution_may_name_the_scan(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot, (point,), event = await ledger.stock_lot(here, "A1", 10), here.points, new_id()
    unrecorded = await ledger.unrecorded_lot(here, await ledger.box_of(here))
    known = ledger.replace(handing(unrecorded, 2, point, source=VARIANCE), event_id=event)
    await post(here, known, handing(unrecorded, 5, point, source=VARIANCE))
    body = {"lot_id": str(lot), "pickup_point_id": str(point), "reason": "示例·核对", "event_id": str(event)}
    before = await books(here)
    for id, left in ((event, 2), (new_id(), 0)):
        answer = await say(
            client, here.officer, "/stock/attributions", body | {"boxes": 3, "event_id": str(id)}
        )
        assert refused(answer, 409, "stock.too_few_unrecorded")["left"] == left
    assert await books(here) == before
    done = await say(client, here.officer, "/stock/attributions", body | {"boxes": 2})
    assert (done.status_code, done.json()["unrecorded_left"]) == (201, 5)
    assert await balances(here, unrecorded) == {VARIANCE: -5, handed_over(point): 5}
    named = await here.read(select(StockMovement.lot_id).where(StockMovement.event_id == event))
    assert [row[0] for row in named].count(unrecorded) == 2
    assert [row[0] for row in named].count(lot) == 1
    again = await say(client, here.officer, "/stock/attributions", body | {"boxes": 1})
    assert refused(again, 409, "stock.too_few_unrecorded")["left"] == 0
