"""What the database refuses by itself, whatever the code believes."""

from typing import Any

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError

from app.access.scope import every_union
from app.orders.tables import Order
from app.platform.clock import utc_now
from app.platform.ids import new_id
from tests.conftest import MakeStreet
from tests.factories.street import Street


async def run(here: Street, statement: TextClause, values: dict[str, Any]) -> None:
    """Run plain SQL in a transaction of its own."""
    async with here.database.transaction(every_union("a test tries")) as session:
        await (await session.connection()).execute(statement, values)


async def order_of(here: Street, **values: Any) -> None:
    """Insert an order by plain SQL; `values` replace what would be right."""
    row = {
        "id": new_id(),
        "union_id": here.id,
        "number": new_id().hex,
        "campaign_id": here.campaign_id,
        "offer_id": here.offers[0],
        "pickup_point_id": here.points[0],
        "member_id": here.members[0].id,
        "unit_id": here.unit_id,
        "quantity": 1,
        "status": "to_book",
        "channel": "member",
        "placed_at": utc_now(),
        "version": 1,
    } | values
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    await run(here, text(f"INSERT INTO orders ({names}) VALUES ({places})"), row)


async def test_a_right_order_is_taken(street: MakeStreet) -> None:
    here = await street()
    await order_of(here)
    assert await here.count(Order) == 1


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("unit_id", "fk_orders_union_id_unit_id"),
        ("member_id", "fk_orders_union_id_member_id"),
        ("offer_id", "fk_orders_union_id_campaign_id_pickup_point_id_offer_id"),
    ],
)
async def test_nothing_of_another_union_is_taken(street: MakeStreet, name: str, constraint: str) -> None:
    here, other = await street(), await street()
    foreign = {"unit_id": other.unit_id, "member_id": other.members[0].id, "offer_id": other.offers[0]}
    with pytest.raises(IntegrityError, match=constraint):
        await order_of(here, **{name: foreign[name]})


async def test_collected_means_handed_over(street: MakeStreet) -> None:
    here = await street()
    with pytest.raises(IntegrityError, match="collected without a hand-over"):
        await order_of(here, status="collected", collected_count=1, collected_at=utc_now())


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"collected_count": 2}, "ck_orders_never_more_than_ordered"),
        ({"collected_count": -1}, "ck_orders_never_more_than_ordered"),
        ({"status": "collected"}, "ck_orders_collected_is_all"),
        ({"collected_count": 1}, "ck_orders_collected_is_all"),
        ({"quantity": 2, "status": "expired", "collected_count": 1}, "ck_orders_part_stays_collected"),
        ({"quantity": 2, "collected_count": 1}, "ck_orders_collected_has_a_time"),
        ({"given_up_count": 20}, "ck_orders_given_up_in_range"),
    ],
)
async def test_what_is_collected_of_an_order_is_counted(
    street: MakeStreet, values: dict[str, Any], constraint: str
) -> None:
    here = await street()
    has_time = values.get("collected_count", 0) > 0 and "has_a_time" not in constraint
    with pytest.raises(IntegrityError, match=constraint):
        await order_of(here, collected_at=utc_now() if has_time else None, **values)
    assert await here.count(Order) == 0


async def test_a_second_live_order_is_refused(street: MakeStreet) -> None:
    here = await street()
    await order_of(here)
    with pytest.raises(IntegrityError, match="uq_orders_one_live_order"):
        await order_of(here)


@pytest.mark.parametrize("role", ["boss", "chair"])
async def test_a_member_has_no_other_role(street: MakeStreet, role: str) -> None:
    here = await street()
    values = {"role": role, "id": here.members[0].id}
    with pytest.raises(IntegrityError, match="ck_access_tokens_role"):
        await run(here, text("UPDATE access_tokens SET role = :role WHERE member_id = :id"), values)
