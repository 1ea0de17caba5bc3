"""What the database refuses of purchases and receipts by itself, even from their owner."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.platform.ids import new_id
from app.platform.settings import Settings
from app.procurement.queries.receipts import find_receipt_lines
from app.stock.queries.proof import prove_balances
from tests.conftest import MakeStreet
from tests.factories.procurement import Bought, buy_and_receive_within, gift_box_of
from tests.factories.street import Street


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the tables' owner, to whom no wall and no grant applies."""
    assert settings.owner_database_url is not None
    connection = await asyncpg.connect(settings.owner_database_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def bought(here: Street) -> Bought:
    box = await gift_box_of(here)
    async with here.database.transaction(one_union(here.id)) as session:
        return await buy_and_receive_within(session, here, box)


async def test_buying_within_a_transaction_adds_up(street: MakeStreet) -> None:
    here = await street()
    made = await bought(here)
    async with here.database.transaction(one_union(here.id)) as session:
        assert await prove_balances(session, here.id) == []
        (line,) = await find_receipt_lines(session, [made.receipt_id])
    assert (line.expected, line.good, line.lot_id) == (10, 10, made.lot_id)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE receipts SET kept_by = inspected_by WHERE id = $1", "receipts are added"),
        ("DELETE FROM receipts WHERE id = $1", "receipts are added"),
        ("UPDATE receipt_lines SET good = 11 WHERE receipt_id = $1", "receipt_lines are added"),
        ("DELETE FROM receipt_lines WHERE receipt_id = $1", "receipt_lines are added"),
    ],
)
async def test_receipts_are_never_changed(
    street: MakeStreet, owner: asyncpg.Connection, statement: str, constraint: str
) -> None:
    made = await bought(await street())
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=constraint):
        await owner.execute(statement, made.receipt_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE purchases SET total_fen = total_fen + 1 WHERE id = $1",
        "UPDATE purchases SET approved_by = NULL, approved_at = NULL, status = 'draft' WHERE id = $1",
        "UPDATE purchases SET supplier_id = NULL WHERE id = $1",
        "DELETE FROM purchases WHERE id = $1",
        "UPDATE purchase_lines SET boxes = boxes + 1, unit_price_fen = NULL WHERE purchase_id = $1",
        "DELETE FROM purchase_lines WHERE purchase_id = $1",
        "UPDATE purchases SET status = 'draft' WHERE id = $1",
        (
            "INSERT INTO purchase_lines (id, union_id, purchase_id, position, description, boxes)"
            " SELECT gen_random_uuid(), union_id, id, 2, '示例·多出来的一行', 5 FROM purchases WHERE id = $1"
        ),
        "UPDATE purchases SET changed_by = ARRAY[submitted_by] WHERE id = $1",
    ],
)
async def test_what_was_approved_is_settled(
    street: MakeStreet, owner: asyncpg.Connection, statement: str
) -> None:
    made = await bought(await street())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute(statement, made.purchase_id)
    added = await owner.execute("UPDATE purchases SET invoice_no = 'FP-1' WHERE id = $1", made.purchase_id)
    assert added == "UPDATE 1"


PURCHASE = (
    "INSERT INTO purchases (id, union_id, number, channel, purchased_year, status, drafted_by, drafted_at,"
    " submitted_by, approved_by, approved_at, is_approximate, source_text, version)"
    " VALUES ($1, $2, $3, 'direct', 2026, 'approved', $4, now(), $5, $6, now(), $7, $8, 1)"
)


@pytest.mark.parametrize(
    ("drafter", "submitter", "approver", "is_approximate", "source_text", "constraint"),
    [
        ("union_officer", "union_officer", "union_officer", True, "示例", "ck_purchases_two_people"),
        ("union_officer", "finance", "finance", True, "示例", "ck_purchases_two_people"),
        ("union_officer", "finance", None, True, "示例", "ck_purchases_approved_"),
        ("union_officer", "finance", "chair", True, None, "ck_purchases_approximate_has_a_source"),
        ("union_officer", "finance", "chair", False, None, "ck_purchases_complete_when_submitted"),
        ("union_officer", "finance", "chair", True, "示例", None),
    ],
)
async def test_two_people_in_the_database(
    street: MakeStreet,
    owner: asyncpg.Connection,
    drafter: str,
    submitter: str,
    approver: str | None,
    is_approximate: bool,
    source_text: str | None,
    constraint: str | None,
) -> None:
    here = await street()
    people = [here.staff[Role(who)].id if who else None for who in (drafter, submitter, approver)]
    values = (new_id(), here.id, f"CG-T-{new_id().hex}", *people, is_approximate, source_text)
    if constraint is None:
        await owner.execute(PURCHASE, *values)
        return
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await owner.execute(PURCHASE, *values)


@pytest.mark.parametrize(
    ("inspected", "kept", "posted", "bought_by", "refusal"),
    [
        ("station_clerk", "station_clerk", "station_clerk", "union_officer", "ck_receipts_two_people"),
        (
            "union_officer",
            "warehouse_keeper",
            "warehouse_keeper",
            "union_officer",
            "ck_receipts_not_the_buyer",
        ),
        ("station_clerk", "union_officer", "station_clerk", "union_officer", "ck_receipts_not_the_buyer"),
        ("station_clerk", "warehouse_keeper", "finance", "union_officer", "ck_receipts_posted_by"),
        (
            "union_officer",
            "warehouse_keeper",
            "warehouse_keeper",
            "finance",
            "fk_receipts_union_id_purchase_id",
        ),
        ("station_clerk", "warehouse_keeper", "warehouse_keeper", "union_officer", None),
    ],
)
async def test_three_people_in_the_database(
    street: MakeStreet,
    owner: asyncpg.Connection,
    inspected: str,
    kept: str,
    posted: str,
    bought_by: str,
    refusal: str | None,
) -> None:
    here = await street()
    made = await bought(here)
    people = [here.staff[Role(who)].id for who in (bought_by, inspected, kept, posted)]
    values = (new_id(), here.id, new_id().hex, made.purchase_id, here.points[0], *people)
    statement = (
        "INSERT INTO receipts (id, union_id, number, kind, purchase_id, pickup_point_id, received_on,"
        " delivered_by, drafted_by, inspected_by, kept_by, posted_by, posted_at)"
        " VALUES ($1, $2, $3, 'delivery', $4, $5, current_date, '示例', $6, $7, $8, $9, now())"
    )
    if refusal is None:
        await owner.execute(statement, *values)
        return
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=refusal):
        await owner.execute(statement, *values)


LINE: dict[str, Any] = {"expected": 10, "good": 8, "damaged": 1, "missing": 1}


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"missing": 2}, "ck_receipt_lines_adds_up"),
        ({"good": 10, "missing": -1}, "ck_receipt_lines_not_negative"),
        ({"expected": 0, "good": 0, "damaged": 0, "missing": 0}, "ck_receipt_lines_not_negative"),
    ],
)
async def test_lines_of_a_receipt_add_up(street: MakeStreet, change: dict[str, int], constraint: str) -> None:
    here = await street()
    made = await bought(here)
    values = LINE | change | {"id": new_id(), "union": here.id, "receipt": made.receipt_id}
    values |= {"line": made.line_id}
    statement = text(
        "INSERT INTO receipt_lines (id, union_id, receipt_id, position, purchase_line_id, expected, good,"
        " damaged, missing) VALUES (:id, :union, :receipt, 9, :line, :expected, :good, :damaged, :missing)"
    )
    with pytest.raises(DBAPIError, match=constraint):
        async with here.database.transaction(every_union("a test tries")) as session:
            await (await session.connection()).execute(statement, values)
