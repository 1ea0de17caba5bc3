"""One gesture at the table and its stock: in parts, taken back, swapped; every box is somewhere, always."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox
from app.notifications.tables import OutboxEvent
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.redemptions.actions import corrections
from app.redemptions.tables import Redemption, RedemptionChange, RedemptionConflict
from app.stock.queries.proof import prove_balances
from app.stock.rules.ledger import Account, AccountKind
from app.stock.tables import Lot, StockBalance, StockMovement
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged
from tests.factories.ledger import at, balances, box_of, handed_over, quarantine, stock_lot, unrecorded_lot
from tests.factories.street import Person, Street, campaign_terms

VARIANCE = Account(AccountKind.VARIANCE)
SUPPLIER = Account(AccountKind.SUPPLIER)


async def booked(
    client: httpx.AsyncClient, here: Street, *, quantity: int = 1, member: int = 0
) -> tuple[UUID, str]:
    """Return an order that can be collected now, and its code."""
    who = here.members[member]
    placed = await order(client, who, here.offers[0], slot_id=here.slots[0], quantity=quantity)
    code = await client.get(f"{API}/orders/{placed['id']}/code", headers=who.headers())
    return UUID(placed["id"]), str(code.json()["code"])


async def scan(client: httpx.AsyncClient, here: Street, code: str, **more: Any) -> httpx.Response:
    """Scan a code as the clerk."""
    body = {"event_id": str(uuid4()), "code": code, "pickup_point_id": str(here.points[0])} | {
        name: str(value) if isinstance(value, UUID) else value for name, value in more.items()
    }
    return await client.post(f"{API}/redemptions", json=body, headers=here.clerk.headers())


async def handed(client: httpx.AsyncClient, here: Street, code: str, **more: Any) -> dict[str, Any]:
    """Scan a code for which boxes change hands."""
    answer = await scan(client, here, code, **more)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    assert said["result"] == "handed_over", said
    return said


async def change(
    client: httpx.AsyncClient, who: Person, event_id: Any, kind: str, **more: Any
) -> httpx.Response:
    """Ask to undo or swap a hand-over."""
    body = {"event_id": str(uuid4()), "reason": "示例·拿错了"} | more
    return await client.post(f"{API}/redemptions/{event_id}/{kind}", json=body, headers=who.headers())


async def order_now(here: Street, order_id: UUID) -> tuple[Any, ...]:
    rows = await here.read(
        select(Order.status, Order.collected_count, Order.quantity).where(Order.id == order_id)
    )
    return tuple(rows[0])


async def books_balance(here: Street) -> None:
    """Check that every balance is the sum of its movements, and every lot adds up to what was consigned."""
    moved: Counter[Any] = Counter()
    consigned: Counter[Any] = Counter()
    for one in await here.read(select(StockMovement).where(StockMovement.union_id == here.id)):
        row = one[0]
        moved[row.lot_id, row.to_kind, row.to_point_id] += row.boxes
        if row.from_kind is None:
            consigned[row.lot_id] += row.boxes
        else:
            moved[row.lot_id, row.from_kind, row.from_point_id] -= row.boxes
    kept: Counter[Any] = Counter()
    for one in await here.read(select(StockBalance).where(StockBalance.union_id == here.id)):
        kept[one[0].lot_id, one[0].kind, one[0].pickup_point_id] = one[0].boxes
    assert {side: n for side, n in kept.items() if n} == {side: n for side, n in moved.items() if n}
    whole: Counter[Any] = Counter()
    for (lot_id, *_), boxes in kept.items():
        whole[lot_id] += boxes
    assert {lot: n for lot, n in whole.items() if n} == dict(consigned)


async def test_two_boxes_are_collected_one_by_one(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    lot = await stock_lot(here, "A1", 10)
    order_id, code = await booked(client, here, quantity=2)

    first = await handed(client, here, code, quantity=1)
    assert (first["quantity_handed_over"], first["order"]["quantity"]) == (1, 2)
    assert first["order"]["remaining_quantity"] == 1
    assert await order_now(here, order_id) == ("booked", 1, 2)
    mine = (await client.get(f"{API}/orders/{order_id}", headers=here.members[0].headers())).json()
    assert (mine["status"], mine["collected_quantity"], mine["given_up_quantity"]) == ("booked", 1, 0)

    async with unchanged(here):
        too_many = await scan(client, here, code, quantity=2)
        assert refused(too_many, 409, "redemptions.wrong_quantity")["quantity"] == 1

    rest = await handed(client, here, code)
    assert (rest["quantity_handed_over"], rest["order"]["remaining_quantity"]) == (1, 0)
    assert await order_now(here, order_id) == ("collected", 2, 2)
    again = (await scan(client, here, code)).json()
    assert (again["reason"], again["first_event_id"]) == ("already_collected", rest["first_event_id"])
    assert await balances(here, lot) == {at(here.points[0]): 8, handed_over(here.points[0]): 2}
    kinds = await here.read(
        select(OutboxEvent.kind).where(OutboxEvent.union_id == here.id).order_by(OutboxEvent.id)
    )
    assert [row[0] for row in kinds][-2:] == ["order.part_collected", "order.collected"]
    await books_balance(here)


async def test_a_hand_over_is_taken_back_and_the_code_is_good_again(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot = await stock_lot(here, "A1", 10)
    order_id, code = await booked(client, here)
    counters = await here.counters()
    event_id = (await handed(client, here, code))["first_event_id"]

    undo = {"event_id": str(uuid4()), "reason": "示例·扫错了人"}
    answer = await client.post(f"{API}/redemptions/{event_id}/undo", json=undo, headers=here.clerk.headers())
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["kind"], said["of_event_id"], said["event_id"]) == ("undo", event_id, undo["event_id"])
    assert (said["quantity"], said["by"], said["lots"]) == (1, here.clerk.name, [])
    assert (said["order"]["status"], said["order"]["remaining_quantity"]) == ("booked", 1)
    assert await order_now(here, order_id) == ("booked", 0, 1)
    assert await balances(here, lot) == {at(here.points[0]): 10}
    assert await here.counters() == counters, "the box stays promised, the place stays taken"

    async with unchanged(here):
        again = await client.post(
            f"{API}/redemptions/{event_id}/undo", json=undo, headers=here.clerk.headers()
        )
        assert again.json() == said, "the same event, the same answer"
        other = await client.post(
            f"{API}/redemptions/{event_id}/undo",
            json=undo | {"reason": "示例·别的原因"},
            headers=here.clerk.headers(),
        )
        refused(other, 422, "idempotency.key_reused")
        refused(await change(client, here.clerk, event_id, "undo"), 409, "redemptions.undone_already")
        refused(await change(client, here.clerk, event_id, "swap"), 409, "redemptions.undone_already")

    record = (await client.get(f"{API}/redemptions/{event_id}", headers=here.clerk.headers())).json()
    assert (record["result"], record["undone_at"]) == ("handed_over", said["at"]), "never an erased row"
    assert [(one["kind"], one["reason"], one["by"]) for one in record["changes"]] == [
        ("undo", "示例·扫错了人", here.clerk.name)
    ]
    assert (record["member_name_masked"], record["lots"]) == ("示*0", [])
    second = await handed(client, here, code)
    assert second["first_event_id"] != event_id
    assert await order_now(here, order_id) == ("collected", 1, 1)
    assert await balances(here, lot) == {at(here.points[0]): 9, handed_over(here.points[0]): 1}
    kinds = Counter(
        row[0] for row in await here.read(select(OutboxEvent.kind).where(OutboxEvent.union_id == here.id))
    )
    assert (kinds["order.reopened"], kinds["order.collected"]) == (1, 2)
    await books_balance(here)


async def test_a_damaged_box_is_swapped(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    today = local_date(utc_now())
    soon = await stock_lot(here, "SOON", 1, best_before_on=today + timedelta(days=30))
    late = await stock_lot(here, "LATE", 5, best_before_on=today + timedelta(days=90))
    order_id, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    assert await balances(here, soon) == {handed_over(here.points[0]): 1}, "first expired, first out"

    answer = await change(client, here.clerk, event_id, "swap", reason="示例·破损")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["kind"], said["quantity"]) == ("swap", 1)
    assert said["lots"] == [{"lot_id": str(late), "number": "LATE", "boxes": 1}]
    assert (said["order"]["status"], said["order"]["remaining_quantity"]) == ("collected", 0)
    assert await order_now(here, order_id) == ("collected", 1, 1)
    assert await balances(here, soon) == {quarantine(here.points[0]): 1}
    assert await balances(here, late) == {at(here.points[0]): 4, handed_over(here.points[0]): 1}

    async with unchanged(here):
        too_many = await change(client, here.clerk, event_id, "swap", quantity=2)
        assert refused(too_many, 409, "redemptions.wrong_quantity")["quantity"] == 1
    undone = await change(client, here.clerk, event_id, "undo")
    assert undone.status_code == 200, undone.text
    assert await balances(here, soon) == {quarantine(here.points[0]): 1}
    assert await balances(here, late) == {at(here.points[0]): 5}, "the box the member held came back"
    await books_balance(here)


async def test_a_table_without_books_still_hands_over_undoes_and_swaps(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot = await unrecorded_lot(here, await box_of(here))
    given, aside = handed_over(here.points[0]), quarantine(here.points[0])
    _, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    assert await balances(here, lot) == {given: 1, VARIANCE: -1}
    swapped = await change(client, here.clerk, event_id, "swap")
    assert swapped.json()["lots"] == [{"lot_id": str(lot), "number": None, "boxes": 1}]
    assert await balances(here, lot) == {given: 1, aside: 1, VARIANCE: -2}
    assert (await change(client, here.clerk, event_id, "undo")).status_code == 200
    assert await balances(here, lot) == {aside: 1, VARIANCE: -1}
    await books_balance(here)


async def test_the_lot_on_the_carton_is_recorded(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    today = local_date(utc_now())
    first = await stock_lot(here, "FIRST", 5, best_before_on=today + timedelta(days=10))
    other = await stock_lot(here, "OTHER", 5, best_before_on=today + timedelta(days=20))
    _, code = await booked(client, here)
    event_id = (await handed(client, here, code, lot_id=other))["first_event_id"]
    assert await balances(here, first) == {at(here.points[0]): 5}
    assert await balances(here, other) == {at(here.points[0]): 4, handed_over(here.points[0]): 1}

    recall = {"recalled_at": utc_now(), "recall_reason": "示例·召回"}
    await here.set(Lot, other, **recall)
    _, code = await booked(client, here, member=1)
    withheld = (await scan(client, here, code, lot_id=other)).json()
    assert (withheld["result"], withheld["reason"]) == ("refused", "recalled")
    async with unchanged(here):
        swap = await change(client, here.clerk, event_id, "swap", lot_id=str(other))
        refused(swap, 409, "redemptions.lot_withheld")
        missing = await change(client, here.clerk, event_id, "swap", lot_id=str(uuid4()))
        refused(missing, 404, "stock.lot_not_found")
    swapped = await change(client, here.clerk, event_id, "swap", lot_id=str(first))
    assert swapped.json()["lots"] == [{"lot_id": str(first), "number": "FIRST", "boxes": 1}]
    assert (await handed(client, here, code))["quantity_handed_over"] == 1
    assert await balances(here, first) == {at(here.points[0]): 3, handed_over(here.points[0]): 2}
    await books_balance(here)


async def test_a_lot_of_others_is_as_unknown_as_none(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(boxes=2), await street()
    theirs, another = await stock_lot(there, "A1", 5), await stock_lot(here, "B1", 5, offer=1)
    _, code = await booked(client, here)
    async with unchanged(here, there):
        for lot in (theirs, uuid4()):
            refused(await scan(client, here, code, lot_id=lot), 404, "stock.lot_not_found")
        refused(await scan(client, here, code, lot_id=another), 409, "redemptions.wrong_lot")


async def test_who_may_take_it_back_and_until_when(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    order_id, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    async with unchanged(here):
        for who in (there.clerk, there.officer):
            refused(await change(client, who, event_id, "undo"), 404, "redemptions.not_found")
        refused(await change(client, here.members[0], event_id, "undo"), 403, "access.forbidden")
        refused(await change(client, here.staff[Role.CHAIR], event_id, "undo"), 403, "access.forbidden")
        refused(await change(client, here.clerk, uuid4(), "undo"), 404, "redemptions.not_found")

    redemption = (await here.read(select(Redemption.id).where(Redemption.event_id == UUID(event_id))))[0][0]
    await here.set(Redemption, redemption, received_at=utc_now() - timedelta(minutes=5, seconds=2))
    async with unchanged(here):
        for kind in ("undo", "swap"):
            late = await change(client, here.clerk, event_id, kind)
            assert refused(late, 403, "redemptions.over_free_minutes")["minutes"] == 5
    assert (await change(client, here.officer, event_id, "undo")).status_code == 200
    assert await order_now(here, order_id) == ("booked", 0, 1)


async def test_after_the_seal_nothing_is_handed_over_or_taken_back(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    open_order, other_code = await booked(client, here, member=1)
    await here.set(Campaign, here.campaign_id, sealed_at=utc_now())
    async with unchanged(here):
        for who in (here.clerk, here.officer):
            for kind in ("undo", "swap"):
                refused(await change(client, who, event_id, kind), 409, "campaigns.sealed")
    late = (await scan(client, here, other_code, override={"reason": "示例·来晚了"})).json()
    assert (late["result"], late["reason"]) == ("refused", "too_late")
    assert (await order_now(here, order_id), await order_now(here, open_order)) == (
        ("collected", 1, 1),
        ("booked", 0, 1),
    )


async def test_the_database_takes_no_change_after_the_seal(
    client: httpx.AsyncClient, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    await here.set(Campaign, here.campaign_id, sealed_at=utc_now())
    monkeypatch.setattr(corrections, "check_change", lambda *_, **__: None)
    refused(await change(client, here.clerk, event_id, "undo"), 409, "platform.conflict")
    assert await order_now(here, order_id) == ("collected", 1, 1)


async def test_nobody_changes_the_hand_over_of_their_own_order(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    _, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    await here.set(StaffAccount, here.officer.id, member_id=here.members[0].id)
    async with unchanged(here):
        for kind in ("undo", "swap"):
            refused(await change(client, here.officer, event_id, kind), 403, "redemptions.own_order")


async def test_a_change_and_a_scan_never_share_an_event(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=2)
    lot = await stock_lot(here, "A1", 10)
    _, code = await booked(client, here)
    _, other_code = await booked(client, here, member=1)
    first, other = await handed(client, here, code), await handed(client, here, other_code)
    taken = other["first_event_id"]
    async with unchanged(here):
        for kind in ("undo", "swap"):
            asked = {"event_id": taken, "reason": "示例·拿错了"}
            answer = await client.post(
                f"{API}/redemptions/{first['first_event_id']}/{kind}",
                json=asked,
                headers=here.clerk.headers(),
            )
            refused(answer, 422, "idempotency.key_reused")

    undone = (await change(client, here.clerk, first["first_event_id"], "undo")).json()
    async with unchanged(here):
        refused(await scan(client, here, code, event_id=undone["event_id"]), 422, "idempotency.key_reused")
    assert (await change(client, here.clerk, taken, "undo")).status_code == 200
    assert await balances(here, lot) == {at(here.points[0]): 10}


async def test_a_refused_scan_cannot_be_taken_back(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    _, code = await booked(client, here)
    await handed(client, here, code)
    second = {"event_id": str(uuid4())}
    assert (await scan(client, here, code, **second)).json()["reason"] == "already_collected"
    unknown = {"event_id": str(uuid4())}
    await scan(client, here, "0000000000", **unknown)
    async with unchanged(here):
        for event in (second, unknown):
            for kind in ("undo", "swap"):
                answer = await change(client, here.clerk, event["event_id"], kind)
                refused(answer, 409, "redemptions.not_handed_over")
    record = await client.get(f"{API}/redemptions/{unknown['event_id']}", headers=here.clerk.headers())
    assert (record.json()["reason"], record.json()["order"]) == ("unknown", None)


async def test_one_of_two_parts_is_taken_back(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    order_id, code = await booked(client, here, quantity=2)
    first = await handed(client, here, code, quantity=1)
    await handed(client, here, code, quantity=1)
    undone = await change(client, here.clerk, first["first_event_id"], "undo")
    assert undone.json()["order"]["remaining_quantity"] == 1
    assert await order_now(here, order_id) == ("booked", 1, 2)
    await handed(client, here, code)
    portions = await here.read(
        select(Redemption.first_portion).where(
            Redemption.order_id == order_id, Redemption.undone_at.is_(None)
        )
    )
    assert sorted(row[0] for row in portions) == [1, 2]
    assert await order_now(here, order_id) == ("collected", 2, 2)
    await books_balance(here)


async def test_an_order_without_a_place_is_open_again_without_one(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    placed = await order(client, here.members[0], here.offers[0])
    code = await client.get(f"{API}/orders/{placed['id']}/code", headers=here.members[0].headers())
    said = await handed(client, here, code.json()["code"], override={"reason": "现场补约"})
    undone = await change(client, here.clerk, said["first_event_id"], "undo")
    assert undone.json()["order"]["status"] == "to_book"


async def test_the_rest_of_an_order_is_given_up_with_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=2)
    order_id, code = await booked(client, here, quantity=2)
    await handed(client, here, code, quantity=1)
    waiting = await order(client, here.members[1], here.offers[0], join_waitlist=True)
    cancel = f"{API}/orders/{order_id}/cancel"
    answer = await client.post(cancel, json={}, headers=here.members[0].headers("new"))
    said = answer.json()
    assert (answer.status_code, said["status"], said["quantity"]) == (200, "collected", 1)
    assert (said["collected_quantity"], said["given_up_quantity"]) == (1, 1)
    assert await order_now(here, UUID(waiting["id"])) == ("to_book", 0, 1), "the box goes to who waited"
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    assert (await scan(client, here, code)).json()["reason"] == "already_collected"


async def test_a_fact_of_a_device_is_posted_and_a_duplicate_is_for_a_person(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    lot = await stock_lot(here, "A1", 10)
    order_id, code = await booked(client, here)
    events = [
        {"event_id": str(uuid4()), "code": code, "pickup_point_id": str(here.points[0])} for _ in range(2)
    ]
    body = {"device_id": "d-1", "events": events}
    answer = await client.post(f"{API}/redemptions/batch", json=body, headers=here.clerk.headers())
    results = [one["answer"]["result"] for one in answer.json()["results"]]
    assert results == ["handed_over", "refused"]
    assert await balances(here, lot) == {at(here.points[0]): 9, handed_over(here.points[0]): 1}
    posted = await here.read(
        select(StockMovement.event_id).where(
            StockMovement.union_id == here.id, StockMovement.event_id.is_not(None)
        )
    )
    assert [str(row[0]) for row in posted] == [events[0]["event_id"]], "one hand-over, one set of movements"
    assert await here.count(RedemptionConflict) == 1
    assert await order_now(here, order_id) == ("collected", 1, 1)
    undone = await change(client, here.clerk, events[0]["event_id"], "undo")
    assert undone.status_code == 200
    assert await balances(here, lot) == {at(here.points[0]): 10}
    await books_balance(here)


async def visit(here: Street) -> None:
    """Make the street's campaign one with places on a visit."""
    campaign_id, box, offer, slot, now = new_id(), new_id(), new_id(), new_id(), utc_now()
    terms = campaign_terms(now) | {"kind": "visit"}
    place = {"campaign_id": campaign_id, "pickup_point_id": here.points[0], "union_id": here.id}
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(Campaign(id=campaign_id, union_id=here.id, drafted_by=here.officer.id, **terms))
        session.add(GiftBox(id=box, union_id=here.id, name="示例·走访名额", unit="位", kind="place",
                            unit_price_fen=0))  # fmt: skip
        await session.flush()
        session.add(Offer(id=offer, gift_box_id=box, quota=9, **place))
        until = now + timedelta(hours=1)
        session.add(Slot(id=slot, starts_at=now, ends_at=until, capacity=9, **place))
    here.campaign_id, here.offers, here.slots = campaign_id, [offer], [slot]


async def test_a_place_on_a_visit_moves_no_box(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    await visit(here)
    order_id, code = await booked(client, here)
    event_id = (await handed(client, here, code))["first_event_id"]
    assert await here.count(StockMovement) == 0
    async with unchanged(here):
        refused(await change(client, here.clerk, event_id, "swap"), 409, "redemptions.no_boxes")
    assert (await change(client, here.clerk, event_id, "undo")).status_code == 200
    assert await order_now(here, order_id) == ("booked", 0, 1)


@pytest.mark.parametrize(
    ("change_of_body", "pointer"),
    [
        ({"event_id": "x"}, "/event_id"),
        ({"reason": ""}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"more": 1}, "/more"),
        ({"quantity": 0}, "/quantity"),
        ({"quantity": 21}, "/quantity"),
        ({"lot_id": "x"}, "/lot_id"),
    ],
)
async def test_a_malformed_swap_says_where(
    client: httpx.AsyncClient, street: MakeStreet, change_of_body: dict[str, Any], pointer: str
) -> None:
    here = await street()
    body = {"event_id": str(uuid4()), "reason": "示例"} | change_of_body
    answer = await client.post(f"{API}/redemptions/{uuid4()}/swap", json=body, headers=here.clerk.headers())
    problem = refused(answer, 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await here.count(RedemptionChange) == 0


@pytest.mark.parametrize("change", ["undo", "swap"])
async def test_boxes_that_were_attributed_without_a_scan_come_back_all_the_same(
    client: httpx.AsyncClient, street: MakeStreet, change: str
) -> None:
    """Two boxes go out before the truck is recorded; the keeper says what lot they were of, not whose."""
    here = await street(members=2, quota=10)
    (point,), scans = here.points, []
    for member in range(2):
        _, code = await booked(client, here, member=member)
        scans.append(uuid4())
        await handed(client, here, code, event_id=scans[-1])
    lot, unrecorded = await stock_lot(here, "A1", 10), await unrecorded_lot(here, await box_of(here))
    body = {"lot_id": str(lot), "pickup_point_id": str(point), "boxes": 2, "reason": "示例·补记批次"}
    told = await client.post(f"{API}/stock/attributions", json=body, headers=here.officer.headers())
    assert (told.status_code, await balances(here, lot)) == (201, {at(point): 8, handed_over(point): 2})
    for done, event in enumerate(scans, start=1):
        asked = {"event_id": str(uuid4()), "reason": "示例·破损"}
        path = f"{API}/redemptions/{event}/{change}"
        answer = await client.post(path, json=asked, headers=here.clerk.headers())
        assert answer.status_code == 200, answer.text
        wanted = (
            {at(point): 8 + done, handed_over(point): 2 - done}
            if change == "undo"
            else {at(point): 8 - done, quarantine(point): done, handed_over(point): 2}
        )
        assert await balances(here, lot) == {side: boxes for side, boxes in wanted.items() if boxes}
        assert await balances(here, unrecorded) == {}
    async with here.database.transaction(one_union(here.id)) as session:
        assert await prove_balances(session, here.id) == []
