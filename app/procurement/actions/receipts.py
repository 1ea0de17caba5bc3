"""Goods receipts: what came is written down once and posted to the ledger in the same transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Permission, Role, may
from app.pickup.queries import get_point
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.procurement.actions.arrivals import Taken, check_arrivals, take_in
from app.procurement.actions.numbering import next_receipt_number
from app.procurement.errors import (
    DayInFuture,
    GoodsMovedOn,
    LineNotFound,
    LotRecalled,
    NotMissing,
    NotReceiver,
    ReversedAlready,
    StepNotPossible,
    ThreePeopleNeeded,
)
from app.procurement.queries.purchases import find_lines, find_staff, lock_purchase
from app.procurement.queries.receipts import (
    find_receipt_lines,
    find_reversals,
    get_receipt,
    sum_came_late,
    sum_taken_back,
)
from app.procurement.rules.receiving import (
    Arrived,
    delivered,
    delivered_late,
    reversed_delivery,
    reversed_late,
)
from app.procurement.rules.states import PurchaseStep, ReceiptKind, may_step
from app.procurement.schemas.receipts import LateDelivery, LateDraft, ReceiptDraft, ReversalDraft
from app.procurement.tables import Purchase, Receipt, ReceiptLine
from app.stock.actions.posting import post_movements
from app.stock.errors import NotEnoughStock
from app.stock.queries.lots import lock_lot
from app.stock.rules.ledger import Line

Key: TypeAlias = tuple[UUID, UUID | None, str | None, str]
"""What came late belongs to a purchase line, a lot and a batch, and is counted in one unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """Who inspected, who keeps, and who of them records it."""

    inspected_by: UUID
    kept_by: UUID
    posted_by: UUID


async def receive_goods(
    session: AsyncSession, purchase_id: UUID, draft: ReceiptDraft, *, by: UUID, now: datetime
) -> Receipt:
    """Take in goods of an approved purchase: good boxes to the pickup point, damaged ones to quarantine.

    What is missing stays on the supplier's account. Only gift boxes go to the ledger; other goods are
    received on paper. Raises PurchaseNotFound, StepNotPossible, PointNotFound, DayInFuture,
    ThreePeopleNeeded, NotReceiver, LineNotFound, BatchNeeded, MoreThanOrdered, ShelfLifeShort, GoodsExpired,
    LotRecalled, OriginNotFound, LotContradicts.
    """
    purchase = await _lock_received(session, purchase_id)
    people = Receivers(inspected_by=draft.inspected_by, kept_by=draft.kept_by, posted_by=by)
    await _check_people(session, purchase, people)
    lines = {line.id: line for line in await find_lines(session, purchase.id)}
    await check_arrivals(session, purchase, draft, lines=lines)
    receipt = await _add_receipt(session, purchase, _terms(draft), people=people, now=now)
    taken = await take_in(session, receipt, draft, lines=lines, purchase=purchase)
    again = await sum_taken_back(session, {one.arrived.lot_id for one in taken if one.arrived})
    posted: list[Line] = []
    for arrived in _arrived(taken):
        left = again.get(arrived.lot_id, 0)
        posted += delivered(arrived, taken_back=left)
        again[arrived.lot_id] = max(0, left - arrived.expected)
    await post_movements(session, posted, union_id=purchase.union_id, posted_by=by, now=now)
    return receipt


def _arrived(taken: Sequence[Taken]) -> list[Arrived]:
    return [one.arrived for one in taken if one.arrived is not None]


def _terms(draft: ReceiptDraft | LateDelivery) -> dict[str, Any]:
    return {
        "kind": ReceiptKind.DELIVERY.value,
        "pickup_point_id": draft.pickup_point_id,
        "received_on": draft.received_on,
        "delivered_by": draft.delivered_by,
    }


async def receive_late(
    session: AsyncSession, receipt_id: UUID, draft: LateDelivery, *, by: UUID, now: datetime
) -> Receipt:
    """Take in boxes that were missing on an earlier receipt: from the supplier's account, of the same lots.

    Raises ReceiptNotFound, ReversedAlready, LineNotFound, NotMissing, LotRecalled, and what `receive_goods`
    raises about people, places and days.
    """
    first, purchase = await _lock_first(session, receipt_id)
    if first.kind != ReceiptKind.DELIVERY:
        raise ReversedAlready()
    people = Receivers(inspected_by=draft.inspected_by, kept_by=draft.kept_by, posted_by=by)
    await _check_people(session, purchase, people)
    found = {line.id: line for line in await find_receipt_lines(session, [first.id])}
    await _check_missing(session, first, draft, found=found)
    terms = _terms(draft) | {"kind": ReceiptKind.LATE_DELIVERY.value, "of_receipt_id": first.id}
    receipt = await _add_receipt(session, purchase, terms, people=people, now=now)
    for position, late in enumerate(draft.lines, start=1):
        session.add(_late_line(receipt, found[late.receipt_line_id], late=late, position=position))
    await session.flush()
    arrived = await _arrived_on(session, receipt)
    for position, one in enumerate(sorted(arrived, key=lambda one: one.lot_id), start=1):
        if one.good and (await lock_lot(session, one.lot_id)).recalled_at is not None:
            raise LotRecalled(line=position)
    posted = [line for one in arrived for line in delivered_late(one)]
    await post_movements(session, posted, union_id=purchase.union_id, posted_by=by, now=now)
    return receipt


async def _check_missing(
    session: AsyncSession, first: Receipt, draft: LateDelivery, *, found: dict[UUID, ReceiptLine]
) -> None:
    """Raise LineNotFound, or NotMissing if more came late than is missing of a line, lot, batch and unit."""
    came = await sum_came_late(session, first.id)
    missing: defaultdict[Key, int] = defaultdict(int)
    for line in found.values():
        missing[_key(line)] += line.missing
    left = {key: number - came.get(key, 0) for key, number in missing.items()}
    for late in draft.lines:
        if late.receipt_line_id not in found:
            raise LineNotFound()
        key = _key(found[late.receipt_line_id])
        if late.good + late.damaged > left[key]:
            raise NotMissing(missing=left[key])
        left[key] -= late.good + late.damaged


def _key(line: ReceiptLine) -> Key:
    return line.purchase_line_id, line.lot_id, line.batch, line.unit


def _late_line(receipt: Receipt, line: ReceiptLine, *, late: LateDraft, position: int) -> ReceiptLine:
    values = _copied(line) | {
        "position": position,
        "expected": late.good + late.damaged,
        "good": late.good,
        "damaged": late.damaged,
        "missing": 0,
        "override_reason": None,
        "note": late.note,
    }
    return ReceiptLine(id=new_id(), union_id=receipt.union_id, receipt_id=receipt.id, **values)


_COPIED = (
    "position", "purchase_line_id", "lot_id", "unit", "batch", "produced_on", "best_before_on", "expected",
    "good", "damaged", "missing", "override_reason", "note",
)  # fmt: skip


def _copied(line: ReceiptLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in _COPIED}


async def reverse_receipt(
    session: AsyncSession, receipt_id: UUID, draft: ReversalDraft, *, by: UUID, now: datetime
) -> Receipt:
    """Take a wrong receipt back by another one: all that it posted goes back, if it is still there.

    Raises ReceiptNotFound, ReversedAlready, ThreePeopleNeeded, NotReceiver, GoodsMovedOn.
    """
    first, purchase = await _lock_first(session, receipt_id)
    if first.kind == ReceiptKind.REVERSAL:
        raise ReversedAlready()
    people = Receivers(inspected_by=draft.inspected_by, kept_by=draft.kept_by, posted_by=by)
    await _check_people(session, purchase, people)
    if first.kind == ReceiptKind.DELIVERY and await sum_came_late(session, first.id):
        raise GoodsMovedOn()
    terms = {
        "kind": ReceiptKind.REVERSAL.value,
        "of_receipt_id": first.id,
        "pickup_point_id": first.pickup_point_id,
        "received_on": local_date(now),
        "delivered_by": first.delivered_by,
        "reason": draft.reason,
    }
    receipt = await _add_receipt(session, purchase, terms, people=people, now=now)
    for line in await find_receipt_lines(session, [first.id]):
        session.add(
            ReceiptLine(id=new_id(), union_id=receipt.union_id, receipt_id=receipt.id, **_copied(line))
        )
    await session.flush()
    undo = reversed_delivery if first.kind == ReceiptKind.DELIVERY else reversed_late
    posted = [line for one in await _arrived_on(session, receipt) for line in undo(one)]
    try:
        await post_movements(session, posted, union_id=purchase.union_id, posted_by=by, now=now)
    except NotEnoughStock:
        raise GoodsMovedOn() from None
    return receipt


async def _lock_first(session: AsyncSession, receipt_id: UUID) -> tuple[Receipt, Purchase]:
    """Lock the purchase of a receipt, and return both; the receipt stands and is not taken back."""
    receipt = await get_receipt(session, receipt_id)
    purchase = await _lock_received(session, receipt.purchase_id)
    if await find_reversals(session, [receipt.id]):
        raise ReversedAlready()
    return receipt, purchase


async def _lock_received(session: AsyncSession, purchase_id: UUID) -> Purchase:
    purchase = await lock_purchase(session, purchase_id)
    if not may_step(purchase.status, PurchaseStep.RECEIVE):
        raise StepNotPossible(state=purchase.status)
    return purchase


async def _check_people(session: AsyncSession, purchase: Purchase, people: Receivers) -> None:
    """Three people, not three accounts: buyer, inspector, keeper.

    The last two have accounts in use that may handle boxes: nobody names the auditor as who looked.
    """
    if people.posted_by not in {people.inspected_by, people.kept_by}:
        raise NotReceiver()
    accounts = await find_staff(session, {purchase.drafted_by, people.inspected_by, people.kept_by})
    if len(accounts) < 3:
        raise ThreePeopleNeeded()
    receivers = [accounts[people.inspected_by], accounts[people.kept_by]]
    if any(one.approved_at is None or one.disabled_at is not None for one in receivers):
        raise ThreePeopleNeeded()
    if not all(may(Role(one.role), Permission.STOCK_COUNT) for one in receivers):
        raise ThreePeopleNeeded()
    known = [account.member_id for account in accounts.values() if account.member_id is not None]
    if len(set(known)) < len(known):
        raise ThreePeopleNeeded()


async def _add_receipt(
    session: AsyncSession, purchase: Purchase, terms: dict[str, Any], *, people: Receivers, now: datetime
) -> Receipt:
    await get_point(session, terms["pickup_point_id"])
    day: date = terms["received_on"]
    if day > local_date(now):
        raise DayInFuture()
    receipt = Receipt(
        id=new_id(),
        union_id=purchase.union_id,
        number=await next_receipt_number(session, day, union_id=purchase.union_id),
        purchase_id=purchase.id,
        drafted_by=purchase.drafted_by,
        inspected_by=people.inspected_by,
        kept_by=people.kept_by,
        posted_by=people.posted_by,
        posted_at=now,
        is_sample=purchase.is_sample,
        **terms,
    )
    session.add(receipt)
    await session.flush()
    return receipt


async def _arrived_on(session: AsyncSession, receipt: Receipt) -> list[Arrived]:
    """Return what a receipt's lines say of lots; goods on paper only left out."""
    return [
        Arrived(
            lot_id=line.lot_id,
            point_id=receipt.pickup_point_id,
            receipt_id=receipt.id,
            good=line.good,
            damaged=line.damaged,
            missing=line.missing,
        )
        for line in await find_receipt_lines(session, [receipt.id])
        if line.lot_id is not None
    ]
