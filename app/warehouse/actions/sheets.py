"""What is shown of a stocktake: to counters the lots, afterwards counts beside books."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.stock.tables import Lot
from app.warehouse.actions.stocktakes import Outcome, judge
from app.warehouse.queries import stocktakes as queries
from app.warehouse.queries.alerts import find_names
from app.warehouse.queries.papers import find_lots
from app.warehouse.rules.counting import Boxes, short_and_over
from app.warehouse.rules.states import StocktakeStatus
from app.warehouse.schemas.stocktakes import (
    CountedView,
    CountView,
    FindingView,
    LotToCount,
    StocktakeSummary,
    StocktakeView,
)
from app.warehouse.tables.stocktakes import Stocktake, StocktakeFinding

SHOWN = frozenset({StocktakeStatus.TO_APPROVE, StocktakeStatus.CLOSED, StocktakeStatus.DECLINED})
"""Once people agree, what they counted is shown; a cancelled count proves nothing."""


async def show_stocktake(session: AsyncSession, stocktake: Stocktake) -> StocktakeView:
    """Return what may be seen of a stocktake; while people count, neither counts nor books, to nobody."""
    sheet = await queries.read_sheet(session, stocktake.id)
    status = StocktakeStatus(stocktake.status)
    lots = await find_lots(session, sheet.lot_ids)
    names = await find_names(session, [], {lot.gift_box_id for lot in lots.values()})
    findings: list[FindingView] = []
    if status is StocktakeStatus.CLOSED:
        stored = await queries.find_findings(session, stocktake.id)
        findings = [_finding(row, sheet, lot=lots[row.lot_id], names=names) for row in stored]
    elif status in SHOWN:
        outcome = await judge(session, stocktake)
        stored = _as_they_stand(outcome, stocktake)
        findings = [_finding(row, sheet, lot=lots[row.lot_id], names=names) for row in stored]
    asked = set(stocktake.recount_lot_ids) or {line.lot_id for line in sheet.lines}
    to_count = sorted(asked) if status is StocktakeStatus.COUNTING else []
    short, over = _sums(findings) if status in SHOWN else (None, None)
    return StocktakeView(
        **StocktakeSummary.model_validate(stocktake, from_attributes=True).model_dump(),
        counts=[CountView.model_validate(count, from_attributes=True) for count in sheet.counts],
        to_count=[_to_count(lots[lot_id], names) for lot_id in to_count],
        findings=findings,
        short=short,
        over=over,
    )


def _as_they_stand(outcome: Outcome, stocktake: Stocktake) -> list[StocktakeFinding]:
    """Return findings that are not stored (yet), of the lots that people agree on."""
    found = []
    for lot_id, count in sorted(outcome.settled.items()):
        if count is not None:
            counted = outcome.sheet.numbers[count.id][lot_id]
            book = counted - count.differences[lot_id]
            found.append(
                StocktakeFinding(
                    union_id=stocktake.union_id, stocktake_id=stocktake.id, lot_id=lot_id, count_id=count.id,
                    book_good=book.good, book_damaged=book.damaged,
                    counted_good=counted.good, counted_damaged=counted.damaged,
                )
            )  # fmt: skip
    return found


def _finding(
    row: StocktakeFinding, sheet: queries.Sheet, *, lot: Lot, names: Mapping[UUID, str]
) -> FindingView:
    frozen = next((line for line in sheet.lines if line.lot_id == row.lot_id), None)
    counts = [
        CountedView(
            count_id=count.id, round=count.round, staff_id=count.staff_id, counted_at=count.counted_at,
            good=boxes.good, damaged=boxes.damaged,
        )
        for count in sheet.counts
        if (boxes := sheet.numbers[count.id].get(row.lot_id)) is not None
    ]  # fmt: skip
    return FindingView(
        lot_id=row.lot_id, lot_number=lot.number,
        gift_box_id=lot.gift_box_id, gift_box=names[lot.gift_box_id],
        frozen_good=frozen.book_good if frozen else None,
        frozen_damaged=frozen.book_damaged if frozen else None,
        book_good=row.book_good, book_damaged=row.book_damaged,
        counted_good=row.counted_good, counted_damaged=row.counted_damaged,
        posted_good=row.posted_good, posted_damaged=row.posted_damaged, counts=counts,
    )  # fmt: skip


def _to_count(lot: Lot, names: Mapping[UUID, str]) -> LotToCount:
    return LotToCount(
        lot_id=lot.id, lot_number=lot.number, gift_box_id=lot.gift_box_id, gift_box=names[lot.gift_box_id],
        best_before_on=lot.best_before_on,
    )  # fmt: skip


def _sums(findings: list[FindingView]) -> tuple[int, int]:
    return short_and_over(
        Boxes(one.counted_good - one.book_good, one.counted_damaged - one.book_damaged) for one in findings
    )
