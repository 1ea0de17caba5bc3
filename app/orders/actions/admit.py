"""The order desk: lock, read, decide and change once for everybody who is waiting."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Offer
from app.notifications.actions import insert_events, outbox_row
from app.orders import queries
from app.orders.actions.eligibility import Asked, read_facts
from app.orders.rules.admit import admit
from app.orders.rules.commands import (
    BookSlot,
    CancelOrder,
    ChangeQuota,
    Command,
    Done,
    ExpireOrder,
    Outcome,
    PlaceOrder,
    ReleaseOrder,
    ServeLine,
)
from app.orders.rules.desk import DeskState
from app.orders.rules.line import line_needed
from app.orders.schemas import offer_answer, order_answer
from app.orders.tables import Order
from app.pickup.tables import Slot
from app.platform.bulk import insert_rows, run_together, update_rows
from app.platform.errors import DomainError
from app.platform.keeping import IdempotencyRecord
from app.platform.listening import CHANNEL

_ORDER_COLUMNS = (
    "id", "number", "campaign_id", "offer_id", "pickup_point_id", "member_id", "unit_id", "slot_id",
    "quantity", "status", "channel", "placed_at", "booked_at", "cancelled_at", "cancel_reason", "version",
)  # fmt: skip
_CHANGING_COLUMNS = (
    "id", "slot_id", "quantity", "status", "booked_at", "cancelled_at", "cancel_reason", "given_up_count",
    "version",
)  # fmt: skip

_ABOUT_ORDERS = BookSlot | CancelOrder | ExpireOrder | ReleaseOrder


async def admit_orders(session: AsyncSession, union_id: UUID, commands: Sequence[Command]) -> list[Outcome]:
    """Decide a batch of commands of one street union and write what follows from it.

    A fixed number of statements, whatever the size of the batch: locks by rising id (offers, slots,
    orders), bulk reads, `admit`, one bulk change. The answer of a command is at its position.
    """
    state = await _lock_and_read(session, commands)
    outcomes = admit(state, commands, render=_render)
    await _write(session, state, union_id)
    return outcomes


async def _lock_and_read(session: AsyncSession, commands: Sequence[Command]) -> DeskState:
    order_ids = {c.order_id for c in commands if isinstance(c, _ABOUT_ORDERS)}
    seen = await queries.find_orders(session, order_ids)
    if any(isinstance(c, ExpireOrder) for c in commands):
        # Whether their pickup window is over is decided here: until the end nobody extends it.
        await queries.hold_campaigns(session, {order.campaign_id for order in seen.values()})
    offer_ids = {c.offer_id for c in commands if isinstance(c, PlaceOrder | ChangeQuota | ServeLine)}
    offer_ids |= {order.offer_id for order in seen.values()}
    state = DeskState(offers=await queries.lock_offers(session, offer_ids))
    if order_ids:
        # An order's slot changes under the lock of its offer only, so this look is final.
        seen = await queries.find_orders(session, order_ids)
    wanted_slots = {c.slot_id for c in commands if isinstance(c, PlaceOrder | BookSlot) and c.slot_id}
    slot_ids = wanted_slots | {order.slot_id for order in seen.values() if order.slot_id}
    state.slots = await queries.lock_slots(session, slot_ids)
    state.counted = {id: (offer.promised_count, offer.waitlisted_count) for id, offer in state.offers.items()}
    state.counted |= {id: (slot.booked_count,) for id, slot in state.slots.items()}
    waiting = await queries.find_waiting(session, line_needed(commands, state.offers, orders=seen))
    state.orders = await queries.lock_orders(session, order_ids | {order_id for order_id, _ in waiting})
    for order_id, offer_id in waiting:
        state.waiting[offer_id].append(order_id)
    await _read_people(session, state, commands)
    claims = [c.claim for c in commands if c.claim is not None]
    state.answers = await queries.find_answers(session, claims)
    return state


async def _read_people(session: AsyncSession, state: DeskState, commands: Sequence[Command]) -> None:
    """Read members, what is known of them for the rules, and their live orders.

    Those who may be served from a line are judged like those who order: both at the time of their turn.
    """
    places = [c for c in commands if isinstance(c, PlaceOrder)]
    newcomers = {c.member_id for c in places}
    released = {c.order_id for c in commands if isinstance(c, ReleaseOrder)}
    lines = {order_id for line in state.waiting.values() for order_id in line}
    others = {state.orders[id].member_id for id in (released | lines) & state.orders.keys()}
    state.members = await queries.find_members(session, newcomers | others)
    pairs = [(state.orders[id].campaign_id, state.orders[id].member_id) for id in lines]
    pairs += [
        (state.offers[c.offer_id].campaign_id, c.member_id)
        for c in places
        if c.offer_id in state.offers and c.member_id in state.members
    ]
    rules = {offer.campaign_id: offer.rules for offer in state.offers.values()}
    if pairs:
        asked = Asked(rules, state.members, pairs, at=min(c.at for c in commands), hold=True)
        state.facts = await read_facts(session, asked)
    state.live = await queries.find_live_orders(session, newcomers, campaign_ids=rules.keys())


async def _write(session: AsyncSession, state: DeskState, union_id: UUID) -> None:
    placed_ids = {order.id for order in state.placed}
    changed = [order for order in state.changed.values() if order.id not in placed_ids]
    await run_together(
        session,
        [
            insert_rows(
                Order, [_columns(order, _ORDER_COLUMNS, union_id=union_id) for order in state.placed]
            ),
            update_rows(Order, [_columns(order, _CHANGING_COLUMNS) for order in changed]),
            update_rows(Offer, _offer_rows(state), counters=("promised_count", "waitlisted_count")),
            update_rows(Slot, _slot_rows(state), counters=("booked_count",)),
            insert_events(_event_rows(state, union_id)),
            insert_rows(IdempotencyRecord, _answer_rows(state, union_id)),
        ],
    )
    for offer_id in state.freed_offers:
        await session.execute(select(func.pg_notify(CHANNEL, f"offer:{offer_id}")))


def _columns(order: Any, names: Iterable[str], *, union_id: UUID | None = None) -> dict[str, Any]:
    row = {name: getattr(order, name) for name in names}
    return row if union_id is None else row | {"union_id": union_id}


def _offer_rows(state: DeskState) -> list[dict[str, Any]]:
    rows = []
    for id in sorted(state.touched_offers):
        offer, (promised, waitlisted) = state.offers[id], state.counted[id]
        rows.append(
            {
                "id": id,
                "quota": offer.quota,
                "promised_count": offer.promised_count - promised,
                "waitlisted_count": offer.waitlisted_count - waitlisted,
                "version": offer.version,
            }
        )
    return rows


def _slot_rows(state: DeskState) -> list[dict[str, Any]]:
    return [
        {"id": id, "booked_count": state.slots[id].booked_count - state.counted[id][0]}
        for id in sorted(state.touched_slots)
    ]


def _event_rows(state: DeskState, union_id: UUID) -> list[dict[str, Any]]:
    return [
        outbox_row(
            event.kind,
            event.order.id,
            union_id=union_id,
            at=event.at,
            payload={"campaign_id": event.order.campaign_id, "member_id": event.order.member_id},
        )
        for event in state.events
    ]


def _answer_rows(state: DeskState, union_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "actor_id": claim.actor_id,
            "key": claim.key,
            "union_id": union_id,
            "fingerprint": claim.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "created_at": at,
        }
        for claim, answer, at in state.kept
    ]


def _render(command: Command, outcome: Done | DomainError) -> tuple[int, str]:
    """Return status and text of the answer to keep: of a refusal its code and values, as JSON."""
    if isinstance(outcome, DomainError):
        return outcome.status, json.dumps({"code": outcome.code, "params": dict(outcome.params)}, default=str)
    if outcome.offer is not None:
        return 200, offer_answer(outcome.offer)
    assert outcome.order is not None  # noqa: S101 - Done holds one of the two
    status = 201 if isinstance(command, PlaceOrder) else 200
    return status, order_answer(outcome.order, outcome.slot)
