"""Any sequence of what people do, on the real database, against a plain model of it.

`HYPOTHESIS_PROFILE=long` looks much longer.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from app.access.scope import every_union, one_union
from app.access.vault import Vault
from app.campaigns.tables import Campaign, Offer
from app.notifications.tables import OutboxEvent
from app.orders.actions.admit import admit_orders
from app.orders.queries import find_answers
from app.orders.rules.commands import (
    BookSlot,
    CancelOrder,
    ChangeQuota,
    Command,
    ExpireOrder,
    PlaceOrder,
    Replayed,
)
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.clock import day_end
from app.platform.database import Database
from app.platform.errors import DomainError
from app.platform.idempotency import Answer, Claim, fingerprint
from app.platform.ids import new_id
from app.platform.settings import Settings
from app.platform.signing import KeyStore
from app.redemptions.actions.codes import get_or_make_code
from app.redemptions.actions.redeem import redeem_scans
from app.redemptions.errors import NoCode
from app.redemptions.rules.reading import read_code
from app.redemptions.rules.table import Scan
from app.redemptions.schemas import RedemptionView
from app.redemptions.tables import Redemption
from app.unions.tables import Member
from tests.factories.street import Street, make_street
from tests.properties.ordering_model import LIVE, Model

Result = TypeVar("Result")
MEMBERS, SLOTS, CAPACITY, QUOTA = 8, 3, 2, 2
ANY_VERSION = 5  # this quota is always set without saying which version was seen
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

members = st.integers(0, MEMBERS - 1)
offers = st.sampled_from([0, 0, 0, 1])
slots = st.integers(0, SLOTS)  # the last one is nowhere
orders = st.integers(0, 30)
quantities = st.sampled_from([1, 1, 1, 2, 2, 3])


@dataclass(frozen=True)
class Ask:
    """What somebody asks; orders are named by their position, taken round."""

    kind: str
    member: int = 0
    offer: int = 0
    quantity: int = 1
    slot: int | None = None
    flag: bool = False
    order: int = 0


asks_order = st.builds(Ask, st.just("order"), members, offers, quantities, st.none() | slots, st.booleans())
asks_book = st.builds(Ask, st.just("book"), members, slot=slots, order=orders, flag=st.booleans())
asks_cancel = st.builds(Ask, st.just("cancel"), members, order=orders, flag=st.booleans())
asks_expire = st.builds(Ask, st.just("expire"), order=orders, flag=st.sampled_from([True, True, False]))
asks_quota = st.builds(
    Ask, st.just("quota"), offer=offers, quantity=st.integers(0, 6), flag=st.sampled_from([True, True, False])
)
asks = asks_order | asks_book | asks_cancel | asks_expire | asks_quota


class OrderingMachine(RuleBasedStateMachine):
    """One street for each example."""

    def __init__(self, loop: asyncio.AbstractEventLoop, database: Database, store: KeyStore) -> None:
        """Run on `loop` against `database`."""
        super().__init__()
        self.loop, self.database, self.store = loop, database, store
        self.ids: list[UUID] = []
        self.codes: dict[int, str] = {}
        self.sent: list[tuple[Command, str]] = []
        self.scans: list[tuple[Scan, str]] = []

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for a coroutine."""
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        """Make the street and its model; the last member is not eligible."""
        made = make_street(
            self.database, members=MEMBERS, quota=QUOTA, slots=SLOTS, capacity=CAPACITY, boxes=2
        )
        self.here: Street = self.run(made)
        self.run(self.here.set(Member, self.here.members[-1].id, status="retained"))
        found = self.run(self.here.read(select(Slot.id, Slot.starts_at).where(Slot.union_id == self.here.id)))
        begin = {row.id: row.starts_at for row in found}
        starts: list[datetime] = [begin[slot_id] for slot_id in self.here.slots]
        self.now = starts[0] + timedelta(minutes=5)
        (terms,) = self.run(
            self.here.read(select(Campaign.pickup_until).where(Campaign.id == self.here.campaign_id))
        )
        self.over_at = day_end(terms.pickup_until)
        self.model = Model([QUOTA, QUOTA], starts, CAPACITY, {MEMBERS - 1}, self.over_at)

    # --- What people do --------------------------------------------------------------------------

    @rule(ask=asks_order)
    def order(self, ask: Ask) -> None:
        """A member orders."""
        self.submit([ask])

    @rule(ask=asks_book)
    def book_or_move(self, ask: Ask) -> None:
        """A member books or moves."""
        self.submit([ask])

    @rule(ask=asks_cancel)
    def cancel(self, ask: Ask) -> None:
        """A member cancels."""
        self.submit([ask])

    @rule(ask=asks_quota)
    def change_quota(self, ask: Ask) -> None:
        """An officer changes a quota."""
        self.submit([ask])

    @rule(ask=asks_expire)
    def expire(self, ask: Ask) -> None:
        """An order runs out, or its time is not over yet."""
        self.submit([ask])

    @rule(together=st.lists(asks, min_size=2, max_size=5))
    def all_at_once(self, together: list[Ask]) -> None:
        """Several commands in one batch, in one transaction."""
        self.submit(together)

    @rule(first=members, count=st.integers(3, 5), quantity=st.integers(1, 2))
    def rush(self, first: int, count: int, quantity: int) -> None:
        """Several members want the same box and would wait for it."""
        everybody = [(first + step) % MEMBERS for step in range(count)]
        self.submit([Ask("order", member, 0, quantity, None, flag=True) for member in everybody])

    @rule(minutes=st.sampled_from([30, 70, 120]))
    def wait(self, minutes: int) -> None:
        """Time goes by, but orders stay open."""
        self.now += timedelta(minutes=minutes)

    @rule(position=orders, insists=st.booleans())
    def redeem(self, position: int, insists: bool) -> None:
        """A clerk scans the code of an order."""
        if not self.ids:
            return
        number = position % len(self.ids)
        code = self.run(self.code_of(number))
        if code is None:
            return
        self.now += timedelta(seconds=1)
        scan = Scan(
            event_id=uuid4(),
            reading=code,
            pickup_point_id=self.here.points[0],
            staff_id=self.here.clerk.id,
            staff_name=self.here.clerk.name,
            at=self.now,
            scanned_at=self.now,
            fingerprint=fingerprint("POST", "/redemptions", body=position),
            override_reason="雨天" if insists else None,
        )
        wanted = self.model.redeem(number, at=self.now, insists=insists)
        said = self.run(self.scan(scan))
        view = RedemptionView.model_validate_json(said)
        assert (view.reason or view.result) == wanted
        assert view.order is not None
        assert view.order.id == self.ids[number]
        self.scans.append((scan, said))

    @rule(position=orders, is_changed=st.booleans())
    def replay(self, position: int, is_changed: bool) -> None:
        """The network delivers a call once more, or somebody uses its key for something else."""
        if not self.sent:
            return
        command, answer = self.sent[position % len(self.sent)]
        assert command.claim is not None
        claim = command.claim
        if is_changed:
            claim = Claim(claim.actor_id, claim.key, fingerprint("POST", "/other", body={}))
        again = _again(command, claim)
        (outcome,) = self.run(self.admit([again]))
        if is_changed:
            assert isinstance(outcome, DomainError)
            assert outcome.code == "idempotency.key_reused"
        else:
            assert isinstance(outcome, Replayed)
            assert outcome.answer.body == answer

    @rule(position=orders)
    def scan_again(self, position: int) -> None:
        """A device sends an event once more: the first answer, whatever happened since."""
        if self.scans:
            scan, said = self.scans[position % len(self.scans)]
            assert self.run(self.scan(scan)) == said

    @rule(ask=asks_order)
    def double_tap(self, ask: Ask) -> None:
        """The same call twice in one batch."""
        command = self.command(ask)
        wanted = self.expect(ask)
        first, second = self.run(self.admit([command, _again(command, command.claim)]))
        self.compare(command, outcome=first, wanted=wanted)
        assert isinstance(second, Replayed)
        assert second.answer.body == self.sent[-1][1]

    # --- How it is done --------------------------------------------------------------------------

    def submit(self, wanted: list[Ask]) -> None:
        """Put commands to the desk as one batch, and to the model one by one."""
        known = [ask for ask in wanted if self.ids or ask.kind in {"order", "quota"}]
        count = len(self.ids)
        commands, expected = [], []
        for ask in known:
            commands.append(self.command(ask, count=count))
            expected.append(self.expect(ask, count=count))
        outcomes = self.run(self.admit(commands))
        for command, outcome, answer in zip(commands, outcomes, expected, strict=True):
            self.compare(command, outcome=outcome, wanted=answer)

    def command(self, ask: Ask, *, count: int = 1) -> Command:
        """Return the command of an ask, as the routes make it."""
        self.now += timedelta(seconds=1)
        at, number = self.now, ask.order % count if count else 0
        slot_id = None
        if ask.slot is not None:
            slot_id = self.here.slots[ask.slot] if ask.slot < SLOTS else new_id()
        match ask.kind:
            case "order":
                member = self.here.members[ask.member].id
                order_id = new_id()
                return PlaceOrder(
                    at=at, claim=self.claim(member), order_id=order_id, number=str(order_id)[-12:],
                    member_id=member, offer_id=self.here.offers[ask.offer], quantity=ask.quantity,
                    slot_id=slot_id, join_waitlist=ask.flag,
                )  # fmt: skip
            case "book":
                assert slot_id is not None
                member = self.here.members[self.asker(ask, number)].id
                return BookSlot(
                    at=at, claim=None, order_id=self.ids[number], member_id=member, slot_id=slot_id
                )
            case "cancel":
                member = self.here.members[self.asker(ask, number)].id
                return CancelOrder(
                    at=at, claim=self.claim(member), order_id=self.ids[number], member_id=member
                )
            case "expire":
                return ExpireOrder(at=self.expiry(ask), order_id=self.ids[number])
        return ChangeQuota(
            at=at, claim=None, offer_id=self.here.offers[ask.offer], quota=ask.quantity,
            version=self.seen_version(ask),
        )  # fmt: skip

    def expect(self, ask: Ask, *, count: int = 1) -> str:
        """Return what the model says comes of an ask, at the time of the command just made."""
        number = ask.order % count if count else 0
        match ask.kind:
            case "order":
                return self.model.order(
                    ask.member, offer=ask.offer, quantity=ask.quantity, slot=ask.slot, waits=ask.flag,
                    at=self.now,
                )  # fmt: skip
            case "book":
                assert ask.slot is not None
                return self.model.book(number, member=self.asker(ask, number), slot=ask.slot, at=self.now)
            case "cancel":
                return self.model.cancel(number, member=self.asker(ask, number))
            case "expire":
                return self.model.expire(number, at=self.expiry(ask))
        return self.model.change_quota(ask.offer, quota=ask.quantity, seen=self.seen_version(ask))

    def expiry(self, ask: Ask) -> datetime:
        """Return when an order is to expire: at the end of the pickup window, or a moment too early."""
        return self.over_at if ask.flag else self.over_at - timedelta(microseconds=1)

    def seen_version(self, ask: Ask) -> int | None:
        """Return which version of an offer the officer saw: the present one, one before, or any."""
        if ask.quantity == ANY_VERSION:
            return None
        return self.model.version[ask.offer] - (not ask.flag)

    def asker(self, ask: Ask, number: int) -> int:
        """Return who asks: mostly the owner of the order, sometimes somebody else."""
        return ask.member if ask.flag else self.model.orders[number].member

    def claim(self, actor_id: UUID) -> Claim:
        """Return a key that nobody used."""
        key = uuid4().hex
        return Claim(actor_id, key, fingerprint("POST", "/orders", body=key))

    def compare(self, command: Command, *, outcome: Any, wanted: str) -> None:
        """Compare what the desk says with what the model says."""
        if isinstance(outcome, DomainError):
            assert outcome.code == wanted
        else:
            assert isinstance(outcome, Answer)
            said = "ok" if isinstance(command, ChangeQuota) else _status(outcome.body)
            assert said == wanted
            if isinstance(command, PlaceOrder):
                self.ids.append(command.order_id)
        if command.claim is not None:
            self.sent.append((command, self.run(self.kept(command.claim))))

    async def admit(self, commands: list[Command]) -> list[Any]:
        """Decide a batch in one transaction."""
        async with self.database.transaction(one_union(self.here.id)) as session:
            return list(await admit_orders(session, self.here.id, commands))

    async def scan(self, scan: Scan) -> str:
        """Decide a scan in one transaction."""
        async with self.database.transaction(one_union(self.here.id)) as session:
            (said,) = await redeem_scans(session, self.here.id, [scan])
        assert isinstance(said, str)
        return said

    async def code_of(self, number: int) -> Any:
        """Return the reading of an order's code; only an order that holds boxes is given one."""
        if number not in self.codes:
            order = self.model.orders[number]
            member_id = self.here.members[order.member].id
            try:
                async with self.database.transaction(one_union(self.here.id)) as session:
                    made = await get_or_make_code(
                        session, self.ids[number], member_id=member_id, store=self.store, now=self.now
                    )
                    self.codes[number] = made.short_code
            except NoCode:
                assert order.status in {"waitlisted", "cancelled", "expired"}
                return None
        return read_code(self.codes[number], {}, union_number=self.here.number)

    async def kept(self, claim: Claim) -> str:
        """Return the answer that is kept for a key."""
        async with self.database.transaction(one_union(self.here.id)) as session:
            return (await find_answers(session, [claim]))[claim.actor_id, claim.key].body

    # --- What always holds -----------------------------------------------------------------------

    @invariant()
    def everything_agrees(self) -> None:
        """Rows, stored counters, events and the model tell the same."""
        if hasattr(self, "model"):
            self.run(self.check())

    async def check(self) -> None:
        """Read everything of the street and compare."""
        here, model = self.here, self.model
        async with self.database.transaction(every_union("a test looks")) as session:

            async def rows(table: Any, *columns: Any) -> list[Any]:
                wanted = select(*columns).where(table.union_id == here.id).order_by(table.id)
                return list(await session.execute(wanted))

            offers = await rows(
                Offer, Offer.id, Offer.quota, Offer.promised_count, Offer.waitlisted_count, Offer.version
            )
            slots = await rows(Slot, Slot.id, Slot.booked_count, Slot.capacity)
            orders = {
                row.id: row
                for row in await rows(
                    Order, Order.id, Order.offer_id, Order.member_id, Order.slot_id, Order.quantity,
                    Order.status,
                )
            }  # fmt: skip
            told = await rows(OutboxEvent, OutboxEvent.subject_id, OutboxEvent.kind)
            handed = await rows(Redemption, Redemption.order_id, Redemption.result)
        assert list(orders) == sorted(self.ids)
        for number, order_id in enumerate(self.ids):
            claim, row = model.orders[number], orders[order_id]
            slot_id = None if claim.slot is None else here.slots[claim.slot]
            assert (row.status, row.quantity, row.slot_id) == (claim.status, claim.quantity, slot_id)
        for row in offers:
            offer = here.offers.index(row.id)
            mine = [order for order in orders.values() if order.offer_id == row.id]
            derived = sum(o.quantity for o in mine if o.status in {"to_book", "booked", "collected"})
            assert row.promised_count == derived == model.promised(offer)
            assert row.promised_count <= row.quota == model.quota[offer]
            assert row.waitlisted_count == sum(o.status == "waitlisted" for o in mine)
            assert row.waitlisted_count == len(model.waiting(offer))
            assert row.version == model.version[offer]
        for row in slots:
            derived = sum(order.slot_id == row.id for order in orders.values())
            assert row.booked_count == derived == model.booked(here.slots.index(row.id))
            assert row.booked_count <= row.capacity
        live = Counter(order.member_id for order in orders.values() if order.status in LIVE)
        assert all(count == 1 for count in live.values())
        handed_over = Counter(row.order_id for row in handed if row.result == "handed_over")
        assert handed_over == {self.ids[n]: count for n, count in model.hand_overs.items()}
        assert all(count == 1 for count in handed_over.values())
        assert Counter((row.subject_id, row.kind) for row in told) == {
            (self.ids[number], kind): count for (number, kind), count in model.told.items()
        }


def _again(command: Command, claim: Claim | None) -> Command:
    """Return the command as the route makes it of a repeated call: another order id, the same key."""
    if isinstance(command, PlaceOrder):
        fresh = new_id()
        return replace(command, claim=claim, order_id=fresh, number=str(fresh)[-12:])
    assert isinstance(command, CancelOrder)
    return replace(command, claim=claim)


def _status(body: str) -> str:
    return str(json.loads(body)["status"])


def test_ordering_agrees_with_the_model(settings: Settings, database: Database) -> None:
    """`database` is asked for because it makes the key that signs codes."""
    assert settings.database_url is not None
    loop = asyncio.new_event_loop()
    own = Database(settings.database_url, pool_size=2, carried={"vault": Vault(settings.vault_dir)})
    store = KeyStore(settings.keys_dir)
    try:
        run_state_machine_as_test(
            lambda: OrderingMachine(loop, own, store),  # type: ignore[arg-type]
            settings=profile(
                max_examples=1_000 if LONG else 50,
                stateful_step_count=60 if LONG else 30,
                deadline=None,
                derandomize=not LONG,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(own.close())
        loop.close()
