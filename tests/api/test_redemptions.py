"""The pickup table through HTTP: every reason not to hand over, repeats by event and by key, batches."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update

from app.access.policy import Role
from app.access.scope import every_union
from app.orders.rules.states import OrderStatus
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.platform.keeping import IdempotencyRecord
from app.redemptions.tables import PickupCode, Redemption, RedemptionConflict
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged, walk, without_ids
from tests.factories.street import Person, Street

REDEEM, BATCH = f"{API}/redemptions", f"{API}/redemptions/batch"


async def _code(client: httpx.AsyncClient, who: Person, order_id: str) -> dict[str, Any]:
    answer = await client.get(f"{API}/orders/{order_id}/code", headers=who.headers())
    assert answer.status_code == 200, answer.text
    code: dict[str, Any] = answer.json()
    return code


async def _booked(
    client: httpx.AsyncClient, here: Street, *, member: int = 0, slot: int | None = 0, **wanted: Any
) -> tuple[dict[str, Any], str]:
    """Return an order that can be collected now, and its code."""
    if slot is not None:
        wanted["slot_id"] = here.slots[slot]
    placed = await order(client, here.members[member], here.offers[0], **wanted)
    return placed, str((await _code(client, here.members[member], placed["id"]))["code"])


def _scan(here: Street, code: str, **change: Any) -> dict[str, Any]:
    scan = {"event_id": str(uuid4()), "code": code, "pickup_point_id": str(here.points[0])}
    return scan | {name: str(v) if isinstance(v, UUID) else v for name, v in change.items()}


async def _redeem(
    client: httpx.AsyncClient, here: Street, scan: dict[str, Any], *, key: str | None = None
) -> httpx.Response:
    return await client.post(REDEEM, json=scan, headers=here.clerk.headers(key))


async def _is_refused(client: httpx.AsyncClient, here: Street, scan: dict[str, Any], reason: str) -> None:
    """Check that a scan is answered with this reason, and that the ledger keeps the scan and no hand-over."""
    before = await here.read(select(Order.id, Order.status, Order.version).where(Order.union_id == here.id))
    answer = await _redeem(client, here, scan)
    assert (answer.status_code, answer.json()["result"], answer.json()["reason"]) == (200, "refused", reason)
    after = await here.read(select(Order.id, Order.status, Order.version).where(Order.union_id == here.id))
    assert sorted(after) == sorted(before)
    kept = await here.read(
        select(Redemption.result, Redemption.reason).where(Redemption.event_id == UUID(scan["event_id"]))
    )
    assert [tuple(row) for row in kept] == [("refused", reason)]


@pytest.mark.parametrize("form", ["code", "short_code", "spoken"])
async def test_a_box_is_handed_over_once(client: httpx.AsyncClient, street: MakeStreet, form: str) -> None:
    here = await street()
    mine, _ = await _booked(client, here, quantity=2)
    code = await _code(client, here.members[0], mine["id"])
    short = code["short_code"]
    text = {"code": code["code"], "short_code": short, "spoken": f" {short[:5].lower()}-{short[5:]} "}[form]
    answer = (await _redeem(client, here, _scan(here, text, quantity=2))).json()
    assert (answer["result"], answer["reason"], answer["quantity_handed_over"]) == ("handed_over", None, 2)
    assert answer["order"] == {
        "id": mine["id"],
        "number": mine["number"],
        "member_name_masked": "示*0",
        "gift_box": "示例·杂粮礼盒",
        "quantity": 2,
        "remaining_quantity": 0,
        "pickup_point": "示例·领取点0",
        "slot": mine["slot"],
    }
    assert answer["redeemed_at"].endswith("+08:00")
    assert (answer["redeemed_by"], answer["redeemed_at_point"]) == (here.clerk.name, "示例·领取点0")
    second = _scan(here, text)
    await _is_refused(client, here, second, "already_collected")
    told = (await _redeem(client, here, second)).json()
    assert (told["redeemed_at"], told["first_event_id"]) == (answer["redeemed_at"], answer["first_event_id"])
    read = await client.get(f"{API}/orders/{mine['id']}", headers=here.members[0].headers())
    assert (read.json()["status"], read.json()["collected_at"]) == ("collected", answer["redeemed_at"])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (OrderStatus.CANCELLED, "cancelled"),
        (OrderStatus.EXPIRED, "expired"),
        (OrderStatus.ON_HOLD, "on_hold"),
        (OrderStatus.WAITLISTED, "not_booked"),
        (OrderStatus.PENDING_DRAW, "not_booked"),
        (OrderStatus.UNSELECTED, "not_booked"),
    ],
)
async def test_the_state_of_the_order_is_a_reason(
    client: httpx.AsyncClient, street: MakeStreet, status: OrderStatus, reason: str
) -> None:
    here = await street()
    mine, code = await _booked(client, here)
    values = {"cancelled_at": utc_now()} if status is OrderStatus.CANCELLED else {}
    await here.set(Order, UUID(mine["id"]), status=status.value, slot_id=None, **values)
    await _is_refused(client, here, _scan(here, code, override={"reason": "坚持领取"}), reason)


async def test_without_a_booking_only_an_override_helps(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    _, code = await _booked(client, here, slot=None)
    await _is_refused(client, here, _scan(here, code), "not_booked")
    scan = _scan(here, code, override={"reason": " 现场补约 "})
    assert (await _redeem(client, here, scan)).json()["result"] == "handed_over"
    kept = await here.read(
        select(Redemption.override_reason).where(Redemption.event_id == UUID(scan["event_id"]))
    )
    assert kept[0][0] == "现场补约"


@pytest.mark.parametrize(("hours", "reason"), [(2, "too_early"), (-3, "too_late")])
async def test_the_time_of_the_slot_is_a_reason(
    client: httpx.AsyncClient, street: MakeStreet, hours: int, reason: str
) -> None:
    here = await street()
    _, code = await _booked(client, here)
    start = utc_now() + timedelta(hours=hours)
    await here.set(Slot, here.slots[0], starts_at=start, ends_at=start + timedelta(hours=1))
    await _is_refused(client, here, _scan(here, code), reason)
    # What a device says of its clock opens nothing.
    await _is_refused(client, here, _scan(here, code, scanned_at=start.isoformat()), reason)
    overridden = await _redeem(client, here, _scan(here, code, override={"reason": "代领"}))
    assert overridden.json()["result"] == "handed_over"


async def test_another_point_is_a_reason(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    _, code = await _booked(client, here)
    scan = _scan(here, code, pickup_point_id=here.points[1])
    await _is_refused(client, here, scan, "wrong_pickup_point")
    told = (await _redeem(client, here, scan)).json()
    assert told["order"]["pickup_point"] == "示例·领取点0", "the clerk can say where to go"


async def test_a_text_that_is_no_code_of_this_union_is_a_reason(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    mine, code = await _booked(client, here)
    foreign, theirs = await _booked(client, there)
    short = (await _code(client, there.members[0], foreign["id"]))["short_code"]
    tampered = code[:40] + ("0" if code[40] != "0" else "1") + code[41:]
    async with unchanged(there):
        for text, reason in (
            ("x", "invalid_code"),
            ("GL1:", "invalid_code"),
            (tampered, "invalid_code"),
            ("你好" * 100, "invalid_code"),
            (theirs, "unknown"),
            (short, "unknown"),
        ):
            await _is_refused(client, here, _scan(here, text), reason)
    async with here.database.transaction(every_union("a test revokes a code")) as session:
        await session.execute(
            update(PickupCode).where(PickupCode.order_id == UUID(mine["id"])).values(revoked_at=utc_now())
        )
    await _is_refused(client, here, _scan(here, code), "revoked")


async def test_another_quantity_is_told_and_changes_nothing(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    _, code = await _booked(client, here)
    async with unchanged(here):
        answer = await _redeem(client, here, _scan(here, code, quantity=2))
        assert refused(answer, 409, "redemptions.wrong_quantity")["quantity"] == 1


async def test_a_point_of_others_is_as_unknown_as_none(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    _, code = await _booked(client, here)
    async with unchanged(here, there):
        missing, foreign = [
            await _redeem(client, here, _scan(here, code, pickup_point_id=point))
            for point in (new_id(), there.points[0])
        ]
        refused(missing, 404, "pickup.point_not_found")
        assert without_ids(missing) == without_ids(foreign)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"event_id": "x"}, "/event_id"),
        ({"code": ""}, "/code"),
        ({"code": "x" * 301}, "/code"),
        ({"code": 1}, "/code"),
        ({"pickup_point_id": None}, "/pickup_point_id"),
        ({"quantity": 0}, "/quantity"),
        ({"quantity": 21}, "/quantity"),
        ({"scanned_at": "2026-10-01T09:00:00"}, "/scanned_at"),
        ({"scanned_at": "0001-01-01T00:00:00+14:00"}, "/scanned_at"),
        ({"scanned_at": "9999-12-31T23:59:59-14:00"}, "/scanned_at"),
        ({"scanned_at": 1}, "/scanned_at"),
        ({"override": {}}, "/override/reason"),
        ({"override": {"reason": "x"}}, "/override/reason"),
        ({"override": {"reason": "   "}}, "/override/reason"),
        ({"override": {"reason": "x" * 201}}, "/override/reason"),
        ({"staff_id": str(uuid4())}, "/staff_id"),
        ({"device_id": "d"}, "/device_id"),
    ],
)
async def test_a_malformed_scan_says_where(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], pointer: str
) -> None:
    here = await street()
    async with unchanged(here):
        problem = refused(await _redeem(client, here, _scan(here, "x") | change), 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_an_event_is_answered_as_the_first_time_and_never_as_another(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    _, code = await _booked(client, here)
    scan = _scan(here, code)
    first = await _redeem(client, here, scan)
    async with unchanged(here):
        again = await _redeem(client, here, scan)
        assert (again.status_code, again.content) == (200, first.content)
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        by_officer = await client.post(REDEEM, json=scan, headers=here.officer.headers())
        assert by_officer.content == first.content
        # Uploaded again from the journal of a device, with the time of the device: the same event.
        uploaded = await _redeem(client, here, scan | {"scanned_at": "2026-10-01T01:00:00Z"})
        assert uploaded.content == first.content
        for change in ({"code": "x"}, {"quantity": 1}, {"override": {"reason": "代领"}}):
            refused(await _redeem(client, here, scan | change), 422, "idempotency.key_reused")


async def test_a_key_belongs_to_one_scan(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    _, code = await _booked(client, here)
    scan = _scan(here, code)
    first = await _redeem(client, here, scan, key="r-1")
    assert first.json()["result"] == "handed_over"
    assert "idempotency-replayed" not in first.headers
    async with unchanged(here):
        again = await _redeem(client, here, scan, key="r-1")
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
        for other in (_scan(here, code), scan | {"code": "x"}, scan | {"quantity": 1}):
            refused(await _redeem(client, here, other, key="r-1"), 422, "idempotency.key_reused")
        # Without the key, or with another one, the event speaks for itself.
        assert (await _redeem(client, here, scan)).content == first.content
        assert (await _redeem(client, here, scan, key="r-2")).content == first.content
        for key in (" ", "x" * 65, "a b"):
            headers = here.clerk.headers() | {"Idempotency-Key": key}
            answer = await client.post(REDEEM, json=scan, headers=headers)
            refused(answer, 400, "idempotency.key_required")
    kept = await here.read(
        select(IdempotencyRecord.key, IdempotencyRecord.status, IdempotencyRecord.body)
        .where(IdempotencyRecord.actor_id == here.clerk.id)
        .order_by(IdempotencyRecord.key)
    )
    assert [tuple(row) for row in kept] == [("r-1", 200, ""), ("r-2", 200, "")]


async def test_a_refusal_to_answer_is_repeated_by_its_key(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    mine, code = await _booked(client, here)
    scan = _scan(here, code, quantity=2)
    first = await _redeem(client, here, scan, key="r-3")
    refused(first, 409, "redemptions.wrong_quantity")
    await here.set(Order, UUID(mine["id"]), quantity=2)
    async with unchanged(here):
        again = await _redeem(client, here, scan, key="r-3")
        assert refused(again, 409, "redemptions.wrong_quantity")["quantity"] == 1
    assert (await _redeem(client, here, scan)).json()["result"] == "handed_over"


async def test_a_batch_answers_every_event_in_its_place(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(points=2), await street()
    mine, code = await _booked(client, here)
    good, bad_id = _scan(here, code), str(uuid4())
    events: list[Any] = [
        good,
        {"event_id": bad_id, "code": ""},
        _scan(here, code),
        "nonsense",
        _scan(here, code, pickup_point_id=there.points[0]),
        good,
        good | {"code": "x"},
        _scan(here, "x"),
        _scan(here, code, quantity=20),
        {"event_id": ["x"]},
        None,
    ]
    body = {"device_id": "scanner-1", "events": events}
    answer = await client.post(BATCH, json=body, headers=here.clerk.headers())
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    said = [(r["problem"], r["answer"] and (r["answer"]["result"], r["answer"]["reason"])) for r in results]
    assert said == [
        (None, ("handed_over", None)),
        ("platform.malformed", None),
        (None, ("refused", "already_collected")),
        ("platform.malformed", None),
        (None, ("refused", "already_collected")),
        (None, ("handed_over", None)),
        ("idempotency.key_reused", None),
        (None, ("refused", "invalid_code")),
        (None, ("refused", "already_collected")),
        ("platform.malformed", None),
        ("platform.malformed", None),
    ]
    assert [r["event_id"] for r in results[:3]] == [good["event_id"], bad_id, events[2]["event_id"]]
    assert results[5]["answer"] == results[0]["answer"]
    assert results[0]["answer"]["order"]["number"] == mine["number"]
    async with unchanged(here):
        again = await client.post(BATCH, json=body, headers=here.clerk.headers())
        assert again.json() == answer.json()


async def test_the_key_of_a_batch_belongs_to_one_body(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    _, code = await _booked(client, here)
    body = {"device_id": "scanner-1", "events": [_scan(here, code), _scan(here, "x")]}
    first = await client.post(BATCH, json=body, headers=here.clerk.headers("b-1"))
    assert (first.status_code, "idempotency-replayed" in first.headers) == (200, False)
    async with unchanged(here):
        again = await client.post(BATCH, json=body, headers=here.clerk.headers("b-1"))
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
        other = body | {"events": [_scan(here, "y")]}
        refused(
            await client.post(BATCH, json=other, headers=here.clerk.headers("b-1")),
            422,
            "idempotency.key_reused",
        )
        bad = here.clerk.headers() | {"Idempotency-Key": "a b"}
        refused(await client.post(BATCH, json=body, headers=bad), 400, "idempotency.key_required")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"device_id": "d", "events": []}, "/events"),
        ({"device_id": "d", "events": [{}] * 501}, "/events"),
        ({"device_id": "d", "events": {}}, "/events"),
        ({"device_id": "", "events": [{}]}, "/device_id"),
        ({"device_id": "a b", "events": [{}]}, "/device_id"),
        ({"device_id": "x" * 65, "events": [{}]}, "/device_id"),
        ({"events": [{}]}, "/device_id"),
        ({"device_id": "d", "events": [{}], "x": 1}, "/x"),
    ],
)
async def test_a_malformed_batch_is_refused_whole(
    client: httpx.AsyncClient, street: MakeStreet, body: dict[str, Any], pointer: str
) -> None:
    here = await street()
    async with unchanged(here):
        answer = await client.post(BATCH, json=body, headers=here.clerk.headers())
        problem = refused(answer, 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_batch_of_five_hundred_is_taken_in(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    body = {"device_id": "d", "events": [_scan(here, "x") for _ in range(500)]}
    answer = await client.post(BATCH, json=body, headers=here.clerk.headers())
    assert [result["answer"]["reason"] for result in answer.json()["results"]] == ["invalid_code"] * 500
    assert await here.count(Redemption) == 500


async def test_what_contradicts_the_ledger_is_listed_for_a_person(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    mine, code = await _booked(client, here)
    first = _scan(here, code)
    await _redeem(client, here, first)
    twice = [_scan(here, code) for _ in range(2)]
    await client.post(BATCH, json={"device_id": "d-1", "events": twice}, headers=here.clerk.headers())
    for role in (Role.STATION_CLERK, Role.UNION_OFFICER, Role.CHAIR, Role.AUDITOR):
        found = await walk(client, "/redemptions/conflicts", here.staff[role], status="open")
        assert {c["second"]["event_id"] for c in found} == {event["event_id"] for event in twice}
        assert {(c["order_id"], c["reason"], c["status"]) for c in found} == {
            (mine["id"], "already_collected", "open")
        }
        assert found[0]["first"]["event_id"] == first["event_id"]
        assert found[0]["second"]["device_id"] == "d-1"
        assert found[0]["noticed_at"].endswith("+08:00")
    assert await walk(client, "/redemptions/conflicts", here.officer, status="resolved") == []
    assert await walk(client, "/redemptions/conflicts", there.officer) == []
    refused(
        await client.get(f"{API}/redemptions/conflicts?status=x", headers=here.officer.headers()),
        422,
        "platform.malformed",
    )
    refused(
        await client.get(f"{API}/redemptions/conflicts", headers=here.members[0].headers()),
        403,
        "access.forbidden",
    )
    assert await here.count(RedemptionConflict) == 2
