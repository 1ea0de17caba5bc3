"""The journey of a pickup device: paired, a clerk at it, scans, what it recorded offline, revoked."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from app.platform.clock import local_date, utc_now
from tests.factories.tablets import Tablet, make_key, pairing_body
from tests.journeys.book import Book, Caller, WentWrong
from tests.journeys.people import Staff, said_nothing, script, staff
from tests.journeys.place import Place

TITLE = "The journey of a pickup device"
CLERK, PIN = "clerk-xjk", "482915"
_SCANNED = "result reason order number member_name_masked gift_box quantity redeemed_at redeemed_by"


async def tell(place: Place) -> Book:
    """Carry the journey out on a fresh demo and return it."""
    book = Book(place, TITLE)
    officer = await staff(book, "officer-xjk", token="OFFICER")
    await _find_place(book, officer)
    tablet, device = await _pair(book, officer)
    clerk = await _clerk(book, tablet, device)
    await _scan(book, tablet, clerk)
    await _offline(book, device)
    await _revoke(book, officer, device=device, clerk=clerk)
    return book


async def _find_place(book: Book, officer: Staff) -> None:
    listed = await said_nothing(book, "GET /campaigns?status=open", who=officer.caller)
    campaign = next(one for one in listed["items"] if "当日领取" in one["title"])
    offer = campaign["offers"][0]
    points = await said_nothing(book, "GET /pickup-points", who=officer.caller)
    book.name(CAMPAIGN=campaign["id"], OFFER=offer["id"], POINT=offer["pickup_point"]["id"])
    other = next(one["id"] for one in points["items"] if one["id"] != offer["pickup_point"]["id"])
    book.name(OTHER_POINT=other)


async def _pair(book: Book, officer: Staff) -> tuple[Tablet, Caller]:
    book.say("## Pairing")
    now = utc_now()
    body = {
        "name": "示例·一号平板",
        "pickup_point_id": book.known["POINT"],
        "valid_from": (now - timedelta(hours=1)).isoformat(timespec="seconds"),
        "valid_until": (now + timedelta(days=7)).isoformat(timespec="seconds"),
    }
    book.name(FROM=body["valid_from"], UNTIL=body["valid_until"])
    answer = await book.send("POST /devices/pairings", who=officer.caller, body=body)
    made = answer.json()
    code = made["pairing_code"]
    book.name(PAIRING_CODE=code, SYMBOLS=code.replace("-", ""))
    said = (
        "The officer (signed in as in [manager.md](manager.md)) makes a code for a tablet at this pickup "
        "point. It is "
        "shown once, as text and as a QR picture, and pairs one device within ten minutes."
    )
    book.write(
        said, "POST /devices/pairings", who=officer.caller, body=body, answer=answer,
        shows="pairing_code payload expires_at",
    )  # fmt: skip
    book.say(
        "The device makes a key (Ed25519; P-256 where a browser has nothing else) whose private half never "
        "leaves it, "
        "and signs four lines with it: `grainline-device-pairing/v1`, the code without dashes, the "
        "algorithm, the "
        "public key. Binary is base64url without padding.",
    )
    key = make_key("ed25519")
    request, given = "POST /devices/pair", pairing_body(code, key)
    nobody = Caller(await book.place.caller())
    book.name(PUBLIC_KEY=given["public_key"], PROOF=given["proof"])
    answer = await book.send(request, who=nobody, body=given)
    found = answer.json()
    book.name(DEVICE=found["device_id"], DEVICE_TOKEN=found["token"])
    said = "It is paired: bound to union, pickup point and period."
    book.write(said, request, who=nobody, body=given, answer=answer)
    await book.call("The code is used up.", request, who=nobody, body=given, expect=403)
    tablet = Tablet(key, token=found["token"])
    device = Caller(nobody.client, "DEVICE_TOKEN", tablet)
    book.say(
        "## Signed calls",
        "From now on each call carries a proof of the key, as three headers. `SEAL` below is for one call "
        "only:",
        "```sh\n"
        'SEAL=(-H "X-Device-Time: $TIME" -H "X-Device-Nonce: $NONCE" \\\n'
        '      -H "X-Device-Signature: $SIGNATURE")\n```',
        "`$TIME` is the device's clock (five minutes off at most), `$NONCE` 16 random bytes, `$SIGNATURE` "
        "is over seven "
        "lines: `grainline-device/v1`, method, path with query, SHA-256 of the body, time, nonce, SHA-256 "
        "of the token; "
        "hashes in hexadecimal, a line feed between the lines and none at the end. "
        "[device-requests.md](../device-requests.md) has it in full.",
    )
    await book.call(
        "What am I, where, until when, and which signing keys should I hold?",
        "GET /device",
        who=device,
        shows="device_id name union pickup_point valid_from valid_until number",
    )
    await book.call(
        "The token without the proof is worth nothing.",
        "GET /device",
        who=Caller(nobody.client, "DEVICE_TOKEN"),
        expect=401,
    )
    return tablet, device


async def _clerk(book: Book, tablet: Tablet, device: Caller) -> Caller:
    book.say("## A clerk at the device")
    clerk = await staff(book, CLERK, token="OWN_SESSION")
    book.name(CLERK_ID=(await said_nothing(book, "GET /me", who=clerk.caller))["id"])
    await book.call(
        "The clerk chooses a PIN in a session of their own (password and authenticator); a popular one is "
        "refused.",
        "PUT /me/pin",
        who=clerk.caller,
        body={"pin": "123456"},
        expect=409,
    )
    book.name(PIN=PIN)
    said = "It is kept as a hash. Officers take a forgotten one away: `POST /staff/{id}/pin-reset`."
    await book.call(said, "PUT /me/pin", who=clerk.caller, body={"pin": PIN})
    await book.call(
        "A wrong PIN, or an unknown login, is refused; ten tries in five minutes.",
        "POST /device/clerks/sign-in",
        who=device,
        body={"login": CLERK, "pin": "739104"},
        expect=403,
    )
    request, body = "POST /device/clerks/sign-in", {"login": CLERK, "pin": PIN}
    answer = await book.send(request, who=device, body=body)
    book.name(CLERK=answer.json()["token"])
    said = "The clerk signs in on the device; whoever stood there before is signed out."
    book.write(said, request, who=device, body=body, answer=answer)
    return Caller(device.client, "CLERK", tablet)


async def _booked(book: Book, number: str) -> dict[str, Any]:
    """Let a member order, book the hour that it is, and show the code; the book does not tell it."""
    member = await script(book, "member", number, token=f"TOKEN_{number}")
    now = utc_now()
    order = await said_nothing(book, "POST /orders", who=member, body={"offer_id": book.known["OFFER"]})
    request = f"GET /campaigns/{book.known['CAMPAIGN']}/slots?on={local_date(now)}"
    slots = (await said_nothing(book, request, who=member))["items"]
    slot = next(one["id"] for one in slots if datetime.fromisoformat(one["ends_at"]) > now)
    await said_nothing(book, f"PUT /orders/{order['id']}/slot", who=member, body={"slot_id": slot})
    found = await said_nothing(book, f"GET /orders/{order['id']}/code", who=member)
    return {"event_id": str(uuid4()), "code": found["code"], "pickup_point_id": book.known["POINT"]}


async def _scan(book: Book, tablet: Tablet, clerk: Caller) -> None:
    book.say("## Scans")
    event = await _booked(book, "M0000002")
    book.name(QR_1=event["code"], EVENT_1=event["event_id"])
    request = clerk.client.build_request(
        "POST", "/api/v1/redemptions", json=event, headers=clerk.headers(book) | {"Accept-Language": "en"}
    )
    signed = next(tablet.sync_auth_flow(request))
    first = await _sent(clerk.client, signed)
    said = "A member shows a code; the box is handed over. The scan names the clerk and the device."
    book.write(said, "POST /redemptions", who=clerk, body=event, answer=first, shows=_SCANNED)
    replayed = await _sent(clerk.client, signed)
    if (first.json()["result"], replayed.status_code) != ("handed_over", 401):
        raise WentWrong(f"{first.text}\n{replayed.text}")
    said = "The same call, byte for byte, sent again by whoever saw it on the way, counts for nothing."
    book.write(said, "POST /redemptions", who=clerk, body=event, answer=replayed)
    again = event | {"event_id": str(uuid4())}
    book.name(EVENT_2=again["event_id"])
    await book.call(
        "A second scan of the code says when and by whom the box was collected.",
        "POST /redemptions",
        who=clerk,
        body=again,
        shows=_SCANNED,
    )
    elsewhere = again | {"event_id": str(uuid4()), "pickup_point_id": book.known["OTHER_POINT"]}
    book.name(EVENT_3=elsewhere["event_id"])
    await book.call(
        "The device hands over at its own pickup point only.",
        "POST /redemptions",
        who=clerk,
        body=elsewhere,
        expect=403,
        shows="pickup_point_id",
    )


async def _sent(client: httpx.AsyncClient, signed: httpx.Request) -> httpx.Response:
    copy = client.build_request(signed.method, signed.url, content=signed.content, headers=signed.headers)
    return await client.send(copy)


async def _offline(book: Book, device: Caller) -> None:
    book.say("## Without a network")
    now = utc_now().isoformat(timespec="seconds")
    one = await _booked(book, "M0000009") | {"scanned_at": now, "staff_id": book.known["CLERK_ID"]}
    two = one | {"event_id": str(uuid4()), "code": book.known["QR_1"]}
    three = one | {"event_id": str(uuid4()), "staff_id": str(uuid4())}
    for position, event in enumerate((one, two, three), start=4):
        book.name(**{f"EVENT_{position}": event["event_id"]})
    book.name(QR_2=one["code"], SCANNED_AT=now, NOBODY=three["staff_id"])
    await book.call(
        "What was handed over offline is sent later, signed by the device, each with its clerk. The first "
        "counts; the "
        "second was collected before and becomes a conflict for a person; the third names a clerk who was "
        "not there, "
        "and is kept for a person too. Nothing is lost, and sending the batch again changes nothing.",
        "POST /redemptions/batch",
        who=device,
        body={"device_id": book.known["DEVICE"], "events": [one, two, three]},
        shows="results event_id answer result reason problem redeemed_at",
    )


async def _revoke(book: Book, officer: Staff, *, device: Caller, clerk: Caller) -> None:
    book.say("## Lost")
    await book.call(
        "The tablet is lost. The officer revokes it.",
        f"POST /devices/{book.known['DEVICE']}/revoke",
        who=officer.caller,
        body={"reason": "示例·设备遗失"},
        shows="id name last_seen_at revoked_at",
    )
    await asyncio.sleep(0.3)  # as long as a notification may take to reach the other workers
    await book.call("It is refused at once, on every worker,", "GET /device", who=device, expect=401)
    await book.call("and so is the clerk who stood at it.", "GET /me", who=clerk, expect=401)
