"""An exchange visit through HTTP, from the draft to the check-in: the calls of boxes, without stock."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from app.access.policy import Role
from app.access.scope import every_union
from app.campaigns.rules import CampaignKind, offers_kind
from app.campaigns.tables import Campaign, Offer
from app.catalog.tables import GiftBox
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.stock.tables import StockMovement
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged
from tests.factories.figures import add_region
from tests.factories.street import Street

PART = {"product_id": "01990000-0000-7000-8000-000000000000", "quantity": 1}
PLACE: dict[str, Any] = {"kind": "place", "name": "示例·阜平交流学习名额", "unit_price_fen": 0}


async def _place(client: httpx.AsyncClient, here: Street, **change: Any) -> dict[str, Any]:
    answer = await client.post(f"{API}/gift-boxes", json=PLACE | change, headers=here.officer.headers())
    assert answer.status_code == 201, answer.text
    place: dict[str, Any] = answer.json()
    return place


async def _draft(client: httpx.AsyncClient, here: Street, kind: str) -> str:
    now = utc_now()
    body = {
        "title": "示例·畅游阜平 感受老区新貌",
        "kind": kind,
        "order_opens_at": (now - timedelta(hours=1)).isoformat(),
        "order_closes_at": (now + timedelta(hours=1)).isoformat(),
        "pickup_from": local_date(now).isoformat(),
        "pickup_until": (local_date(now) + timedelta(days=1)).isoformat(),
        "early_minutes": 1440,
        "late_minutes": 1440,
    }
    answer = await client.post(f"{API}/campaigns", json=body, headers=here.officer.headers())
    assert (answer.status_code, answer.json()["kind"]) == (201, kind), answer.text
    return str(answer.json()["id"])


async def _add_slots(client: httpx.AsyncClient, here: Street, campaign_id: str) -> None:
    today = local_date(utc_now())
    slots = {
        "pickup_point_id": str(here.points[0]), "from_on": today.isoformat(),
        "until_on": (today + timedelta(days=1)).isoformat(),
        "opens": "00:00", "closes": "23:30", "capacity": 50,
    }  # fmt: skip
    path = f"{API}/campaigns/{campaign_id}/slots"
    assert (await client.post(path, json=slots, headers=here.officer.headers())).status_code == 201


async def test_a_visit_from_its_draft_to_the_check_in(client: httpx.AsyncClient, street: MakeStreet) -> None:
    """Fifty places on a visit: offered, ordered, booked, and whoever comes is checked in by their code."""
    here = await street(members=1)
    member, region = here.members[0], await add_region(here, "阜平县")
    place = await _place(client, here, region_id=str(region))
    assert place == PLACE | {
        "id": place["id"], "unit": "位", "barcode": None, "gross_weight_grams": None, "components": [],
        "region_id": str(region), "is_sample": False,
    }  # fmt: skip

    campaign_id = await _draft(client, here, "visit")
    offer = {"gift_box_id": place["id"], "pickup_point_id": str(here.points[0]), "quota": 50}
    path = f"{API}/campaigns/{campaign_id}"
    added = await client.post(f"{path}/offers", json=offer, headers=here.officer.headers())
    assert added.status_code == 201, added.text
    await _add_slots(client, here, campaign_id)
    chair = here.staff[Role.CHAIR]
    assert (await client.post(f"{path}/publish", headers=chair.headers())).status_code == 200

    shown = (await client.get(path, headers=member.headers())).json()
    assert (shown["kind"], shown["status"]) == ("visit", "open")
    offered = shown["offers"][0]
    assert (offered["gift_box"]["kind"], offered["gift_box"]["unit"], offered["quota"]) == ("place", "位", 50)
    assert (offered["gift_box"]["gross_weight_grams"], offered["gift_box"]["components"]) == (None, [])
    assert offered["gift_box"]["origin_region"]["name"] == "阜平县"

    placed = await client.post(
        f"{API}/orders", json={"offer_id": offered["id"]}, headers=member.headers("new")
    )
    assert placed.status_code == 201, placed.text
    order_path = f"{API}/orders/{placed.json()['id']}"
    slots = await client.get(f"{path}/slots", headers=member.headers())
    slot_id = slots.json()["items"][0]["id"]
    booked = await client.put(f"{order_path}/slot", json={"slot_id": slot_id}, headers=member.headers())
    assert booked.json()["status"] == "booked"
    code = (await client.get(f"{order_path}/code", headers=member.headers())).json()["code"]

    scan = {"event_id": str(uuid4()), "code": code, "pickup_point_id": str(here.points[0])}
    came = await client.post(f"{API}/redemptions", json=scan, headers=here.clerk.headers())
    assert (came.json()["result"], came.json()["reason"]) == ("handed_over", None), came.text
    twice = scan | {"event_id": str(uuid4())}
    again = await client.post(f"{API}/redemptions", json=twice, headers=here.clerk.headers())
    assert (again.json()["result"], again.json()["reason"]) == ("refused", "already_collected")
    assert (await client.get(order_path, headers=member.headers())).json()["status"] == "collected"
    moved = await here.read(select(func.count()).where(StockMovement.union_id == here.id))
    assert moved == [(0,)], "a place is no thing: nothing leaves the stock"


@pytest.mark.parametrize("kind", ["gift", "visit"])
async def test_boxes_and_places_are_not_mixed(
    client: httpx.AsyncClient, street: MakeStreet, kind: str
) -> None:
    """Both ways, when it is offered and when it is published."""
    here = await street(members=0)
    place = (await _place(client, here))["id"]
    ((box,),) = await here.read(select(Offer.gift_box_id).where(Offer.id == here.offers[0]))
    right, wrong = (str(box), place) if kind == "gift" else (place, str(box))
    campaign_id = await _draft(client, here, kind)
    path = f"{API}/campaigns/{campaign_id}"
    offer = {"pickup_point_id": str(here.points[0]), "quota": 50}
    async with unchanged(here):
        body = offer | {"gift_box_id": wrong}
        answer = await client.post(f"{path}/offers", json=body, headers=here.officer.headers())
        refused(answer, 409, "campaigns.kind_mismatch")
        with pytest.raises(IntegrityError, match="a visit offers places"):
            await _insert_offer(here, campaign_id, wrong)
    made = await client.post(
        f"{path}/offers", json=offer | {"gift_box_id": right}, headers=here.officer.headers()
    )
    assert made.status_code == 201
    for model, id in ((Campaign, campaign_id), (GiftBox, right)):
        other = {"kind": ("visit" if kind == "gift" else "gift") if model is Campaign else "box"}
        if model is GiftBox and kind == "gift":
            other = {"kind": "place", "barcode": None, "gross_weight_grams": None}
        elif model is GiftBox:
            other |= {"barcode": "2000000009018", "gross_weight_grams": 1}
        with pytest.raises(IntegrityError, match="keep their kind"):
            await here.set(model, UUID(id), **other)
    with pytest.raises(IntegrityError, match="a visit offers places"):
        await here.set(Offer, UUID(made.json()["id"]), gift_box_id=UUID(wrong))


async def _insert_offer(here: Street, campaign_id: str, gift_box_id: str) -> None:
    async with here.database.transaction(every_union("a test goes past the rule")) as session:
        await session.execute(
            insert(Offer).values(
                id=new_id(), union_id=here.id, campaign_id=UUID(campaign_id), gift_box_id=UUID(gift_box_id),
                pickup_point_id=here.points[0], quota=1, promised_count=0, waitlisted_count=0, version=1,
            )
        )  # fmt: skip


async def test_publishing_looks_again(client: httpx.AsyncClient, street: MakeStreet, scratch: Any) -> None:
    """With the database's own refusal taken away, the rule alone still stops a mixed campaign."""
    from tests.factories.apps import run_fleet
    from tests.factories.street import make_street

    here = await make_street(scratch.database, members=0)
    async with run_fleet(scratch.settings, 1) as fleet:
        caller = fleet.clients[0]
        campaign_id = await _draft(caller, here, "visit")
        await _add_slots(caller, here, campaign_id)
        ((box,),) = await here.read(select(Offer.gift_box_id).where(Offer.id == here.offers[0]))
        await scratch.execute("DROP TRIGGER offers_are_of_one_kind ON offers")
        await _insert_offer(here, campaign_id, str(box))
        path = f"{API}/campaigns/{campaign_id}/publish"
        answer = await caller.post(path, headers=here.staff[Role.CHAIR].headers())
        refused(answer, 409, "campaigns.kind_mismatch")
        stage = await here.read(select(Campaign.stage).where(Campaign.id == UUID(campaign_id)))
        assert stage == [("draft",)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"barcode": "2000000009018"}, "/barcode"),
        ({"gross_weight_grams": 1}, "/gross_weight_grams"),
        ({"components": [PART]}, "/components"),
        ({"kind": "ticket"}, "/kind"),
        ({"kind": "box", "gross_weight_grams": 1, "components": [PART]}, "/barcode"),
    ],
)  # fmt: skip
async def test_a_place_has_nothing_of_a_box(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], pointer: str
) -> None:
    here = await street(members=0)
    async with unchanged(here):
        answer = await client.post(f"{API}/gift-boxes", json=PLACE | change, headers=here.officer.headers())
        problem = refused(answer, 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_place_leads_to_a_region_that_is_there(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=0)
    async with unchanged(here):
        body = PLACE | {"region_id": str(new_id())}
        answer = await client.post(f"{API}/gift-boxes", json=body, headers=here.officer.headers())
        refused(answer, 404, "catalog.region_not_found")


def test_a_visit_offers_places_and_a_gift_campaign_boxes() -> None:
    assert [
        (kind.value, item) for kind in CampaignKind for item in ("box", "place") if offers_kind(kind, item)
    ] == [
        ("gift", "box"),
        ("visit", "place"),
    ]
