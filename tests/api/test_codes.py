"""Pickup codes through HTTP: who gets one, what it says, and its pictures."""

import hashlib
from io import BytesIO
from uuid import UUID

import httpx
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import select, update

from app.access.scope import every_union
from app.campaigns.tables import Campaign
from app.orders.rules.states import OrderStatus
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.redemptions.rules.short_code import normalise_short_code
from app.redemptions.tables import CodeKey
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, unchanged

WITHOUT = sorted(
    {OrderStatus.PENDING_DRAW, OrderStatus.WAITLISTED, OrderStatus.UNSELECTED, OrderStatus.EXPIRED}
)


async def test_a_code_is_the_same_whenever_and_however_it_is_asked_for(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    member = here.members[0]
    mine = await order(client, member, here.offers[0])
    path = f"{API}/orders/{mine['id']}/code"
    first = await client.get(path, headers=member.headers())
    code = first.json()
    assert set(code) == {"code", "short_code", "payload_format", "key_id", "valid_from", "valid_until"}
    assert (code["payload_format"], len(code["code"]), code["code"][:4]) == ("GL1", 127, "GL1:")
    assert normalise_short_code(code["short_code"]) == code["short_code"]
    window = (await here.read(select(Campaign.pickup_from).where(Campaign.id == here.campaign_id)))[0][0]
    assert code["valid_from"] == f"{window}T00:00:00+08:00"
    assert code["valid_until"].endswith("T00:00:00+08:00")
    assert member.name not in first.text
    async with unchanged(here):
        assert (await client.get(path, headers=member.headers())).content == first.content
        png = await client.get(f"{path}.png", headers=member.headers())
        svg = await client.get(f"{path}.svg", headers=member.headers())
        assert zxingcpp.read_barcodes(Image.open(BytesIO(png.content)))[0].text == code["code"]
        assert (png.headers["content-type"], svg.headers["content-type"]) == ("image/png", "image/svg+xml")
        assert svg.text.startswith("<svg")
        assert "<script" not in svg.text
        for answer, tail in ((first, ""), (png, ".png"), (svg, ".svg")):
            tag = answer.headers["etag"]
            assert tag == f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
            assert answer.headers["cache-control"] == "private, no-cache"
            known = member.headers() | {"If-None-Match": tag}
            same = await client.get(path + tail, headers=known)
            assert (same.status_code, same.content) == (304, b"")


async def test_a_code_outlives_a_move(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    member = here.members[0]
    mine = await order(client, member, here.offers[0], slot_id=here.slots[0])
    path = f"{API}/orders/{mine['id']}"
    before = await client.get(f"{path}/code", headers=member.headers())
    await client.put(f"{path}/slot", json={"slot_id": str(here.slots[2])}, headers=member.headers())
    assert (await client.get(f"{path}/code", headers=member.headers())).content == before.content


@pytest.mark.parametrize("status", WITHOUT)
@pytest.mark.parametrize("tail", ["", ".svg", ".png"])
async def test_some_states_have_no_code(
    client: httpx.AsyncClient, street: MakeStreet, status: str, tail: str
) -> None:
    here = await street()
    mine = await order(client, here.members[0], here.offers[0])
    await here.set(Order, UUID(mine["id"]), status=status)
    async with unchanged(here):
        answer = await client.get(f"{API}/orders/{mine['id']}/code{tail}", headers=here.members[0].headers())
        assert refused(answer, 409, "redemptions.no_code")["order_status"] == status


async def test_without_a_key_no_code_is_made_and_an_old_one_is_still_shown(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street()
    known = await order(client, here.members[0], here.offers[0])
    await client.get(f"{API}/orders/{known['id']}/code", headers=here.members[0].headers())
    fresh = await order(client, here.members[1], here.offers[0])

    async def put(before: str, after: str) -> None:
        async with here.database.transaction(every_union("a test retires the key")) as session:
            changed = update(CodeKey).where(CodeKey.state == before).values(state=after, changed_at=utc_now())
            await session.execute(changed)

    await put("active", "verify_only")
    try:
        async with unchanged(here):
            answer = await client.get(f"{API}/orders/{fresh['id']}/code", headers=here.members[1].headers())
            refused(answer, 503, "redemptions.no_active_key")
            shown = await client.get(f"{API}/orders/{known['id']}/code", headers=here.members[0].headers())
            assert shown.status_code == 200
    finally:
        await put("verify_only", "active")


async def test_staff_have_no_codes(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    mine = await order(client, here.members[0], here.offers[0])
    async with unchanged(here):
        for person in here.staff.values():
            answer = await client.get(f"{API}/orders/{mine['id']}/code", headers=person.headers())
            refused(answer, 403, "access.forbidden")
