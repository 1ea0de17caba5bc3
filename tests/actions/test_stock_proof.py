"""The proof: silent while the books add up, and it names what somebody altered behind the service's back."""

import pytest

from app.access.scope import every_union, one_union
from app.stock.queries.figures import lot_figures
from app.stock.queries.proof import prove_balances
from app.stock.rules.figures import LotFigures
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.rules.proof import Difference
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.databases import Scratch
from tests.factories.ledger import IN_TRANSIT, SUPPLIER, VARIANCE, at, consigned, handing, post, quarantine
from tests.factories.street import Street, make_street

KEPT = "ALTER TABLE stock_movements DISABLE TRIGGER stock_movements_are_kept"


async def proof(here: Street) -> list[Difference]:
    """Return what the proof says of a union, asked from inside it."""
    async with here.database.transaction(one_union(here.id)) as session:
        return await prove_balances(session, here.id)


async def test_books_that_add_up_have_no_difference(street: MakeStreet) -> None:
    here, there = await street(), await street()
    lot = await ledger.stock_lot(here, "A1", 10)
    await ledger.stock_lot(there, "A1", 3)
    await post(here, handing(lot, 3, here.points[0]))
    assert await proof(here) == await proof(there) == []
    async with here.database.transaction(one_union(here.id)) as session:
        assert await prove_balances(session, there.id) == []
        assert await prove_balances(session, lot_id=lot) == []
    async with here.database.transaction(every_union("a test looks")) as session:
        assert await prove_balances(session, here.id) == []


async def test_an_altered_balance_is_named_in_its_own_union_only(scratch: Scratch) -> None:
    here, there = await make_street(scratch.database), await make_street(scratch.database)
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    await ledger.stock_lot(there, "A1", 3)
    assert await proof(here) == []
    await scratch.execute(
        f"UPDATE stock_balances SET boxes = 9 WHERE lot_id = '{lot}' AND kind = 'pickup_point'"
    )
    assert await proof(here) == [Difference(lot, at(point), 9, 10), Difference(lot, None, 9, 10)]
    async with scratch.database.transaction(one_union(there.id)) as session:
        assert await prove_balances(session) == []
    async with scratch.database.transaction(every_union("a test looks")) as session:
        assert await prove_balances(session, there.id) == []
        assert len(await prove_balances(session)) == 2
        assert not (await lot_figures(session, [lot]))[lot].adds_up


@pytest.mark.parametrize("change", ["DELETE FROM stock_movements", "UPDATE stock_movements SET boxes = 1"])
async def test_a_dropped_or_altered_movement_is_named(scratch: Scratch, change: str) -> None:
    here = await make_street(scratch.database)
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    await post(here, handing(lot, 3, point))
    left = 0 if change.startswith("DELETE") else 1
    await scratch.execute(KEPT, f"{change} WHERE lot_id = '{lot}' AND kind = 'handed_over'")
    assert await proof(here) == [
        Difference(lot, ledger.handed_over(point), 3, left),
        Difference(lot, at(point), 7, 10 - left),
    ]


async def test_a_balance_that_vanished_is_named(scratch: Scratch) -> None:
    here = await make_street(scratch.database)
    lot, (point,) = await ledger.stock_lot(here, "A1", 10), here.points
    await scratch.execute(
        f"DELETE FROM stock_balances WHERE lot_id = '{lot}' AND pickup_point_id IS NOT NULL"
    )
    assert await proof(here) == [Difference(lot, at(point), 0, 10), Difference(lot, None, 0, 10)]


def _to(lot: object, boxes: int, source: Account, *, target: Account, kind: MovementKind) -> Line:
    return Line(lot_id=lot, boxes=boxes, source=source, target=target, kind=kind)  # type: ignore[arg-type]


async def test_the_figures_of_a_lot_are_its_close_out(street: MakeStreet) -> None:
    here, there = await street(points=2), await street()
    lot, (first, second) = await ledger.stock_lot(here, "A1", 0), here.points
    theirs = await ledger.stock_lot(there, "A1", 8)
    loss, gone = Account(AccountKind.LOSS), Account(AccountKind.RETURNED)
    await post(
        here,
        consigned(lot, 2000),
        ledger.received(lot, 1950, first),
        _to(lot, 30, SUPPLIER, target=quarantine(first), kind=MovementKind.RECEIVED),
        _to(lot, 400, at(first), target=IN_TRANSIT, kind=MovementKind.DISPATCHED),
        _to(lot, 390, IN_TRANSIT, target=at(second), kind=MovementKind.ARRIVED),
        handing(lot, 1500, first),
        _to(lot, 10, quarantine(first), target=loss, kind=MovementKind.WRITTEN_OFF),
        _to(lot, 5, at(second), target=gone, kind=MovementKind.RETURNED),
        _to(lot, 7, at(second), target=Account(AccountKind.DONATED), kind=MovementKind.DONATED),
        _to(lot, 2, at(second), target=VARIANCE, kind=MovementKind.COUNTED),
    )
    empty, unrecorded = (
        await ledger.stock_lot(here, "A2", 0),
        await ledger.unrecorded_lot(here, await ledger.box_of(here)),
    )
    await post(here, handing(unrecorded, 4, first, source=VARIANCE))
    async with here.database.transaction(one_union(here.id)) as session:
        found = await lot_figures(session, [lot, empty, unrecorded, theirs])
    assert found[lot] == LotFigures(
        consigned=2000, received=1980, handed_over=1500, returned=5, damaged=30, donated=7, on_hand=426,
        in_transit=10, variance=2, missing=20,
    )  # fmt: skip
    assert (found[lot].accounted, found[lot].adds_up) == (1980, True)
    assert (found[unrecorded].handed_over, found[unrecorded].variance) == (4, -4)
    assert found[unrecorded].adds_up
    assert found[empty] == found[theirs] == LotFigures(*[0] * 10)
