"""Hand-overs that a device recorded offline: whatever comes, none is lost and none is counted twice."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import add_token
from app.orders.rules.states import OrderStatus
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.redemptions.actions.keys import change_key, make_key
from app.redemptions.rules.keys import KeyState
from app.redemptions.tables import PickupCode, QuarantinedEvent, Redemption, RedemptionConflict
from app.unions.tables import StaffAccount
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged
from tests.factories.street import Street

REDEEM, BATCH, CONFLICTS = f"{API}/redemptions", f"{API}/redemptions/batch", f"{API}/redemptions/conflicts"


async def booked(client: httpx.AsyncClient, here: Street, *, member: int = 0) -> tuple[UUID, str]:
    """Return the id of an order that can be collected now, and its code."""
    who = here.members[member]
    placed = await order(client, who, here.offers[0], slot_id=here.slots[0])
    code = await client.get(f"{API}/orders/{placed['id']}/code", headers=who.headers())
    return UUID(placed["id"]), str(code.json()["code"])


def told(here: Street, code: str, **change: Any) -> dict[str, Any]:
    """Return an event of a device."""
    event = {"event_id": str(uuid4()), "code": code, "pickup_point_id": str(here.points[0])}
    return event | {name: str(v) if isinstance(v, UUID) else v for name, v in change.items()}


async def upload(
    client: httpx.AsyncClient, here: Street, *events: Any, device: str = "d-1"
) -> list[dict[str, Any]]:
    """Upload events and return their results."""
    body = {"device_id": device, "events": list(events)}
    return await upload_text(client, here, json.dumps(body).encode())


async def upload_text(client: httpx.AsyncClient, here: Street, content: bytes) -> list[dict[str, Any]]:
    headers = here.clerk.headers() | {"Content-Type": "application/json"}
    answer = await client.post(BATCH, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def said(result: dict[str, Any]) -> str:
    return str(result["problem"] or result["answer"]["reason"] or result["answer"]["result"])


async def rows(here: Street) -> list[tuple[Any, ...]]:
    """Return the scans of a street: order, result, reason, waived reason, boxes."""
    found = await here.read(
        select(
            Redemption.order_id,
            Redemption.result,
            Redemption.reason,
            Redemption.waived_reason,
            Redemption.quantity,
        )
        .where(Redemption.union_id == here.id)
        .order_by(Redemption.received_at)
    )
    return [tuple(row) for row in found]


async def conflicts(client: httpx.AsyncClient, here: Street) -> list[dict[str, Any]]:
    answer = await client.get(f"{CONFLICTS}?status=open", headers=here.officer.headers())
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def quarantined(here: Street) -> list[QuarantinedEvent]:
    wanted = (
        select(QuarantinedEvent).where(QuarantinedEvent.union_id == here.id).order_by(QuarantinedEvent.id)
    )
    return [row[0] for row in await here.read(wanted)]


async def status_of(here: Street, order_id: UUID) -> str:
    return str((await here.read(select(Order.status).where(Order.id == order_id)))[0][0])


async def counted_with_conflict(
    client: httpx.AsyncClient, here: Street, event: dict[str, Any], *, order_id: UUID, reason: str
) -> None:
    """Check that an event counts as the hand-over of its order, and that a person is told of it."""
    (result,) = await upload(client, here, event)
    assert said(result) == "handed_over"
    assert result["answer"]["first_event_id"] == event["event_id"]
    assert await status_of(here, order_id) == "collected"
    (conflict,) = await conflicts(client, here)
    assert (conflict["order_id"], conflict["reason"], conflict["first"]) == (str(order_id), reason, None)
    assert conflict["second"]["event_id"] == event["event_id"]
    assert conflict["second"]["pickup_point_id"] == str(here.points[0])
    async with unchanged(here):
        assert await upload(client, here, event) == [result]
        assert await quarantined(here) == []
    # The box is gone: nobody gets a second one, online or offline.
    assert said((await upload(client, here, told(here, event["code"])))[0]) == "already_collected"
    assert [c["first"] and c["first"]["event_id"] for c in await conflicts(client, here)] == [
        event["event_id"],
        None,
    ]


# --- What counts, and contradicts something ------------------------------------------------------


async def test_a_key_that_was_withdrawn_after_the_hand_over(
    client: httpx.AsyncClient, street: MakeStreet, app: FastAPI
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    other_id, other = await booked(client, here, member=1)
    (key_id,) = (await here.read(select(PickupCode.key_id).where(PickupCode.order_id == order_id)))[0]
    async with here.database.transaction(every_union("a test withdraws a key")) as session:
        await change_key(session, key_id, KeyState.WITHDRAWN, now=utc_now())
        made = await make_key(session, app.state.key_store, now=utc_now())
        await change_key(session, made.id, KeyState.ACTIVE, now=utc_now())
    app.state.key_ring.forget()
    online = (await client.post(REDEEM, json=told(here, other), headers=here.clerk.headers())).json()
    assert (online["result"], online["reason"], online["order"]) == ("refused", "revoked", None)
    assert await status_of(here, other_id) == "booked"
    await counted_with_conflict(client, here, told(here, code), order_id=order_id, reason="revoked")
    # A code that only claims to be of that key says nothing.
    forged = code[:-4] + ("0" if code[-4] != "0" else "1") + code[-3:]
    assert said((await upload(client, here, told(here, forged)))[0]) == "invalid_code"


async def test_a_code_that_was_issued_anew_after_the_hand_over(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    async with here.database.transaction(every_union("a test issues a code anew")) as session:
        await session.execute(
            update(PickupCode)
            .where(PickupCode.order_id == order_id)
            .values(generation=PickupCode.generation + 1)
        )
    await counted_with_conflict(client, here, told(here, code), order_id=order_id, reason="revoked")


async def test_another_number_of_boxes(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    await counted_with_conflict(
        client, here, told(here, code, quantity=2), order_id=order_id, reason="wrong_quantity"
    )
    assert (await rows(here))[0] == (order_id, "handed_over", None, None, 2)


async def test_a_pickup_point_that_is_not_ours(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    order_id, code = await booked(client, here)
    event = told(here, code, pickup_point_id=there.points[0])
    async with unchanged(there):
        await counted_with_conflict(client, here, event, order_id=order_id, reason="wrong_pickup_point")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (OrderStatus.CANCELLED, "cancelled"),
        (OrderStatus.EXPIRED, "expired"),
        (OrderStatus.ON_HOLD, "on_hold"),
        (OrderStatus.WAITLISTED, "not_booked"),
    ],
)
@pytest.mark.parametrize("change", [{}, {"quantity": 2}, {"pickup_point_id": uuid4()}])
async def test_an_order_that_holds_no_box(
    client: httpx.AsyncClient, street: MakeStreet, status: OrderStatus, reason: str, change: dict[str, Any]
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    values = {"cancelled_at": utc_now()} if status is OrderStatus.CANCELLED else {}
    await here.set(Order, order_id, status=status.value, slot_id=None, **values)
    (result,) = await upload(client, here, told(here, code, **change))
    assert said(result) == reason
    assert await status_of(here, order_id) == status
    assert await rows(here) == [(order_id, "refused", reason, None, None)]
    assert [(c["order_id"], c["reason"]) for c in await conflicts(client, here)] == [(str(order_id), reason)]


# --- Time ----------------------------------------------------------------------------------------


async def test_it_happened_when_the_device_says(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    then = utc_now() - timedelta(days=2, minutes=3)
    (result,) = await upload(client, here, told(here, code, scanned_at=then.isoformat()))
    assert datetime.fromisoformat(result["answer"]["redeemed_at"]) == then
    (row,) = await here.read(
        select(Redemption.scanned_at, Redemption.received_at, Order.collected_at, Redemption.waived_reason)
        .join(Order, Order.id == Redemption.order_id)
        .where(Order.id == order_id)
    )
    assert (row.scanned_at, row.collected_at, row.waived_reason) == (then, then, "too_early")
    assert utc_now() - row.received_at < timedelta(minutes=1)
    second = (await client.post(REDEEM, json=told(here, code), headers=here.clerk.headers())).json()
    assert (second["reason"], second["redeemed_at"]) == ("already_collected", result["answer"]["redeemed_at"])


@pytest.mark.parametrize(
    "nonsense", ["1970-01-01T00:03:00Z", "2099-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "gestern", ""]
)
async def test_a_clock_that_tells_nonsense_takes_nothing_away(
    client: httpx.AsyncClient, street: MakeStreet, nonsense: str
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    event = told(here, code, scanned_at=nonsense)
    (result,) = await upload(client, here, event)
    assert said(result) == "handed_over"
    assert utc_now() - datetime.fromisoformat(result["answer"]["redeemed_at"]) < timedelta(minutes=1)
    assert await rows(here) == [(order_id, "handed_over", None, None, 1)]
    if nonsense.startswith(("1", "0")):
        answer = await client.post(REDEEM, json=event, headers=here.clerk.headers())
        refused(answer, 422, "platform.malformed")


async def test_what_was_waived_is_kept(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    _, elsewhere = await booked(client, here)
    _, late = await booked(client, here, member=1)
    _, early = await booked(client, here, member=2)
    await upload(client, here, told(here, elsewhere, pickup_point_id=here.points[1]))
    start = utc_now() - timedelta(hours=5)
    await here.set(Slot, here.slots[0], starts_at=start, ends_at=start + timedelta(hours=1))
    await upload(client, here, told(here, late))
    online = told(here, early, override={"reason": "代领"})
    await client.post(REDEEM, json=online, headers=here.clerk.headers())
    assert [row[3] for row in await rows(here)] == ["wrong_pickup_point", "too_late", "too_late"]
    assert await conflicts(client, here) == []


# --- What nobody can place -----------------------------------------------------------------------


async def test_what_cannot_be_placed_is_kept_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    _, code = await booked(client, here)
    good = told(here, code)
    events: list[Any] = [
        told(here, code, override={"reason": "x"}),
        told(here, code, quantity=0),
        {"code": code},
        "nonsense",
        None,
        told(here, "x"),
        told(here, "x", pickup_point_id=uuid4()),
        told(here, "0000000000"),
        good,
        good | {"quantity": 2},
    ]
    first = await upload(client, here, *events)
    problems = ["platform.malformed"] * 5 + [
        "invalid_code",
        "pickup.point_not_found",
        "unknown",
        "idempotency.key_reused",
    ]
    assert [said(result) for result in first] == [*problems[:8], "handed_over", problems[8]]
    kept = await quarantined(here)
    unplaced = [event for event in events if event is not good]
    expected = [
        (reason, event.get("event_id") if isinstance(event, dict) else None, event)
        for reason, event in zip(problems, unplaced, strict=True)
    ]
    found = [
        (one.reason, one.event_id and str(one.event_id),
         one.body if one.body == "nonsense" else json.loads(one.body))
        for one in kept
    ]  # fmt: skip
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert {(one.device_id, one.staff_id) for one in kept} == {("d-1", here.clerk.id)}
    async with unchanged(here):
        assert await upload(client, here, *events) == first
        assert len(await quarantined(here)) == len(kept)
    await upload(client, here, events[0], events[0], device="d-2")
    assert sorted(one.device_id for one in await quarantined(here)) == ["d-1"] * 9 + ["d-2"]


async def test_one_event_that_is_no_strict_json_stops_no_other(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    bad = str(uuid4())
    head = f'{{"event_id": "{bad}", "code": '.encode()
    broken = [
        head + b'"\\u0000"}',
        head + b'"\x00"}',
        head + b'"\\ud800"}',
        head + b'"\xff"}',
        head + b'"x", "code": "y"}',
        head + b"9" * 41 + b"}",
        head + b"NaN}",
        head + b'"' + "示".encode() * 5_000 + b'\\u0000"}',
    ]
    good = json.dumps(told(here, code)).encode()
    content = b'{"device_id": "d-1", "events": [' + b", ".join([*broken[:4], good, *broken[4:]]) + b"]}"
    results = await upload_text(client, here, content)
    said_of = [said(result) for result in results]
    assert said_of == ["platform.malformed"] * 4 + ["handed_over"] + ["platform.malformed"] * 4
    assert [result["event_id"] for result in results if result["problem"]] == [bad] * 8
    assert await status_of(here, order_id) == "collected"
    kept = [one.body for one in await quarantined(here)]
    assert len(kept) == 8
    assert head.decode() + '"\\u0000"}' in kept
    assert head.decode() + '"\ufffd"}' in kept
    assert max(map(len, kept)) == 2_000
    async with unchanged(here):
        assert await upload_text(client, here, content) == results
        assert len(await quarantined(here)) == 8
    # A key works for such a body too.
    headers = here.clerk.headers("b-9") | {"Content-Type": "application/json"}
    for _ in range(2):
        assert (await client.post(BATCH, content=content, headers=headers)).json()["results"] == results


async def test_five_hundred_events_with_long_reasons_fit(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    events = [told(here, "x", override={"reason": "示" * 200}) for _ in range(500)]
    assert {said(result) for result in await upload(client, here, *events)} == {"invalid_code"}
    too_much = b'{"device_id": "d", "events": [' + b" " * 1_048_576 + b"{}]}"
    headers = here.clerk.headers() | {"Content-Type": "application/json"}
    answer = await client.post(BATCH, content=too_much, headers=headers)
    assert refused(answer, 413, "platform.body_too_large")["limit_bytes"] == 1_048_576


# --- Who sees it ---------------------------------------------------------------------------------


async def test_one_event_id_in_two_unions_is_two_conflicts(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    event_id = str(uuid4())
    expected = set()
    for place in (here, there):
        order_id, code = await booked(client, place)
        await client.post(REDEEM, json=told(place, code), headers=place.clerk.headers())
        await upload(client, place, told(place, code, event_id=event_id))
        expected.add((str(order_id), str(place.points[0])))
    async with here.database.transaction(every_union("a test makes an auditor")) as session:
        auditor = new_id()
        session.add(
            StaffAccount(
                id=auditor,
                union_id=here.id,
                login=f"t-{auditor.hex[-10:]}",
                display_name="示例·审计",
                role=Role.AUDITOR.value,
            )
        )
        await session.flush()
        token = add_token(
            session,
            auditor,
            role=Role.AUDITOR,
            union_id=here.id,
            scope_union_ids=[here.id, there.id],
            now=utc_now(),
        )
    found = (await client.get(CONFLICTS, headers={"Authorization": f"Bearer {token}"})).json()["items"]
    assert len(found) == 2
    assert {(c["order_id"], c["second"]["pickup_point_id"]) for c in found} == expected
    assert await here.count(RedemptionConflict) == 1
