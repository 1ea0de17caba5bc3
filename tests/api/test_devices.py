"""Pickup devices through HTTP: pairing, signed calls, revocation, and who looks after them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.devices.jobs import tidy_devices
from app.devices.rules.one_time_codes import PAIRING
from app.devices.tables import Device, DeviceNonce, DevicePairing
from app.platform.clock import utc_now
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged, walk, without_ids
from tests.factories.apps import Fleet
from tests.factories.street import Street
from tests.factories.tablets import (
    Tablet,
    clerk_at,
    make_key,
    paired,
    pairing_body,
    pairing_code,
    public_half,
)

OWN, PAIR, PAIRINGS, DEVICES = (
    f"{API}/device",
    f"{API}/devices/pair",
    f"{API}/devices/pairings",
    f"{API}/devices",
)
SCAN = f"{API}/redemptions"
REFUSED = (401, "devices.signature_refused")


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A caller with an address of its own: tries at pairing are counted for each."""
    address = (f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1", 1)
    transport = httpx.ASGITransport(app=app, client=address, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://grainline.test") as client:
        yield client


async def entries(here: Street, action: str) -> list[Any]:
    """Return what the audit log says of an action in a street union, oldest first."""
    wanted = select(AuditEntry).where(AuditEntry.union_id == here.id, AuditEntry.action == action)
    return [row[0] for row in await here.read(wanted.order_by(AuditEntry.id))]


async def devices_of(here: Street) -> int:
    return int((await here.read(select(func.count()).where(Device.union_id == here.id)))[0][0])


async def captured(client: httpx.AsyncClient, tablet: Tablet, request: httpx.Request) -> httpx.Request:
    """Return a signed call as somebody on the line would see it; it is not sent."""
    flow = tablet.sync_auth_flow(request)
    return next(flow)


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
async def test_a_device_is_paired_once_and_knows_what_it_is(
    client: httpx.AsyncClient, street: MakeStreet, algorithm: str
) -> None:
    here, key = await street(), make_key(algorithm)
    pairing = await pairing_code(client, here, name="示例·一号平板")
    code = pairing["pairing_code"]
    assert [len(group) for group in code.split("-")] == [7, 7, 7, 5]
    assert pairing["payload"] == "GLD1:" + code.replace("-", "")
    assert pairing["qr_svg"].startswith("<svg ")
    answer = await client.post(PAIR, json=pairing_body(code, key))
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    tablet = Tablet(key, answer.json()["device_id"], answer.json()["token"])
    own = (await client.get(OWN, auth=tablet)).json()
    assert own["device_id"] == tablet.id
    assert (own["name"], own["union"]["number"]) == ("示例·一号平板", here.number)
    assert own["pickup_point"]["id"] == str(here.points[0])
    keys = (await client.get(f"{API}/signing-keys", auth=tablet)).json()
    assert own["key_list_version"] == keys["version"]
    assert keys["good_for_seconds"] == 86_400
    # The code is used up, whoever brings it.
    refused(
        await client.post(PAIR, json=pairing_body(code, make_key(algorithm))), 403, "devices.pairing_refused"
    )
    assert await devices_of(here) == 1
    assert [entry.subject_id for entry in await entries(here, "devices.paired")] == [
        (await here.read(select(Device.id).where(Device.union_id == here.id)))[0][0]
    ]


async def test_a_code_is_shown_once_and_kept_nowhere(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    headers = here.officer.headers("new")
    body = {
        "name": "示例·平板", "pickup_point_id": str(here.points[0]),
        "valid_from": utc_now().isoformat(), "valid_until": (utc_now() + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    first = (await client.post(PAIRINGS, json=body, headers=headers)).json()["pairing_code"]
    second = (await client.post(PAIRINGS, json=body, headers=headers)).json()["pairing_code"]
    assert first != second
    rows = await here.read(select(DevicePairing).where(DevicePairing.union_id == here.id))
    assert {row[0].code_digest for row in rows} == {
        PAIRING.digest(c.replace("-", "")) for c in (first, second)
    }
    # Asked for again: the code before it stops, the last one pairs.
    refused(
        await client.post(PAIR, json=pairing_body(first, make_key("p256"))), 403, "devices.pairing_refused"
    )
    assert (await client.post(PAIR, json=pairing_body(second, make_key("p256")))).status_code == 201


async def test_whatever_is_wrong_with_a_pairing_the_refusal_is_the_same(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, key, other = await street(), make_key("ed25519"), make_key("ed25519")
    codes = [(await pairing_code(client, here))["pairing_code"] for _ in range(3)]
    unknown = PAIRING.shown(PAIRING.make(secrets.randbits(128)))
    async with here.database.transaction(every_union("a test arranges")) as session:
        digest = PAIRING.digest(codes[1].replace("-", ""))
        at = utc_now()
        over = update(DevicePairing).where(DevicePairing.code_digest == digest)
        await session.execute(over.values(created_at=at - timedelta(minutes=11), expires_at=at))
    bodies = {
        "unknown": pairing_body(unknown, key),
        "expired": pairing_body(codes[1], key),
        "no code": pairing_body("hello", key),
        "proof of another key": pairing_body(codes[0], key, proof=pairing_body(codes[0], other)["proof"]),
        "proof of another code": pairing_body(codes[0], key, proof=pairing_body(codes[2], key)["proof"]),
        "short key": pairing_body(codes[0], key, public_key="AAAA"),
        "other algorithm": pairing_body(codes[0], key, algorithm="p256"),
    }
    answers = []
    async with unchanged(here):
        for name, body in bodies.items():
            answer = await client.post(PAIR, json=body)
            refused(answer, 403, "devices.pairing_refused")
            answers.append((name, without_ids(answer)))
    assert [answer for _, answer in answers] == [answers[0][1]] * len(answers)
    assert await devices_of(here) == 0
    # The control: the same code with its own proof is good.
    assert (await client.post(PAIR, json=pairing_body(codes[0], key))).status_code == 201


async def test_one_address_tries_ten_codes_and_waits(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    body = pairing_body(PAIRING.make(7), make_key("ed25519"))
    for _ in range(10):
        refused(await client.post(PAIR, json=body), 403, "devices.pairing_refused")
    good = await pairing_code(client, here)
    late = await client.post(PAIR, json=pairing_body(good["pairing_code"], make_key("ed25519")))
    refused(late, 429, "platform.too_many_requests")
    assert await devices_of(here) == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"valid_until": utc_now() + timedelta(days=91)}, "devices.period_invalid"),
        (
            {"valid_from": utc_now() - timedelta(days=9), "valid_until": utc_now() - timedelta(days=1)},
            "devices.period_invalid",
        ),
        ({"pickup_point_id": uuid4()}, "pickup.point_not_found"),
    ],
)
async def test_a_pairing_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], code: str
) -> None:
    here = await street()
    with pytest.raises(AssertionError, match=code):
        await pairing_code(client, here, **change)
    assert await here.read(select(DevicePairing).where(DevicePairing.union_id == here.id)) == []


async def test_a_foreign_point_and_device_are_as_unknown_as_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    with pytest.raises(AssertionError, match=r"pickup\.point_not_found"):
        await pairing_code(client, here, pickup_point_id=there.points[0])
    theirs = await paired(client, there)
    for path, method, body in (
        ("", "GET", None), ("", "PATCH", {"name": "x"}), ("/revoke", "POST", {"reason": "遗失"}),
    ):  # fmt: skip
        headers = here.officer.headers() | {"If-Match": "*"}
        seen = [
            await client.request(method, f"{DEVICES}/{id}{path}", json=body, headers=headers)
            for id in (theirs.id, uuid4())
        ]
        assert without_ids(seen[0]) == without_ids(seen[1])
        refused(seen[0], 404, "devices.not_found")
    assert (await client.get(OWN, auth=theirs)).status_code == 200


async def test_each_part_of_a_call_is_signed(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    tablet, other = await paired(client, here), await paired(client, here)
    body = {"login": "t-nobody", "pin": "482915"}

    def call() -> httpx.Request:
        return client.build_request("POST", f"{OWN}/clerks/sign-in", json=body)

    flaws: dict[str, httpx.Request] = {}
    for header in ("X-Device-Time", "X-Device-Nonce", "X-Device-Signature"):
        flaws[f"no {header}"] = await captured(client, tablet, call())
        del flaws[f"no {header}"].headers[header]
    flaws["another nonce"] = await captured(client, tablet, call())
    flaws["another nonce"].headers["X-Device-Nonce"] = "A" * 22
    flaws["another time"] = await captured(client, tablet, call())
    flaws["another time"].headers["X-Device-Time"] = (utc_now() + timedelta(seconds=1)).isoformat()
    flaws["another token"] = await captured(client, tablet, call())
    flaws["another token"].headers["Authorization"] = f"Bearer {other.token}"
    signed = await captured(client, tablet, call())
    flaws["another body"] = client.build_request(
        "POST", f"{OWN}/clerks/sign-in", json=body | {"pin": "482916"},
        headers={n: v for n, v in signed.headers.items() if n.startswith(("x-device", "authorization"))},
    )  # fmt: skip
    flaws["another path"] = client.build_request(
        "POST", f"{OWN}/clerks/pin", json=body | {"code": "x"},
        headers={n: v for n, v in signed.headers.items() if n.startswith(("x-device", "authorization"))},
    )  # fmt: skip
    flaws["another key"] = await captured(client, Tablet(other.key, tablet.id, tablet.token), call())
    for name, clock in (("five minutes late", -301), ("five minutes early", 301), ("a day late", -86_400)):
        wrong = Tablet(tablet.key, tablet.id, tablet.token, timedelta(seconds=clock))
        flaws[name] = await captured(client, wrong, call())
    async with unchanged(here):
        for name, request in flaws.items():
            problem = refused(await client.send(request), *REFUSED)
            assert problem["title"], name
    noted = [entry.details["flaw"] for entry in await entries(here, "devices.signature_refused")]
    assert sorted(noted) == ["form"] * 2 + ["signature"] * 7 + ["time"] * 3
    # The controls: a clock within the five minutes, and a query that is signed too.
    near = Tablet(tablet.key, tablet.id, tablet.token, timedelta(seconds=-290))
    assert (await client.get(OWN, auth=near)).status_code == 200
    refused(await client.send(await captured(client, tablet, call())), 403, "devices.clerk_refused")


async def test_a_captured_call_counts_once(
    client: httpx.AsyncClient, street: MakeStreet, fleet: Fleet
) -> None:
    """K7: the scan of a device, sent again by whoever saw it, to another worker too."""
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    event = {"event_id": str(uuid4()), "code": "nonsense", "pickup_point_id": str(here.points[0])}
    request = client.build_request("POST", SCAN, json=event, headers=clerk.headers())
    signed = await captured(client, tablet, request)
    first = await client.send(signed)
    assert (first.status_code, first.json()["reason"]) == (200, "invalid_code")
    async with unchanged(here):
        for line in (client, *fleet.clients):
            again = line.build_request("POST", SCAN, content=signed.content, headers=signed.headers)
            refused(await line.send(again), *REFUSED)
    seen = await entries(here, "devices.signature_refused")
    assert [(e.details["flaw"], e.device_id, e.actor_id) for e in seen] == [
        ("replay", tablet.id, clerk.id)
    ] * 3
    # Signed anew, the same event gets its first answer.
    again = await client.post(SCAN, json=event, headers=clerk.headers(), auth=tablet)
    assert again.json() == first.json()


async def test_control_without_the_nonces_a_captured_call_would_count_again(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    signed = await captured(client, tablet, client.build_request("GET", OWN))
    assert (await client.send(signed)).status_code == 200
    refused(await client.send(signed), *REFUSED)
    async with here.database.transaction(every_union("a test takes the safeguard away")) as session:
        await session.execute(DeviceNonce.__table__.delete().where(DeviceNonce.device_id == tablet.id))
    assert (await client.send(signed)).status_code == 200


async def test_many_copies_at_once_count_once(
    client: httpx.AsyncClient, street: MakeStreet, fleet: Fleet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    signed = await captured(client, tablet, client.build_request("GET", OWN))
    lines = [fleet.clients[n % 2] for n in range(16)]
    answers = await asyncio.gather(
        *(line.send(line.build_request("GET", OWN, headers=signed.headers)) for line in lines)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 15


async def test_a_token_alone_is_worth_nothing_and_other_tokens_need_no_signature(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    for token in (tablet.token, clerk.token):
        for path in (OWN, f"{API}/me", f"{API}/campaigns", f"{API}/signing-keys"):
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
            refused(answer, *REFUSED)
    assert (await client.get(f"{API}/campaigns", headers=here.clerk.headers())).status_code == 200


async def test_a_revoked_device_is_out_at_once_everywhere(
    client: httpx.AsyncClient, street: MakeStreet, fleet: Fleet
) -> None:
    here = await street()
    tablet, beside = await paired(client, here), await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    for line in fleet.clients:
        assert (await line.get(OWN, auth=tablet)).status_code == 200
        assert (await line.get(f"{API}/campaigns", headers=clerk.headers(), auth=tablet)).status_code == 200
    path = f"{DEVICES}/{tablet.id}/revoke"
    answer = await fleet.clients[0].post(
        path, json={"reason": "设备遗失"}, headers=here.officer.headers("new")
    )
    assert answer.status_code == 200
    assert answer.json()["revoked_at"] is not None
    await asyncio.sleep(0.2)  # as long as a notification may take
    for line in fleet.clients:
        refused(await line.get(OWN, auth=tablet), 401, "access.unauthenticated")
        denied = await line.get(f"{API}/campaigns", headers=clerk.headers(), auth=tablet)
        refused(denied, 401, "access.unauthenticated")
        assert (await line.get(OWN, auth=beside)).status_code == 200
    (entry,) = await entries(here, "revoke_device")
    assert (entry.subject_id, entry.reason) == (tablet.id, "设备遗失")
    # Again: nothing more happens. And nothing about it is changed any more.
    twice = await client.post(path, json={"reason": "again"}, headers=here.officer.headers())
    assert twice.json()["revoked_at"] == answer.json()["revoked_at"]
    headers = here.officer.headers() | {"If-Match": "*"}
    refused(
        await client.patch(f"{DEVICES}/{tablet.id}", json={"name": "x"}, headers=headers),
        409,
        "devices.revoked",
    )


async def test_those_who_look_after_devices_see_and_change_them(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2)
    tablets = [await paired(client, here) for _ in range(3)]
    seen = await walk(client, "/devices", here.staff[Role.AUDITOR])
    assert [item["id"] for item in seen] == [str(tablet.id) for tablet in reversed(tablets)]
    assert all("public_key" not in item for item in seen)
    late = Tablet(tablets[0].key, tablets[0].id, tablets[0].token, timedelta(seconds=-100))
    await client.get(OWN, auth=late)
    path, officer = f"{DEVICES}/{tablets[0].id}", here.officer.headers()
    found = await client.get(path, headers=officer)
    assert found.headers["etag"] == '"1"'
    assert (found.json()["clock_skew_seconds"], found.json()["version"]) == (-100, 1)
    assert found.json()["last_seen_at"] is not None
    change = {"pickup_point_id": str(here.points[1]), "name": "示例·搬走了"}
    refused(await client.patch(path, json=change, headers=officer), 428, "platform.precondition_required")
    changed = await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    refused(await client.patch(path, json=change, headers=officer | {"If-Match": '"1"'}), 412,
            "platform.precondition_failed")  # fmt: skip
    for until in (utc_now() - timedelta(days=30), utc_now() + timedelta(days=91)):
        wrong = await client.patch(
            path, json={"valid_until": until.isoformat()}, headers=officer | {"If-Match": "*"}
        )
        refused(wrong, 409, "devices.period_invalid")
    assert (await client.get(OWN, auth=tablets[0])).json()["pickup_point"]["id"] == str(here.points[1])


async def test_a_scanner_that_shoots_at_everything_is_held(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """A19: ten a second, thirty at once, for each device by itself."""
    here = await street()
    wild, calm = await paired(client, here), await paired(client, here)
    answers = [await client.get(OWN, auth=wild) for _ in range(60)]
    let_in = sum(answer.status_code == 200 for answer in answers)
    held = [answer for answer in answers if answer.status_code != 200]
    assert 30 <= let_in < 60
    for answer in held:
        refused(answer, 429, "platform.too_many_requests")
        assert answer.headers["retry-after"] == "1"
    assert (await client.get(OWN, auth=calm)).status_code == 200


async def test_used_nonces_and_old_codes_are_tidied_when_they_can_count_no_more(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    await client.get(OWN, auth=tablet)
    wanted = select(func.count()).where(DeviceNonce.device_id == tablet.id)
    left = []
    for later in (timedelta(minutes=10), timedelta(minutes=12)):
        async with here.database.transaction(every_union("a test tidies")) as session:
            await tidy_devices(session, now=utc_now() + later)
        left.append((await here.read(wanted))[0][0])
    assert left == [1, 0]
    assert len(public_half(tablet.key)) == 32
