"""Stocktakes (盘点): two people count blindly, a third approves what is to be put right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.pickup.queries import get_point
from app.platform.ids import new_id
from app.stock.actions.posting import post_movements
from app.stock.queries.ledger import lock_sides
from app.stock.rules.ledger import Account, AccountKind
from app.warehouse.actions.papers import next_number, refuse_same_person
from app.warehouse.errors import (
    CountedAlready,
    CountIncomplete,
    CountTimeInvalid,
    FiguresMoved,
    LotNotAsked,
    StocktakeOpen,
    StocktakeSettled,
)
from app.warehouse.queries import stocktakes as queries
from app.warehouse.queries.papers import find_lots, find_people
from app.warehouse.rules.counting import (
    COUNTS_IN_A_ROUND,
    Boxes,
    Count,
    correcting_lines,
    corrections,
    settle,
    short_and_over,
)
from app.warehouse.rules.states import Series, StocktakeStatus
from app.warehouse.schemas.stocktakes import CountSheet, StocktakeApproval
from app.warehouse.tables.stocktakes import (
    Stocktake,
    StocktakeCount,
    StocktakeCountLine,
    StocktakeFinding,
    StocktakeLine,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a stocktake stands: for each lot the count that counts, or None while people disagree."""

    sheet: queries.Sheet
    settled: Mapping[UUID, Count | None]

    @property
    def disputed(self) -> list[UUID]:
        """The lots on which no two people agree."""
        return sorted(lot_id for lot_id, count in self.settled.items() if count is None)

    @property
    def differences(self) -> dict[UUID, Boxes]:
        """Counted less booked, of each lot that people agree on."""
        return {lot_id: count.differences[lot_id] for lot_id, count in self.settled.items() if count}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stocktake ends without posting anything, and why."""

    status: StocktakeStatus
    reason: str


async def open_stocktake(
    session: AsyncSession, point_id: UUID, *, note: str | None, by: Actor, now: datetime
) -> Stocktake:
    """Open a stocktake of a pickup point and write down what the books say of each lot at this instant.

    Raises PointNotFound, StocktakeOpen.
    """
    point = await get_point(session, point_id)
    under_way = await queries.find_under_way(session, point.id)
    if under_way is not None:
        raise StocktakeOpen(stocktake_id=under_way)
    stocktake = Stocktake(
        id=new_id(),
        union_id=point.union_id,
        number=await next_number(session, Series.STOCKTAKE, union_id=point.union_id, now=now),
        pickup_point_id=point.id,
        status=StocktakeStatus.COUNTING.value,
        round=1,
        round_began_at=now,
        counter_ids=[],
        recount_lot_ids=[],
        note=note,
        opened_by=by.id,
        opened_at=now,
    )
    session.add(stocktake)
    await session.flush()
    books = await queries.read_books(session, point.id)
    session.add_all(
        StocktakeLine(
            union_id=point.union_id, stocktake_id=stocktake.id, lot_id=lot_id,
            book_good=boxes.good, book_damaged=boxes.damaged,
        )
        for lot_id, boxes in sorted(books.items())
    )  # fmt: skip
    await session.flush()
    return stocktake


async def send_count(
    session: AsyncSession, stocktake_id: UUID, sheet: CountSheet, *, by: Actor, now: datetime
) -> Stocktake:
    """Take one person's count of the round; with the last one it is known whether people agree.

    If they do, a stocktake without differences closes by itself and others wait for an approval; if not, a
    new round asks for the lots that differ. Raises StocktakeNotFound, StocktakeSettled, CountedAlready,
    CountTimeInvalid, CountIncomplete, LotNotAsked, LotNotFound.
    """
    stocktake = await queries.get_stocktake(session, stocktake_id, lock=True)
    _check_state(stocktake, StocktakeStatus.COUNTING)
    before = await queries.read_sheet(session, stocktake.id)
    await _refuse_second_count(session, stocktake, before.counts, by=by)
    counted_at = sheet.counted_at or now
    if not stocktake.round_began_at <= counted_at <= now:
        raise CountTimeInvalid()
    asked = set(stocktake.recount_lot_ids) or {line.lot_id for line in before.lines}
    await _check_lots(session, sheet, asked, is_recount=stocktake.round > 1)
    await _add_count(session, stocktake, sheet, by=by, counted_at=counted_at, now=now)
    await _go_on(session, stocktake, now=now)
    return stocktake


async def approve_stocktake(
    session: AsyncSession, stocktake_id: UUID, seen: StocktakeApproval, *, by: Actor, now: datetime
) -> Stocktake:
    """Post the differences that the approver saw, and close the stocktake.

    Hand-overs that came in late may have changed them: then it is refused (FiguresMoved), or goes to one more
    round if they make the counts disagree. Raises StocktakeNotFound, StocktakeSettled, OwnStep, FiguresMoved.
    """
    stocktake = await queries.get_stocktake(session, stocktake_id, lock=True)
    await refuse_same_person(session, by, stocktake.counter_ids)
    _check_state(stocktake, StocktakeStatus.TO_APPROVE)
    held = await _lock_lots(session, stocktake)
    outcome = await judge(session, stocktake)
    if outcome.disputed:
        _recount(stocktake, outcome.disputed, now=now)
        await session.flush()
        return stocktake
    short, over = short_and_over(outcome.differences.values())
    if (short, over) != (seen.short, seen.over):
        raise FiguresMoved(short=short, over=over)
    stocktake.decided_by, stocktake.decided_at, stocktake.decision_reason = by.id, now, seen.reason
    boxes = await queries.find_gift_boxes(session, outcome.differences)
    posted = corrections(outcome.differences, held, gift_boxes=boxes)
    lines = correcting_lines(
        posted, point_id=stocktake.pickup_point_id, document_id=stocktake.id, reason=seen.reason
    )
    await post_movements(session, lines, union_id=stocktake.union_id, posted_by=by.id, now=now)
    await _close(session, stocktake, outcome, posted=posted, now=now)
    return stocktake


async def end_stocktake(
    session: AsyncSession, stocktake_id: UUID, end: Ending, *, by: Actor, now: datetime
) -> Stocktake:
    """End a stocktake without posting anything: cancel it while people count, or decline what they found.

    Who counted does not decline. Raises StocktakeNotFound, StocktakeSettled, OwnStep.
    """
    stocktake = await queries.get_stocktake(session, stocktake_id, lock=True)
    if end.status is StocktakeStatus.DECLINED:
        await refuse_same_person(session, by, stocktake.counter_ids)
        _check_state(stocktake, StocktakeStatus.TO_APPROVE)
        stocktake.decided_by, stocktake.decided_at = by.id, now
    else:
        _check_state(stocktake, StocktakeStatus.COUNTING)
    stocktake.status, stocktake.closed_at, stocktake.decision_reason = end.status.value, now, end.reason
    await session.flush()
    return stocktake


async def judge(session: AsyncSession, stocktake: Stocktake) -> Outcome:
    """Compare all counts with the books, each at its own time, and with each other."""
    sheet = await queries.read_sheet(session, stocktake.id)
    lot_ids = sheet.lot_ids
    books = await queries.read_books(session, stocktake.pickup_point_id, lot_ids)
    people = await find_people(session, {count.staff_id for count in sheet.counts})
    counts = []
    for count in sheet.counts:
        later = await queries.read_later(session, stocktake, lot_ids, after=count.counted_at)
        differences = {
            lot_id: boxes - (books.get(lot_id, Boxes()) - later.get(lot_id, Boxes()))
            for lot_id, boxes in sheet.numbers[count.id].items()
        }
        counts.append(Count(count.id, people[count.staff_id], count.round, count.counted_at, differences))
    return Outcome(sheet, settle(counts, lot_ids))


async def _go_on(session: AsyncSession, stocktake: Stocktake, *, now: datetime) -> None:
    # What is handed over meanwhile waits, so that balances and movements are of one moment.
    await _lock_lots(session, stocktake)
    outcome = await judge(session, stocktake)
    if not outcome.disputed:
        if all(difference.is_nothing for difference in outcome.differences.values()):
            await _close(session, stocktake, outcome, posted={}, now=now)
        else:
            stocktake.status = StocktakeStatus.TO_APPROVE.value
    elif sum(count.round == stocktake.round for count in outcome.sheet.counts) >= COUNTS_IN_A_ROUND:
        _recount(stocktake, outcome.disputed, now=now)
    await session.flush()


def _recount(stocktake: Stocktake, disputed: Sequence[UUID], *, now: datetime) -> None:
    stocktake.status, stocktake.round = StocktakeStatus.COUNTING.value, stocktake.round + 1
    stocktake.round_began_at, stocktake.recount_lot_ids = now, list(disputed)


async def _close(
    session: AsyncSession,
    stocktake: Stocktake,
    outcome: Outcome,
    *,
    posted: Mapping[UUID, Boxes],
    now: datetime,
) -> None:
    for lot_id, count in sorted(outcome.settled.items()):
        assert count is not None  # noqa: S101 - nothing is disputed when a stocktake is closed
        counted = outcome.sheet.numbers[count.id][lot_id]
        book, added = counted - count.differences[lot_id], posted.get(lot_id, Boxes())
        session.add(
            StocktakeFinding(
                union_id=stocktake.union_id, stocktake_id=stocktake.id, lot_id=lot_id, count_id=count.id,
                book_good=book.good, book_damaged=book.damaged,
                counted_good=counted.good, counted_damaged=counted.damaged,
                posted_good=added.good, posted_damaged=added.damaged,
            )
        )  # fmt: skip
    stocktake.status, stocktake.closed_at = StocktakeStatus.CLOSED.value, now
    await session.flush()


def _check_state(stocktake: Stocktake, wanted: StocktakeStatus) -> None:
    if stocktake.status != wanted:
        raise StocktakeSettled(state=stocktake.status)


async def _refuse_second_count(
    session: AsyncSession, stocktake: Stocktake, counts: Sequence[StocktakeCount], *, by: Actor
) -> None:
    in_round = {count.staff_id for count in counts if count.round == stocktake.round}
    people = await find_people(session, in_round | {by.id})
    if people[by.id] in {people[staff_id] for staff_id in in_round}:
        raise CountedAlready()


async def _check_lots(
    session: AsyncSession, sheet: CountSheet, asked: set[UUID], *, is_recount: bool
) -> None:
    """Every lot that is asked for once; in the first round also one that nobody expected there."""
    counted = [line.lot_id for line in sheet.lines]
    if len(set(counted)) < len(counted):
        raise LotNotAsked(lot_id=next(lot_id for lot_id in counted if counted.count(lot_id) > 1))
    if missing := len(asked - set(counted)):
        raise CountIncomplete(missing=missing)
    beyond = set(counted) - asked
    if beyond and is_recount:
        raise LotNotAsked(lot_id=min(beyond))
    await find_lots(session, beyond)


async def _add_count(
    session: AsyncSession,
    stocktake: Stocktake,
    sheet: CountSheet,
    *,
    by: Actor,
    counted_at: datetime,
    now: datetime,
) -> None:
    count = StocktakeCount(
        id=new_id(), union_id=stocktake.union_id, stocktake_id=stocktake.id, round=stocktake.round,
        staff_id=by.id, counted_at=counted_at, sent_at=now,
    )  # fmt: skip
    session.add(count)
    await session.flush()
    session.add_all(
        StocktakeCountLine(
            union_id=stocktake.union_id, count_id=count.id, lot_id=line.lot_id, good=line.good,
            damaged=line.damaged,
        )
        for line in sheet.lines
    )  # fmt: skip
    stocktake.counter_ids = sorted({*stocktake.counter_ids, by.id})
    await session.flush()


async def _lock_lots(session: AsyncSession, stocktake: Stocktake) -> dict[UUID, Boxes]:
    """Lock what may be posted to, in the ledger's order; return what the books say of the lots now."""
    sheet = await queries.read_sheet(session, stocktake.id)
    shelf = Account(AccountKind.PICKUP_POINT, stocktake.pickup_point_id)
    aside = Account(AccountKind.QUARANTINE, stocktake.pickup_point_id)
    accounts = (shelf, aside, Account(AccountKind.VARIANCE))
    sides = [(lot_id, account) for lot_id in sorted(sheet.lot_ids) for account in accounts]
    held = {
        side: boxes
        for side, (_, boxes) in (await lock_sides(session, sides, union_id=stocktake.union_id)).items()
    }
    return {
        lot_id: Boxes(held.get((lot_id, shelf), 0), held.get((lot_id, aside), 0)) for lot_id in sheet.lot_ids
    }
