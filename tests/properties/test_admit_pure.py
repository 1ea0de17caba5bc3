"""Any sequence of commands through the pure rule book: never oversold, never overbooked, in order, once."""

from copy import deepcopy
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from app.orders.rules.commands import BookSlot, CancelOrder, ChangeQuota, Command, ExpireOrder
from app.orders.rules.desk import OrderState
from app.orders.rules.line import line_needed
from tests.factories.desk import HOUR, NOW, OVER, Desk, claim_of, said

MEMBERS, OFFERS, SLOTS = 6, 2, 2
HOLDING = {"to_book", "booked", "collected", "on_hold"}
LIVE = HOLDING | {"waitlisted", "pending_draw"}

Step = tuple[str, int, int, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["place", "wait", "wait", "book", "cancel", "expire", "quota"]),
        st.integers(0, MEMBERS - 1),
        st.integers(0, OFFERS - 1),
        st.integers(1, 3),
        st.integers(0, SLOTS),
    ),
    max_size=60,
)


def arranged() -> Desk:
    """Two offers of three boxes, two slots of two places, six members."""
    desk = Desk()
    for _ in range(OFFERS):
        desk.offer(quota=3)
    for number in range(SLOTS):
        desk.slot(capacity=2, starts_at=NOW + number * HOUR)
    for _ in range(MEMBERS):
        desk.member()
    return desk


def command_of(desk: Desk, step: Step, *, key: str) -> Command | None:
    """Return the command of a step; orders are named by the member who has the latest one."""
    kind, who, where, count, slot = step
    member = list(desk.state.members.values())[who]
    offer = list(desk.state.offers.values())[where]
    slot_id = [*desk.state.slots, None][slot]
    mine = [order for order in desk.state.orders.values() if order.member_id == member.id]
    claim = claim_of(member.id, key, body=step)
    if kind in {"place", "wait"}:
        return desk.place(
            offer, member, quantity=count, slot_id=slot_id, join_waitlist=kind == "wait", claim=claim
        )
    if kind == "quota":
        return ChangeQuota(at=NOW, claim=claim, offer_id=offer.id, quota=count + who, version=offer.version)
    if not mine:
        return None
    order_id = mine[-1].id
    if kind == "book":
        wanted = slot_id or uuid4()
        return BookSlot(at=NOW, claim=claim, order_id=order_id, member_id=member.id, slot_id=wanted)
    if kind == "cancel":
        return CancelOrder(at=NOW, claim=claim, order_id=order_id, member_id=member.id)
    return ExpireOrder(at=OVER if count > 1 else OVER - HOUR, order_id=order_id)


def assert_sound(desk: Desk) -> None:
    """Counters equal the orders; nothing is over its limit; nobody has two live orders."""
    orders = list(desk.state.orders.values())
    for offer in desk.state.offers.values():
        mine = [order for order in orders if order.offer_id == offer.id]
        assert offer.promised_count == sum(o.quantity for o in mine if o.status in HOLDING)
        assert 0 <= offer.promised_count <= offer.quota
        waiting = [order.id for order in mine if order.status == "waitlisted"]
        assert desk.state.waiting[offer.id] == waiting, "the line is in the order of arrival"
        assert offer.waitlisted_count == len(waiting)
    for slot in desk.state.slots.values():
        assert slot.booked_count == sum(order.slot_id == slot.id for order in orders)
        assert 0 <= slot.booked_count <= slot.capacity
    live = [(order.campaign_id, order.member_id) for order in orders if order.status in LIVE]
    assert len(live) == len(set(live))
    assert set(live) == desk.state.live


def assert_nobody_was_passed(before: dict[str, OrderState], desk: Desk) -> None:
    """Whoever got a box from the line had nobody before it who still waits."""
    for offer in desk.state.offers.values():
        line = [o for o in before.values() if o.offer_id == offer.id and o.status == "waitlisted"]
        left = [desk.state.orders[o.id].status for o in line]
        served = [position for position, status in enumerate(left) if status in HOLDING]
        assert "waitlisted" not in left[: max(served, default=0)]


@settings(max_examples=200, deadline=None)
@given(steps=steps)
def test_no_sequence_oversells_overbooks_or_passes_anybody(steps: list[Step]) -> None:
    desk = arranged()
    for number, step in enumerate(steps):
        command = command_of(desk, step, key=str(number))
        if command is None:
            continue
        before = {str(id): deepcopy(order) for id, order in desk.state.orders.items()}
        told = len(desk.state.events)
        outcome = desk.do(command)
        assert_sound(desk)
        assert_nobody_was_passed(before, desk)
        if "." in outcome:
            assert {str(id): order for id, order in desk.state.orders.items()} == before
            assert len(desk.state.events) == told


@settings(max_examples=100, deadline=None)
@given(steps=steps)
def test_replaying_all_calls_with_the_same_keys_changes_nothing(steps: list[Step]) -> None:
    desk, sent = arranged(), []
    for number, step in enumerate(steps):
        command = command_of(desk, step, key=str(number))
        if command is not None and command.claim is not None:
            sent.append((command, desk.do(command)))
    before = deepcopy(desk.state)
    outcomes = [said(outcome) for outcome in desk.admit(*(command for command, _ in sent))]
    assert outcomes == [f"replayed:{first}" for _, first in sent]
    assert desk.state == before


@settings(max_examples=100, deadline=None)
@given(steps=steps)
def test_one_batch_decides_as_many_single_ones_do(steps: list[Step]) -> None:
    """The single path is a batch of one: the size of a batch never changes what is decided."""
    single = arranged()
    together = deepcopy(single)
    commands = []
    outcomes = []
    for number, step in enumerate(steps):
        command = command_of(single, step, key=str(number))
        if command is not None:
            commands.append(command)
            outcomes.append(single.do(command))
    assert [said(outcome) for outcome in together.admit(*commands)] == outcomes
    assert together.state == single.state


Ending = tuple[str, int, int]
endings = st.lists(
    st.tuples(st.sampled_from(["cancel", "expire", "quota", "wait"]), st.integers(0, 11), st.integers(0, 9)),
    min_size=1,
    max_size=12,
)


def ending_of(desk: Desk, ending: Ending) -> Command:
    """Return a command that frees boxes, or that of a newcomer who waits."""
    kind, number, count = ending
    order = list(desk.state.orders.values())[number % len(desk.state.orders)]
    (offer,) = desk.state.offers.values()
    if kind == "cancel":
        return CancelOrder(at=NOW, claim=None, order_id=order.id, member_id=order.member_id)
    if kind == "expire":
        return ExpireOrder(at=OVER, order_id=order.id)
    if kind == "quota":
        return ChangeQuota(at=NOW, claim=None, offer_id=offer.id, quota=count, version=None)
    return desk.place(offer, quantity=1 + count % 2, join_waitlist=True)


@settings(max_examples=300, deadline=None)
@given(
    quota=st.integers(0, 6), quantities=st.lists(st.integers(1, 2), min_size=12, max_size=12), wanted=endings
)
def test_the_part_of_the_line_that_is_read_is_enough(
    quota: int, quantities: list[int], wanted: list[Ending]
) -> None:
    """A desk that knows only the needed part of the line decides as one that knows all of it."""
    desk = Desk()
    offer = desk.offer(quota=quota, per_member_limit=9)
    for quantity in quantities:
        desk.holding(offer, quantity=quantity, join_waitlist=True)
    commands = [ending_of(desk, ending) for ending in wanted]
    partial = deepcopy(desk)
    needed = line_needed(commands, partial.state.offers, orders=partial.state.orders).get(offer.id, 0)
    line = partial.state.waiting[offer.id]
    asked = {c.order_id for c in commands if isinstance(c, CancelOrder | ExpireOrder)}
    for unread in set(line[needed:]) - asked:
        del partial.state.orders[unread]
    del line[needed:]
    outcomes = [said(outcome) for outcome in desk.admit(*commands)]
    assert [said(outcome) for outcome in partial.admit(*commands)] == outcomes
    assert partial.state.offers == desk.state.offers
    assert partial.state.orders.items() <= desk.state.orders.items()
    assert {id: order.status for id, order in desk.state.changed.items()} == {
        id: order.status for id, order in partial.state.changed.items()
    }
