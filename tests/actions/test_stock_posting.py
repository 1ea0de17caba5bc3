"""Posting: all or none, balances that follow, and walls that hold without the code."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.access.scope import every_union, one_union
from app.catalog.errors import GiftBoxNotFound
from app.platform.clock import utc_now
from app.stock.actions.lots import LotDraft, find_or_add_lot
from app.stock.errors import LotContradicts, NotEnoughStock, OriginNotFound
from app.stock.queries.ledger import find_on_hand, lock_on_hand
from app.stock.rules.ledger import Line, MovementKind
from app.stock.tables import Lot, StockBalance, StockMovement
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.ledger import SUPPLIER, VARIANCE, at, balances, consigned, handed_over, handing, post
from tests.factories.street import Street


async def test_boxes_go_from_one_account_to_another(street: MakeStreet) -> None:
    here = await street()
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    await post(here, handing(lot, 3, point), handing(lot, 1, point))
    await post(here, consigned(lot, 5))
    assert await balances(here, lot) == {SUPPLIER: 5, at(point): 6, handed_over(point): 4}
    moved = await ledger.movements(here, lot)
    assert [(row.kind, row.boxes, row.posted_by) for row in moved] == [
        ("consigned", 10, here.officer.id),
        ("received", 10, here.officer.id),
        ("handed_over", 3, here.officer.id),
        ("handed_over", 1, here.officer.id),
        ("consigned", 5, here.officer.id),
    ]


async def test_what_is_not_there_is_not_taken_and_nothing_changes(street: MakeStreet) -> None:
    here = await street(points=2)
    lot, (first, second) = await ledger.stock_lot(here, "A1", 10), here.points
    for lines in (
        [handing(lot, 11, first)],
        [consigned(lot, 5), handing(lot, 1, second)],
        [handing(lot, 10, first), handing(lot, 1, first)],
    ):
        with pytest.raises(NotEnoughStock) as refusal:
            await post(here, *lines)
        assert refusal.value.params["on_hand"] in {0, 10}
    assert await balances(here, lot) == {at(first): 10}
    assert await here.count(StockMovement) == 2


async def test_only_the_variance_account_is_overdrawn(street: MakeStreet) -> None:
    here = await street()
    (point,), lot = here.points, await ledger.unrecorded_lot(here, await ledger.box_of(here))
    await post(here, handing(lot, 2, point, source=VARIANCE))
    await post(here, handing(lot, 1, point, source=VARIANCE))
    assert await balances(here, lot) == {VARIANCE: -3, handed_over(point): 3}


async def test_nothing_of_another_union_is_posted(street: MakeStreet) -> None:
    here, there = await street(), await street()
    theirs = await ledger.stock_lot(there, "A1", 10)
    with pytest.raises(IntegrityError):
        await post(here, consigned(theirs, 1))
    with pytest.raises(NotEnoughStock):
        await post(here, handing(theirs, 1, there.points[0]))
    mine = await ledger.stock_lot(here, "A1", 10)
    kind = MovementKind.DISPATCHED
    theirs_too = Line(lot_id=mine, boxes=1, source=at(here.points[0]), target=at(there.points[0]), kind=kind)
    with pytest.raises(IntegrityError, match="fk_stock_balances_union_id_pickup_point_id"):
        await post(here, theirs_too)
    assert await balances(there, theirs) == {at(there.points[0]): 10}
    assert await balances(here, mine) == {at(here.points[0]): 10}


async def _change(here: Street, statement: str, lot_id: UUID) -> None:
    async with here.database.transaction(every_union("a test tries")) as session:
        await (await session.connection()).execute(text(statement), {"lot": lot_id})


TO_ITSELF = """
INSERT INTO stock_movements (id, union_id, lot_id, boxes, from_kind, from_point_id, to_kind, to_point_id,
kind, posted_at)
SELECT gen_random_uuid(), union_id, lot_id, boxes, to_kind, to_point_id, to_kind, to_point_id,
'counted', posted_at FROM stock_movements WHERE lot_id = :lot
"""
BELOW_ZERO = "UPDATE stock_balances SET boxes = -1 WHERE lot_id = :lot AND kind = 'pickup_point'"


@pytest.mark.parametrize(
    ("statement", "wall"),
    [
        (BELOW_ZERO, "ck_stock_balances_not_below_zero"),
        ("UPDATE stock_movements SET boxes = 1 WHERE lot_id = :lot", "permission denied"),
        ("DELETE FROM stock_movements WHERE lot_id = :lot", "permission denied"),
        (TO_ITSELF, "ck_stock_movements_moves"),
    ],
    ids=["below zero", "altered", "deleted", "to itself"],
)
async def test_the_database_refuses_by_itself(street: MakeStreet, statement: str, wall: str) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    with pytest.raises(DBAPIError, match=wall):
        await _change(here, statement, lot)
    assert await balances(here, lot) == {at(here.points[0]): 10}
    assert [row.boxes for row in await ledger.movements(here, lot)] == [10, 10]


async def test_a_gift_box_has_its_lot_of_unrecorded_boxes_and_a_place_has_none(street: MakeStreet) -> None:
    here = await street(boxes=2)
    assert await here.count(Lot) == 2
    place = (
        "INSERT INTO gift_boxes (id, union_id, kind, name, unit, unit_price_fen, is_sample)"
        " SELECT gen_random_uuid(), union_id, 'place', '示例·名额', '位', 0, true FROM lots WHERE id = :lot"
    )
    await _change(here, place, await ledger.unrecorded_lot(here, await ledger.box_of(here)))
    assert await here.count(Lot) == 2


async def test_on_hand_is_what_may_be_handed_over(street: MakeStreet) -> None:
    here, there = await street(points=2, boxes=2), await street()
    first, second = here.points
    box = await ledger.box_of(here)
    good = await ledger.stock_lot(here, "A1", 10, best_before_on=date(2031, 1, 2))
    recalled, empty = await ledger.stock_lot(here, "A2", 7), await ledger.stock_lot(here, "A3", 2)
    await ledger.stock_lot(here, "A4", 4, point=1)
    await ledger.stock_lot(here, "B1", 9, offer=2)
    await ledger.stock_lot(there, "A1", 5)
    await post(here, handing(empty, 2, first))
    await here.set(Lot, recalled, recalled_at=utc_now(), recall_reason="示例")
    async with here.database.transaction(one_union(here.id)) as session:
        found = await find_on_hand(session, [first, there.points[0]], [box, await ledger.box_of(there)])
        assert (
            await lock_on_hand(session, [first, there.points[0]], [box, await ledger.box_of(there)]) == found
        )
        assert await lock_on_hand(session, [], [box]) == []
        assert len(await lock_on_hand(session, here.points, [box])) == 2
    (held,) = found
    assert (held.lot_id, held.gift_box_id, held.point_id, held.boxes, held.best_before_on) == (
        good, box, first, 10, date(2031, 1, 2),
    )  # fmt: skip
    rows = await here.read(StockBalance.__table__.select().where(StockBalance.id == held.balance_id))
    assert rows[0].boxes == 10
    assert second != first


async def _record(here: Street, draft: LotDraft) -> Lot:
    async with here.database.transaction(one_union(here.id)) as session:
        return await find_or_add_lot(session, draft, union_id=here.id, now=utc_now())


async def test_the_same_number_is_the_same_lot_and_what_was_unknown_is_filled_in(street: MakeStreet) -> None:
    here = await street(boxes=2)
    box, other = await ledger.box_of(here), await ledger.box_of(here, 1)
    made = await _record(here, LotDraft(box, "20301001"))
    again = await _record(here, LotDraft(box, "20301001", date(2030, 10, 1), date(2031, 9, 30), None, "甲村"))
    assert (again.id, again.produced_on, again.origin_note) == (made.id, date(2030, 10, 1), "甲村")
    assert (await _record(here, LotDraft(other, "20301001"))).id != made.id
    for wrong, field in (
        (LotDraft(box, "20301001", date(2030, 10, 2)), "produced_on"),
        (LotDraft(box, "20301001", best_before_on=date(2031, 9, 29)), "best_before_on"),
        (LotDraft(box, "-"), "number"),
    ):
        with pytest.raises(LotContradicts) as refusal:
            await _record(here, wrong)
        assert refusal.value.params["field"] == field
    with pytest.raises(OriginNotFound):
        await _record(here, LotDraft(box, "20301002", origin_code="999999"))
    with pytest.raises(GiftBoxNotFound):
        await _record(await street(), LotDraft(box, "20301001"))
    (row,) = await here.read(Lot.__table__.select().where(Lot.id == made.id))
    assert (row.produced_on, row.best_before_on) == (date(2030, 10, 1), date(2031, 9, 30))
    assert await here.count(Lot) == 4
