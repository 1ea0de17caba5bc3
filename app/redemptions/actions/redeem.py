"""The pickup table: lock, read, decide and change once for all scans that wait."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.actions import insert_events, outbox_row
from app.orders.queries import find_answers, lock_orders
from app.orders.tables import Order
from app.platform.bulk import insert_rows, run_together, update_rows
from app.platform.errors import DomainError
from app.platform.ids import new_id
from app.platform.keeping import IdempotencyRecord
from app.platform.problems import restore
from app.redemptions import queries
from app.redemptions.rules.hand_over import decide_scans
from app.redemptions.rules.table import Decision, HandOver, Refused, Repeated, Scan, TableState
from app.redemptions.schemas import answer_of, named
from app.redemptions.tables import Redemption, RedemptionConflict
from app.stock.actions.posting import Posting, prepare_postings
from app.stock.queries.ledger import lock_on_hand


class FirstAnswer(str):
    """The text of an answer that was given before."""

    __slots__ = ()


async def redeem_scans(
    session: AsyncSession, union_id: UUID, scans: Sequence[Scan]
) -> list[str | DomainError]:
    """Decide scans of one street union; return for each the JSON text of its answer, or a refusal to answer.

    A fixed number of statements, whatever the size of the batch: orders are locked first, then the balances
    of the boxes that change hands, whose movements are part of the one change that follows. An event that
    was answered before is answered with the same text.
    """
    state = await _lock_and_read(session, scans)
    outcomes = decide_scans(state, scans)
    texts = {event_id: answer_of(decision) for event_id, decision in state.decided.items()}
    answers: list[str | DomainError] = []
    for outcome in outcomes:
        match outcome:
            case Decision():
                answers.append(named(texts[outcome.scan.event_id], outcome.details))
            case Repeated(known, details):
                answers.append(FirstAnswer(named(known.answer, details)))
            case Refused(answer):
                answers.append(restore(answer.body))
            case refusal:
                answers.append(refusal)
    await _write(session, state, union_id=union_id, texts=texts)
    return answers


async def _lock_and_read(session: AsyncSession, scans: Sequence[Scan]) -> TableState:
    codes = await queries.find_codes(
        session,
        unit_refs={scan.reading.unit_ref for scan in scans if scan.reading.unit_ref},
        short_codes={scan.reading.short_code for scan in scans if scan.reading.short_code},
    )
    state = TableState(
        by_unit_ref={code.unit_ref: code for code in codes},
        by_short_code={code.short_code: code for code in codes},
        orders=await lock_orders(session, {code.order_id for code in codes}),
    )
    # After the lock: whoever held it before us has left its event and its hand-over.
    state.events = await queries.find_events(session, {scan.event_id for scan in scans})
    state.points = await queries.find_points(session, {scan.pickup_point_id for scan in scans})
    repeated = {event.order_id for event in state.events.values() if event.order_id}
    state.details = await queries.find_details(session, set(state.orders) | repeated)
    claims = [scan.claim for scan in scans if scan.claim is not None]
    state.answers = await find_answers(session, claims)
    collected = {order.id for order in state.orders.values() if order.collected_count}
    for order_id, hand_over, portion in await queries.find_hand_overs(session, collected):
        state.hand_overs[order_id] = hand_over
        state.portions.setdefault(order_id, set()).add(portion)
    await _lock_boxes(session, state, scans)
    return state


async def _lock_boxes(session: AsyncSession, state: TableState, scans: Sequence[Scan]) -> None:
    """Lock what is on hand of the gift boxes that may change hands: last of all, so for the shortest time."""
    state.shelf.lots = await queries.find_lots(session, {scan.lot_id for scan in scans if scan.lot_id})
    orders = [order for order in state.orders.values() if order.left_count]
    details = [state.details[order.id] for order in orders]
    boxes = {one.gift_box_id for one in details if one.gift_box_id and one.unrecorded_lot_id}
    boxes |= {lot.gift_box_id for lot in state.shelf.lots.values() if boxes}
    points = state.points.keys() | {order.pickup_point_id for order in orders}
    for held in await lock_on_hand(session, points, boxes):
        state.shelf.on_hand[held.point_id, held.gift_box_id].append(held)


async def _write(
    session: AsyncSession, state: TableState, *, union_id: UUID, texts: Mapping[UUID, str]
) -> None:
    decisions = list(state.decided.values())
    handed = [decision for decision in decisions if decision.is_handed_over]
    postings = [
        Posting(line, decision.scan.staff_id, decision.scan.at)
        for decision in handed
        for line in decision.lines
    ]
    stock = await prepare_postings(session, postings, union_id=union_id)
    await run_together(
        session,
        [
            insert_rows(
                Redemption,
                [_redemption_row(one, union_id, answer=texts[one.scan.event_id]) for one in decisions],
            ),
            update_rows(Order, _order_rows(handed), counters=("collected_count",)),
            insert_events([_event_row(decision, union_id) for decision in handed]),
            insert_rows(IdempotencyRecord, _key_rows(state, union_id)),
            *stock,
        ],
    )
    conflicts = [_conflict_row(decision, union_id) for decision in decisions if decision.conflict]
    await run_together(session, [insert_rows(RedemptionConflict, conflicts)])


def _key_rows(state: TableState, union_id: UUID) -> list[dict[str, Any]]:
    """Return the records of keys: a refusal is kept here, an answer stands with its event (no name twice)."""
    rows = []
    for (actor_id, key), (scan, outcome) in state.claimed.items():
        refusal = outcome if isinstance(outcome, DomainError) else None
        kept = {"code": refusal.code, "params": dict(refusal.params)} if refusal else None
        rows.append(
            {
                "actor_id": actor_id,
                "key": key,
                "union_id": union_id,
                "fingerprint": scan.fingerprint,
                "status": refusal.status if refusal else 200,
                "body": json.dumps(kept, default=str) if kept else "",
                "created_at": scan.at,
            }
        )
    return rows


def _order_rows(handed: Sequence[Decision]) -> list[dict[str, Any]]:
    """Return one row for each order, however many parts of it the batch handed over.

    The count is added to what the row holds: its CHECKs stand by themselves, whatever was read.
    """
    rows: dict[UUID, dict[str, Any]] = {}
    for decision in handed:
        order = decision.order
        assert order is not None  # noqa: S101 - a hand-over has an order
        before = rows.get(order.id, {"collected_count": 0})
        rows[order.id] = {
            "id": order.id,
            "status": order.status,
            "collected_at": order.collected_at,
            "collected_count": before["collected_count"] + decision.counted,
            "version": order.version,
        }
    return list(rows.values())


def _redemption_row(decision: Decision, union_id: UUID, *, answer: str) -> dict[str, Any]:
    scan, order = decision.scan, decision.order
    return {
        "id": new_id(),
        "union_id": union_id,
        "event_id": scan.event_id,
        "order_id": order.id if order else None,
        "pickup_point_id": scan.pickup_point_id,
        "staff_id": scan.staff_id,
        "device_id": scan.device_id,
        "result": "handed_over" if decision.is_handed_over else "refused",
        "reason": decision.reason,
        # What was handed over, which offline may be more than was left.
        "quantity": decision.boxes or None,
        "first_portion": decision.first_portion,
        "override_reason": scan.override_reason,
        "waived_reason": decision.waived,
        "is_offline": scan.is_offline,
        "first_event_id": _first(decision.first),
        "fingerprint": scan.fingerprint,
        "answer": answer,
        "scanned_at": scan.scanned_at,
        "received_at": scan.at,
    }


def _first(hand_over: HandOver | None) -> UUID | None:
    return hand_over.event_id if hand_over else None


def _event_row(decision: Decision, union_id: UUID) -> dict[str, Any]:
    order = decision.order
    assert order is not None  # noqa: S101 - a hand-over has an order
    payload = {"campaign_id": order.campaign_id, "member_id": order.member_id}
    kind = "order.part_collected" if decision.left else "order.collected"
    return outbox_row(kind, order.id, union_id=union_id, at=decision.scan.at, payload=payload)


def _conflict_row(decision: Decision, union_id: UUID) -> dict[str, Any]:
    order, first = decision.order, _first(decision.first)
    assert order is not None  # noqa: S101 - a contradiction has an order
    return {
        "id": new_id(),
        "union_id": union_id,
        "order_id": order.id,
        # A hand-over that counts and contradicts something all the same has no other before it.
        "first_event_id": first if first != decision.scan.event_id else None,
        "second_event_id": decision.scan.event_id,
        "reason": decision.conflict,
        "status": "open",
        "noticed_at": decision.scan.at,
    }
