"""What rules of eligibility ask about: units, lists, boxes that were collected before, exceptions."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, update

from app.access.policy import Role
from app.access.scope import every_union
from app.access.tokens import add_token
from app.campaigns.tables import Campaign, Offer
from app.orders.tables import Order
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.unions.tables import Member, StaffAccount, Union
from tests.factories.answers import API
from tests.factories.street import Person, Street, campaign_terms


async def add_unit(here: Street, *, below: UUID | None = None) -> UUID:
    """Add a grassroots union to a street, or a group below one."""
    id, tag = new_id(), secrets.token_hex(6)
    level, parent_level = ("group", "grassroots") if below else ("grassroots", "street")
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            Union(
                id=id, code=f"T-{tag}", name=f"示例·{level}-{tag}", level=level, parent_id=below or here.id,
                parent_level=parent_level, street_id=here.id, is_sample=True,
            )
        )  # fmt: skip
    return id


async def add_unit_admin(here: Street, unit_ids: list[UUID], *, member_id: UUID | None = None) -> Person:
    """Add an administrator who sees the given units only, the first of which is theirs."""
    id, now, role = new_id(), utc_now(), Role.GRASSROOTS_ADMIN
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(
            StaffAccount(
                id=id, union_id=here.id, unit_id=unit_ids[0], login=f"t-{secrets.token_hex(5)}",
                display_name="示例·单位", role=role.value, member_id=member_id, approved_at=now,
            )
        )  # fmt: skip
        await session.flush()
        token = add_token(session, id, role=role, union_id=here.id, scope_union_ids=[here.id], now=now)
    async with here.database.transaction(every_union("a test arranges")) as session:
        from app.access.tokens import AccessToken

        narrowed = update(AccessToken).where(AccessToken.staff_id == id)
        await session.execute(narrowed.values(scope_unit_ids=unit_ids))
    return Person(id, "示例·单位", token)


async def collected_before(here: Street, who: Person, *, at: datetime) -> UUID:
    """Let a member have collected a box of another campaign; return that campaign."""
    campaign_id, offer_id, order_id = new_id(), new_id(), new_id()
    terms = campaign_terms(at) | {"pickup_from": local_date(at), "pickup_until": local_date(at)}
    terms |= {"order_opens_at": at - timedelta(days=2), "order_closes_at": at - timedelta(days=1)}
    (offer,) = await here.read(select(Offer.gift_box_id).where(Offer.id == here.offers[0]))
    (unit,) = await here.read(select(Member.unit_id).where(Member.id == who.id))
    async with here.database.transaction(every_union("a test arranges")) as session:
        session.add(Campaign(id=campaign_id, union_id=here.id, drafted_by=here.officer.id, **terms))
        await session.flush()
        session.add(
            Offer(id=offer_id, union_id=here.id, campaign_id=campaign_id, gift_box_id=offer.gift_box_id,
                  pickup_point_id=here.points[0], quota=9, promised_count=1)
        )  # fmt: skip
        await session.flush()
        session.add(
            Order(id=order_id, number=f"N{secrets.token_hex(4)}", union_id=here.id, campaign_id=campaign_id,
                  offer_id=offer_id, pickup_point_id=here.points[0], member_id=who.id, unit_id=unit.unit_id,
                  quantity=1, status="to_book", channel="member", placed_at=at - timedelta(days=1), version=1)
        )  # fmt: skip
    await here.hand_over(order_id, at=at)
    return campaign_id


async def set_rules(client: httpx.AsyncClient, here: Street, **rules: Any) -> dict[str, Any]:
    """Set the rules of a street's campaign, which must succeed."""
    answer = await client.put(
        f"{API}/campaigns/{here.campaign_id}/rules",
        json=rules,
        headers=here.officer.headers() | {"If-Match": "*"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def set_list(client: httpx.AsyncClient, here: Street, numbers: list[str], **more: Any) -> Any:
    """Set the list of a street's campaign, which must succeed."""
    answer = await client.put(
        f"{API}/campaigns/{here.campaign_id}/list",
        json={"member_numbers": numbers} | more,
        headers=here.officer.headers() | {"If-Match": "*"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ask_exception(
    client: httpx.AsyncClient, here: Street, who: Person, *rules: str, **more: Any
) -> httpx.Response:
    """Ask for an exception as the officer."""
    body = {"member_id": str(who.id), "rules": list(rules), "reason": "示例·名单更新晚"} | more
    path = f"{API}/campaigns/{here.campaign_id}/exceptions"
    return await client.post(path, json=body, headers=here.officer.headers())


async def grant_exception(client: httpx.AsyncClient, here: Street, who: Person, *rules: str) -> str:
    """Let the officer ask for an exception and the chair approve it; return its id."""
    asked = await ask_exception(client, here, who, *rules)
    assert asked.status_code == 201, asked.text
    id = str(asked.json()["id"])
    chair = here.staff[Role.CHAIR]
    approved = await client.post(f"{API}/exceptions/{id}/approve", headers=chair.headers())
    assert (approved.status_code, approved.json()["status"]) == (200, "approved"), approved.text
    return id
