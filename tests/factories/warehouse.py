"""The warehouse in tests: what is asked, who asks it, and orders in bulk."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import insert, select, update

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.access.vault import keys_of
from app.campaigns.tables import Offer
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.ids import new_id
from app.redemptions.tables import Redemption
from app.stock.actions.posting import post_movements
from app.stock.queries.proof import prove_balances
from app.unions.tables import Member, Particulars, StaffAccount, seal_particulars
from tests.factories.answers import API
from tests.factories.ledger import handing, replace
from tests.factories.street import Person, Street

WHY = "示例·活动结束"


def keeper(here: Street) -> Person:
    """The keeper of the warehouse."""
    return here.staff[Role.WAREHOUSE_KEEPER]


def chair(here: Street) -> Person:
    """Who approves."""
    return here.staff[Role.CHAIR]


async def ask(
    client: httpx.AsyncClient, who: Person, path: str, body: dict[str, Any], status: int = 200
) -> dict[str, Any]:
    """Post and return what must be the answer."""
    answer = await client.post(f"{API}{path}", json=body, headers=who.headers("new"))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def say(client: httpx.AsyncClient, who: Person, path: str, body: dict[str, Any]) -> httpx.Response:
    """Post and return the answer, whatever it is."""
    return await client.post(f"{API}{path}", json=body, headers=who.headers("new"))


async def look(client: httpx.AsyncClient, who: Person, path: str, **query: Any) -> dict[str, Any]:
    """Get and return what must be the answer."""
    answer = await client.get(f"{API}{path}", params=query, headers=who.headers())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def is_proven(here: Street) -> bool:
    """Tell whether balances are what the movements of the street add up to."""
    async with here.database.transaction(one_union(here.id)) as session:
        return await prove_balances(session, here.id) == []


async def same_person(here: Street, *people: Person) -> None:
    """Make accounts those of one person of the roster."""
    async with here.database.transaction(every_union("a test arranges")) as session:
        ids = [person.id for person in people]
        changed = update(StaffAccount).where(StaffAccount.id.in_(ids))
        await session.execute(changed.values(member_id=here.members[0].id))


async def add_orders(
    here: Street, count: int, *, offer: int = 0, slot: int | None = None, quantity: int = 1
) -> list[UUID]:
    """Add orders of as many new members behind the service's back, booked for a slot or without one."""
    offer_id, now = here.offers[offer], utc_now()
    slot_id = None if slot is None else here.slots[slot]
    (found,) = await here.read(select(Offer.pickup_point_id).where(Offer.id == offer_id))
    members = await _new_members(here, count)
    orders = [
        {
            "id": new_id(), "union_id": here.id, "number": f"W{uuid4().hex[:12]}", "quantity": quantity,
            "campaign_id": here.campaign_id, "offer_id": offer_id, "member_id": member["id"],
            "pickup_point_id": found.pickup_point_id, "unit_id": here.unit_id, "slot_id": slot_id,
            "status": "to_book" if slot_id is None else "booked", "channel": "desk", "placed_at": now,
            "booked_at": None if slot_id is None else now,
        }
        for member in members
    ]  # fmt: skip
    async with here.database.transaction(every_union("a test arranges")) as session:
        for begin in range(0, count, 1_000):
            await session.execute(insert(Member), members[begin : begin + 1_000])
            await session.execute(insert(Order), orders[begin : begin + 1_000])
        promised = update(Offer).where(Offer.id == offer_id)
        added = Offer.promised_count + count * quantity
        await session.execute(promised.values(promised_count=added))
    return [order["id"] for order in orders]


async def _new_members(here: Street, count: int) -> list[dict[str, Any]]:
    async with here.database.transaction(one_union(here.id)) as session:
        keys = await keys_of(session, here.id)
    made = []
    for position in range(count):
        id, mobile = new_id(), f"139{position:08}"
        sealed = seal_particulars(keys, id, particulars=Particulars(f"测{position}试", mobile, "0017"))
        made.append(
            sealed
            | {"id": id, "union_id": here.id, "unit_id": here.unit_id, "number": f"W{uuid4().hex[:9]}",
               "status": "active", "created_at": utc_now(), "name_rank": 0}
        )  # fmt: skip
    return made


async def hand_over_from(
    here: Street,
    order_ids: list[UUID],
    lot_id: UUID,
    *,
    point: int = 0,
    at: datetime | None = None,
    posted_at: datetime | None = None,
    **line: Any,
) -> None:
    """Hand orders of one box over from a lot, leaving what the pickup table leaves.

    `posted_at` is when a device without a connection told of what it scanned at `at`.
    """
    now = at or utc_now()
    rows = [
        {
            "id": new_id(), "union_id": here.id, "event_id": uuid4(), "order_id": order_id,
            "pickup_point_id": here.points[point], "staff_id": here.clerk.id, "result": "handed_over",
            "quantity": 1, "first_portion": 1, "is_offline": False, "fingerprint": b"0" * 32, "answer": "{}",
            "scanned_at": now, "received_at": now,
        }
        for order_id in order_ids
    ]  # fmt: skip
    async with here.database.transaction(every_union("a test arranges")) as session:
        await session.execute(insert(Redemption), rows)
        changed = update(Order).where(Order.id.in_(order_ids))
        done = {"status": "collected", "collected_count": 1, "collected_at": now}
        await session.execute(changed.values(done))
    move = handing(lot_id, 1, here.points[point], **line)
    lines = [replace(move, event_id=row["event_id"]) for row in rows]
    async with here.database.transaction(one_union(here.id)) as session:
        await post_movements(session, lines, union_id=here.id, posted_by=here.clerk.id, now=posted_at or now)
