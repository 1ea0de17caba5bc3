"""Buying and receiving by HTTP or by the actions: officer buys, chair approves, keeper takes in."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.policy import Role
from app.access.scope import one_union
from app.campaigns.tables import Offer
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.procurement.actions.purchases import approve_purchase, draft_purchase, submit_purchase
from app.procurement.actions.receipts import receive_goods
from app.procurement.actions.suppliers import add_supplier
from app.procurement.queries.purchases import find_lines
from app.procurement.queries.receipts import find_receipt_lines
from app.procurement.schemas.purchases import PurchaseDraft
from app.procurement.schemas.receipts import ReceiptDraft
from app.procurement.schemas.suppliers import SupplierDraft
from tests.factories.answers import API
from tests.factories.street import Person, Street

USCC = "91110000600037341L"
"""A code whose check digits hold (an example of GB 32100's published implementations)."""
SUPPLIER: dict[str, Any] = {"name": "示例·杂粮专业合作社", "uscc_reason": "合作社，未查到登记代码"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What a purchase and its first goods receipt made."""

    purchase_id: UUID
    line_id: UUID
    supplier_id: UUID | None
    receipt_id: UUID
    receipt_number: str
    receipt_line_id: UUID
    lot_id: UUID
    gift_box_id: UUID
    point_id: UUID


def keeper_of(street: Street) -> Person:
    """Return the keeper of the street union's store."""
    return street.staff[Role.WAREHOUSE_KEEPER]


def chair_of(street: Street) -> Person:
    """Return the chair, who approves."""
    return street.staff[Role.CHAIR]


async def gift_box_of(street: Street, position: int = 0) -> UUID:
    """Return the gift box of an offer of the street union."""
    rows = await street.read(select(Offer.gift_box_id).where(Offer.id == street.offers[position]))
    box_id: UUID = rows[0][0]
    return box_id


def purchase_body(gift_box_id: UUID, **change: Any) -> dict[str, Any]:
    """Return a purchase of 2,000 boxes at 88.00 yuan; `line` changes its line, the rest the purchase."""
    line = {"gift_box_id": str(gift_box_id), "boxes": 2_000, "unit_price_fen": 8_800} | change.pop("line", {})
    return {"channel": "direct", "purchased_on": "2026-10-12", "lines": [line]} | change


def receipt_body(street: Street, line_id: UUID | str, **change: Any) -> dict[str, Any]:
    """Return a receipt of that line at the first point: 2,000 expected, 1,950 good, 30 damaged, 20 missing.

    `line` changes its line, the rest the receipt.
    """
    today = local_date(utc_now())
    line = {
        "purchase_line_id": str(line_id),
        "batch": "B20261001",
        "produced_on": "2026-10-01",
        "best_before_on": (today + timedelta(days=300)).isoformat(),
        "expected": 2_000,
        "good": 1_950,
        "damaged": 30,
        "missing": 20,
    } | change.pop("line", {})
    return {
        "pickup_point_id": str(street.points[0]),
        "received_on": today.isoformat(),
        "delivered_by": "示例·冀A00000 货车",
        "inspected_by": str(street.clerk.id),
        "kept_by": str(keeper_of(street).id),
        "lines": [line],
    } | change


def receivers(street: Street) -> dict[str, str]:
    """Return who inspects and who keeps, as receipts name them."""
    return {"inspected_by": str(street.clerk.id), "kept_by": str(keeper_of(street).id)}


async def post(client: httpx.AsyncClient, path: str, by: Person, **body: Any) -> dict[str, Any]:
    """Post and return the answer, which is no refusal."""
    answer = await client.post(f"{API}{path}", json=body, headers=by.headers())
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def approved(client: httpx.AsyncClient, street: Street, **body: Any) -> dict[str, Any]:
    """Draft, submit and approve a purchase; without a supplier one is recorded for it."""
    if "supplier_id" not in body and not body.get("is_approximate"):
        name = f"示例·供应商{new_id().hex}"
        body["supplier_id"] = (await post(client, "/suppliers", street.officer, **SUPPLIER | {"name": name}))[
            "id"
        ]
    drafted = await post(client, "/procurements", street.officer, **body)
    path = f"/procurements/{drafted['id']}"
    await post(client, f"{path}/submit", street.officer)
    return await post(client, f"{path}/approve", chair_of(street))


async def buy_and_receive(client: httpx.AsyncClient, street: Street, **change: Any) -> Bought:
    """Buy boxes and take them in through HTTP: by default 2,000 ordered, 1,950 good, 30 damaged, 20 missing.

    `gift_box_id`, `purchase` and `receipt` (with `line` in each) change what is bought and what came, e.g.
    `receipt={"line": {"expected": 5, "good": 5, "damaged": 0, "missing": 0}}`.
    """
    box_id = change.get("gift_box_id") or await gift_box_of(street)
    bought = await approved(client, street, **purchase_body(box_id, **dict(change.get("purchase", {}))))
    line_id = bought["lines"][0]["id"]
    wanted = receipt_body(street, line_id, **dict(change.get("receipt", {})))
    path = f"/procurements/{bought['id']}/receipts"
    receipt = await post(client, path, keeper_of(street), **wanted)
    return Bought(
        purchase_id=UUID(bought["id"]),
        line_id=UUID(line_id),
        supplier_id=UUID(bought["supplier_id"]) if bought["supplier_id"] else None,
        receipt_id=UUID(receipt["id"]),
        receipt_number=receipt["number"],
        receipt_line_id=UUID(receipt["lines"][0]["id"]),
        lot_id=UUID(receipt["lines"][0]["lot_id"]),
        gift_box_id=box_id,
        point_id=UUID(receipt["pickup_point_id"]),
    )


async def buy_and_receive_within(
    session: AsyncSession,
    street: Street,
    gift_box_id: UUID,
    *,
    good: int = 10,
    batch: str = "B1",
    best_before_on: date | None = None,
    point_id: UUID | None = None,
    campaign_id: UUID | None = None,
) -> Bought:
    """Buy boxes and take them in, all good, in the session's transaction (of the street union's scope)."""
    now = utc_now()
    supplier = await add_supplier(
        session,
        SupplierDraft(**SUPPLIER | {"name": f"示例·供应商{new_id().hex}"}),
        union_id=street.id,
        added_by=street.officer.id,
        now=now,
    )
    bought = PurchaseDraft.model_validate(
        purchase_body(
            gift_box_id,
            supplier_id=str(supplier.id),
            campaign_id=campaign_id and str(campaign_id),
            line={"boxes": good},
        )
    )
    purchase = await draft_purchase(
        session, bought, union_id=street.id, drafted_by=street.officer.id, now=now
    )
    await submit_purchase(session, purchase.id, by=actor_of(street, Role.UNION_OFFICER), now=now)
    await approve_purchase(session, purchase.id, by=actor_of(street, Role.CHAIR), now=now)
    (line,) = await find_lines(session, purchase.id)
    best_before_on = best_before_on or local_date(now) + timedelta(days=300)
    came = receipt_body(
        street,
        line.id,
        pickup_point_id=str(point_id or street.points[0]),
        line={
            "batch": batch,
            "produced_on": None,
            "best_before_on": best_before_on.isoformat(),
            "expected": good,
            "good": good,
            "damaged": 0,
            "missing": 0,
            "override_reason": "示例·测试需要",
        },
    )
    receipt = await receive_goods(
        session, purchase.id, ReceiptDraft.model_validate(came), by=keeper_of(street).id, now=now
    )
    (received,) = await find_receipt_lines(session, [receipt.id])
    assert received.lot_id is not None
    return Bought(
        purchase_id=purchase.id,
        line_id=line.id,
        supplier_id=supplier.id,
        receipt_id=receipt.id,
        receipt_number=receipt.number,
        receipt_line_id=received.id,
        lot_id=received.lot_id,
        gift_box_id=gift_box_id,
        point_id=receipt.pickup_point_id,
    )


def actor_of(street: Street, role: Role) -> Actor:
    """Return a staff account as the caller of actions."""
    expires_at = utc_now() + timedelta(hours=1)
    return Actor(street.staff[role].id, role, street.id, one_union(street.id), expires_at)
