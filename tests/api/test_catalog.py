"""Products and gift boxes through HTTP."""

from typing import Any

import httpx
import pytest

from app.catalog.tables import GiftBox
from app.platform.ids import new_id
from tests.conftest import MakeStreet
from tests.factories.answers import API, refused, unchanged, walk, without_ids
from tests.factories.street import Street

BOX: dict[str, Any] = {
    "name": "示例·秋收礼盒",
    "barcode": "2000000009018",
    "gross_weight_grams": 5200,
    "unit_price_fen": 12800,
}


async def _product(client: httpx.AsyncClient, here: Street) -> str:
    found = await walk(client, "/products", here.officer)
    return str(found[0]["id"])


async def test_a_gift_box_is_made_of_products_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here, there = await street(), await street()
    body = BOX | {"components": [{"product_id": await _product(client, here), "quantity": 2}]}
    first = await client.post(f"{API}/gift-boxes", json=body, headers=here.officer.headers("g-1"))
    assert first.status_code == 201
    assert first.json() == body | {
        "id": first.json()["id"], "kind": "box", "unit": "份", "region_id": None, "is_sample": False
    }  # fmt: skip
    async with unchanged(here, there):
        again = await client.post(f"{API}/gift-boxes", json=body, headers=here.officer.headers("g-1"))
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
        other = await client.post(
            f"{API}/gift-boxes", json=body | {"unit": "盒"}, headers=here.officer.headers("g-1")
        )
        refused(other, 422, "idempotency.key_reused")
        twin = await client.post(f"{API}/gift-boxes", json=body, headers=here.officer.headers())
        refused(twin, 409, "platform.conflict")
        clerk = await client.post(f"{API}/gift-boxes", json=body, headers=here.clerk.headers())
        refused(clerk, 403, "access.forbidden")
    names = [item["name"] for item in await walk(client, "/gift-boxes", here.members[0])]
    assert sorted(names) == sorted(["示例·杂粮礼盒", "示例·秋收礼盒"])
    assert len(await walk(client, "/gift-boxes", there.members[0])) == 1


async def test_a_product_of_others_is_as_unknown_as_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there = await street(), await street()
    own, theirs = await _product(client, here), await _product(client, there)
    async with unchanged(here, there):
        missing, foreign = [
            await client.post(
                f"{API}/gift-boxes",
                json=BOX
                | {"components": [{"product_id": own, "quantity": 1}, {"product_id": id, "quantity": 1}]},
                headers=here.officer.headers(),
            )
            for id in (str(new_id()), theirs)
        ]
        refused(missing, 404, "catalog.product_not_found")
        assert without_ids(missing) == without_ids(foreign)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "  "}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"name": 1}, "/name"),
        ({"unit": ""}, "/unit"),
        ({"unit": "x" * 9}, "/unit"),
        ({"barcode": "2000000009019"}, "/barcode"),
        ({"barcode": "200000000901"}, "/barcode"),
        ({"barcode": "２０００００００９０１８"}, "/barcode"),
        ({"barcode": 2000000009018}, "/barcode"),
        ({"gross_weight_grams": 0}, "/gross_weight_grams"),
        ({"gross_weight_grams": 100_001}, "/gross_weight_grams"),
        ({"unit_price_fen": -1}, "/unit_price_fen"),
        ({"unit_price_fen": 10_000_001}, "/unit_price_fen"),
        ({"unit_price_fen": 12.5}, "/unit_price_fen"),
        ({"components": []}, "/components"),
        ({"components": "x"}, "/components"),
        ({"components": [{"product_id": "x", "quantity": 1}]}, "/components/0/product_id"),
        ({"components": [{"product_id": str(new_id()), "quantity": 0}]}, "/components/0/quantity"),
        ({"components": [{"product_id": str(new_id()), "quantity": 1001}]}, "/components/0/quantity"),
        ({"components": [{"product_id": str(new_id()), "quantity": 1, "x": 1}]}, "/components/0/x"),
        ({"is_sample": True}, "/is_sample"),
    ],
)
async def test_a_malformed_gift_box_says_where(
    client: httpx.AsyncClient, street: MakeStreet, change: dict[str, Any], pointer: str
) -> None:
    here = await street(members=0)
    body = BOX | {"components": [{"product_id": await _product(client, here), "quantity": 1}]} | change
    async with unchanged(here):
        answer = await client.post(f"{API}/gift-boxes", json=body, headers=here.officer.headers())
        problem = refused(answer, 422, "platform.malformed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_product_stands_in_a_box_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street()
    part = {"product_id": await _product(client, here), "quantity": 1}
    async with unchanged(here):
        body = BOX | {"components": [part, part]}
        answer = await client.post(f"{API}/gift-boxes", json=body, headers=here.officer.headers())
        refused(answer, 422, "platform.malformed")
    assert await here.count(GiftBox) == 1
