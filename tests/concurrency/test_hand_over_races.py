"""Scans, undos, swaps and transfers at once: no two wait for each other for ever, and the books balance."""

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.access.scope import one_union
from app.platform import admission
from app.platform.database import is_torn
from app.redemptions.tables import Redemption
from app.stock.errors import NotEnoughStock
from app.stock.queries import ledger
from app.stock.queries.proof import prove_balances
from app.stock.rules.ledger import AccountKind, Line, MovementKind
from app.stock.tables import StockBalance, StockMovement
from tests.conftest import MakeStreet
from tests.factories.apps import API, Fleet, at_once, code_of, run_fleet
from tests.factories.databases import Scratch
from tests.factories.ledger import at, balances, post, stock_lot
from tests.factories.street import Street, make_street

POINTS, BOXES, LOTS, MEMBERS = 3, 2, 4, 90
TERMS: dict[str, Any] = {
    "members": MEMBERS,
    "quota": 500,
    "slots": 1,
    "capacity": 500,
    "points": POINTS,
    "boxes": BOXES,
}


async def goods(here: Street) -> list[UUID]:
    """Stock some lots of each gift box at each point, fewer than will be handed over; return the lots."""
    return [
        await stock_lot(here, f"L{number}", 3, point=offer % POINTS, offer=offer)
        for offer in range(POINTS * BOXES)
        for number in range(LOTS)
    ]


async def codes_of(fleet: Fleet, here: Street) -> list[tuple[str, UUID]]:
    """Let every member order and book, two boxes each; return (code, pickup point) of each order."""

    async def one(n: int) -> tuple[str, UUID]:
        offer, who = n % (POINTS * BOXES), here.members[n]
        slot = here.slots[offer % POINTS]
        placed = await fleet.order(who, here.offers[offer], via=n, slot_id=slot, quantity=2)
        assert placed.status_code == 201, placed.text
        return await fleet.code(who, placed.json()["id"], via=n), here.points[offer % POINTS]

    return await at_once(one(n) for n in range(len(here.members)))


async def ask(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], *, headers: dict[str, str]
) -> httpx.Response:
    """Send a call, and the same one again while the service is busy, as clients do."""
    for _ in range(8):
        said = await client.post(path, json=body, headers=headers)
        if said.status_code != 503:
            break
    return said


async def collect(fleet: Fleet, here: Street, code: str, *, point: UUID, via: int) -> Counter[str]:
    """Collect in two parts, swap the second box, and take one in three back; return what was answered."""
    client, headers, seen = fleet.clients[via % 2], here.clerk.headers(), Counter[str]()
    event_ids = [str(uuid4()) for _ in range(2)]
    for event_id in event_ids:
        body = {"event_id": event_id, "code": code, "pickup_point_id": str(point), "quantity": 1}
        said = await ask(client, f"{API}/redemptions", body, headers=headers)
        seen[f"scan {said.status_code}"] += 1
    for kind in ("swap", "undo") if via % 3 == 0 else ("swap",):
        change = {"event_id": str(uuid4()), "reason": "示例·更换"}
        said = await ask(client, f"{API}/redemptions/{event_ids[1]}/{kind}", change, headers=headers)
        seen[f"{kind} {said.status_code}"] += 1
    return seen


async def carry_about(here: Street, lots: list[UUID], *, rounds: int) -> int:
    """Move boxes between points, as a keeper does; return how many moves were torn."""
    dice, torn = random.Random(7), 0
    for _ in range(rounds):
        lines = []
        for lot in dice.sample(sorted(set(lots)), 3):
            source, target = dice.sample(here.points, 2)
            if (await balances(here, lot)).get(at(source), 0) > 0:
                kind = MovementKind.DISPATCHED
                lines.append(Line(lot_id=lot, boxes=1, source=at(source), target=at(target), kind=kind))
        try:
            await post(here, *lines)
        except NotEnoughStock:
            continue
        except DBAPIError as error:
            if not is_torn(error):
                raise
            torn += 1
    return torn


async def rush(fleet: Fleet, here: Street, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], int]:
    """Do everything at once; return the answers, and how many transactions were torn for another."""
    torn = Counter[str]()

    def counted(error: BaseException) -> bool:
        torn["at the table"] += is_torn(error)
        return is_torn(error)

    monkeypatch.setattr(admission, "is_torn", counted)
    lots = await goods(here)
    codes = await codes_of(fleet, here)
    mover = asyncio.create_task(carry_about(here, lots, rounds=40))
    found = await at_once(
        collect(fleet, here, code, point=point, via=n) for n, (code, point) in enumerate(codes)
    )
    return sum(found, Counter[str]()), torn["at the table"] + await mover


async def deadlocks(here: Street) -> int:
    """Return how often PostgreSQL has torn two transactions apart in this database."""
    await asyncio.sleep(1.2)  # its counters are written a second late
    wanted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int((await here.read(wanted))[0][0])


async def books_balance(here: Street) -> None:
    """Check that balances are what movements make them, and that every box handed over is posted."""
    async with here.database.transaction(one_union(here.id)) as session:
        assert await prove_balances(session, here.id) == []
    handed_over = Redemption.union_id == here.id, Redemption.result == "handed_over"
    stands = select(func.sum(Redemption.quantity)).where(*handed_over, Redemption.undone_at.is_(None))
    given = select(func.sum(StockBalance.boxes)).where(
        StockBalance.union_id == here.id, StockBalance.kind == AccountKind.HANDED_OVER
    )
    assert await here.read(stands) == await here.read(given)
    posted = select(StockMovement.event_id).where(
        StockMovement.union_id == here.id, StockMovement.kind == MovementKind.HANDED_OVER
    )
    scans = await here.read(select(Redemption.event_id).where(*handed_over))
    assert set(await here.read(posted)) == set(scans)


async def test_everything_at_once_and_nothing_is_torn(
    fleet: Fleet, street: MakeStreet, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await street(**TERMS)
    before = await deadlocks(here)
    seen, torn = await rush(fleet, here, monkeypatch)
    undone = sum(n % 3 == 0 for n in range(MEMBERS))
    assert seen == {"scan 200": 2 * MEMBERS, "swap 200": MEMBERS, "undo 200": undone}
    assert (torn, await deadlocks(here) - before) == (0, 0)
    await books_balance(here)
    counters = await here.counters()
    assert counters["stored"] == counters["derived"]


async def test_without_an_order_of_locks_transactions_are_torn(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: whoever locks balances as they come waits for one who waits for them."""
    for name in ("_LOCKED_ON_HAND", "_SIDES"):
        unordered = getattr(ledger, name).order_by(None).order_by(func.random())
        monkeypatch.setattr(ledger, name, unordered)
    async with run_fleet(scratch.settings) as fleet:
        for _ in range(6):
            here = await make_street(scratch.database, **(TERMS | {"members": 45}))
            _, torn = await rush(fleet, here, monkeypatch)
            await books_balance(here)
            if torn + await deadlocks(here) > 0:
                return
        pytest.fail("nobody waited for one who waited for them")


async def test_without_lock_and_check_a_point_hands_out_more_than_it_has(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_LOCKED_ON_HAND", "_SIDES"):
        bare = getattr(ledger, name)._generate()
        bare._for_update_arg = None
        monkeypatch.setattr(ledger, name, bare)

    async with run_fleet(scratch.settings) as fleet:

        async def goes_below_zero() -> bool:
            here = await make_street(scratch.database, members=2)
            lot = await stock_lot(here, "A", 1)
            codes = []
            for n, who in enumerate(here.members):
                placed = await fleet.order(who, here.offers[0], via=n, slot_id=here.slots[0])
                codes.append(await fleet.code(who, placed.json()["id"]))
            said = await at_once(fleet.scan(here, code, via=n) for n, code in enumerate(codes))
            assert {code_of(one) for one in said} <= {"200", "stock.not_enough"}
            return (await balances(here, lot)).get(at(here.points[0]), 0) < 0

        assert not any([await goes_below_zero() for _ in range(15)]), "the CHECK alone holds"
        await scratch.execute("ALTER TABLE stock_balances DROP CONSTRAINT ck_stock_balances_not_below_zero")
        assert any([await goes_below_zero() for _ in range(25)])
