"""The identity of goods, lot by lot, and what is not finished about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.campaigns.tables import Campaign
from app.closing.queries import goods as queries
from app.closing.queries.goods import Goods
from app.closing.rules.blockers import Blocker, BlockerCode, SubjectKind
from app.platform.clock import day_start
from app.stock.queries.figures import lot_figures
from app.stock.queries.proof import prove_balances
from app.stock.rules.figures import LotFigures
from app.stock.rules.ledger import AccountKind
from app.warehouse.rules.states import UNDER_WAY

_WHERE = {
    AccountKind.PICKUP_POINT.value: "on_hand",
    AccountKind.QUARANTINE.value: "quarantine",
    AccountKind.HANDED_OVER.value: "handed_over",
}


@dataclass(frozen=True, slots=True)
class GoodsReckoning:
    """Lots as they stand, and what stands in the way."""

    lot_ids: list[UUID]
    lots: list[dict[str, Any]]
    blockers: list[Blocker]


async def reckon_goods(session: AsyncSession, campaign: Campaign, goods: Goods) -> GoodsReckoning:
    """Return the figures of every lot of the campaign's gift boxes that was ever at one of its points."""
    lots = await queries.list_lots(session, goods, campaign.id) if goods.gift_box_ids else []
    ids = [lot.id for lot in lots]
    figures = await lot_figures(session, ids)
    held = await queries.list_held(session, ids)
    blockers = [one for lot in lots for one in _about_lot(lot, figures[lot.id])]
    for difference in await prove_balances(session, campaign.union_id) if ids else ():
        if difference.lot_id in figures:
            values: dict[str, int | str] = {"stored": difference.held, "counted": difference.expected}
            blockers.append(_of_lot(BlockerCode.BALANCE_DIFFERS, difference.lot_id, lots=lots, values=values))
    blockers += _in_quarantine(held, lots, goods=goods)
    blockers += await _stocktakes(session, goods, held=held, since=day_start(campaign.pickup_from))
    for disposal in await queries.list_open_disposals(session, campaign.id, ids):
        blockers.append(
            Blocker(
                code=BlockerCode.DISPOSAL_OPEN,
                kind=SubjectKind.DISPOSAL,
                id=disposal.id,
                number=disposal.number,
            )
        )
    return GoodsReckoning(ids, [_shown(lot, figures[lot.id], held=held) for lot in lots], blockers)


def _about_lot(lot: Any, figures: LotFigures) -> list[Blocker]:
    found = []
    if not figures.adds_up:
        values: dict[str, int | str] = {"received": figures.received, "accounted": figures.accounted}
        found.append(_of_lot(BlockerCode.LOT_DOES_NOT_ADD_UP, lot.id, lots=[lot], values=values))
    if figures.in_transit:
        values = {"boxes": figures.in_transit}
        found.append(_of_lot(BlockerCode.IN_TRANSIT, lot.id, lots=[lot], values=values))
    return found


def _of_lot(code: BlockerCode, lot_id: UUID, *, lots: Sequence[Any], values: dict[str, int | str]) -> Blocker:
    number = next((lot.number for lot in lots if lot.id == lot_id), None)
    return Blocker(code=code, kind=SubjectKind.LOT, id=lot_id, number=number, values=values)


def _in_quarantine(held: Sequence[Any], lots: Sequence[Any], *, goods: Goods) -> list[Blocker]:
    return [
        _of_lot(
            BlockerCode.QUARANTINE_UNDECIDED,
            row.lot_id,
            lots=lots,
            values={"boxes": row.boxes, "point": row.point},
        )
        for row in held
        if row.kind == AccountKind.QUARANTINE.value and row.pickup_point_id in goods.point_names
    ]


async def _stocktakes(
    session: AsyncSession, goods: Goods, *, held: Sequence[Any], since: datetime
) -> list[Blocker]:
    """Boxes that are left at a point are counted after its last hand-over, and no count is under way."""
    lot_ids = {row.lot_id for row in held}
    last = await queries.find_last_hand_overs(session, goods, lot_ids)
    left: defaultdict[UUID, int] = defaultdict(int)
    for row in held:
        if row.kind == AccountKind.PICKUP_POINT.value and row.pickup_point_id in goods.point_names:
            left[row.pickup_point_id] += row.boxes
    found, counted_at = [], defaultdict[UUID, list[datetime]](list)
    for one in await queries.list_stocktakes(session, goods.point_names):
        point = goods.point_names[one.pickup_point_id]
        if one.status in UNDER_WAY:
            found.append(
                Blocker(
                    code=BlockerCode.STOCKTAKE_OPEN,
                    kind=SubjectKind.STOCKTAKE,
                    id=one.id,
                    number=one.number,
                    values={"point": point},
                )
            )
        else:
            counted_at[one.pickup_point_id].append(one.opened_at)
    for point_id, boxes in sorted(left.items()):
        after = max(since, last.get(point_id, since))
        if not any(at >= after for at in counted_at[point_id]):
            values: dict[str, int | str] = {"point": goods.point_names[point_id], "boxes": boxes}
            found.append(
                Blocker(
                    code=BlockerCode.STOCKTAKE_MISSING, kind=SubjectKind.POINT, id=point_id, values=values
                )
            )
    return found


def _shown(lot: Any, figures: LotFigures, *, held: Sequence[Any]) -> dict[str, Any]:
    """Return a lot as its closing keeps it; what is at points, point by point, beside it."""
    points: dict[str, dict[str, Any]] = {}
    for row in held:
        if row.lot_id == lot.id and row.kind in _WHERE:
            blank = {"name": row.point, **dict.fromkeys(_WHERE.values(), 0)}
            points.setdefault(str(row.pickup_point_id), blank)[_WHERE[row.kind]] = row.boxes
    return {
        "lot_id": str(lot.id),
        "number": lot.number,
        "kind": lot.kind,
        "gift_box": lot.gift_box,
        **_numbers(figures),
        "points": [{"pickup_point_id": id, **points[id]} for id in sorted(points)],
    }


def _numbers(figures: LotFigures) -> Mapping[str, Any]:
    return {name: getattr(figures, name) for name in LotFigures.__slots__} | {"adds_up": figures.adds_up}
