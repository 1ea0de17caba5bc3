"""The demo in a database of its own: quantities of the article, counters that add up, something open."""

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, select, text

from app.access.scope import every_union
from app.access.vault import Vault
from app.campaigns.queries import list_campaigns
from app.campaigns.rules import CampaignStatus
from app.demo.load import describe_personas, load_demo, refresh_live_campaigns
from app.demo.personas import PERSONAS
from app.orders.rules.states import PROMISED
from app.platform import migrations
from app.platform.clock import SHANGHAI
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import async_url
from app.redemptions.schemas import RedemptionView
from app.reports.queries.aided_share import Bought, find_bought
from app.reports.queries.spending import LinesWanted, add_up
from app.reports.rules.shares import Share
from app.reports.rules.spending import By, Period
from app.stock.queries.figures import lot_figures
from app.stock.queries.proof import prove_balances
from app.stock.tables import Lot
from app.unions.actions import issue_member_token, issue_staff_token

# A Friday evening: the weekend lies in the pickup windows.
NOW = datetime(2026, 11, 27, 20, 30, tzinfo=SHANGHAI)
NAME = "grainline_demo"
LIVE = 3


@pytest.fixture(scope="module")
def url(postgres: PrivatePostgres) -> str:
    """The URL of a migrated database without a row."""
    server = postgres.start()

    async def create() -> None:
        connection = await asyncpg.connect(server)
        await connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {NAME}")
        await connection.close()

    url = make_url(async_url(server)).set(database=NAME).render_as_string(hide_password=False)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, create()).result()
        thread.submit(migrations.upgrade, url).result()
    return url


@pytest.fixture(scope="module")
async def demo(url: str, folder: Path) -> AsyncIterator[Database]:
    """The demo, loaded by one of two loaders that came at once."""
    database = Database(url, pool_size=4, carried={"vault": Vault(folder / "demo-keys")})
    assert await refresh_live_campaigns(database, now=NOW) == 0, "nothing is added where there is no demo"
    loaded = await asyncio.gather(load_demo(database, now=NOW), load_demo(database, now=NOW))
    assert sorted(loaded) == [False, True]
    yield database
    await database.close()


async def rows(database: Database, query: str, **values: Any) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query), values)]


async def one(database: Database, query: str, **values: Any) -> Any:
    return (await rows(database, query, **values))[0][0]


async def open_titles(database: Database, now: datetime) -> list[str]:
    async with database.transaction(every_union("a test")) as session:
        page = await list_campaigns(
            session, status=CampaignStatus.OPEN, drafts=False, now=now, limit=50, after=None
        )
    return [campaign.title for campaign in page.items]


async def counts(database: Database) -> dict[str, int]:
    tables = await rows(database, "SELECT relname FROM pg_stat_user_tables")
    return {name: await one(database, f'SELECT count(*) FROM "{name}"') for (name,) in tables}


async def assert_counters_add_up(database: Database) -> None:
    promised = ",".join(f"'{status}'" for status in sorted(PROMISED))
    wrong_offers = await rows(
        database,
        "SELECT id FROM offers WHERE promised_count <> (SELECT coalesce(sum(quantity), 0) FROM orders"
        f" WHERE offer_id = offers.id AND status IN ({promised}))"
        " OR waitlisted_count <> (SELECT count(*) FROM orders"
        " WHERE offer_id = offers.id AND status = 'waitlisted')",
    )
    wrong_slots = await rows(
        database,
        "SELECT id FROM slots WHERE booked_count <> (SELECT count(*) FROM orders WHERE slot_id = slots.id)",
    )
    assert (wrong_offers, wrong_slots) == ([], [])


async def test_a_second_load_changes_nothing(demo: Database) -> None:
    before = await counts(demo)
    assert await load_demo(demo, now=NOW + timedelta(days=3)) is False
    assert await counts(demo) == before


async def test_the_unions_are_those_of_the_source(demo: Database) -> None:
    levels = await rows(demo, "SELECT level, count(*) FROM unions GROUP BY level ORDER BY level")
    assert dict(levels) == {
        "national": 1, "municipal": 1, "district": 1, "street": 5, "grassroots": 8, "group": 1
    }  # fmt: skip
    streets = await rows(
        demo, "SELECT code, number, kind FROM unions WHERE number IS NOT NULL ORDER BY number"
    )
    assert streets == [
        ("XC-XJK", 1, None),
        ("XC-NJ", 2, None),
        ("XC-DS", 3, None),
        ("XC-XF", 4, "enterprise"),
        ("XC-XWZYY", 5, "institution"),
    ]
    assert await one(demo, "SELECT count(*) FROM unions WHERE is_sample <> (name LIKE '示例·%')") == 0
    group = "SELECT s.code FROM unions g JOIN unions s ON s.id = g.street_id WHERE g.level = 'group'"
    assert await one(demo, group) == "XC-XJK"
    assert await one(demo, "SELECT count(*) FROM divisions") == 91
    assert await one(demo, "SELECT count(*) FROM partner_regions") == 6


async def test_members_are_invented_and_marked(demo: Database) -> None:
    assert await one(demo, "SELECT count(*) FROM members") == 3_000
    assert await one(demo, "SELECT count(*) FROM members WHERE NOT is_sample") == 0
    active = (
        "SELECT count(*) FROM members m JOIN unions u ON u.id = m.union_id"
        " WHERE u.code = :c AND status = 'active'"
    )
    assert await one(demo, active, c="XC-XJK") >= 2_050
    assert await one(demo, active, c="XC-NJ") >= 420


async def test_boxes_hold_what_the_source_says(demo: Database) -> None:
    boxes = await rows(
        demo,
        "SELECT u.code, b.name, b.unit_price_fen, sum(c.quantity), count(*) FROM gift_boxes b"
        " JOIN unions u ON u.id = b.union_id JOIN gift_box_components c ON c.gift_box_id = b.id"
        " GROUP BY 1, 2, 3 ORDER BY 3 DESC",
    )
    assert boxes == [
        ("XC-DS", "阜平老区山货礼盒", 9600, 4, 2),
        ("XC-XJK", "张北杂粮礼盒", 8800, 5, 4),
        ("XC-NJ", "小米木耳慰问包", 7500, 2, 2),
    ]
    assert await one(demo, "SELECT count(*) FROM products") == 10
    assert await one(demo, "SELECT net_content_ml FROM products WHERE name = '张北亚麻籽油'") == 500


@pytest.mark.parametrize(
    ("title", "quantity", "days"),
    [
        ("助力脱贫", 2_000, ["2020-10-19", "2020-10-20", "2020-10-21", "2020-10-22", "2020-10-23"]),
        ("关爱职工 助力扶贫", 380, ["2020-10-12", "2020-10-13", "2020-10-14"]),
    ],
)
async def test_the_campaigns_of_the_article_handed_over_every_box(
    demo: Database, title: str, quantity: int, days: list[str]
) -> None:
    offer = (
        "SELECT quota, promised_count FROM offers o JOIN campaigns c ON c.id = o.campaign_id WHERE title = :t"
    )
    assert await rows(demo, offer, t=title) == [(quantity, quantity)]
    orders = (
        "FROM orders o JOIN campaigns c ON c.id = o.campaign_id JOIN slots s ON s.id = o.slot_id"
        " WHERE title = :t"
    )
    states = await rows(
        demo, f"SELECT o.status, count(*), count(DISTINCT member_id) {orders} GROUP BY 1", t=title
    )
    assert states == [("collected", quantity, quantity)]
    found = await rows(
        demo,
        f"SELECT DISTINCT (collected_at AT TIME ZONE 'Asia/Shanghai')::date {orders} ORDER BY 1",
        t=title,
    )
    assert [str(day) for (day,) in found] == days
    out_of_order = (
        f"SELECT count(*) {orders} AND NOT (published_at < order_opens_at AND order_opens_at <= placed_at"
        " AND placed_at < order_closes_at AND placed_at <= booked_at AND booked_at < starts_at"
        " AND starts_at <= collected_at AND collected_at < ends_at)"
    )
    assert await one(demo, out_of_order, t=title) == 0
    wrong_number = (
        f"SELECT count(*) {orders} AND o.number !~ (to_char(placed_at AT TIME ZONE 'Asia/Shanghai', 'YYMMDD')"
        " || '-[0-9A-HJKMNP-TV-Z]{8}$')"
    )
    assert await one(demo, wrong_number, t=title) == 0


async def test_every_hand_over_is_in_the_record(demo: Database) -> None:
    facts = await rows(
        demo,
        "SELECT r.answer, o.number, r.quantity,"
        " r.fingerprint = sha256(decode(replace(r.event_id::text, '-', ''), 'hex')),"
        " r.received_at = o.collected_at, s.login, u.code FROM redemptions r"
        " JOIN orders o ON o.id = r.order_id JOIN staff_accounts s ON s.id = r.staff_id"
        " JOIN unions u ON u.id = r.union_id",
    )
    assert len(facts) == 2_380
    assert {(quantity, code, login) for _, _, quantity, _, _, login, code in facts} == {
        (1, "XC-XJK", "clerk-xjk"),
        (1, "XC-NJ", "clerk-nj"),
    }
    assert all(digest_matches and time_matches for _, _, _, digest_matches, time_matches, _, _ in facts)
    for answer, number, *_ in facts:
        fields = json.loads(answer)
        assert (fields["result"], fields["order"]["number"]) == ("handed_over", number)
        assert fields["order"]["member_name_masked"] is None
    RedemptionView.model_validate_json(facts[0][0])
    assert await one(demo, "SELECT count(*) FROM outbox_events") == 0


async def test_live_campaigns_are_open_and_have_orders(demo: Database) -> None:
    titles = [
        "示例·张北杂粮礼盒当日领取体验",
        "示例·张北杂粮礼盒冬季送温暖",
        "示例·阜平山货礼盒新春慰问(摇号)",
    ]
    assert await open_titles(demo, NOW) == titles
    live = await rows(
        demo,
        "SELECT title, array_agg(quota ORDER BY quota DESC), max(allocation),"
        " max(d.login), max(p.login) FROM offers o JOIN campaigns c ON c.id = o.campaign_id"
        " JOIN staff_accounts d ON d.id = c.drafted_by JOIN staff_accounts p ON p.id = c.published_by"
        " WHERE c.is_sample GROUP BY title ORDER BY min(pickup_from)",
    )
    assert live == [
        (titles[0], [500], "first_come", "officer-xjk", "chair-xjk"),
        (titles[1], [800, 200], "first_come", "officer-xjk", "chair-xjk"),
        (titles[2], [300], "lottery", "officer-ds", "chair-ds"),
    ]
    orders = await rows(
        demo,
        "SELECT o.status, count(*), min(m.number) FROM orders o JOIN campaigns c ON c.id = o.campaign_id"
        " JOIN members m ON m.id = o.member_id WHERE c.is_sample GROUP BY 1 ORDER BY 1",
    )
    assert [status for status, _, _ in orders] == ["booked", "to_book"]
    assert sum(count for _, count, _ in orders) == 120
    assert all(lowest > "M0000100" for _, _, lowest in orders)
    assert await one(demo, "SELECT count(*) FROM orders WHERE placed_at > :now", now=NOW) == 0


async def test_somebody_can_collect_at_any_hour(demo: Database) -> None:
    slots = await rows(
        demo,
        "SELECT count(*), min(capacity), min(starts_at), max(ends_at), min(early_minutes), min(late_minutes)"
        " FROM slots s JOIN campaigns c ON c.id = s.campaign_id WHERE title LIKE '%当日领取体验'",
    )
    first, last = datetime(2026, 11, 27, tzinfo=SHANGHAI), datetime(2026, 12, 5, tzinfo=SHANGHAI)
    assert slots == [(8 * 24, 60, first, last, 1_440, 1_440)]


async def test_other_live_slots_keep_to_the_hours_of_their_stations(demo: Database) -> None:
    found = await rows(
        demo,
        "SELECT DISTINCT extract(isodow FROM starts_at AT TIME ZONE 'Asia/Shanghai')::int AS day,"
        " to_char(starts_at AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') AS at FROM slots s"
        " JOIN campaigns c ON c.id = s.campaign_id WHERE title LIKE '%摇号%' ORDER BY 1, 2",
    )
    morning = ["09:00", "09:30", "10:00", "10:30", "11:00"]
    afternoon = ["13:30", "14:00", "14:30", "15:00", "15:30", "16:00", "16:30"]
    # The window is Saturday 5 to Wednesday 9 December.
    assert found == [(day, at) for day in (1, 2, 3) for at in morning + afternoon]


async def test_counters_are_those_of_the_orders(demo: Database) -> None:
    await assert_counters_add_up(demo)


async def test_every_persona_can_sign_in(demo: Database) -> None:
    assert describe_personas().count("grainline token ") == len(PERSONAS) == 18
    async with demo.transaction(every_union("a test")) as session:
        for arguments, _ in PERSONAS:
            kind, name = arguments.split()
            issue = issue_member_token if kind == "member" else issue_staff_token
            assert await issue(session, name, now=NOW)
        for street in ("xjk", "nj", "ds"):
            for role in ("clerk", "officer", "keeper", "chair", "auditor"):
                assert await issue_staff_token(session, f"{role}-{street}", now=NOW)
        await session.rollback()
    assert await one(demo, "SELECT count(*) FROM staff_accounts WHERE display_name NOT LIKE '示例·%'") == 0


async def test_as_days_pass_new_editions_open(demo: Database) -> None:
    assert await refresh_live_campaigns(demo, now=NOW) == 0
    later = NOW + timedelta(days=5)
    assert await refresh_live_campaigns(demo, now=later) == 1, "the lottery has closed, the others are open"
    assert await refresh_live_campaigns(demo, now=later) == 0
    much_later = NOW + timedelta(days=20)
    added = await asyncio.gather(*(refresh_live_campaigns(demo, now=much_later) for _ in range(2)))
    assert sorted(added) == [0, LIVE]
    assert await refresh_live_campaigns(demo, now=much_later) == 0
    assert await open_titles(demo, much_later) == [
        "示例·张北杂粮礼盒当日领取体验·第2期",
        "示例·张北杂粮礼盒冬季送温暖·第2期",
        "示例·阜平山货礼盒新春慰问(摇号)·第3期",
    ]
    assert await one(demo, "SELECT count(*) FROM orders WHERE status IN ('booked', 'to_book')") == 240
    await assert_counters_add_up(demo)


STORY = {
    # received, handed over, damaged, on hand
    "SAMPLE-ZB-20200901": (1_200, 1_195, 5, 0),
    "SAMPLE-ZB-20200920": (800, 799, 1, 0),
    "SAMPLE-ZB-20201010": (6, 6, 0, 0),
    "SAMPLE-NJ-20200915": (380, 380, 0, 0),
}


async def test_every_box_of_the_demo_has_its_lot(demo: Database) -> None:
    async with demo.transaction(every_union("a test")) as session:
        assert await prove_balances(session) == []
        lots = (await session.scalars(select(Lot))).all()
        figures = await lot_figures(session, [lot.id for lot in lots])
    for lot in lots:
        found = figures[lot.id]
        assert found.received == (
            found.handed_over + found.returned + found.damaged + found.donated + found.on_hand
            + found.in_transit + found.variance
        ), lot.number  # fmt: skip
        assert (found.variance, found.missing) == (0, 0)
        if lot.kind == "unrecorded":
            assert found.handed_over == 0
        elif lot.number in STORY:
            assert (found.received, found.handed_over, found.damaged, found.on_hand) == STORY[lot.number]
    assert STORY.keys() <= {lot.number for lot in lots if lot.is_sample}
    # A movement for each hand-over, at its point and its instant, and never of a lot that was not there yet.
    scans = (
        "SELECT count(*) FROM redemptions r JOIN stock_movements m ON m.event_id = r.event_id AND"
        " m.to_point_id = r.pickup_point_id AND m.posted_at = r.received_at AND m.posted_by = r.staff_id"
        " AND m.boxes = r.quantity AND m.kind = 'handed_over'"
    )
    assert await one(demo, scans) == 2_380
    too_early = (
        "SELECT count(*) FROM stock_movements m WHERE kind = 'handed_over' AND posted_at <="
        " (SELECT min(posted_at) FROM stock_movements o WHERE o.lot_id = m.lot_id AND o.kind = 'received')"
    )
    assert await one(demo, too_early) == 0


async def test_first_expired_went_first(demo: Database) -> None:
    """While boxes that go off earlier stood at the point, nobody got one that goes off later."""
    last_of_first, first_of_second = [
        await one(
            demo,
            f"SELECT {which}(m.posted_at) FROM stock_movements m JOIN lots l ON l.id = m.lot_id"
            " WHERE m.kind = 'handed_over' AND l.number = :number",
            number=number,
        )
        for which, number in (("max", "SAMPLE-ZB-20200901"), ("min", "SAMPLE-ZB-20200920"))
    ]
    assert last_of_first <= first_of_second


async def test_purchases_were_drafted_approved_received_and_kept_by_different_people(demo: Database) -> None:
    bought = await rows(
        demo,
        "SELECT u.code, p.channel, p.status, p.total_fen, d.login, a.login, p.is_sample, l.boxes, l.grams"
        " FROM purchases p JOIN unions u ON u.id = p.union_id JOIN purchase_lines l ON l.purchase_id = p.id"
        " JOIN staff_accounts d ON d.id = p.drafted_by JOIN staff_accounts a ON a.id = p.approved_by"
        " WHERE p.purchased_year = 2020 ORDER BY u.code, p.number",
    )
    words = ("approved", None, "officer-ds", "chair-ds", False)
    assert bought == [
        ("XC-DS", "on_site_visit", *words, 1, None),
        ("XC-DS", "direct", *words, None, 5_000_000),
        ("XC-NJ", "counter", "approved", 2_850_000, "officer-nj", "chair-nj", True, 380, None),
        ("XC-XJK", "platform_832", "approved", 17_600_000, "officer-xjk", "chair-xjk", True, 2_000, None),
        ("XC-XJK", "direct", "approved", 0, "officer-xjk", "chair-xjk", True, 6, None),
    ]
    receipts = await rows(
        demo,
        "SELECT r.kind, r.received_on::text, l.expected, l.good, l.damaged, l.missing, i.login, k.login"
        " FROM receipts r JOIN receipt_lines l ON l.receipt_id = r.id"
        " JOIN staff_accounts i ON i.id = r.inspected_by JOIN staff_accounts k ON k.id = r.kept_by"
        " JOIN unions u ON u.id = r.union_id WHERE u.code = 'XC-XJK' AND r.received_on < '2021-01-01'"
        " ORDER BY r.received_on, r.number",
    )
    people = ("clerk-xjk", "keeper-xjk")
    assert receipts == [
        ("delivery", "2020-10-16", 1_200, 1_195, 5, 0, *people),
        ("delivery", "2020-10-17", 800, 795, 1, 4, *people),
        ("late_delivery", "2020-10-20", 4, 4, 0, 0, *people),
        ("delivery", "2020-10-20", 6, 6, 0, 0, *people),
    ]
    texts = await rows(demo, "SELECT source_text FROM purchases WHERE is_approximate ORDER BY number")
    assert any("上万斤小米、杂粮、红枣" in text for (text,) in texts)
    assert await one(demo, "SELECT count(*) FROM suppliers WHERE uscc IS NOT NULL OR NOT is_sample") == 0


async def test_nothing_is_short_where_people_can_order(demo: Database) -> None:
    short = (
        "SELECT f.pickup_point_id FROM offers f JOIN campaigns c ON c.id = f.campaign_id AND c.is_sample"
        " GROUP BY f.gift_box_id, f.pickup_point_id HAVING sum(f.quota) > coalesce((SELECT sum(b.boxes)"
        " FROM stock_balances b JOIN lots l ON l.id = b.lot_id WHERE b.kind = 'pickup_point'"
        " AND l.gift_box_id = f.gift_box_id AND b.pickup_point_id = f.pickup_point_id), 0)"
    )
    assert await rows(demo, short) == []


async def test_the_figures_of_the_demo_are_those_of_its_rows(demo: Database) -> None:
    async with demo.transaction(every_union("a test")) as session:
        for by in By:
            found, total = await add_up(session, LinesWanted(period=Period(2020), by=by))
            assert sum(row.amount_fen for row in found) == total.amount_fen == 20_450_000
            assert (total.boxes, total.pieces, total.grams) == (2_386, 1, 5_000_000)
            assert (total.purchases_count, total.unpriced_count, total.is_lower_bound) == (5, 2, True)
        regions, _ = await add_up(session, LinesWanted(period=Period(2020), by=By.REGION))
        bought = await find_bought(session, 2020)
    assert [(row.label, row.amount_fen) for row in regions] == [
        ("张北县", 17_600_000), (None, 2_850_000), ("阜平县", 0)
    ]  # fmt: skip
    whole = sum(bought.values(), Bought())
    assert Share(whole.aided_fen, whole.all_fen).fraction == "352/409"
    targets = await rows(
        demo,
        "SELECT u.code, year, percent_basis_points, basis, t.is_sample FROM aided_targets t"
        " JOIN unions u ON u.id = t.union_id",
    )
    assert targets == [("XC-XJK", 2026, 3_000, "节日慰问品采购额", True)]


async def test_zz_new_editions_come_with_their_boxes(demo: Database) -> None:
    """After the editions of `test_as_days_pass_new_editions_open`: the proof still holds."""
    async with demo.transaction(every_union("a test")) as session:
        assert await prove_balances(session) == []
    bought = await rows(
        demo,
        "SELECT count(*) FROM purchases p JOIN campaigns c ON c.id = p.campaign_id AND c.is_sample",
    )
    published = await rows(demo, "SELECT count(*) FROM campaigns WHERE is_sample AND kind = 'gift'")
    assert bought == published == [(7,)]
