"""Any sequence of deliveries, transfers, hand-overs, undos, swaps, counts, write-offs and recalls adds up.

The machine drives the service's own rules over books in memory; a walk drives the real database. The controls
break the books: what the machine or the proof does not notice then, it does not look at.
"""

import random
from collections import Counter, defaultdict
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.access.scope import one_union
from app.stock.errors import NotEnoughStock
from app.stock.queries.figures import lot_figures
from app.stock.queries.proof import prove_balances
from app.stock.rules.figures import figures_of
from app.stock.rules.ledger import AccountKind, Line, MovementKind
from app.stock.rules.proof import Difference
from tests.factories import ledger
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street
from tests.properties.stock_model import Books, Fault, Warehouse

LEAST_STEPS = 5_000
WAYS_OUT = [
    (AccountKind.LOSS, MovementKind.WRITTEN_OFF),
    (AccountKind.RETURNED, MovementKind.RETURNED),
    (AccountKind.DONATED, MovementKind.DONATED),
]
which, few = st.integers(0, 40), st.integers(0, 4)
many = st.integers(1, 12)


def new_warehouse(fault: Fault | None = None) -> Warehouse:
    """Return two pickup points and two gift boxes, and the ids of lots that may come."""
    boxes = [UUID(int=21), UUID(int=22)]
    unused = [(UUID(int=100 + number), boxes[number % 2]) for number in range(8)]
    nameless = {box: UUID(int=box.int + 10) for box in boxes}
    return Warehouse([UUID(int=11), UUID(int=12)], nameless, unused, Books(fault))


class StockMachine(RuleBasedStateMachine):
    """One warehouse for each example."""

    fault: Fault | None = None
    steps: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        """Begin with empty shelves."""
        self.here = new_warehouse(type(self).fault)

    def made(self, what: str) -> None:
        """Count a step that posted something, or was refused; the others do not count."""
        self.steps[what if self.here.books.tried else "nothing"] += 1
        self.steps["refused"] += any(not is_fine for _, is_fine in self.here.books.tried)
        self.here.books.tried.clear()

    @rule(which=which, days=st.integers(-2, 31), good=st.integers(1, 20), damaged=few, missing=few)
    def deliver(self, which: int, days: int, good: int, damaged: int, missing: int) -> None:
        """A supplier delivers."""
        self.here.deliver(which, days, good=good, damaged=damaged, missing=missing)
        self.made("delivered")

    @precondition(lambda self: self.here.receipts)
    @rule(which=which, good=st.integers(1, 4))
    def deliver_late(self, which: int, good: int) -> None:
        """Missing boxes come."""
        self.here.deliver_late(which, good)
        self.made("delivered late")

    @precondition(lambda self: self.here.receipts)
    @rule(which=which)
    def reverse(self, which: int) -> None:
        """A receipt is taken back."""
        self.here.reverse(which)
        self.made("reversed")

    @precondition(lambda self: self.here.lots)
    @rule(which=which, count=many)
    def dispatch(self, which: int, count: int) -> None:
        """A transfer leaves."""
        self.here.dispatch(which, count)
        self.made("dispatched")

    @precondition(lambda self: self.here.transfers)
    @rule(which=which, damaged=few)
    def arrive(self, which: int, damaged: int) -> None:
        """A transfer arrives."""
        self.here.arrive(which, damaged)
        self.made("arrived")

    @rule(which=which, count=st.integers(1, 4), carton=st.none() | which)
    def hand_over(self, which: int, count: int, carton: int | None) -> None:
        """Boxes change hands."""
        self.here.hand_over(which, count, carton=carton)
        self.made("handed over")

    @precondition(lambda self: self.here.given)
    @rule(which=which)
    def undo(self, which: int) -> None:
        """A hand-over is taken back."""
        self.here.undo(which)
        self.made("undone")

    @precondition(lambda self: self.here.given)
    @rule(which=which)
    def swap(self, which: int) -> None:
        """A box is swapped."""
        self.here.swap(which)
        self.made("swapped")

    @precondition(lambda self: self.here.lots)
    @rule(which=which, good=st.integers(-5, 3), damaged=st.integers(-2, 3))
    def count(self, which: int, good: int, damaged: int) -> None:
        """A count is approved."""
        self.here.count(which, good, damaged)
        self.made("counted")

    @precondition(lambda self: self.here.lots)
    @rule(which=which, count=many, way=st.sampled_from(WAYS_OUT))
    def leave(self, which: int, count: int, way: tuple[AccountKind, MovementKind]) -> None:
        """Boxes are written off, returned or donated."""
        self.here.leave(which, count, target=way[0], kind=way[1])
        self.made(way[1].value)

    @precondition(lambda self: self.here.lots)
    @rule(which=which)
    def recall(self, which: int) -> None:
        """A lot is recalled, or given free."""
        self.here.recall(which)
        self.made("recalled or lifted")

    @precondition(lambda self: self.here.lots)
    @rule(which=which, count=st.integers(1, 3))
    def attribute(self, which: int, count: int) -> None:
        """Boxes without a lot are given to one."""
        self.here.attribute(which, count)
        self.made("attributed")

    @invariant()
    def adds_up(self) -> None:
        """Look at the books: all that is promised of them holds."""
        if hasattr(self, "here"):
            check_books(self.here)


def check_books(here: Warehouse) -> None:
    """Check conservation per lot, the floor at zero, balances against movements, close-outs and the proof."""
    held, books = here.books.held, here.books
    for (_, account), boxes in held.items():
        assert boxes >= 0 or account.kind is AccountKind.VARIANCE
    summed: defaultdict[object, int] = defaultdict(int)
    for line in books.lines:
        summed[line.lot_id, line.target] += line.boxes
        if line.source is not None:
            summed[line.lot_id, line.source] -= line.boxes
    assert {side: boxes for side, boxes in held.items() if boxes} == {
        side: boxes for side, boxes in summed.items() if boxes
    }
    consigned = {lot.id: lot.consigned for lot in here.lots} | dict.fromkeys(here.unrecorded.values(), 0)
    for lot_id, expected in consigned.items():
        kinds: Counter[AccountKind] = Counter()
        for (of_lot, account), boxes in held.items():
            kinds[account.kind] += boxes if of_lot == lot_id else 0
        assert sum(kinds.values()) == expected
        assert figures_of(expected, kinds).adds_up
    assert books.prove() == []


def run(fault: Fault | None = None, *, examples: int) -> Counter[str]:
    """Run the machine on fresh examples, the same ones every time; return how many steps of which kind."""
    machine = type(
        "Machine", (StockMachine,), {"fault": staticmethod(fault) if fault else None, "steps": Counter()}
    )
    run_state_machine_as_test(
        machine,
        settings=profile(
            max_examples=examples,
            stateful_step_count=80,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return machine.steps  # type: ignore[attr-defined,no-any-return]


def test_boxes_are_conserved_over_five_thousand_steps() -> None:
    steps = run(examples=110)
    refused, nothing = steps.pop("refused"), steps.pop("nothing")
    assert sum(steps.values()) >= LEAST_STEPS, steps
    assert steps.keys() == {
        "delivered", "delivered late", "reversed", "dispatched", "arrived", "handed over", "undone",
        "swapped", "counted", "written_off", "returned", "donated", "recalled or lifted", "attributed",
    }  # fmt: skip
    assert min(steps.values()) >= 50, steps
    assert refused >= 100, "what cannot be is tried too"
    assert nothing < sum(steps.values())


def dropped(what: str, kind: MovementKind) -> Fault:
    """Return a fault: from the fifth posting on, movements of one kind lose their entry or their balance."""
    return lambda number, line: what if line.kind is kind and number >= 1 else None


@pytest.mark.parametrize("what", ["movement", "balance"])
@pytest.mark.parametrize("kind", [MovementKind.CONSIGNED, MovementKind.HANDED_OVER, MovementKind.COUNTED])
def test_control_a_dropped_entry_is_caught(what: str, kind: MovementKind) -> None:
    with pytest.raises(AssertionError):
        run(dropped(what, kind), examples=20)


def test_control_the_proof_alone_catches_one_dropped_entry() -> None:
    here = new_warehouse()
    here.deliver(1, 30, good=10, damaged=0, missing=0)
    here.hand_over(0, 2, carton=0)
    here.hand_over(1, 1, carton=None)
    check_books(here)
    for position, line in enumerate(here.books.lines):
        altered = Books(
            lines=here.books.lines[:position] + here.books.lines[position + 1 :], held=here.books.held
        )
        found = {(one.lot_id, one.account) for one in altered.prove()}
        assert {(line.lot_id, line.target), (line.lot_id, line.source or None)} <= found


# --- The same deeds on the real database ---------------------------------------------------------


def act(here: Warehouse, dice: random.Random) -> None:
    """Do one thing by chance."""
    which, count = dice.randrange(41), dice.randint(1, 6)
    way = dice.choice(WAYS_OUT)
    deeds = [
        lambda: here.deliver(
            which, dice.randint(-2, 31), good=count * 3, damaged=dice.randint(0, 2), missing=1
        ),
        lambda: here.deliver_late(which, 1),
        lambda: here.reverse(which),
        lambda: here.dispatch(which, count),
        lambda: here.arrive(which, dice.randint(0, 3)),
        lambda: here.hand_over(which, min(count, 3), carton=None),
        lambda: here.hand_over(which, 1, carton=dice.randrange(8)),
        lambda: here.undo(which),
        lambda: here.swap(which),
        lambda: here.count(which, dice.randint(-4, 3), dice.randint(-1, 2)),
        lambda: here.leave(which, count, target=way[0], kind=way[1]),
        lambda: here.recall(which),
        lambda: here.attribute(which, 1),
    ]
    dice.choice(deeds)()


async def warehouse_of(street: Street) -> Warehouse:
    """Return the warehouse of a street union, with lots that are recorded and have not come."""
    boxes = [await ledger.box_of(street), await ledger.box_of(street, 2)]
    unused = [
        (await ledger.stock_lot(street, f"L{number}", 0, offer=number % 2 * 2), boxes[number % 2])
        for number in range(6)
    ]
    nameless = {box: await ledger.unrecorded_lot(street, box) for box in boxes}
    return Warehouse(street.points, nameless, unused)


async def follow(street: Street, here: Warehouse) -> int:
    """Post to the database what the model tried, and compare whether it could be; return how often."""
    tried = here.books.tried
    for lines, is_fine in tried:
        if is_fine:
            await ledger.post(street, *lines)
        else:
            with pytest.raises(NotEnoughStock):
                await ledger.post(street, *lines)
    count = len(tried)
    tried.clear()
    return count


async def proof(street: Street) -> list[Difference]:
    """Return what the proof says of the street union."""
    async with street.database.transaction(one_union(street.id)) as session:
        return await prove_balances(session, street.id)


async def test_a_walk_through_the_database_adds_up_and_a_dropped_movement_is_named(scratch: Scratch) -> None:
    street = await make_street(scratch.database, points=2, boxes=2)
    here, dice, steps = await warehouse_of(street), random.Random(23), 0
    while steps < 300:
        before = steps
        act(here, dice)
        steps += await follow(street, here)
        if steps // 20 > before // 20:
            assert await proof(street) == []
    check_books(here)
    lot_ids = [lot.id for lot in here.lots] + list(here.unrecorded.values())
    for lot_id in lot_ids:
        known = {account: boxes for (of_lot, account), boxes in here.books.held.items() if of_lot == lot_id}
        assert await ledger.balances(street, lot_id) == {
            side: boxes for side, boxes in known.items() if boxes
        }
    async with street.database.transaction(one_union(street.id)) as session:
        figures = await lot_figures(session, lot_ids)
    assert all(one.adds_up for one in figures.values())
    assert {id: one.consigned for id, one in figures.items()} == {
        id: next((lot.consigned for lot in here.lots if lot.id == id), 0) for id in lot_ids
    }
    await drop_one(scratch, street, here.books.lines)


async def drop_one(scratch: Scratch, street: Street, lines: list[Line]) -> None:
    """Drop one movement as the owner of the database may, and look whether the proof names both its sides."""
    line = next(line for line in reversed(lines) if line.kind is MovementKind.HANDED_OVER)
    (row,) = [one for one in await ledger.movements(street, line.lot_id) if one.event_id == line.event_id
              and one.boxes == line.boxes and one.kind == line.kind][:1]  # fmt: skip
    await scratch.execute(
        "ALTER TABLE stock_movements DISABLE TRIGGER stock_movements_are_kept",
        f"DELETE FROM stock_movements WHERE id = '{row.id}'",
    )
    found = await proof(street)
    assert {(one.lot_id, one.account): one.held - one.expected for one in found} == {
        (line.lot_id, line.target): line.boxes, (line.lot_id, line.source): -line.boxes,
    }  # fmt: skip
