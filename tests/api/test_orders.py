"""Orders through HTTP: place, read, book, move, cancel, and every refusal of them."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.access.policy import Role
from app.campaigns.tables import Campaign, Offer
from app.orders.rules.states import OrderStatus
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged, walk, without_ids
from tests.factories.street import Person, Street


async def _post(
    client: httpx.AsyncClient, who: Person, body: dict[str, Any], *, key: str = "new"
) -> httpx.Response:
    return await client.post(f"{API}/orders", json=body, headers=who.headers(key))


async def test_an_order_is_answered_whole_and_in_the_time_of_shanghai(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    placed = await order(client, here.members[0], here.offers[0], slot_id=here.slots[1], quantity=2)
    assert set(placed) == {
        "id", "number", "status", "campaign_id", "offer_id", "pickup_point_id", "slot", "quantity",
        "channel", "collected_quantity", "given_up_quantity", "placed_at", "booked_at", "collected_at",
        "cancelled_at",
    }  # fmt: skip
    assert (placed["status"], placed["quantity"], placed["channel"]) == ("booked", 2, "member")
    assert (placed["campaign_id"], placed["offer_id"]) == (str(here.campaign_id), str(here.offers[0]))
    assert placed["slot"]["id"] == str(here.slots[1])
    for instant in (placed["placed_at"], placed["booked_at"], placed["slot"]["starts_at"]):
        assert instant.endswith("+08:00")
    assert UUID(placed["id"]).version == 7


ARRANGED: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "campaigns.not_open": (Campaign, {"order_opens_at": utc_now() + timedelta(hours=1)}),
    "campaigns.closed": (
        Campaign,
        {"order_opens_at": utc_now() - timedelta(days=2), "order_closes_at": utc_now() - timedelta(hours=1)},
    ),
    "campaigns.sold_out": (Offer, {"quota": 0}),
    "pickup.slot_full": (Slot, {"capacity": 0}),
    "pickup.slot_past": (
        Slot,
        {"starts_at": utc_now() - timedelta(hours=3), "ends_at": utc_now() - timedelta(hours=2)},
    ),
    "campaigns.not_eligible": (Member, {"status": "retained"}),
}


@pytest.mark.parametrize("code", ARRANGED)
async def test_an_order_that_the_state_forbids_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, code: str
) -> None:
    here = await street()
    model, values = ARRANGED[code]
    ids = {Campaign: here.campaign_id, Offer: here.offers[0], Slot: here.slots[0], Member: here.members[0].id}
    await here.set(model, ids[model], **values)
    body = {"offer_id": str(here.offers[0]), "slot_id": str(here.slots[0])}
    async with unchanged(here):
        answer = await _post(client, here.members[0], body)
        problem = refused(answer, 403 if code == "campaigns.not_eligible" else 409, code)
    if code == "campaigns.not_eligible":
        assert problem["rules"] == [
            {"code": "in_union", "passed": True},
            {"code": "membership_status", "passed": False},
        ]


async def test_a_cancelled_campaign_takes_no_orders_and_no_bookings(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    placed = await order(client, here.members[0], here.offers[0])
    await here.set(Campaign, here.campaign_id, stage="cancelled")
    async with unchanged(here):
        refused(
            await _post(client, here.members[1], {"offer_id": str(here.offers[0])}), 409, "campaigns.closed"
        )
        booked = await client.put(
            f"{API}/orders/{placed['id']}/slot",
            json={"slot_id": str(here.slots[0])},
            headers=here.members[0].headers(),
        )
        refused(booked, 409, "campaigns.closed")


async def test_a_second_order_in_a_campaign_is_refused(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(points=2)
    await order(client, here.members[0], here.offers[0])
    async with unchanged(here):
        for offer in here.offers:
            answer = await _post(client, here.members[0], {"offer_id": str(offer)})
            refused(answer, 409, "orders.already_ordered")


async def test_more_than_the_limit_is_refused(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    async with unchanged(here):
        answer = await _post(client, here.members[0], {"offer_id": str(here.offers[0]), "quantity": 3})
        assert refused(answer, 409, "orders.quantity_over_limit")["limit"] == 2


async def test_who_may_wait_waits_and_who_may_not_is_told(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=0)
    waiting = await order(client, here.members[0], here.offers[0], join_waitlist=True)
    assert (waiting["status"], waiting["slot"]) == ("waitlisted", None)
    await here.set(Campaign, here.campaign_id, has_waitlist=False)
    async with unchanged(here):
        body = {"offer_id": str(here.offers[0]), "join_waitlist": True}
        refused(await _post(client, here.members[1], body), 409, "orders.no_waitlist")


async def test_a_lottery_takes_orders_for_the_draw(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(quota=0, campaign={"allocation": "lottery"})
    assert (await order(client, here.members[0], here.offers[0]))["status"] == "pending_draw"


async def test_what_is_not_there_and_what_is_not_yours_look_alike(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    member = here.members[0]
    async with unchanged(here, there):
        missing = await _post(client, member, {"offer_id": str(new_id())})
        foreign = await _post(client, member, {"offer_id": str(there.offers[0])})
        refused(missing, 404, "campaigns.offer_not_found")
        assert without_ids(missing) == without_ids(foreign)
        slots = [new_id(), there.slots[0]]
        answers = [
            await _post(client, member, {"offer_id": str(here.offers[0]), "slot_id": str(slot)})
            for slot in slots
        ]
        refused(answers[0], 404, "pickup.slot_not_found")
        assert without_ids(answers[0]) == without_ids(answers[1])


async def test_a_slot_of_another_point_cannot_be_booked(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2, slots=1)
    async with unchanged(here):
        body = {"offer_id": str(here.offers[0]), "slot_id": str(here.slots[1])}
        refused(await _post(client, here.members[0], body), 404, "pickup.slot_not_found")


async def test_a_draft_is_not_there_for_members(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(campaign={"stage": "draft", "published_at": None})
    async with unchanged(here):
        answer = await _post(client, here.members[0], {"offer_id": str(here.offers[0])})
        refused(answer, 404, "campaigns.offer_not_found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"quantity": 0}, "/quantity"),
        ({"quantity": -1}, "/quantity"),
        ({"quantity": 21}, "/quantity"),
        ({"quantity": 2**31}, "/quantity"),
        ({"quantity": 2**63}, "/quantity"),
        ({"quantity": True}, "/quantity"),
        ({"quantity": "1"}, "/quantity"),
        ({"quantity": 1.0}, "/quantity"),
        ({"quantity": None}, "/quantity"),
        ({"offer_id": "x"}, "/offer_id"),
        ({"offer_id": None}, "/offer_id"),
        ({"offer_id": 1}, "/offer_id"),
        ({"slot_id": []}, "/slot_id"),
        ({"join_waitlist": "yes"}, "/join_waitlist"),
        ({"member_id": str(uuid4())}, "/member_id"),
        ({"status": "collected"}, "/status"),
        ({"union_id": str(uuid4())}, "/union_id"),
    ],
)
async def test_a_malformed_order_says_where(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], pointer: str
) -> None:
    here = await street()
    async with unchanged(here):
        body = {"offer_id": str(here.offers[0])} | change
        problem = refused(await _post(client, here.members[0], body), 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_an_order_needs_a_key(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    body = {"offer_id": str(here.offers[0])}
    async with unchanged(here):
        without = await client.post(f"{API}/orders", json=body, headers=here.members[0].headers())
        refused(without, 400, "idempotency.key_required")
        for key in ("", " ", "x" * 65, "a b", "a\tb"):
            headers = here.members[0].headers() | {"Idempotency-Key": key}
            answer = await client.post(f"{API}/orders", json=body, headers=headers)
            refused(answer, 400, "idempotency.key_required")


async def test_the_same_key_answers_as_the_first_time(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    member, body = here.members[0], {"offer_id": str(here.offers[0])}
    first = await _post(client, member, body, key="k-1")
    async with unchanged(here):
        again = await _post(client, member, body, key="k-1")
        # The same order said with its defaults written out: the same body.
        fuller = await _post(client, member, body | {"quantity": 1, "join_waitlist": False}, key="k-1")
        other = await _post(client, member, body | {"quantity": 2}, key="k-1")
    assert (first.status_code, again.status_code, fuller.status_code) == (201, 201, 201)
    assert first.content == again.content == fuller.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    refused(other, 422, "idempotency.key_reused")
    assert await here.count(Order) == 1


async def test_a_refusal_is_repeated_too(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    member, body = here.members[0], {"offer_id": str(here.offers[0]), "quantity": 3}
    first = await _post(client, member, body, key="k-2")
    await here.set(Campaign, here.campaign_id, per_member_limit=3)
    async with unchanged(here):
        again = await _post(client, member, body, key="k-2")
    refused(first, 409, "orders.quantity_over_limit")
    assert refused(again, 409, "orders.quantity_over_limit")["limit"] == 2


async def test_a_key_belongs_to_one_caller(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    body = {"offer_id": str(here.offers[0])}
    answers = [await _post(client, member, body, key="shared") for member in here.members[:2]]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_a_malformed_call_does_not_use_its_key_up(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    bad = await _post(client, here.members[0], {"offer_id": "x"}, key="k-3")
    refused(bad, 422, "platform.malformed")
    good = await _post(client, here.members[0], {"offer_id": str(here.offers[0])}, key="k-3")
    assert (good.status_code, "idempotency-replayed" in good.headers) == (201, False)


async def test_an_order_is_read_by_its_owner_only_and_has_a_tag(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    placed = await order(client, here.members[0], here.offers[0])
    path = f"{API}/orders/{placed['id']}"
    first = await client.get(path, headers=here.members[0].headers())
    assert (first.status_code, first.json()) == (200, placed)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        kept = await client.get(path, headers=here.members[0].headers() | {"If-None-Match": known})
        assert (kept.status_code, kept.content, kept.headers["etag"]) == (304, b"", tag)
    await client.post(f"{path}/cancel", headers=here.members[0].headers())
    changed = await client.get(path, headers=here.members[0].headers() | {"If-None-Match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")
    missing = await client.get(f"{API}/orders/{new_id()}", headers=here.members[0].headers())
    refused(missing, 404, "orders.not_found")
    for stranger in (here.members[1], there.members[0]):
        foreign = await client.get(path, headers=stranger.headers())
        assert without_ids(foreign) == without_ids(missing)


CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PUT", "/slot", {"slot_id": str(uuid4())}),
    ("POST", "/cancel", {}),
    ("GET", "/code", None),
    ("GET", "/code.svg", None),
    ("GET", "/code.png", None),
]


@pytest.mark.parametrize(("method", "tail", "body"), CALLS)
async def test_no_call_tells_an_order_of_others_from_none(
    client: httpx.AsyncClient, street: MakeStreet, method: str, tail: str, body: dict[str, Any] | None
) -> None:
    here, there = await street(), await street()
    foreign = await order(client, there.members[0], there.offers[0])
    neighbours = await order(client, here.members[1], here.offers[0])
    async with unchanged(here, there):
        answers = [
            await client.request(
                method, f"{API}/orders/{id}{tail}", json=body, headers=here.members[0].headers()
            )
            for id in (new_id(), foreign["id"], neighbours["id"])
        ]
    refused(answers[0], 404, "orders.not_found")
    assert without_ids(answers[0]) == without_ids(answers[1]) == without_ids(answers[2])


async def _book(client: httpx.AsyncClient, who: Person, order_id: str, slot_id: UUID) -> httpx.Response:
    path = f"{API}/orders/{order_id}/slot"
    return await client.put(path, json={"slot_id": str(slot_id)}, headers=who.headers())


async def _booked_counts(here: Street) -> list[int]:
    counted = (await here.counters())["stored"][1]
    return [counted[slot] for slot in here.slots]


async def test_moving_frees_the_old_place_only_once_the_new_one_is_held(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(capacity=1)
    mine = await order(client, here.members[0], here.offers[0], slot_id=here.slots[0])
    await order(client, here.members[1], here.offers[0], slot_id=here.slots[1])
    async with unchanged(here):
        full = await _book(client, here.members[0], mine["id"], here.slots[1])
        refused(full, 409, "pickup.slot_full")
        same = await _book(client, here.members[0], mine["id"], here.slots[0])
        assert same.json() == mine
    assert await _booked_counts(here) == [1, 1, 0]
    moved = await _book(client, here.members[0], mine["id"], here.slots[2])
    assert (moved.status_code, moved.json()["slot"]["id"]) == (200, str(here.slots[2]))
    assert await _booked_counts(here) == [0, 1, 1]


async def test_a_slot_that_is_over_or_not_there_cannot_be_booked(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    mine = await order(client, here.members[0], here.offers[0])
    past = utc_now() - timedelta(hours=3)
    await here.set(Slot, here.slots[0], starts_at=past, ends_at=past + timedelta(hours=1))
    async with unchanged(here, there):
        refused(await _book(client, here.members[0], mine["id"], here.slots[0]), 409, "pickup.slot_past")
        missing = await _book(client, here.members[0], mine["id"], new_id())
        foreign = await _book(client, here.members[0], mine["id"], there.slots[0])
        refused(missing, 404, "pickup.slot_not_found")
        assert without_ids(missing) == without_ids(foreign)


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - {"to_book", "booked", "cancelled", "collected"}))
async def test_in_other_states_nothing_can_be_booked(
    client: httpx.AsyncClient, street: MakeStreet, status: str
) -> None:
    here = await street()
    mine = await order(client, here.members[0], here.offers[0])
    await here.set(Order, UUID(mine["id"]), status=status)
    async with unchanged(here):
        answer = await _book(client, here.members[0], mine["id"], here.slots[0])
        assert refused(answer, 409, "orders.not_bookable")["order_status"] == status


async def test_cancelling_frees_box_and_place_and_is_repeated_by_its_key(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member = here.members[0]
    mine = await order(client, member, here.offers[0], slot_id=here.slots[0])
    path = f"{API}/orders/{mine['id']}/cancel"
    first = await client.post(path, json={"reason": "出差"}, headers=member.headers("c-1"))
    assert (first.status_code, first.json()["status"], first.json()["slot"]) == (200, "cancelled", None)
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    assert counters["stored"][0][here.offers[0]] == (0, 0)
    async with unchanged(here):
        again = await client.post(path, json={"reason": "出差"}, headers=member.headers("c-1"))
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
        other = await client.post(path, json={"reason": "生病"}, headers=member.headers("c-1"))
        refused(other, 422, "idempotency.key_reused")
        elsewhere = await client.post(
            f"{API}/orders/{new_id()}/cancel", json={"reason": "出差"}, headers=member.headers("c-1")
        )
        refused(elsewhere, 422, "idempotency.key_reused")
        without = await client.post(path, headers=member.headers())
        assert (without.status_code, without.content) == (200, first.content), "it is cancelled already"
        assert "idempotency-replayed" not in without.headers
        long = await client.post(path, json={"reason": "x" * 201}, headers=member.headers())
        refused(long, 422, "platform.malformed")


async def test_a_collected_order_cannot_be_cancelled(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    mine = await order(client, here.members[0], here.offers[0])
    await here.hand_over(UUID(mine["id"]), at=utc_now())
    async with unchanged(here):
        answer = await client.post(f"{API}/orders/{mine['id']}/cancel", headers=here.members[0].headers())
        assert refused(answer, 409, "orders.not_cancellable")["order_status"] == "collected"


async def test_my_orders_are_mine_newest_first_page_by_page(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member, mine = here.members[0], []
    for _ in range(3):
        mine.append((await order(client, member, here.offers[0]))["id"])
        await client.post(f"{API}/orders/{mine[-1]}/cancel", headers=member.headers())
    await order(client, here.members[1], here.offers[0])
    assert [found["id"] for found in await walk(client, "/me/orders", member)] == mine[::-1]


async def test_the_orders_of_a_campaign_are_for_those_who_oversee_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    placed = [(await order(client, member, here.offers[0]))["id"] for member in here.members]
    await client.post(f"{API}/orders/{placed[0]}/cancel", headers=here.members[0].headers())
    path = f"/campaigns/{here.campaign_id}/orders"
    for role in (Role.UNION_OFFICER, Role.CHAIR, Role.AUDITOR):
        found = await walk(client, path, here.staff[role])
        assert [item["id"] for item in found] == placed[::-1]
        left = await walk(client, path, here.staff[role], status="cancelled")
        assert [item["id"] for item in left] == placed[:1]
    for person in (here.clerk, here.members[0], here.staff[Role.WAREHOUSE_KEEPER]):
        refused(await client.get(f"{API}{path}", headers=person.headers()), 403, "access.forbidden")
    missing = await client.get(f"{API}/campaigns/{new_id()}/orders", headers=here.officer.headers())
    foreign = await client.get(f"{API}/campaigns/{there.campaign_id}/orders", headers=here.officer.headers())
    refused(missing, 404, "campaigns.not_found")
    assert without_ids(missing) == without_ids(foreign)


async def _quota(
    client: httpx.AsyncClient, who: Person, offer_id: UUID, quota: Any, *, seen: str | None
) -> httpx.Response:
    headers = who.headers() | ({} if seen is None else {"If-Match": seen})
    return await client.put(f"{API}/offers/{offer_id}/quota", json={"quota": quota}, headers=headers)


async def test_a_quota_changes_for_whoever_saw_it_and_serves_those_who_wait(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(quota=1), await street()
    offer = here.offers[0]
    await order(client, here.members[0], offer)
    waiting = await order(client, here.members[1], offer, join_waitlist=True)
    async with unchanged(here, there):
        refused(
            await _quota(client, here.officer, offer, 2, seen=None), 428, "platform.precondition_required"
        )
        for stale in ('"2"', "x", '""', '"-1"', '"' + "9" * 30 + '"', '"1", "2"'):
            answer = await _quota(client, here.officer, offer, 2, seen=stale)
            problem = refused(answer, 412, "platform.precondition_failed")
            assert problem.get("version") == (1 if stale == '"2"' else None)
        below = await _quota(client, here.officer, offer, 0, seen='"1"')
        assert refused(below, 409, "orders.quota_below_promised")["promised"] == 1
        for bad in (-1, 1_000_001, True, "2", 2.0, None, 10**20):
            refused(await _quota(client, here.officer, offer, bad, seen='"1"'), 422, "platform.malformed")
        refused(await _quota(client, here.clerk, offer, 2, seen='"1"'), 403, "access.forbidden")
        missing = await _quota(client, here.officer, new_id(), 2, seen='"1"')
        foreign = await _quota(client, here.officer, there.offers[0], 2, seen='"1"')
        refused(missing, 404, "campaigns.offer_not_found")
        assert without_ids(missing) == without_ids(foreign)
    done = await _quota(client, here.officer, offer, 2, seen='"1"')
    assert done.json() == {
        "id": str(offer), "quota": 2, "promised": 2, "remaining": 0, "waitlisted": 0, "version": 2,
    }  # fmt: skip
    served = await client.get(f"{API}/orders/{waiting['id']}", headers=here.members[1].headers())
    assert served.json()["status"] == "to_book"
    anyhow = await _quota(client, here.officer, offer, 3, seen="*")
    assert (anyhow.status_code, anyhow.json()["version"], anyhow.json()["remaining"]) == (200, 3, 1)


async def test_what_is_held_for_those_who_wait_is_not_shown_as_remaining(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(quota=2)
    first = await order(client, here.members[0], here.offers[0], quantity=2)
    await order(client, here.members[1], here.offers[0], quantity=2, join_waitlist=True)
    path = f"{API}/campaigns/{here.campaign_id}"

    async def seen() -> tuple[int, int]:
        (offer,) = (await client.get(path, headers=here.members[2].headers())).json()["offers"]
        return offer["remaining"], offer["waitlisted"]

    assert await seen() == (0, 1)
    raised = await _quota(client, here.officer, here.offers[0], 3, seen="1")
    assert (raised.json()["remaining"], raised.json()["waitlisted"]) == (0, 1), "one is free, two are wanted"
    assert await seen() == (0, 1)
    newcomer = await _post(client, here.members[2], {"offer_id": str(here.offers[0])})
    refused(newcomer, 409, "campaigns.sold_out")
    await client.post(f"{API}/orders/{first['id']}/cancel", headers=here.members[0].headers())
    assert await seen() == (1, 0)


async def test_before_orders_open_one_is_told_when_in_words_and_for_programs(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    opens_at = datetime(2099, 11, 24, 1, 0, 0, 5, tzinfo=UTC)
    here = await street(
        campaign={
            "order_opens_at": opens_at, "order_closes_at": opens_at + timedelta(days=1),
            "pickup_from": date(2099, 11, 26), "pickup_until": date(2099, 11, 27),
        }
    )  # fmt: skip
    body = {"offer_id": str(here.offers[0])}
    first, again = [await _post(client, here.members[0], body, key="early") for _ in range(2)]
    for answer in (first, again):
        problem = refused(answer, 409, "campaigns.not_open")
        assert problem["opens_at"] == "2099-11-24T09:00:00.000005+08:00"
        assert "11月24日(周二)09:00开始预订" in problem["detail"]
    headers = here.members[0].headers("new") | {"Accept-Language": "en"}
    english = await client.post(f"{API}/orders", json=body, headers=headers)
    assert "24 Nov 2099 09:00 (Beijing time)" in english.json()["detail"]


@pytest.mark.parametrize("has_waitlist", [True, False])
async def test_a_waiting_list_is_only_advised_where_there_is_one(
    client: httpx.AsyncClient, street: MakeStreet, has_waitlist: bool
) -> None:
    here = await street(quota=0, campaign={"has_waitlist": has_waitlist})
    body = {"offer_id": str(here.offers[0])}
    for _ in range(3):  # the desk, the desk again, and then the sold-out gate
        problem = refused(await _post(client, here.members[0], body), 409, "campaigns.sold_out")
        assert problem["has_waitlist"] is has_waitlist
        assert ("候补" in problem["detail"]) is has_waitlist
        await asyncio.sleep(0.05)
