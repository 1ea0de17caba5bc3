"""The goods behind the demo's campaigns: bought, delivered, handed over from the lot that goes off first."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.demo.buying import Books, Delivery, Shelf, Wanted, buy, read_purchases, receive, seller_of
from app.demo.editions import Edition
from app.demo.source import read_document
from app.platform.bulk import run_together
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.procurement.rules.states import Channel
from app.reports.tables import AidedTarget
from app.stock.actions.posting import Posting, prepare_postings
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.stock.rules.picking import OnHand, pick_lots

Row = Mapping[str, Any]

# One box in fifty more than is promised, for those that must be swapped.
_RESERVE = 50
_BOUGHT_BEFORE, _MADE_BEFORE, _CAME_BEFORE = timedelta(days=12), timedelta(days=20), timedelta(days=1)
_SHELF_LIFE = timedelta(days=365)
_BASIS_POINTS = 100


async def stock_story(
    session: AsyncSession, edition: Edition, redemptions: Sequence[Row], *, books: Books
) -> None:
    """Buy and receive what a campaign of the article handed over, and post each hand-over from its lot.

    Raises ValueError if there was no box for somebody when they came.
    """
    plan = edition.plan
    shelves = []
    for wanted in read_purchases(books.source):
        campaign = books.source.campaign(wanted.campaign) if wanted.campaign else None
        if campaign is None or (campaign.org, campaign.title) != (plan.street, plan.title):
            continue
        told_at = edition.campaign.published_at or edition.campaign.order_opens_at
        line = await buy(session, wanted, books=books, campaign_id=edition.campaign.id, told_at=told_at)
        for delivery in wanted.deliveries:
            station = plan.outlets[0].station
            shelves.append(
                await receive(session, line, delivery, books=books, wanted=wanted, station=station)
            )
    union_id = edition.campaign.union_id
    box_id = books.directory.boxes[plan.street, plan.kit]
    postings = hand_over(shelves, redemptions, gift_box_id=box_id)
    await run_together(session, await prepare_postings(session, postings, union_id=union_id))


def hand_over(shelves: Sequence[Shelf], redemptions: Sequence[Row], *, gift_box_id: UUID) -> list[Posting]:
    """Return the movements of hand-overs, in the order of time, each from what stood there by then.

    Raises ValueError if nothing did.
    """
    left = {number: shelf.boxes for number, shelf in enumerate(shelves)}
    postings = []
    for scan in sorted(redemptions, key=lambda one: one["received_at"]):
        at, point_id = scan["received_at"], scan["pickup_point_id"]
        there = {
            number: OnHand(new_id(), shelf.lot_id, gift_box_id, point_id, left[number], shelf.best_before_on)
            for number, shelf in enumerate(shelves)
            if shelf.since <= at and shelf.point_id == point_id and left[number]
        }
        (pick,) = pick_lots(there.values(), 1, on=local_date(at))
        taken = next(number for number, held in there.items() if held.lot_id == pick.lot_id)
        left[taken] -= 1
        line = Line(
            lot_id=pick.lot_id,
            boxes=scan["quantity"],
            source=Account(AccountKind.PICKUP_POINT, point_id),
            target=Account(AccountKind.HANDED_OVER, point_id),
            kind=MovementKind.HANDED_OVER,
            event_id=scan["event_id"],
        )
        postings.append(Posting(line, scan["staff_id"], at))
    return postings


async def buy_without_campaign(session: AsyncSession, books: Books, now: datetime) -> None:
    """Insert what was bought for no campaign; the article's words stand for what it does not say."""
    for wanted in read_purchases(books.source):
        if wanted.campaign is None:
            await buy(session, wanted, books=books, campaign_id=None, told_at=now)


async def stock_edition(session: AsyncSession, edition: Edition, *, books: Books, now: datetime) -> None:
    """Buy and deliver what a live campaign promises and a few boxes more; not if the seller was renamed."""
    plan, today = edition.plan, local_date(now)
    kit = books.source.kit(plan.kit)
    seller = seller_of(kit.region)
    if not books.can_buy(plan.street, seller.id):
        return
    boxes = {one.station: one.quota + one.quota // _RESERVE for one in plan.outlets}
    made_on = today - _MADE_BEFORE
    wanted = Wanted(
        id=str(edition.campaign.id),
        org=plan.street,
        supplier=seller.id,
        channel=Channel.PLATFORM_832,
        purchased_on=today - _BOUGHT_BEFORE,
        kit=plan.kit,
        region=kit.region,
        boxes=sum(boxes.values()),
        note="示例·按名额采购,另备五十分之一供更换",
        src="sample",
    )
    line = await buy(session, wanted, books=books, campaign_id=edition.campaign.id, told_at=now)
    for station, good in boxes.items():
        delivery = Delivery(
            received_on=today - _CAME_BEFORE,
            batch=f"SAMPLE-{plan.street.upper()}-{made_on:%Y%m%d}",
            produced_on=made_on,
            best_before_on=made_on + _SHELF_LIFE,
            good=good,
        )
        await receive(session, line, delivery, books=books, wanted=wanted, station=station)


async def set_targets(session: AsyncSession, books: Books, now: datetime) -> None:
    """Insert the targets of the source."""
    for target in read_document()["targets"]:
        session.add(
            AidedTarget(
                union_id=books.directory.unions[target["org"]],
                year=target["year"],
                percent_basis_points=target["target_percent"] * _BASIS_POINTS,
                basis=target["basis"],
                set_by=books.directory.staff[f"officer-{target['org']}"],
                set_at=now,
                is_sample="sample" in target["src"],
            )
        )
    await session.flush()
