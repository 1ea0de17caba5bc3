"""The main path through HTTP: order, book, code, scan, and nothing twice."""

from io import BytesIO
from uuid import uuid4

import httpx
import zxingcpp
from PIL import Image

from app.orders.tables import Order
from tests.conftest import MakeStreet

API = "/api/v1"


async def test_a_member_orders_books_shows_the_code_and_collects_once(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member, clerk = here.members[0], here.clerk
    listed = (await client.get(f"{API}/campaigns?status=open", headers=member.headers())).json()["items"]
    assert [item["id"] for item in listed] == [str(here.campaign_id)]
    offer = listed[0]["offers"][0]
    assert (offer["quota"], offer["remaining"]) == (10, 10)

    placed = await client.post(f"{API}/orders", json={"offer_id": offer["id"]}, headers=member.headers("new"))
    assert placed.status_code == 201, placed.text
    order = placed.json()
    assert (order["status"], order["slot"], order["quantity"]) == ("to_book", None, 1)

    slots = await client.get(
        f"{API}/campaigns/{here.campaign_id}/slots",
        params={"pickup_point_id": str(here.points[0])},
        headers=member.headers(),
    )
    slot = slots.json()["items"][0]
    booked = await client.put(
        f"{API}/orders/{order['id']}/slot", json={"slot_id": slot["id"]}, headers=member.headers()
    )
    assert (booked.json()["status"], booked.json()["slot"]["id"]) == ("booked", slot["id"])

    picture = await client.get(f"{API}/orders/{order['id']}/code.png", headers=member.headers())
    assert picture.headers["content-type"] == "image/png"
    decoded = zxingcpp.read_barcodes(Image.open(BytesIO(picture.content)))[0].text
    code = (await client.get(f"{API}/orders/{order['id']}/code", headers=member.headers())).json()
    assert decoded == code["code"]

    scan = {"event_id": str(uuid4()), "code": decoded, "pickup_point_id": str(here.points[0])}
    first = (await client.post(f"{API}/redemptions", json=scan, headers=clerk.headers())).json()
    assert (first["result"], first["reason"], first["order"]["number"]) == (
        "handed_over",
        None,
        order["number"],
    )
    assert first["order"]["member_name_masked"] == "示*0"
    again = (await client.post(f"{API}/redemptions", json=scan, headers=clerk.headers())).json()
    assert again == first
    second = (
        await client.post(
            f"{API}/redemptions", json=scan | {"event_id": str(uuid4())}, headers=clerk.headers()
        )
    ).json()
    assert (second["result"], second["reason"]) == ("refused", "already_collected")
    assert second["redeemed_at"] == first["redeemed_at"]
    assert second["first_event_id"] == scan["event_id"]
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]
    assert await here.count(Order) == 1
