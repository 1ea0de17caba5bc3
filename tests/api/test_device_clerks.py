"""Clerks at a paired device: PINs, whose scan it is, where and when, and what the device recorded."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.access.audit import AuditEntry
from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import Opening, open_session
from app.devices.tables import ClerkPin, Device
from app.platform.clock import utc_now
from app.redemptions.tables import QuarantinedEvent, Redemption, RedemptionConflict
from app.unions.tables import StaffAccount
from tests.api.test_devices import client as client_of_its_own
from tests.api.test_offline import booked, said, status_of, told
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged, without_ids
from tests.factories.apps import run_fleet
from tests.factories.databases import Scratch
from tests.factories.street import Person, Street, make_street
from tests.factories.tablets import Tablet, clerk_at, login_of, paired

client = client_of_its_own
SCAN, BATCH, SIGN_IN = f"{API}/redemptions", f"{API}/redemptions/batch", f"{API}/device/clerks/sign-in"
PIN = "482915"


async def entries(here: Street, action: str) -> list[AuditEntry]:
    wanted = select(AuditEntry).where(AuditEntry.union_id == here.id, AuditEntry.action == action)
    return [row[0] for row in await here.read(wanted.order_by(AuditEntry.id))]


async def short_code(client: httpx.AsyncClient, here: Street, order_id: UUID, *, member: int = 0) -> str:
    found = await client.get(f"{API}/orders/{order_id}/code", headers=here.members[member].headers())
    return str(found.json()["short_code"])


async def scan(
    client: httpx.AsyncClient,
    here: Street,
    code: str,
    *,
    clerk: Person,
    tablet: Tablet | None = None,
    **change: Any,
) -> httpx.Response:
    return await client.post(SCAN, json=told(here, code, **change), headers=clerk.headers(), auth=tablet)


async def upload(
    client: httpx.AsyncClient, device: Any, *events: Any, auth: Any = None, headers: Any = None
) -> list[dict[str, Any]]:
    body = {"device_id": str(device), "events": list(events)}
    answer = await client.post(BATCH, json=body, auth=auth, headers=headers)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def kept(here: Street) -> list[QuarantinedEvent]:
    wanted = select(QuarantinedEvent).where(QuarantinedEvent.union_id == here.id)
    return [row[0] for row in await here.read(wanted.order_by(QuarantinedEvent.id))]


async def link(here: Street, staff: Person, member: Person | None) -> None:
    """Say that an account belongs to somebody of the roster."""
    await here.set(StaffAccount, staff.id, member_id=member.id if member else None)


async def test_a_scan_at_a_device_names_the_clerk_and_the_device(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    order_id, code = await booked(client, here)
    answer = await scan(client, here, code, clerk=clerk, tablet=tablet)
    assert (answer.status_code, answer.json()["result"]) == (200, "handed_over")
    assert answer.json()["redeemed_by"] == here.clerk.name
    columns = (Redemption.staff_id, Redemption.device_id, Redemption.is_offline)
    rows = await here.read(select(*columns).where(Redemption.order_id == order_id))
    assert [tuple(row) for row in rows] == [(here.clerk.id, str(tablet.id), False)]
    (signed_in,) = await entries(here, "devices.clerk_signed_in")
    assert (signed_in.device_id, signed_in.subject_id) == (tablet.id, here.clerk.id)


async def test_a_device_by_itself_hands_nothing_over(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    tablet = await paired(client, here)
    _, code = await booked(client, here)
    async with unchanged(here):
        refused(await client.post(SCAN, json=told(here, code), auth=tablet), 403, "access.forbidden")


async def test_login_and_pin_are_refused_alike_and_never_locked_for_good(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    tablet, beside = await paired(client, here), await paired(client, here)
    await clerk_at(client, here, tablet)
    foreign = await paired(client, there)
    await clerk_at(client, there, foreign)
    login, disabled = await login_of(here, here.clerk), here.officer
    await client.put(f"{API}/me/pin", json={"pin": PIN}, headers=disabled.headers())
    await here.set(StaffAccount, disabled.id, disabled_at=utc_now())
    wrong = {
        "wrong pin": (login, "482916"),
        "no such login": ("t-nobody", PIN),
        "of another union": (await login_of(there, there.clerk), PIN),
        "no pin set": (await login_of(here, here.staff[Role.CHAIR]), PIN),
        "disabled": (await login_of(here, disabled), PIN),
    }
    answers = []
    for name, pin in wrong.values():
        answer = await client.post(SIGN_IN, json={"login": name, "pin": pin}, auth=tablet)
        refused(answer, 403, "devices.clerk_refused")
        answers.append(without_ids(answer))
    assert answers == [answers[0]] * len(answers)
    assert len(await entries(here, "devices.clerk_refused")) == len(wrong)
    # One sign-in and five tries so far; after the tenth the device waits, another one does not.
    for _ in range(4):
        answer = await client.post(SIGN_IN, json={"login": "t-nobody", "pin": PIN}, auth=tablet)
        refused(answer, 403, "devices.clerk_refused")
    late = await client.post(SIGN_IN, json={"login": login, "pin": PIN}, auth=tablet)
    refused(late, 429, "platform.too_many_requests")
    assert int(late.headers["retry-after"]) <= 30
    good = await client.post(SIGN_IN, json={"login": login, "pin": PIN}, auth=beside)
    assert good.status_code == 200
    rows = await here.read(select(ClerkPin.pin_hash).where(ClerkPin.staff_id == here.clerk.id))
    assert rows[0][0].startswith("$argon2id$v=19$m=47104,t=1,p=1$")


async def test_an_account_is_not_guessed_from_many_devices(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    tablets = [await paired(client, here) for _ in range(3)]
    await clerk_at(client, here, tablets[2])
    login = await login_of(here, here.clerk)
    for n in range(10):
        answer = await client.post(SIGN_IN, json={"login": login, "pin": "482900"}, auth=tablets[n % 2])
        refused(answer, 403, "devices.clerk_refused")
    late = await client.post(SIGN_IN, json={"login": login, "pin": PIN}, auth=tablets[2])
    refused(late, 429, "platform.too_many_requests")
    # Somebody else's device cannot use an account's tries up: they are counted within the union.
    theirs = await paired(client, there)
    other = await client.post(SIGN_IN, json={"login": login, "pin": PIN}, auth=theirs)
    refused(other, 403, "devices.clerk_refused")


@pytest.mark.parametrize(
    "pin", ["111111", "123456", "876543", "890123", "121212", "123123", "11221122", "112233"]
)
async def test_a_pin_that_everybody_tries_is_refused(
    client: httpx.AsyncClient, street: MakeStreet, pin: str
) -> None:
    here = await street()
    answer = await client.put(f"{API}/me/pin", json={"pin": pin}, headers=here.clerk.headers())
    refused(answer, 409, "devices.pin_too_simple")
    assert await here.read(select(ClerkPin).where(ClerkPin.staff_id == here.clerk.id)) == []


async def test_a_pin_is_not_set_from_the_device_that_asks_for_it(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    before = await here.read(select(ClerkPin.pin_hash).where(ClerkPin.staff_id == clerk.id))
    answer = await client.put(f"{API}/me/pin", json={"pin": "739154"}, headers=clerk.headers(), auth=tablet)
    refused(answer, 403, "access.forbidden")
    assert await here.read(select(ClerkPin.pin_hash).where(ClerkPin.staff_id == clerk.id)) == before


async def test_a_forgotten_pin_is_set_anew_with_the_officers_code(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet, login = await paired(client, here), await login_of(here, here.clerk)
    await clerk_at(client, here, tablet)
    path = f"{API}/staff/{here.clerk.id}/pin-reset"
    first = (await client.post(path, json={}, headers=here.officer.headers())).json()["code"]
    code = (await client.post(path, json={}, headers=here.officer.headers())).json()["code"]
    # From now on neither the old PIN nor the code before is good.
    refused(
        await client.post(SIGN_IN, json={"login": login, "pin": PIN}, auth=tablet),
        403,
        "devices.clerk_refused",
    )
    setting = f"{API}/device/clerks/pin"
    for body in (
        {"login": login, "code": first, "pin": "739154"},
        {"login": "t-nobody", "code": code, "pin": "739154"},
        {"login": login, "code": "hello", "pin": "739154"},
    ):
        refused(await client.post(setting, json=body, auth=tablet), 403, "devices.clerk_refused")
    body = {"login": login, "code": code.lower().replace("-", " "), "pin": "739154"}
    assert (await client.post(setting, json=body, auth=tablet)).status_code == 200
    good = await client.post(SIGN_IN, json={"login": login, "pin": "739154"}, auth=tablet)
    assert good.json()["staff_id"] == str(here.clerk.id)
    refused(await client.post(setting, json=body | {"pin": PIN}, auth=tablet), 403, "devices.clerk_refused")
    # An account that hands nothing over has no PIN, nor has one of another union.
    there = await street()
    for staff in (here.staff[Role.CHAIR].id, there.clerk.id, uuid4()):
        answer = await client.post(f"{API}/staff/{staff}/pin-reset", headers=here.officer.headers())
        refused(answer, 404, "devices.clerk_not_found")


async def test_one_clerk_at_a_time_and_none_after_signing_out(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet, beside = await paired(client, here), await paired(client, here)
    first = await clerk_at(client, here, tablet)
    elsewhere = await clerk_at(client, here, beside)
    second = await clerk_at(client, here, tablet, who=here.officer)
    path = f"{API}/campaigns"
    refused(await client.get(path, headers=first.headers(), auth=tablet), 401, "access.unauthenticated")
    assert (await client.get(path, headers=elsewhere.headers(), auth=beside)).status_code == 200
    # At a device an officer is a clerk and no more.
    assert (await client.get(path, headers=second.headers(), auth=tablet)).status_code == 200
    refused(
        await client.get(f"{API}/devices", headers=second.headers(), auth=tablet), 403, "access.forbidden"
    )
    out = await client.post(f"{API}/device/clerks/sign-out", auth=tablet)
    assert out.json() == {"signed_out": 1}
    refused(await client.get(path, headers=second.headers(), auth=tablet), 401, "access.unauthenticated")
    assert (await client.get(f"{API}/device", auth=tablet)).status_code == 200
    # Neither does a session of a clerk work on the device beside.
    refused(
        await client.get(path, headers=elsewhere.headers(), auth=tablet), 401, "devices.signature_refused"
    )


async def test_a_device_hands_over_at_its_own_point_and_in_its_time(
    client: httpx.AsyncClient, street: MakeStreet, app: FastAPI
) -> None:
    here = await street(points=2)
    tablet = await paired(client, here, pickup_point_id=here.points[1])
    clerk = await clerk_at(client, here, tablet)
    _, code = await booked(client, here)
    async with unchanged(here):
        answer = await scan(client, here, code, clerk=clerk, tablet=tablet)
        problem = refused(answer, 403, "devices.wrong_pickup_point")
        assert problem["pickup_point_id"] == str(here.points[1])
    now = utc_now()
    for since, until in ((-2, -1), (1, 2)):
        times = {"valid_from": now + timedelta(hours=since), "valid_until": now + timedelta(hours=until)}
        await here.set(Device, tablet.id, pickup_point_id=here.points[0], **times)
        app.state.device_guard.forget()
        async with unchanged(here):
            answer = await scan(client, here, code, clerk=clerk, tablet=tablet)
            refused(answer, 403, "devices.outside_period")
        login = await login_of(here, here.clerk)
        answer = await client.post(SIGN_IN, json={"login": login, "pin": PIN}, auth=tablet)
        refused(answer, 403, "devices.outside_period")
    await here.set(
        Device, tablet.id, valid_from=now - timedelta(hours=1), valid_until=now + timedelta(hours=1)
    )
    app.state.device_guard.forget()
    assert (await scan(client, here, code, clerk=clerk, tablet=tablet)).json()["result"] == "handed_over"


async def test_nobody_redeems_their_own_order(
    client: httpx.AsyncClient, street: MakeStreet, app: FastAPI
) -> None:
    """Case 39: a second clerk may."""
    here = await street()
    me = here.members[0]
    await link(here, here.clerk, me)
    app.state.people.forget()
    order_id, code = await booked(client, here)
    typed = await short_code(client, here, order_id)
    for text in (code, typed):
        for change in ({}, {"override": {"reason": "本人确认"}}):
            answer = await scan(client, here, text, clerk=here.clerk, **change)
            assert (answer.status_code, said({"problem": None, "answer": answer.json()})) == (
                200,
                "own_order",
            )
    assert await status_of(here, order_id) == "booked"
    assert (await scan(client, here, code, clerk=here.officer)).json()["result"] == "handed_over"


async def test_the_own_order_recorded_offline_counts_and_is_shown_to_a_person(
    client: httpx.AsyncClient, street: MakeStreet, app: FastAPI
) -> None:
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    await link(here, here.clerk, here.members[0])
    app.state.people.forget()
    order_id, code = await booked(client, here)
    (result,) = await upload(client, tablet.id, told(here, code), auth=tablet, headers=clerk.headers())
    assert said(result) == "handed_over"
    assert await status_of(here, order_id) == "collected"
    rows = await here.read(select(RedemptionConflict.reason).where(RedemptionConflict.order_id == order_id))
    assert [row[0] for row in rows] == ["own_order"]


async def test_a_device_hands_in_its_own_record_only(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """A cloned key id: knowing the name of a device is not being it."""
    here = await street()
    tablet, clone = await paired(client, here), await paired(client, here)
    clerk = await clerk_at(client, here, clone)
    _, code = await booked(client, here)
    body = {"device_id": str(tablet.id), "events": [told(here, code)]}
    async with unchanged(here):
        for auth, headers in ((clone, clerk.headers()), (clone, {}), (None, here.clerk.headers())):
            answer = await client.post(BATCH, json=body, auth=auth, headers=headers)
            refused(answer, 403, "devices.not_this_device")
        stolen = Tablet(clone.key, tablet.id, tablet.token)
        refused(await client.post(BATCH, json=body, auth=stolen), 401, "devices.signature_refused")
        assert await kept(here) == []
    # A name that is no device of ours stays what it was: a script's name for itself.
    (result,) = await upload(client, "d-1", told(here, code), headers=here.clerk.headers())
    assert said(result) == "handed_over"


async def test_a_device_that_hands_in_by_itself_names_the_clerk(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    tablet = await paired(client, here)
    await clerk_at(client, here, tablet)
    orders = [await booked(client, here, member=n) for n in range(3)]
    events = [
        told(here, orders[0][1], staff_id=here.clerk.id),
        told(here, orders[1][1]),
        told(here, orders[2][1], staff_id=here.officer.id),
    ]
    results = await upload(client, tablet.id, *events, auth=tablet)
    assert [said(result) for result in results] == ["handed_over"] + ["devices.unknown_clerk"] * 2
    assert results[0]["answer"]["redeemed_by"] == here.clerk.name
    assert [(event.reason, event.staff_id, event.device_id) for event in await kept(here)] == [
        ("devices.unknown_clerk", None, str(tablet.id))
    ] * 2
    assert [await status_of(here, id) for id, _ in orders] == ["collected", "booked", "booked"]
    # The answer to the same record is the same, and nothing is kept twice.
    async with unchanged(here):
        assert await upload(client, tablet.id, *events, auth=tablet) == results
        assert len(await kept(here)) == 2


async def test_a_clerk_speaks_for_nobody_else(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    order_id, code = await booked(client, here)
    event = told(here, code, staff_id=here.officer.id)
    (result,) = await upload(client, "d-1", event, headers=here.clerk.headers())
    assert said(result) == "devices.unknown_clerk"
    assert await status_of(here, order_id) == "booked"


async def test_what_a_revoked_device_recorded_later_is_never_merged(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """A25: its token is refused; an officer hands the file in, and what came later is for a person."""
    here = await street()
    tablet = await paired(client, here)
    await clerk_at(client, here, tablet)
    orders = [await booked(client, here, member=n) for n in range(3)]
    answer = await client.post(
        f"{API}/devices/{tablet.id}/revoke", json={"reason": "遗失"}, headers=here.officer.headers()
    )
    revoked_at = utc_now()
    assert answer.status_code == 200
    events = [
        told(
            here,
            orders[0][1],
            scanned_at=(revoked_at - timedelta(minutes=2)).isoformat(),
            staff_id=here.clerk.id,
        ),
        told(here, orders[1][1], scanned_at=(revoked_at + timedelta(seconds=1)).isoformat()),
        told(here, orders[2][1]),
    ]
    body = {"device_id": str(tablet.id), "events": events}
    async with unchanged(here):
        refused(await client.post(BATCH, json=body, auth=tablet), 401, "access.unauthenticated")
        # Not under another spelling of its name either.
        for name in (str(tablet.id), tablet.id.hex, str(tablet.id).upper()):
            answer = await client.post(BATCH, json=body | {"device_id": name}, headers=here.clerk.headers())
            refused(answer, 403, "devices.not_this_device")
    results = await upload(client, tablet.id, *events, headers=here.officer.headers())
    assert [said(result) for result in results] == ["handed_over"] + ["devices.revoked"] * 2
    assert [await status_of(here, id) for id, _ in orders] == ["collected", "booked", "booked"]
    assert [(event.reason, event.staff_id) for event in await kept(here)] == [
        ("devices.revoked", here.officer.id)
    ] * 2
    assert {str(event.event_id) for event in await kept(here)} == {event["event_id"] for event in events[1:]}
    # However the officer's file spells the device, the same event is kept once.
    await upload(client, str(tablet.id).upper(), *events, headers=here.officer.headers())
    assert len(await kept(here)) == 2


async def test_a_record_from_before_the_pairing_is_not_merged(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """A25: a clock one day slow."""
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    orders = [await booked(client, here, member=n) for n in range(2)]
    events = [
        told(here, orders[0][1], scanned_at=(utc_now() - timedelta(days=1)).isoformat()),
        told(here, orders[1][1], scanned_at=(utc_now() - timedelta(seconds=30)).isoformat()),
    ]
    results = await upload(client, tablet.id, *events, auth=tablet, headers=clerk.headers())
    assert [said(result) for result in results] == ["devices.outside_period", "handed_over"]
    assert [await status_of(here, id) for id, _ in orders] == ["booked", "collected"]
    assert [event.reason for event in await kept(here)] == ["devices.outside_period"]


async def test_a_record_from_another_point_counts_and_is_shown_to_a_person(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(points=2)
    tablet = await paired(client, here, pickup_point_id=here.points[1])
    clerk = await clerk_at(client, here, tablet)
    order_id, code = await booked(client, here)
    (result,) = await upload(client, tablet.id, told(here, code), auth=tablet, headers=clerk.headers())
    assert said(result) == "handed_over"
    rows = await here.read(select(RedemptionConflict.reason).where(RedemptionConflict.order_id == order_id))
    assert [row[0] for row in rows] == ["wrong_pickup_point"]


async def test_after_ten_wrong_codes_only_the_camera_works(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    """Case 36: for the device; members and the table beside notice nothing."""
    here = await street()
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet)
    order_id, code = await booked(client, here)
    typed = await short_code(client, here, order_id)
    other_id, _ = await booked(client, here, member=1)
    other = await short_code(client, here, other_id, member=1)
    wrong = [secrets.choice("0123456789") * 9 + "7" for _ in range(10)]
    # A code that is right costs nothing, however often it is typed.
    assert (await scan(client, here, other, clerk=clerk, tablet=tablet)).json()["result"] == "handed_over"
    for _ in range(12):
        answer = await scan(client, here, other, clerk=clerk, tablet=tablet)
        assert answer.json()["reason"] == "already_collected"
    for text in wrong:
        answer = await scan(client, here, text, clerk=clerk, tablet=tablet)
        assert (answer.status_code, answer.json()["reason"] in {"unknown", "invalid_code"}) == (200, True)
    late = await scan(client, here, wrong[0], clerk=clerk, tablet=tablet)
    refused(late, 429, "platform.too_many_requests")
    async with unchanged(here):
        refused(
            await scan(client, here, typed, clerk=clerk, tablet=tablet), 429, "platform.too_many_requests"
        )
    assert (await scan(client, here, typed, clerk=here.officer)).json()["result"] == "handed_over"
    answer = await scan(client, here, code, clerk=clerk, tablet=tablet)
    assert (answer.status_code, answer.json()["reason"]) == (200, "already_collected")


async def test_keys_are_listed_for_whoever_verifies(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    tablet = await paired(client, here)
    first = await client.get(f"{API}/signing-keys", auth=tablet)
    found = first.json()
    assert {"active"} <= {key["state"] for key in found["keys"]}
    assert all(len(key["public_key"]) == 43 and key["algorithm"] == "ed25519" for key in found["keys"])
    again = await client.get(
        f"{API}/signing-keys", auth=tablet, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_key_that_serves_other_unions_is_not_withdrawn_by_one(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    await booked(client, there)
    admin = here.staff[Role.SEC_ADMIN]
    listed = (await client.get(f"{API}/signing-keys", headers=admin.headers())).json()
    active = next(key["id"] for key in listed["keys"] if key["state"] == "active")
    body = {"reason": "密钥泄露"}
    async with unchanged(here, there):
        answer = await client.post(
            f"{API}/signing-keys/{active}/withdraw", json=body, headers=admin.headers()
        )
        refused(answer, 403, "redemptions.key_not_yours")
        for none in ("0", "999", "x", str(uuid4())):
            answer = await client.post(
                f"{API}/signing-keys/{none}/withdraw", json=body, headers=admin.headers()
            )
            refused(answer, 404, "redemptions.key_not_found")
        async with here.database.transaction(every_union("a test arranges")) as session:
            opening = Opening(admin.id, Role.SEC_ADMIN, here.id, [here.id])
            plain = open_session(session, opening, now=utc_now())
        path = f"{API}/signing-keys/{active}/withdraw"
        answer = await client.post(path, json=body, headers={"Authorization": f"Bearer {plain}"})
        refused(answer, 403, "access.step_up_required")
    after = (await client.get(f"{API}/signing-keys", headers=admin.headers())).json()
    assert after == listed


async def test_a_key_that_leaked_is_withdrawn_and_another_signs_at_once(scratch: Scratch) -> None:
    here = await make_street(scratch.database)
    admin = here.staff[Role.SEC_ADMIN]
    async with run_fleet(scratch.settings) as fleet:
        line, beside = fleet.clients
        order_id, code = await booked(line, here)
        key_id = (await line.get(f"{API}/signing-keys", headers=admin.headers())).json()["keys"][0]["id"]
        path, body = f"{API}/signing-keys/{key_id}/withdraw", {"reason": "密钥泄露"}
        done = await line.post(path, json=body, headers=admin.headers("new"))
        assert done.status_code == 200
        assert [key["state"] for key in done.json()["keys"]] == ["withdrawn", "active"]
        refused(
            await line.post(path, json=body, headers=admin.headers()), 409, "redemptions.key_step_refused"
        )
        await asyncio.sleep(0.2)  # as long as a notification may take
        for one in (line, beside):
            answer = await scan(one, here, code, clerk=here.clerk)
            assert (answer.json()["result"], answer.json()["reason"]) == ("refused", "revoked")
        fresh = await line.get(f"{API}/orders/{order_id}/code", headers=here.members[0].headers())
        answer = await scan(beside, here, fresh.json()["code"], clerk=here.clerk)
        assert answer.json()["result"] == "handed_over"
    (entry,) = await entries(here, "redemptions.key_withdrawn")
    assert (entry.reason, entry.details) == ("密钥泄露", {"key_id": key_id})
