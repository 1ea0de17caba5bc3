"""Filling an empty database with the demo, and keeping something open in it as days pass."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.scope import every_union
from app.access.vault import keys_of
from app.campaigns.rules import Stage
from app.campaigns.tables import Campaign
from app.catalog.tables import GiftBox, GiftBoxComponent, Product
from app.demo.aid import insert_aid
from app.demo.buying import Books, find_books, open_books
from app.demo.catalogue import make_catalogue, point_rows, region_rows
from app.demo.directory import (
    Directory,
    accounts,
    find_directory,
    new_ids,
    organizations,
    union_rows,
    units_of_streets,
)
from app.demo.editions import Edition, Plan
from app.demo.goods import buy_without_campaign, set_targets, stock_edition, stock_story
from app.demo.history import Story, history_plans
from app.demo.ledger import Recipient, order_rows
from app.demo.live import EDITION_MARK, ORDERED_FROM, live_plans, make_live_edition, next_edition
from app.demo.people import Person, make_people
from app.demo.personas import describe_personas
from app.demo.source import Source, read_source
from app.orders.tables import Order
from app.pickup.tables import PickupPoint
from app.platform.database import Base, Database
from app.redemptions.tables import Redemption
from app.regions.tables import Division, PartnerRegion
from app.unions.rules import MemberStatus
from app.unions.rules.order import ranks_of
from app.unions.tables import Member, Particulars, StaffAccount, Union, seal_particulars

__all__ = ["describe_personas", "load_demo", "refresh_live_campaigns"]

# Members up to here belong to whoever tries the demo: nobody orders for them in a live campaign.
LAST_FREE_MEMBER = "M0000100"
_LOCK = 0x6772_6169_6E00_0001
_PATIENCE = "60s"


async def load_demo(database: Database, *, now: datetime) -> bool:
    """Fill an empty database; return False and change nothing if there are unions already.

    One transaction: the demo is there as a whole or not at all. Of two loaders at once the second one waits,
    and finds unions.
    """
    source = read_source()
    people = make_people(source, units_of_streets(source))
    async with database.transaction(every_union("demo data")) as session:
        await _lock(session)
        if (await session.execute(select(Union.id).limit(1))).first() is not None:
            return False
        directory = await _insert_organizations(session, source, now)
        regions = await _insert_catalogue(session, source, directory=directory)
        await insert_aid(session, directory, regions=regions, now=now)
        books = await open_books(session, source, directory, regions=regions, now=now)
        recipients = await _insert_people(session, people, directory=directory)
        for plan in history_plans(source):
            story = Story(source, plan, directory=directory)
            story.tell(recipients[plan.street])
            await _insert_edition(session, story.edition)
            await _insert(session, Redemption, story.redemptions)
            await stock_story(session, story.edition, story.redemptions, books=books)
        await buy_without_campaign(session, books, now)
        await set_targets(session, books, now)
        for kind, plan in live_plans(source, now).items():
            await _insert_live(session, kind, plan=plan, books=books, now=now)
    return True


async def refresh_live_campaigns(database: Database, *, now: datetime) -> int:
    """Add an edition of each live campaign that nobody can order from any more; return how many.

    Only what has an edition already is continued, so a database without the demo stays as it is. A campaign
    whose street union has lost what it needs (a renamed pickup point, say) is left alone.
    """
    source = read_source()
    added = 0
    async with database.transaction(every_union("demo data")) as session:
        await _lock(session)
        directory = await find_directory(session, source)
        books = await find_books(session, source, directory)
        for kind, plan in live_plans(source, now).items():
            if not _is_possible(plan, directory):
                continue
            editions = await _find_editions(session, plan, union_id=directory.unions[plan.street])
            if editions and not any(_is_open(edition, now) for edition in editions):
                following = next_edition(plan, len(editions) + 1)
                await _insert_live(session, kind, plan=following, books=books, now=now)
                added += 1
    return added


async def _lock(session: AsyncSession) -> None:
    """Let one loader in at a time; whoever waits may wait longer than a request."""
    for name in ("lock_timeout", "statement_timeout"):
        await session.execute(select(func.set_config(name, _PATIENCE, True)))
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def _insert(session: AsyncSession, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await session.execute(insert(model), rows)


async def _insert_organizations(session: AsyncSession, source: Source, now: datetime) -> Directory:
    directory = Directory(
        unions=new_ids(one.id for one in organizations(source)),
        staff=new_ids(account.login for account in accounts(source)),
    )
    await _insert(session, Division, [division.model_dump() for division in source.divisions])
    await _insert(session, Union, union_rows(source, directory.unions))
    staff = [
        {
            "id": directory.staff[account.login],
            "union_id": directory.unions[account.union],
            "login": account.login,
            "display_name": account.display_name,
            "role": account.role.value,
            "unit_id": directory.unions[account.unit] if account.unit else None,
            "approved_at": now,
            "is_sample": True,
        }
        for account in accounts(source)
    ]
    await _insert(session, StaffAccount, staff)
    return directory


async def _insert_catalogue(
    session: AsyncSession, source: Source, *, directory: Directory
) -> dict[str, UUID]:
    """Insert regions, pickup points, products and boxes; return the ids of the regions."""
    rows, regions = region_rows(source)
    await _insert(session, PartnerRegion, rows)
    await _insert(session, PickupPoint, point_rows(source, directory))
    catalogue = make_catalogue(source, directory, regions=regions)
    await _insert(session, Product, catalogue.products)
    await _insert(session, GiftBox, catalogue.boxes)
    await _insert(session, GiftBoxComponent, catalogue.components)
    return regions


async def _insert_people(
    session: AsyncSession, people: list[Person], *, directory: Directory
) -> dict[str, list[Recipient]]:
    """Insert all members and return the active ones of each street union."""
    ids = new_ids(person.number for person in people)
    streets = {person.street for person in people}
    keys = {street: await keys_of(session, directory.unions[street]) for street in streets}
    ranks = {
        street: ranks_of(person.name for person in people if person.street == street) for street in streets
    }
    rows = [
        {
            "id": ids[person.number],
            "union_id": directory.unions[person.street],
            "unit_id": directory.unions[person.unit],
            "number": person.number,
            **seal_particulars(
                keys[person.street],
                ids[person.number],
                particulars=Particulars(person.name, person.mobile, person.id_last4),
            ),
            "name_rank": ranks[person.street][person.name],
            "status": person.status.value,
            "is_senior_mode": person.is_senior_mode,
            "is_sample": True,
            "created_at": person.joined_at,
        }
        for person in people
    ]
    await _insert(session, Member, rows)
    recipients: dict[str, list[Recipient]] = {}
    for person in people:
        if person.status is MemberStatus.ACTIVE:
            unit_id = directory.unions[person.unit]
            recipient = Recipient(ids[person.number], unit_id, person.mobile is not None)
            recipients.setdefault(person.street, []).append(recipient)
    return recipients


async def _insert_live(session: AsyncSession, kind: str, *, plan: Plan, books: Books, now: datetime) -> None:
    directory = books.directory
    wanted = (
        select(Member.id, Member.unit_id, Member.mobile_index.is_not(None))
        .where(Member.union_id == directory.unions[plan.street], Member.is_sample.is_(True))
        .where(Member.status == MemberStatus.ACTIVE.value, Member.number > LAST_FREE_MEMBER)
        .order_by(Member.number)
    )
    recipients = [Recipient(*row) for row in await session.execute(wanted)] if kind == ORDERED_FROM else []
    edition = make_live_edition(kind, plan, directory=directory, recipients=recipients, now=now)
    await _insert_edition(session, edition)
    await stock_edition(session, edition, books=books, now=now)


async def _insert_edition(session: AsyncSession, edition: Edition) -> None:
    slots = [slot for held in edition.slots.values() for slot in held]
    for rows in ([edition.campaign], edition.offers.values(), slots):
        session.add_all(rows)
        await session.flush()
    await _insert(session, Order, order_rows(edition))


def _is_possible(plan: Plan, directory: Directory) -> bool:
    return (
        {f"officer-{plan.street}", f"chair-{plan.street}"} <= directory.staff.keys()
        and {outlet.station for outlet in plan.outlets} <= directory.points.keys()
        and (plan.street, plan.kit) in directory.boxes
    )


async def _find_editions(session: AsyncSession, plan: Plan, *, union_id: UUID) -> list[Campaign]:
    wanted = select(Campaign).where(
        Campaign.union_id == union_id,
        Campaign.is_sample.is_(True),
        or_(
            Campaign.title == plan.title,
            Campaign.title.startswith(plan.title + EDITION_MARK, autoescape=True),
        ),
    )
    return list((await session.execute(wanted)).scalars())


def _is_open(campaign: Campaign, now: datetime) -> bool:
    is_published = campaign.stage == Stage.PUBLISHED
    return is_published and campaign.order_opens_at <= now < campaign.order_closes_at
