"""Comparing what is promised with what is there, and telling of shortages."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.notifications.actions import insert_events, outbox_row
from app.platform.bulk import run_together
from app.platform.clock import local_date, shown
from app.platform.ids import new_id
from app.warehouse.queries.alerts import find_lots_to_look_at, find_open_shortages
from app.warehouse.queries.coverage import Compared, compare_stock
from app.warehouse.rules.alerts import (
    Alert,
    KnownShortage,
    ShortageSteps,
    code_of_lot,
    shortage_alerts,
    shortage_steps,
)
from app.warehouse.rules.coverage import Coverage, Shelf, cover, short_until
from app.warehouse.tables.watch import StockShortage


async def find_coverage(
    session: AsyncSession, *, now: datetime, point_id: UUID | None = None
) -> dict[Shelf, Coverage]:
    """Return for each gift box and pickup point what is on hand, promised, booked and on its way."""
    points = None if point_id is None else {point_id}
    found = await compare_stock(session, on=local_date(now), point_ids=points)
    return {shelf: _covered(found, shelf, now=now) for shelf in found.shelves}


def _covered(found: Compared, shelf: Shelf, *, now: datetime) -> Coverage:
    return cover(found.on_hand[shelf], found.booked[shelf], arriving=found.arriving[shelf], now=now)


async def find_alerts(
    session: AsyncSession, *, now: datetime, days: int, point_id: UUID | None = None
) -> list[Alert]:
    """Return what somebody should look at, the most pressing first; `days` ahead for lots that go off."""
    today = local_date(now)
    alerts = shortage_alerts(await find_coverage(session, now=now, point_id=point_id))
    for held in await find_lots_to_look_at(session, until=today + timedelta(days=days)):
        if point_id is not None and held.point_id != point_id:
            continue
        code = code_of_lot(held.kind, held.best_before_on, is_recalled=held.is_recalled, today=today)
        alerts.append(
            Alert(
                code, held.gift_box_id, held.boxes, point_id=held.point_id, lot_id=held.lot_id,
                lot_number=held.lot_number, best_before_on=held.best_before_on,
            )
        )  # fmt: skip
    return sorted(alerts, key=lambda alert: alert.key)


async def note_shortages(session: AsyncSession, *, now: datetime, until: datetime) -> int:
    """Write down which gift boxes are short for slots that begin before `until`; return how many are.

    A shortage that appears or grows leaves an event `stock.short`, one that is over `stock.short_over`. Run
    twice, also at once, it tells nothing twice: only who changed the row adds the event.
    """
    found = await compare_stock(session, on=local_date(now))
    short: dict[Shelf, tuple[int, datetime]] = {}
    for shelf in found.shelves:
        missing = short_until(found.on_hand[shelf], found.booked[shelf], now=now, until=until)
        first = _covered(found, shelf, now=now).first_short_at
        if missing and first is not None:
            short[shelf] = (missing, first)
    known = {Shelf(row.pickup_point_id, row.gift_box_id): row for row in await find_open_shortages(session)}
    told = {shelf: KnownShortage(row.id, row.short_by) for shelf, row in known.items()}
    steps = shortage_steps(short, told)
    unions = found.union_ids | {shelf: row.union_id for shelf, row in known.items()}
    changed = await _begin(session, steps, unions, now=now)
    changed += await _grow(session, steps, now=now)
    events = [_event("stock.short", row, now=now) for row in changed]
    events += [_event("stock.short_over", row, now=now) for row in await _end(session, steps, now=now)]
    await run_together(session, [insert_events(events)])
    return len(short)


async def _begin(
    session: AsyncSession, steps: ShortageSteps, unions: Mapping[Shelf, UUID], *, now: datetime
) -> list[StockShortage]:
    if not steps.began:
        return []
    rows = [
        {"id": new_id(), "union_id": unions[shelf], "gift_box_id": shelf.gift_box_id,
         "pickup_point_id": shelf.pickup_point_id, "short_by": short_by, "first_short_at": at,
         "noticed_at": now}
        for shelf, (short_by, at) in sorted(steps.began.items())
    ]  # fmt: skip
    added = insert(StockShortage).values(rows).on_conflict_do_nothing().returning(StockShortage)
    return list((await session.execute(added)).scalars())


async def _grow(session: AsyncSession, steps: ShortageSteps, *, now: datetime) -> list[StockShortage]:
    grown: list[StockShortage] = []
    for id, (short_by, at) in sorted(steps.grew.items()):
        changed = (
            update(StockShortage)
            .where(
                StockShortage.id == id, StockShortage.short_by < short_by, StockShortage.resolved_at.is_(None)
            )
            .values(short_by=short_by, first_short_at=at, grown_at=now)
            .returning(StockShortage)
            .execution_options(populate_existing=True)
        )
        grown += (await session.execute(changed)).scalars().all()
    return grown


async def _end(session: AsyncSession, steps: ShortageSteps, *, now: datetime) -> list[StockShortage]:
    if not steps.over:
        return []
    ended = (
        update(StockShortage)
        .where(StockShortage.id.in_(steps.over), StockShortage.resolved_at.is_(None))
        .values(resolved_at=now)
        .returning(StockShortage)
        .execution_options(populate_existing=True)
    )
    return list((await session.execute(ended)).scalars())


def _event(kind: str, row: StockShortage, *, now: datetime) -> dict[str, object]:
    payload = {
        "gift_box_id": row.gift_box_id,
        "pickup_point_id": row.pickup_point_id,
        "short_by": row.short_by,
        "first_short_at": shown(row.first_short_at),
    }
    return outbox_row(kind, row.id, union_id=row.union_id, at=now, payload=payload)
