"""Coverage through HTTP: each active member counted once, by the rows; small groups hidden from above."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, update

from app.access.policy import Role
from app.access.scope import every_union
from app.campaigns.tables import Campaign, ListEntry
from app.orders.tables import Order
from app.platform.clock import local_date, utc_now
from app.platform.ids import new_id
from app.redemptions.tables import Redemption
from app.unions.tables import Member
from tests.conftest import MakeStreet
from tests.factories.answers import API, order, refused, walk
from tests.factories.eligible import add_unit, collected_before
from tests.factories.figures import add_viewer, move_below
from tests.factories.street import Person, Street, campaign_terms

YEAR = local_date(utc_now()).year
CELLS = ("active", "received", "nothing", "never_ordered", "not_collected", "not_eligible")


async def read(client: httpx.AsyncClient, who: Person, **query: Any) -> Any:
    answer = await client.get(f"{API}/figures/coverage", params={"year": YEAR} | query, headers=who.headers())
    assert answer.status_code == 200, answer.text
    return answer.json()


def cells(row: dict[str, Any]) -> tuple[int | None, ...]:
    return tuple(row[cell] for cell in CELLS)


async def move_members(here: Street, people: list[Person], unit_id: UUID) -> None:
    async with here.database.transaction(every_union("a test arranges")) as session:
        moved = update(Member).where(Member.id.in_([one.id for one in people]))
        await session.execute(moved.values(unit_id=unit_id))


async def story(client: httpx.AsyncClient, here: Street) -> UUID:
    """Of eight members one received, two ordered, one left, two may not order; return the unit of these."""
    unit = await add_unit(here)
    await move_members(here, here.members[6:8], unit)
    await here.set(Campaign, here.campaign_id, eligible_unit_ids=[here.unit_id])
    placed = [await order(client, who, here.offers[0], slot_id=here.slots[0]) for who in here.members[:3]]
    await here.hand_over(UUID(placed[0]["id"]), at=utc_now())
    gone = await client.post(
        f"{API}/orders/{placed[2]['id']}/cancel", json={}, headers=here.members[2].headers("new")
    )
    assert gone.status_code == 200, gone.text
    await here.set(Member, here.members[3].id, status="transferred_out")
    return unit


async def test_each_active_member_is_counted_once(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=8)
    unit = await story(client, here)
    answer = await read(client, here.staff[Role.CHAIR])
    assert (answer["is_exact"], answer["is_complete"], answer["campaigns_count"]) == (True, True, 1)
    (row,) = answer["items"]
    assert (row["union_id"], row["unit_id"], cells(row)) == (str(here.id), None, (7, 1, 6, 2, 2, 2))
    assert cells(answer["total"]) == cells(row)
    units = await walk(client, "/figures/coverage", here.staff[Role.CHAIR], year=YEAR, by_unit="true")
    assert {one["unit_id"]: cells(one) for one in units} == {
        str(here.unit_id): (5, 1, 4, 2, 2, 0),
        str(unit): (2, 0, 2, 0, 0, 2),
    }
    assert cells((await read(client, here.officer, year=YEAR - 1))["total"]) == (0, 0, 0, 0, 0, 0), (
        "not there yet"
    )


async def test_the_counts_are_those_of_the_rows(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=8)
    await story(client, here)
    active = {row.id for row in await here.read(
        select(Member.id).where(Member.union_id == here.id, Member.status == "active"))}  # fmt: skip
    orders = await here.read(select(Order.id, Order.member_id).where(Order.union_id == here.id))
    scans = await here.read(
        select(Redemption.order_id, Redemption.result).where(Redemption.union_id == here.id)
    )
    collected = {scan.order_id for scan in scans if scan.result == "handed_over"}
    received = {one.member_id for one in orders if one.id in collected} & active
    ordered = ({one.member_id for one in orders} - received) & active
    (row,) = (await read(client, here.officer))["items"]
    assert (row["active"], row["received"], row["not_collected"]) == (
        len(active), len(received), len(ordered)
    )  # fmt: skip
    assert row["never_ordered"] + row["not_eligible"] == len(active - received - ordered)


async def test_an_undone_hand_over_is_no_box_and_a_visit_is_none(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=2)
    placed = await order(client, here.members[0], here.offers[0])
    await here.hand_over(UUID(placed["id"]), at=utc_now())
    assert cells((await read(client, here.officer))["total"]) == (2, 1, 1, 1, 0, 0)
    async with here.database.transaction(every_union("a test arranges")) as session:
        terms = campaign_terms(utc_now()) | {"kind": "visit", "union_id": here.id}
        session.add(Campaign(id=new_id(), drafted_by=here.officer.id, **terms))
    assert (await read(client, here.officer))["campaigns_count"] == 1, "a visit gives no box"
    async with here.database.transaction(every_union("a test arranges")) as session:
        undone = update(Redemption).where(Redemption.order_id == UUID(placed["id"]))
        await session.execute(undone.values(undone_at=utc_now()))
        taken_back = update(Order).where(Order.id == UUID(placed["id"]))
        await session.execute(taken_back.values(status="to_book", collected_count=0, collected_at=None))
    assert cells((await read(client, here.officer))["total"]) == (2, 0, 2, 1, 1, 0)


async def test_lists_and_boxes_of_other_years_decide_as_at_the_desk(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here = await street(members=4)
    now = utc_now()
    await here.set(Campaign, here.campaign_id, is_listed_only=True)
    async with here.database.transaction(every_union("a test arranges")) as session:
        for who in here.members[:3]:
            session.add(
                ListEntry(union_id=here.id, campaign_id=here.campaign_id, member_id=who.id, added_at=now)
            )
    assert cells((await read(client, here.officer))["total"]) == (4, 0, 4, 3, 0, 1)
    await collected_before(here, here.members[0], at=now - timedelta(days=400))
    await here.set(Campaign, here.campaign_id, not_received_months=18)
    assert cells((await read(client, here.officer))["total"]) == (4, 0, 4, 2, 0, 2)


async def test_what_was_forgotten_is_said(client: httpx.AsyncClient, street: MakeStreet) -> None:
    here = await street(members=3)
    placed = await order(client, here.members[0], here.offers[0])
    await here.hand_over(UUID(placed["id"]), at=utc_now())
    await here.set(Member, here.members[0].id, status="left", mobile_sealed=None, mobile_index=None,
                   id_last4_sealed=None, erased_at=utc_now())  # fmt: skip
    answer = await read(client, here.officer)
    assert (answer["is_complete"], answer["forgotten_count"]) == (False, 1)
    assert cells(answer["total"]) == (2, 0, 2, 2, 0, 0)


async def test_above_the_street_small_groups_are_hidden_with_what_would_tell_them(
    client: httpx.AsyncClient, street: MakeStreet
) -> None:
    here, there, more = await street(members=8), await street(members=9), await street(members=12)
    foreign = await street(members=1)
    viewer = await add_viewer(here, await move_below(here, there, more))
    await story(client, here)
    answer = await read(client, viewer)
    found = {row["union_id"]: cells(row) for row in answer["items"]}
    assert found.keys() == {str(one.id) for one in (here, there, more)} - {str(foreign.id)}
    assert answer["is_exact"] is False
    assert all(one[0] is not None for one in found.values()), "whole streets are no small groups"
    assert found[str(here.id)] == (7, None, None, None, None, None)
    assert [count for row in found.values() for count in row if count is not None and 0 < count < 5] == []
    hidden = [row for row in found.values() if row[1] is None]
    assert len(hidden) > 1 or answer["total"]["received"] is None, "no total tells one hidden row"
    exact = [await read(client, one.officer) for one in (here, there, more)]
    assert answer["total"]["active"] == sum(one["total"]["active"] for one in exact) == 28
    for who, query in ((viewer, {"by_unit": "true"}), (here.clerk, {})):
        told = await client.get(
            f"{API}/figures/coverage", params={"year": YEAR} | query, headers=who.headers()
        )
        refused(told, 403, "access.forbidden")
    walked = await walk(client, "/figures/coverage", viewer, year=YEAR)
    assert walked == answer["items"]
