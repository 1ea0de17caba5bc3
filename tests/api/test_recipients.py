"""Recalls: everybody who received from a lot, masked; names for a reason and on record; notices once."""

from datetime import timedelta
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.notifications.tables import OutboxEvent
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.unions.tables import Reveal
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.answers import API, order, refused, walk
from tests.factories.ledger import VARIANCE
from tests.factories.warehouse import add_orders, ask, hand_over_from, is_proven, keeper, look, say

NOBODY = {"orders": 0, "boxes": 0}


async def test_six_hundred_who_received_from_a_lot_are_listed(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """CASES 51: recall of lot L after 600 hand-overs, and 40 of another lot."""
    here = await street(quota=2_000)
    lot, other = await ledger.stock_lot(here, "L", 700), await ledger.stock_lot(here, "M", 100)
    received, others = await add_orders(here, 600), await add_orders(here, 40)
    await hand_over_from(here, received, lot)
    await hand_over_from(here, others, other)
    await ask(client, here.officer, f"/lots/{lot}/recall", {"reason": "示例·抽检不合格"})
    listed, cursor = [], None
    while True:
        page = await look(
            client,
            here.officer,
            f"/lots/{lot}/recipients",
            limit=200,
            **({"cursor": cursor} if cursor else {}),
        )
        assert page["totals"] == {
            "holds": {"orders": 600, "boxes": 600}, "gave_back": NOBODY, "possible": NOBODY,
            "without_order": 0,
        }  # fmt: skip
        listed += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(listed) == 600
    assert {UUID(one["order_id"]) for one in listed} == set(received)
    assert len({one["member_id"] for one in listed}) == 600
    assert not any(digit in one["name"] for one in listed for digit in "0123456789")
    assert all("****" in one["mobile_masked"] for one in listed)
    told = await ask(client, here.officer, f"/lots/{lot}/recall/notices", {})
    assert (told["told"], told["told_before"]) == (600, 0)
    again = await ask(client, here.officer, f"/lots/{lot}/recall/notices", {"with_possible": True})
    assert (again["told"], again["told_before"]) == (0, 600)
    events = await here.read(
        select(OutboxEvent.subject_id, OutboxEvent.payload).where(
            OutboxEvent.union_id == here.id, OutboxEvent.kind == "lot.recalled"
        )
    )
    assert sorted(row.subject_id for row in events) == sorted(received)
    assert {str(row.payload) for row in events} == {str({"lot_id": str(lot), "is_possible": False})}
    assert await is_proven(here)


async def test_who_gave_back_is_flagged_and_who_got_it_instead_is_listed(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """Through the pickup table: one keeps the box, one has it swapped for another lot, one gives it back."""
    here = await street(members=3, quota=10)
    lot, codes = await ledger.stock_lot(here, "L", 3), []
    for who in here.members:
        placed = await order(client, who, here.offers[0], slot_id=here.slots[0])
        code = await look(client, who, f"/orders/{placed['id']}/code")
        codes.append((placed["id"], str(uuid4()), code["code"]))
    for _, event, code in codes:
        scan = {"event_id": event, "code": code, "pickup_point_id": str(here.points[0])}
        assert (await ask(client, here.clerk, "/redemptions", scan))["result"] == "handed_over"
    other = await ledger.stock_lot(here, "M", 5)
    swap = {"event_id": str(uuid4()), "reason": "示例·破损", "lot_id": str(other)}
    await ask(client, here.clerk, f"/redemptions/{codes[1][1]}/swap", swap)
    undo = {"event_id": str(uuid4()), "reason": "示例·扫错"}
    await ask(client, here.clerk, f"/redemptions/{codes[2][1]}/undo", undo)
    found = await look(client, here.officer, f"/lots/{lot}/recipients")
    assert {one["order_id"]: (one["state"], one["boxes"]) for one in found["items"]} == {
        codes[0][0]: ("holds", 1), codes[1][0]: ("gave_back", 1), codes[2][0]: ("gave_back", 1),
    }  # fmt: skip
    instead = await look(client, here.officer, f"/lots/{other}/recipients")
    assert [(one["order_id"], one["state"]) for one in instead["items"]] == [(codes[1][0], "holds")]
    assert [one["order_id"] for one in await walk(client, f"/lots/{lot}/recipients", here.officer)] == sorted(
        one[0] for one in codes
    )
    only = await walk(client, f"/lots/{lot}/recipients", here.officer, state="gave_back")
    assert len(only) == 2


async def test_boxes_nobody_recorded_may_be_of_the_lot_where_and_when_it_was_there(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2, quota=100)
    lot = await ledger.stock_lot(here, "L", 10)
    nameless = await ledger.unrecorded_lot(here, await ledger.box_of(here))
    mine = await add_orders(here, 2)
    near, far, early = (
        await add_orders(here, 3),
        await add_orders(here, 4, offer=1),
        await add_orders(here, 1),
    )
    await hand_over_from(here, mine, lot)
    await hand_over_from(here, near, nameless, source=VARIANCE)
    await hand_over_from(here, far, nameless, point=1, source=VARIANCE)
    before = utc_now() - timedelta(days=7)
    await hand_over_from(here, early, nameless, at=before, source=VARIANCE)
    found = await look(client, here.officer, f"/lots/{lot}/recipients")
    assert found["totals"] == {
        "holds": {"orders": 2, "boxes": 2}, "gave_back": NOBODY, "possible": {"orders": 3, "boxes": 3},
        "without_order": 0,
    }  # fmt: skip
    states = {UUID(one["order_id"]): one["state"] for one in found["items"]}
    assert states == dict.fromkeys(mine, "holds") | dict.fromkeys(near, "possible")
    await ask(client, here.officer, f"/lots/{lot}/recall", {"reason": "示例·抽检不合格"})
    first = await ask(client, here.officer, f"/lots/{lot}/recall/notices", {})
    second = await ask(client, here.officer, f"/lots/{lot}/recall/notices", {"with_possible": True})
    assert (first["told"], second["told"], second["told_before"]) == (2, 3, 2)


async def test_a_box_that_a_device_told_of_days_later_may_be_of_the_lot_that_was_there_at_the_scan(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """The lot was gone by the time a tablet without a connection reported whom it had served."""
    here = await street(quota=100)
    lot = await ledger.stock_lot(here, "L", 3)
    nameless = await ledger.unrecorded_lot(here, await ledger.box_of(here))
    known, late, next_week = (
        await add_orders(here, 3),
        await add_orders(here, 1),
        utc_now() + timedelta(days=5),
    )
    await hand_over_from(here, known, lot)
    await hand_over_from(here, late, nameless, posted_at=next_week, source=VARIANCE)
    other = await add_orders(here, 1)
    await hand_over_from(here, other, nameless, at=next_week, source=VARIANCE)
    found = await look(client, here.officer, f"/lots/{lot}/recipients")
    states = {UUID(one["order_id"]): one["state"] for one in found["items"]}
    assert states == dict.fromkeys(known, "holds") | dict.fromkeys(late, "possible")


async def test_names_are_shown_for_a_reason_and_the_member_can_read_who_looked(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=100)
    lot = await ledger.stock_lot(here, "L", 10)
    received, other = await add_orders(here, 2), await add_orders(here, 1)
    await hand_over_from(here, received, lot)
    path = f"/lots/{lot}/recipients/reveal"
    body = {"order_ids": [str(id) for id in (*received, *other, uuid4())], "reason": "contact_member"}
    shown = (await ask(client, here.officer, path, body | {"note": "示例·召回"}))["items"]
    assert {(one["order_id"], one["name"], one["mobile"]) for one in shown} == {
        (str(received[0]), "测0试", "13900000000"), (str(received[1]), "测1试", "13900000001"),
    }  # fmt: skip
    looks = await here.read(
        select(Reveal.member_id, Reveal.fields, Reveal.reason).where(Reveal.union_id == here.id)
    )
    holders = await here.read(select(Order.member_id).where(Order.id.in_(received)))
    assert {row.member_id for row in looks} == {row[0] for row in holders}
    assert {(tuple(row.fields), row.reason) for row in looks} == {(("mobile", "name"), "contact_member")}
    seen = AuditEntry.action == "privacy.reveal"
    entries = await here.read(select(AuditEntry.details).where(AuditEntry.union_id == here.id, seen))
    assert [row[0]["lot_id"] for row in entries] == [str(lot)] * 2
    refused(await say(client, here.officer, path, body | {"reason": "curious"}), 422, "platform.malformed")
    for who in (keeper(here), here.clerk, here.staff[Role.AUDITOR], here.staff[Role.CHAIR]):
        refused(await say(client, who, path, body), 403, "access.forbidden")


async def test_notices_are_for_recalled_lots_of_ones_own(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    lot, foreign = await ledger.stock_lot(here, "L", 10), await ledger.stock_lot(there, "L", 10)
    refused(
        await say(client, here.officer, f"/lots/{lot}/recall/notices", {}), 409, "warehouse.lot_not_recalled"
    )
    for unknown in (foreign, uuid4()):
        for path in ("recall/notices", "recipients/reveal"):
            body = {} if path.endswith("notices") else {"order_ids": [str(lot)], "reason": "audit"}
            answer = await say(client, here.officer, f"/lots/{unknown}/{path}", body)
            refused(answer, 404, "stock.lot_not_found")
        answer = await client.get(f"{API}/lots/{unknown}/recipients", headers=here.officer.headers())
        refused(answer, 404, "stock.lot_not_found")
    told = select(OutboxEvent.id).where(OutboxEvent.union_id == here.id, OutboxEvent.kind == "lot.recalled")
    assert await here.read(told) == []
