"""Goods receipts through HTTP: what came is on the ledger, exactly, and by three people."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.access.scope import one_union
from app.platform.clock import local_date, utc_now
from app.procurement.tables import Receipt, ReceiptLine
from app.stock.queries.figures import lot_figures
from app.stock.queries.proof import prove_balances
from app.stock.tables import Lot, StockBalance, StockMovement
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused
from tests.factories.procurement import (
    approved,
    buy_and_receive,
    gift_box_of,
    keeper_of,
    post,
    purchase_body,
    receipt_body,
    receivers,
)
from tests.factories.street import Person, Street

TODAY = local_date(utc_now())


async def balances(here: Street, lot_id: UUID) -> dict[str, int]:
    """Return what is where of a lot; empty accounts left out."""
    rows = await here.read(select(StockBalance.kind, StockBalance.boxes).where(StockBalance.lot_id == lot_id))
    return {kind: boxes for kind, boxes in rows if boxes}


async def proof(here: Street) -> list[Any]:
    async with here.database.transaction(one_union(here.id)) as session:
        return list(await prove_balances(session, here.id))


async def nothing_received(here: Street) -> None:
    for table in (Receipt, ReceiptLine, StockMovement, StockBalance):
        assert await here.count(table) == 0, table
    assert await here.read(select(Lot.id).where(Lot.union_id == here.id, Lot.kind == "received")) == []


async def bought(client: httpx.AsyncClient, here: Street, **change: Any) -> tuple[str, str]:
    """Return the path of receipts of an approved purchase, and the id of its line."""
    made = await approved(client, here, **purchase_body(await gift_box_of(here), **change))
    return f"{API}/procurements/{made['id']}/receipts", made["lines"][0]["id"]


async def test_a_truck_of_2000_boxes(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """CASES 48: 2,000 ordered, 1,950 good, 30 damaged, 20 missing."""
    here = await street()
    made = await buy_and_receive(client, here)
    assert await balances(here, made.lot_id) == {"pickup_point": 1_950, "quarantine": 30, "supplier": 20}
    assert await proof(here) == []
    async with here.database.transaction(one_union(here.id)) as session:
        figures = (await lot_figures(session, [made.lot_id]))[made.lot_id]
    assert (figures.consigned, figures.received, figures.missing) == (2_000, 1_980, 20)
    assert (figures.on_hand, figures.damaged) == (1_950, 30)
    assert made.receipt_number == f"RK-{TODAY:%Y%m%d}-001"
    movements = await here.read(
        select(StockMovement.kind, StockMovement.boxes, StockMovement.document_id, StockMovement.posted_by)
        .where(StockMovement.lot_id == made.lot_id)
        .order_by(StockMovement.id)
    )
    assert {(row.kind, row.boxes) for row in movements} == {
        ("consigned", 2_000),
        ("received", 1_950),
        ("received", 30),
    }
    assert {(row.document_id, row.posted_by) for row in movements} == {(made.receipt_id, keeper_of(here).id)}

    whole = await client.get(f"{API}/procurements/{made.purchase_id}", headers=here.officer.headers())
    assert whole.json()["lot_ids"] == [str(made.lot_id)]
    (receipt,) = whole.json()["receipts"]
    (line,) = receipt["lines"]
    assert (line["expected"], line["good"], line["damaged"], line["missing"]) == (2_000, 1_950, 30, 20)
    assert (receipt["kind"], receipt["reversed_by_id"]) == ("delivery", None)
    one = await client.get(f"{API}/receipts/{made.receipt_id}", headers=here.officer.headers())
    assert one.json() == receipt
    listed = await client.get(f"{API}/receipts", headers=keeper_of(here).headers())
    assert listed.json() == {"items": [receipt], "next": None}


async def test_missing_boxes_that_come_later(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    made = await buy_and_receive(client, here)
    path = f"{API}/receipts/{made.receipt_id}/late-delivery"
    body = {
        "pickup_point_id": str(here.points[1]),
        "received_on": TODAY.isoformat(),
        "delivered_by": "示例·冀A00000 货车",
        "lines": [{"receipt_line_id": str(made.receipt_line_id), "good": 15, "damaged": 2}],
    } | receivers(here)
    late = await client.post(path, json=body, headers=here.clerk.headers())
    refused(late, 403, "access.forbidden")
    late = await client.post(path, json=body, headers=keeper_of(here).headers())
    assert late.status_code == 201, late.text
    view = late.json()
    assert (view["kind"], view["of_receipt_id"]) == ("late_delivery", str(made.receipt_id))
    assert view["number"] == f"RK-{TODAY:%Y%m%d}-002"
    assert view["lines"][0]["lot_id"] == str(made.lot_id)
    expected = {"pickup_point": 1_950, "quarantine": 30, "supplier": 20}
    rows = await here.read(
        select(StockBalance.kind, StockBalance.pickup_point_id, StockBalance.boxes).where(
            StockBalance.lot_id == made.lot_id
        )
    )
    assert {tuple(row) for row in rows} == {
        ("supplier", None, 3),
        ("pickup_point", here.points[0], 1_950),
        ("pickup_point", here.points[1], 15),
        ("quarantine", here.points[0], 30),
        ("quarantine", here.points[1], 2),
    }
    more = await client.post(path, json=body, headers=keeper_of(here).headers())
    assert refused(more, 409, "procurement.not_missing")["missing"] == 3
    assert await here.count(Receipt) == 2

    first = f"{API}/receipts/{made.receipt_id}/reverse"
    why = {"reason": "示例·数错了"} | receivers(here)
    refused(
        await client.post(first, json=why, headers=keeper_of(here).headers()),
        409,
        "procurement.goods_moved_on",
    )
    await post(client, f"/receipts/{view['id']}/reverse", keeper_of(here), **why)
    assert await balances(here, made.lot_id) == expected
    assert await proof(here) == []


async def test_a_wrong_receipt_is_taken_back_and_written_anew(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await buy_and_receive(client, here)
    why = {"reason": "示例·数错了"} | receivers(here)
    path = f"{API}/receipts/{made.receipt_id}/reverse"
    back = await client.post(path, json=why, headers=keeper_of(here).headers("new"))
    assert back.status_code == 201, back.text
    assert (back.json()["kind"], back.json()["reason"]) == ("reversal", "示例·数错了")
    assert await balances(here, made.lot_id) == {"returned": 2_000}
    refused(
        await client.post(path, json=why, headers=keeper_of(here).headers()),
        409,
        "procurement.reversed_already",
    )
    twice = f"{API}/receipts/{back.json()['id']}/reverse"
    refused(
        await client.post(twice, json=why, headers=keeper_of(here).headers()),
        409,
        "procurement.reversed_already",
    )
    right = receipt_body(here, made.line_id, line={"good": 1_960, "damaged": 20})
    receipts = f"/procurements/{made.purchase_id}/receipts"
    await post(client, receipts, keeper_of(here), **right)
    assert await balances(here, made.lot_id) == {"pickup_point": 1_960, "quarantine": 20, "supplier": 20}
    async with here.database.transaction(one_union(here.id)) as session:
        figures = (await lot_figures(session, [made.lot_id]))[made.lot_id]
    assert (figures.consigned, figures.received, figures.returned, figures.missing) == (2_000, 1_980, 0, 20)
    assert await proof(here) == []
    whole = await client.get(f"{API}/procurements/{made.purchase_id}", headers=here.officer.headers())
    assert [one["reversed_by_id"] for one in whole.json()["receipts"]] == [back.json()["id"], None, None]


async def test_boxes_that_have_gone_on_are_not_taken_back(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    made = await buy_and_receive(client, here)
    at_point = (StockBalance.lot_id == made.lot_id) & (StockBalance.kind == "pickup_point")
    ((balance,),) = await here.read(select(StockBalance.id).where(at_point))
    await here.set(StockBalance, balance, boxes=1_949)
    path = f"{API}/receipts/{made.receipt_id}/reverse"
    body = {"reason": "示例·数错了"} | receivers(here)
    answer = await client.post(path, json=body, headers=keeper_of(here).headers())
    refused(answer, 409, "procurement.goods_moved_on")
    assert await here.count(Receipt) == 1
    assert await here.count(StockMovement) == 3


async def test_not_more_than_was_ordered(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    keeper = keeper_of(here).headers()
    many = {"expected": 2_001, "good": 2_001, "damaged": 0, "missing": 0}
    answer = await client.post(path, json=receipt_body(here, line_id, line=many), headers=keeper)
    problem = refused(answer, 409, "procurement.more_than_ordered")
    assert (problem["line"], problem["ordered"], problem["received"]) == (1, 2_000, 2_001)
    await nothing_received(here)
    some = {"expected": 1_999, "good": 1_999, "damaged": 0, "missing": 0}
    first = await client.post(path, json=receipt_body(here, line_id, line=some), headers=keeper)
    assert first.status_code == 201, first.text
    two = {"batch": "B2", "expected": 2, "good": 2, "damaged": 0, "missing": 0}
    answer = await client.post(path, json=receipt_body(here, line_id, line=two), headers=keeper)
    assert refused(answer, 409, "procurement.more_than_ordered")["received"] == 2_001
    why = two | {"override_reason": "示例·供应商补送一份"}
    answer = await client.post(path, json=receipt_body(here, line_id, line=why), headers=keeper)
    assert answer.status_code == 201, answer.text
    assert await proof(here) == []


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (59, "procurement.shelf_life_short"),
        (-1, "procurement.goods_expired"),
        (None, "procurement.shelf_life_short"),
    ],
)
async def test_goods_that_go_off_soon(
    client: httpx.AsyncClient, street: MakeStreet, days: int | None, code: str
) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    best = None if days is None else (TODAY + timedelta(days=days)).isoformat()
    keeper = keeper_of(here).headers()
    line = {"best_before_on": best, "produced_on": None}
    answer = await client.post(path, json=receipt_body(here, line_id, line=line), headers=keeper)
    refused(answer, 409, code)
    await nothing_received(here)
    line["override_reason"] = "示例·当周发完"
    answer = await client.post(path, json=receipt_body(here, line_id, line=line), headers=keeper)
    if code == "procurement.goods_expired":
        refused(answer, 409, code)
        await nothing_received(here)
    else:
        assert answer.status_code == 201, answer.text
        assert answer.json()["lines"][0]["override_reason"] == "示例·当周发完"


async def test_sixty_days_are_enough(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    line = {"best_before_on": (TODAY + timedelta(days=60)).isoformat()}
    answer = await client.post(
        path, json=receipt_body(here, line_id, line=line), headers=keeper_of(here).headers()
    )
    assert answer.status_code == 201, answer.text


async def test_buyer_inspector_and_keeper_are_three_people(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    keeper, officer, clerk = keeper_of(here), here.officer, here.clerk

    async def attempt(by: Person, **who: Person) -> httpx.Response:
        people = {name: str(person.id) for name, person in who.items()}
        return await client.post(path, json=receipt_body(here, line_id, **people), headers=by.headers())

    three = "procurement.three_people"
    refused(await attempt(keeper, inspected_by=keeper, kept_by=keeper), 403, three)
    refused(await attempt(keeper, inspected_by=officer, kept_by=keeper), 403, three)
    refused(await attempt(officer, inspected_by=clerk, kept_by=officer), 403, three)
    finance = here.staff[Role.FINANCE]
    refused(await attempt(keeper, inspected_by=clerk, kept_by=finance), 403, "procurement.not_receiver")
    for role in (Role.AUDIT_ADMIN, Role.AUDITOR, Role.FINANCE, Role.GROUP_LEADER):
        refused(await attempt(keeper, inspected_by=here.staff[role], kept_by=keeper), 403, three)
    other = await street()
    refused(await attempt(keeper, inspected_by=other.clerk, kept_by=keeper), 403, three)
    member = here.members[0].id
    for account in (clerk, officer):
        await here.set(StaffAccount, account.id, member_id=member)
    refused(await attempt(keeper, inspected_by=clerk, kept_by=keeper), 403, three)
    await here.set(StaffAccount, officer.id, member_id=None)
    await here.set(StaffAccount, clerk.id, disabled_at=utc_now())
    refused(await attempt(keeper, inspected_by=clerk, kept_by=keeper), 403, three)
    await nothing_received(here)
    await here.set(StaffAccount, clerk.id, disabled_at=None)
    assert (await attempt(keeper, inspected_by=clerk, kept_by=keeper)).status_code == 201


async def test_only_an_approved_purchase_is_received(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    drafted = await post(client, "/procurements", here.officer, **purchase_body(await gift_box_of(here)))
    path = f"{API}/procurements/{drafted['id']}/receipts"
    body = receipt_body(here, drafted["lines"][0]["id"])
    keeper = keeper_of(here)
    answer = await client.post(path, json=body, headers=keeper.headers())
    assert refused(answer, 409, "procurement.step_not_possible")["state"] == "draft"
    await nothing_received(here)
    other = await street()
    answer = await client.post(path, json=body, headers=keeper_of(other).headers())
    refused(answer, 404, "procurement.not_found")


async def test_what_a_receipt_cannot_say(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    keeper = keeper_of(here).headers()

    async def attempt(**change: Any) -> httpx.Response:
        return await client.post(path, json=receipt_body(here, line_id, **change), headers=keeper)

    refused(await attempt(line={"missing": 21}), 422, "platform.malformed")
    refused(await attempt(line={"batch": None}), 409, "procurement.batch_needed")
    refused(await attempt(line={"unit": "grams"}), 409, "procurement.batch_needed")
    refused(await attempt(line={"purchase_line_id": str(here.id)}), 404, "procurement.line_not_found")
    refused(await attempt(line={"origin_code": "130722999999"}), 404, "stock.origin_not_found")
    refused(await attempt(pickup_point_id=str(here.id)), 404, "pickup.point_not_found")
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    refused(await attempt(received_on=tomorrow), 409, "procurement.day_in_future")
    await nothing_received(here)


async def test_one_lot_on_two_lines_and_a_recall(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    keeper = keeper_of(here).headers()
    part = {"expected": 10, "good": 9, "damaged": 0, "missing": 1}
    body = receipt_body(here, line_id, line=part)
    body["lines"] = [body["lines"][0], body["lines"][0] | {"good": 8, "damaged": 1}]
    made = await client.post(path, json=body, headers=keeper)
    assert made.status_code == 201, made.text
    (lot_id,) = {line["lot_id"] for line in made.json()["lines"]}
    assert await balances(here, UUID(lot_id)) == {"pickup_point": 17, "quarantine": 1, "supplier": 2}
    await here.set(Lot, UUID(lot_id), recalled_at=utc_now(), recall_reason="示例·包装破损")
    refused(await client.post(path, json=body, headers=keeper), 409, "procurement.lot_recalled")
    assert await here.count(Receipt) == 1
    contradicts = receipt_body(here, line_id, line=part | {"best_before_on": "2030-01-01"})
    refused(await client.post(path, json=contradicts, headers=keeper), 409, "stock.lot_contradicts")


async def test_loose_goods_are_received_on_paper(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    line = {"description": "小米", "grams": 1_000_000, "amount_fen": 1_200_000}
    body = purchase_body(await gift_box_of(here)) | {"lines": [line]}
    made = await approved(client, here, **body)
    came: dict[str, Any] = {"batch": None, "best_before_on": None, "produced_on": None, "unit": "grams"}
    came |= {"expected": 1_000_000, "good": 999_000, "damaged": 0, "missing": 1_000}
    path = f"/procurements/{made['id']}/receipts"
    receipt = await post(
        client, path, keeper_of(here), **receipt_body(here, made["lines"][0]["id"], line=came)
    )
    assert receipt["lines"][0]["lot_id"] is None
    late = {
        "pickup_point_id": str(here.points[0]),
        "received_on": TODAY.isoformat(),
        "delivered_by": "示例·冀A00000 货车",
        "lines": [{"receipt_line_id": receipt["lines"][0]["id"], "good": 600}],
    } | receivers(here)
    came_late = f"/receipts/{receipt['id']}/late-delivery"
    assert (await post(client, came_late, keeper_of(here), **late))["lines"][0]["unit"] == "grams"
    again = await client.post(f"{API}{came_late}", json=late, headers=keeper_of(here).headers())
    assert refused(again, 409, "procurement.not_missing")["missing"] == 400
    why = {"reason": "示例·数错了"} | receivers(here)
    back = await client.post(
        f"{API}/receipts/{receipt['id']}/reverse", json=why, headers=keeper_of(here).headers()
    )
    refused(back, 409, "procurement.goods_moved_on")
    assert await here.count(Receipt) == 2
    assert await here.count(StockMovement) == 0
    assert (await post(client, f"/procurements/{made['id']}/papers", here.officer, contract_no="HT-1"))[
        "lot_ids"
    ] == []


async def test_grams_that_are_missing_do_not_come_late_as_bags(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    line = {"description": "小米", "boxes": 10, "grams": 25_000, "amount_fen": 100_000}
    made = await approved(client, here, **purchase_body(await gift_box_of(here)) | {"lines": [line]})
    plain = {"purchase_line_id": made["lines"][0]["id"], "good": 0}
    lines = [
        plain | {"unit": "boxes", "expected": 10, "missing": 10},
        plain | {"unit": "grams", "expected": 25_000, "missing": 25_000},
    ]
    path = f"/procurements/{made['id']}/receipts"
    wanted = receipt_body(here, plain["purchase_line_id"]) | {"lines": lines}
    receipt = await post(client, path, keeper_of(here), **wanted)
    late = {
        "pickup_point_id": str(here.points[0]),
        "received_on": TODAY.isoformat(),
        "delivered_by": "示例·冀A00000 货车",
        "lines": [{"receipt_line_id": receipt["lines"][0]["id"], "good": 11}],
    } | receivers(here)
    path = f"{API}/receipts/{receipt['id']}/late-delivery"
    more = await client.post(path, json=late, headers=keeper_of(here).headers())
    assert refused(more, 409, "procurement.not_missing")["missing"] == 10
    assert await here.count(Receipt) == 1


async def test_the_same_key_receives_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    path, line_id = await bought(client, here)
    body = receipt_body(here, line_id)
    headers = keeper_of(here).headers("a-delivery")
    first = await client.post(path, json=body, headers=headers)
    again = await client.post(path, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    assert await here.count(Receipt) == 1
