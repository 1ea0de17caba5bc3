"""A database with hand-overs from before there was a ledger: they are posted, scan by scan, and add up.

Its owner is no superuser, as in production: row-level security that is forced holds for the owner too.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from app.access.scope import every_union
from app.platform import migrations
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import async_url
from app.stock.queries.figures import lot_figures
from app.stock.queries.proof import prove_balances

BEFORE, AFTER = "0012", "0013"
AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
STREET, OTHER, STAFF = (UUID(int=number) for number in (1, 2, 3))
BOXES = {UUID(int=21): STREET, UUID(int=22): STREET, UUID(int=23): OTHER}
POINTS = {UUID(int=31): STREET, UUID(int=32): STREET, UUID(int=33): OTHER}
SCANS = [
    (21, 31, 1, "handed_over"), (21, 31, 2, "handed_over"), (21, 32, 4, "handed_over"),
    (22, 32, 1, "handed_over"), (21, 31, None, "refused"),
]  # fmt: skip
"""Gift box, pickup point, boxes, result; nothing was handed over at the other street."""


@pytest.fixture
async def places(postgres: PrivatePostgres) -> AsyncIterator[tuple[str, str]]:
    """A database: the URL of its owner, and that of the superuser."""
    server, name = postgres.start(), f"stocked_{uuid4().hex[:12]}"
    first = await asyncpg.connect(server)
    await first.execute(f"CREATE ROLE {name} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD '{name}'")
    await first.execute(f"GRANT grainline_app, grainline_jobs TO {name}")
    await first.execute(f"CREATE DATABASE {name} OWNER {name}")
    own = make_url(async_url(server)).set(username=name, password=name, database=name)
    all_powerful = make_url(async_url(server)).set(database=name).render_as_string(hide_password=False)
    yield own.render_as_string(hide_password=False), all_powerful.replace("+asyncpg", "")
    await first.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await first.execute(f"DROP ROLE {name}")
    await first.close()


async def _insert(connection: asyncpg.Connection, table: str, **values: object) -> None:
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    await connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values())


async def _fill(url: str) -> list[UUID]:
    """Add hand-overs and what they stand on; who ordered is not looked at. Return the ids of the scans."""
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    for number, id in enumerate((STREET, OTHER), 1):
        await _insert(
            connection,
            "unions",
            id=id,
            code=str(id),
            name="街道",
            level="street",
            parent_id=UUID(int=9),
            parent_level="district",
            street_id=id,
            number=number,
            is_sample=False,
        )
    for number, (id, street) in enumerate(BOXES.items()):
        await _insert(
            connection,
            "gift_boxes",
            id=id,
            name="礼盒",
            unit="份",
            barcode=f"200000000{number:04}",
            gross_weight_grams=1,
            unit_price_fen=1,
            is_sample=False,
            union_id=street,
        )
    for id, street in POINTS.items():
        await _insert(
            connection,
            "pickup_points",
            id=id,
            name=str(id),
            address="址",
            is_outdoor=False,
            desk_count=1,
            is_sample=False,
            union_id=street,
        )
    scans = []
    for box, point, boxes, result in SCANS:
        where = {"union_id": STREET, "pickup_point_id": UUID(int=point)}
        offer, order = uuid4(), uuid4()
        scans.append(uuid4())
        await _insert(
            connection,
            "offers",
            id=offer,
            campaign_id=offer,
            gift_box_id=UUID(int=box),
            quota=9,
            promised_count=0,
            waitlisted_count=0,
            version=1,
            **where,
        )
        await _insert(
            connection,
            "orders",
            id=order,
            number=order.hex,
            campaign_id=offer,
            offer_id=offer,
            member_id=uuid4(),
            unit_id=STREET,
            quantity=boxes or 1,
            status="collected",
            channel="desk",
            placed_at=AT,
            collected_at=AT,
            version=1,
            **where,
        )
        await _insert(
            connection,
            "redemptions",
            id=uuid4(),
            event_id=scans[-1],
            staff_id=STAFF,
            result=result,
            order_id=order,
            quantity=boxes,
            reason=None if boxes else "unknown",
            is_offline=False,
            fingerprint=bytes(32),
            answer="{}",
            scanned_at=AT,
            received_at=AT,
            **where,
        )
    await connection.close()
    return scans


async def _read(url: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(query)
    await connection.close()
    return [tuple(row) for row in rows]


async def test_what_was_handed_over_is_posted_and_adds_up(places: tuple[str, str]) -> None:
    owner, superuser = places
    await asyncio.to_thread(migrations.upgrade, owner, BEFORE)
    scans = await _fill(superuser)
    await asyncio.to_thread(migrations.upgrade, owner, AFTER)
    lots = await _read(superuser, "SELECT gift_box_id, union_id, kind, number FROM lots ORDER BY gift_box_id")
    assert lots == [(box, street, "unrecorded", "-") for box, street in BOXES.items()]
    moved = await _read(
        superuser,
        "SELECT l.gift_box_id, m.boxes, m.from_kind, m.to_kind, m.to_point_id, m.kind, m.event_id,"
        " m.posted_by, m.posted_at FROM stock_movements m JOIN lots l ON l.id = m.lot_id",
    )
    assert sorted(moved, key=str) == sorted(
        [
            (UUID(int=box), boxes, "variance", "handed_over", UUID(int=point), "handed_over", scan, STAFF, AT)
            for (box, point, boxes, result), scan in zip(SCANS, scans, strict=True)
            if result == "handed_over"
        ],
        key=str,
    )
    database = Database(owner, pool_size=2)
    async with database.transaction(every_union("a test looks")) as session:
        assert await prove_balances(session) == []
        lot_ids = {row[0]: row[1] for row in await _read(superuser, "SELECT gift_box_id, id FROM lots")}
        figures = await lot_figures(session, list(lot_ids.values()))  # type: ignore[arg-type]
    await database.close()
    handed = {box.int: figures[lot_ids[box]].handed_over for box in BOXES}  # type: ignore[index]
    assert handed == {21: 7, 22: 1, 23: 0}
    assert all(one.adds_up for one in figures.values())


async def test_places_come_back_as_boxes_and_every_table_behind_its_wall(places: tuple[str, str]) -> None:
    owner, superuser = places
    await asyncio.to_thread(migrations.upgrade, owner, BEFORE)
    await _fill(superuser)
    await asyncio.to_thread(migrations.upgrade, owner, AFTER)
    connection = await asyncpg.connect(superuser)
    for _ in range(2):
        await _insert(
            connection,
            "gift_boxes",
            id=uuid4(),
            kind="place",
            name="名额",
            unit="位",
            unit_price_fen=0,
            is_sample=False,
            union_id=STREET,
        )
    await connection.close()
    assert len(await _read(superuser, "SELECT id FROM lots")) == len(BOXES), "a place has no lot"
    await asyncio.to_thread(migrations.downgrade, owner, BEFORE)
    assert len(await _read(superuser, "SELECT id FROM gift_boxes WHERE barcode ~ '^299'")) == 2
    bare = await _read(
        superuser,
        "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity AND relkind = 'r'",
    )
    assert bare == []
    await asyncio.to_thread(migrations.upgrade, owner, AFTER)
    assert len(await _read(superuser, "SELECT id FROM lots")) == len(BOXES) + 2
