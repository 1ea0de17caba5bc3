"""Several people post from the same balances at once: nothing below zero, nobody waits for ever.

The controls take the lock, or the order of the locks, away: the harm they look for then shows.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from app.access.scope import one_union
from app.platform.bulk import run_together
from app.platform.clock import utc_now
from app.platform.database import sqlstate
from app.platform.errors import DomainError
from app.stock.actions import posting
from app.stock.actions.posting import Posting, prepare_postings
from app.stock.queries import ledger as queries
from app.stock.queries.ledger import lock_on_hand
from app.stock.queries.proof import prove_balances
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.tables import StockBalance
from tests.conftest import MakeStreet
from tests.factories import ledger
from tests.factories.databases import Scratch
from tests.factories.ledger import at, balances, handed_over, handing
from tests.factories.street import Street, make_street

CHECK = "ALTER TABLE stock_balances DROP CONSTRAINT ck_stock_balances_not_below_zero"


async def outcome(work: Awaitable[Any]) -> str:
    """Return how a posting ended: `done`, the code of a refusal, or the SQLSTATE of the database."""
    try:
        await work
    except DomainError as refusal:
        return refusal.code
    except DBAPIError as error:
        return sqlstate(error)
    return "done"


async def all_at_once(works: Sequence[Awaitable[Any]]) -> Counter[str]:
    """Return how often each outcome was seen."""
    return Counter(await asyncio.gather(*(outcome(work) for work in works)))


async def proven(here: Street) -> bool:
    """Return whether the books of a street union add up."""
    async with here.database.transaction(one_union(here.id)) as session:
        return await prove_balances(session, here.id) == []


def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the lock of the accounts away, and let everybody read before anybody writes."""
    bare = queries._SIDES._generate()
    bare._for_update_arg = None
    locked = queries.lock_sides

    async def slowly(*args: Any, **values: Any) -> Any:
        found = await locked(*args, **values)
        await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(queries, "_SIDES", bare)
    monkeypatch.setattr(posting, "lock_sides", slowly)


async def ten_ask_for_four(here: Street) -> tuple[UUID, Counter[str]]:
    """Ten transactions each hand one box over of a lot of which four are on hand."""
    lot = await ledger.stock_lot(here, "A1", 4)
    line = handing(lot, 1, here.points[0])
    return lot, await all_at_once([ledger.post(here, line) for _ in range(10)])


async def test_ten_who_ask_for_four_boxes_get_four(street: MakeStreet) -> None:
    here = await street()
    lot, outcomes = await ten_ask_for_four(here)
    assert outcomes == {"done": 4, "stock.not_enough": 6}
    assert await balances(here, lot) == {handed_over(here.points[0]): 4}
    assert await proven(here)


async def test_control_without_the_lock_the_check_holds_and_without_both_nothing_does(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked(monkeypatch)
    here = await make_street(scratch.database)
    lot, outcomes = await ten_ask_for_four(here)
    assert outcomes["done"] == 4
    assert outcomes["23514"] > 0, "the CHECK is a wall of its own"
    await scratch.execute(CHECK)
    there = await make_street(scratch.database)
    lot, outcomes = await ten_ask_for_four(there)
    assert outcomes["done"] > 4
    assert (await balances(there, lot))[at(there.points[0])] < 0


async def test_an_account_that_several_open_at_once_is_opened_once(street: MakeStreet) -> None:
    here = await street()
    lot = await ledger.stock_lot(here, "A1", 0)
    assert await all_at_once([ledger.post(here, ledger.consigned(lot, 1)) for _ in range(8)]) == {"done": 8}
    assert await balances(here, lot) == {ledger.SUPPLIER: 8}
    assert await proven(here)


def crossing(lots: list[UUID], points: list[UUID], turn: int) -> list[Line]:
    """Return lines that touch the accounts of two lots at two points, in an order of their own."""
    lines = [
        Line(lot_id=lot, boxes=1, source=at(point), target=target, kind=MovementKind.DISPATCHED)
        for lot in lots
        for point in points
        for target in (Account(AccountKind.IN_TRANSIT), Account(AccountKind.QUARANTINE, point))
    ]
    return lines[turn % 8 :] + lines[: turn % 8]


async def stocked(here: Street) -> list[UUID]:
    """Return two lots with boxes at both points, their accounts opened in opposite orders."""
    lots = [await ledger.stock_lot(here, "A1", 900), await ledger.stock_lot(here, "A2", 900, point=1)]
    first, second = here.points
    for lot, (source, target) in zip(lots, [(first, second), (second, first)], strict=True):
        moved = Line(lot_id=lot, boxes=400, source=at(source), target=at(target), kind=MovementKind.ARRIVED)
        await ledger.post(here, moved)
    return lots


async def test_postings_that_cross_never_wait_for_each_other_for_ever(street: MakeStreet) -> None:
    here = await street(points=2)
    lots = await stocked(here)
    works = [ledger.post(here, *crossing(lots, here.points, turn)) for turn in range(40)]
    assert await all_at_once(works) == {"done": 40}
    assert await proven(here)


async def hand_over(here: Street, box: UUID, *, nameless: UUID, point: int) -> None:
    """Post as the pickup table does: lock what is on hand, decide, and only then what is posted to."""
    async with here.database.transaction(one_union(here.id)) as session:
        held = await lock_on_hand(session, [here.points[point]], [box])
        await asyncio.sleep(0.002)
        lines = [handing(one.lot_id, 1, one.point_id) for one in held]
        lines.append(handing(nameless, 1, here.points[point], source=ledger.VARIANCE))
        postings = [Posting(line, None, utc_now()) for line in lines]
        await run_together(session, await prepare_postings(session, postings, union_id=here.id))


async def meeting(here: Street) -> Counter[str]:
    """Let tables hand over at both points while postings cross the same accounts."""
    lots, box = await stocked(here), await ledger.box_of(here)
    nameless = await ledger.unrecorded_lot(here, box)
    works: list[Awaitable[Any]] = []
    for turn in range(20):
        works += [
            hand_over(here, box, nameless=nameless, point=turn % 2),
            ledger.post(here, *crossing(lots, here.points, turn)),
        ]
    return await all_at_once(works)


async def test_tables_and_postings_never_wait_for_each_other_for_ever(street: MakeStreet) -> None:
    here = await street(points=2)
    assert await meeting(here) == {"done": 40}
    assert await proven(here)


async def test_control_without_the_order_of_locks_they_do(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts locked by id alone: whoever holds boxes on hand waits for one who waits for them."""
    monkeypatch.setattr(queries, "_SIDES", queries._SIDES.order_by(None).order_by(StockBalance.id.desc()))
    for _ in range(10):
        outcomes = await meeting(await make_street(scratch.database, points=2))
        if outcomes["40P01"]:
            return
    pytest.fail("no two of them ever waited for each other")
