"""入库单, 盘点表 and the table of purchases say what was bought, received and counted."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.closing.actions.papers import BUILDERS
from app.documents.errors import SubjectNotFound
from app.documents.rules.content import Identity, content_of
from app.documents.rules.paper import DocumentKind, Paper
from app.documents.tables import Document
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.procurement.tables import PurchaseLine
from app.redemptions.tables import Redemption
from app.regions.tables import Division, PartnerRegion
from app.warehouse.tables.stocktakes import (
    Stocktake,
    StocktakeCount,
    StocktakeCountLine,
    StocktakeFinding,
    StocktakeLine,
)
from tests.conftest import MakeStreet
from tests.factories.procurement import approved, buy_and_receive, gift_box_of, purchase_body
from tests.factories.street import Street

Build = Callable[..., Awaitable[Paper]]


@pytest.fixture
def build(database: Database) -> Build:
    """Build a paper in the scope of a street union, and check that it can be written."""

    async def build(here: Street, kind: DocumentKind, **more: Any) -> Paper:
        values: dict[str, Any] = {
            "edition": "full",
            "is_final": False,
            "params": {},
            "requested_at": utc_now(),
        }
        document = Document(id=new_id(), union_id=here.id, kind=kind.value, **(values | more))
        async with database.transaction(one_union(here.id)) as session:
            paper = await BUILDERS[kind](session, document)
        content_of(paper, Identity(here.id, None))
        return paper

    return build


def column(paper: Paper, heading: str) -> list[Any]:
    place = [one.heading for one in paper.tables[0].columns].index(heading)
    return [row[place] for row in paper.tables[0].rows]


async def region(database: Database) -> UUID:
    """Return the partner region of the tests, made once."""
    async with database.transaction(every_union("a test arranges")) as session:
        found = await session.scalar(select(PartnerRegion.id).where(PartnerRegion.division_code == "130722"))
        if found is not None:
            return UUID(str(found))
        for code, name, level, parent in (
            ("130000", "河北省", "province", None),
            ("130700", "张家口市", "prefecture", "130000"),
            ("130722", "张北县", "county", "130700"),
        ):
            if await session.get(Division, code) is None:
                session.add(Division(code=code, name=name, level=level, parent_code=parent))
                await session.flush()
        made = PartnerRegion(
            id=new_id(), division_code="130722", name="张北县", province="河北省", prefecture="张家口市",
            kind="partner",
        )  # fmt: skip
        session.add(made)
        return made.id


async def test_a_receipt_is_printed_with_what_came(
    client: httpx.AsyncClient, street: MakeStreet, build: Build
) -> None:
    here = await street(members=1)
    bought = await buy_and_receive(client, here)
    paper = await build(here, DocumentKind.GOODS_RECEIPT, subject_id=bought.receipt_id)
    assert column(paper, "单号") == [bought.receipt_number]
    assert [column(paper, name) for name in ("应收", "实收", "破损", "短少")] == [
        [2_000],
        [1_950],
        [30],
        [20],
    ]
    assert (column(paper, "单价"), paper.amount_fen) == ([8_800], 1_950 * 8_800)
    assert column(paper, "规格") == ["小米2.5千克×1"]
    assert (column(paper, "批号"), column(paper, "生产日期")) == (["B20261001"], ["2026-10-01"])
    assert (column(paper, "验收人"), column(paper, "保管人")) == (
        ["示例·station_clerk"],
        ["示例·warehouse_keeper"],
    )
    public = await build(here, DocumentKind.GOODS_RECEIPT, subject_id=bought.receipt_id, edition="masked")
    assert column(public, "验收人") == ["示*·*************"]
    for name in ("station_clerk", "warehouse_keeper"):
        assert name not in str(public)
    of_point = await build(here, DocumentKind.GOODS_RECEIPT, pickup_point_id=here.points[0])
    assert of_point.tables == paper.tables
    with pytest.raises(SubjectNotFound):
        await build(here, DocumentKind.GOODS_RECEIPT, subject_id=uuid4())


@pytest.mark.parametrize(("year", "title"), [(2020, "消费扶贫采购统计表"), (2023, "消费帮扶采购统计表")])
async def test_purchases_are_told_in_the_words_of_their_year(
    client: httpx.AsyncClient, database: Database, street: MakeStreet, build: Build, year: int, title: str
) -> None:
    here, place = await street(members=1), await region(database)
    box, on = await gift_box_of(here), {"purchased_on": f"{year}-10-12"}
    aided = await approved(
        client, here, **purchase_body(box, **on, line={"boxes": 30, "region_id": str(place)})
    )
    await approved(client, here, **purchase_body(box, **on, line={"boxes": 70}))
    await approved(client, here, **purchase_body(box, line={"boxes": 5, "region_id": str(place)}))
    days = {"from_on": date(year, 1, 1), "until_on": date(year, 12, 31)}
    paper = await build(here, DocumentKind.AIDED_PURCHASES, **days)
    assert paper.title == title
    assert (column(paper, "数量"), column(paper, "金额"), paper.amount_fen) == ([30], [264_000], 264_000)
    assert (column(paper, "重量(kg)"), column(paper, "地区")) == ([75_000], ["河北省张北县"])
    assert (column(paper, "区划代码"), column(paper, "年月")) == (["130722"], [f"{year}-10"])
    assert paper.facts[-1][1] == "30.0%(2640.00元/8800.00元)"
    raw = await here.read(
        select(PurchaseLine.amount_fen).where(PurchaseLine.purchase_id == UUID(aided["id"]))
    )
    assert [row[0] for row in raw] == [264_000]


async def test_a_stocktake_is_printed_with_what_was_found(
    client: httpx.AsyncClient, database: Database, street: MakeStreet, build: Build
) -> None:
    here = await street(members=1)
    bought = await buy_and_receive(client, here)
    now, id, count = utc_now(), new_id(), new_id()
    async with database.transaction(every_union("a test arranges")) as session:
        session.add(
            Stocktake(
                id=id,
                union_id=here.id,
                number="PD-T-1",
                pickup_point_id=here.points[0],
                status="closed",
                round=1,
                round_began_at=now,
                counter_ids=[here.clerk.id],
                opened_by=here.clerk.id,
                opened_at=now,
                closed_at=now,
                decided_by=here.staff[Role.CHAIR].id,
                decided_at=now,
            )
        )
        await session.flush()
        lot = {"stocktake_id": id, "lot_id": bought.lot_id, "union_id": here.id}
        session.add(StocktakeLine(**lot, book_good=1_950, book_damaged=30))
        session.add(
            StocktakeCount(
                id=count,
                union_id=here.id,
                stocktake_id=id,
                round=1,
                staff_id=here.clerk.id,
                counted_at=now,
                sent_at=now,
            )
        )
        await session.flush()
        session.add(
            StocktakeCountLine(count_id=count, lot_id=bought.lot_id, union_id=here.id, good=1_948, damaged=30)
        )
        session.add(
            StocktakeFinding(
                **lot,
                count_id=count,
                book_good=1_950,
                book_damaged=30,
                counted_good=1_948,
                counted_damaged=30,
                posted_good=-2,
                posted_damaged=0,
            )
        )
    paper = await build(here, DocumentKind.STOCKTAKE, subject_id=id)
    assert [column(paper, name) for name in ("账面完好", "实盘完好", "盈亏", "已调整")] == [
        [1_950],
        [1_948],
        [-2],
        [-2],
    ]
    assert ("盘点人", "示例·station_clerk") in paper.facts
    public = await build(here, DocumentKind.STOCKTAKE, subject_id=id, edition="masked")
    assert "station_clerk" not in str(public)
    other = await street(members=1)
    with pytest.raises(SubjectNotFound):
        await build(other, DocumentKind.STOCKTAKE, subject_id=id)


async def test_a_box_is_priced_by_its_purchase(
    client: httpx.AsyncClient, database: Database, street: MakeStreet, build: Build
) -> None:
    here = await street(members=1)
    bought = await buy_and_receive(client, here, purchase={"line": {"unit_price_fen": 9_900}})
    from app.orders.tables import Order
    from app.stock.rules.ledger import Line, MovementKind
    from tests.factories.ledger import at, handed_over, post

    order_id, event_id, now = new_id(), uuid4(), utc_now()
    async with database.transaction(every_union("a test arranges")) as session:
        session.add(
            Order(
                id=order_id,
                union_id=here.id,
                number="T1",
                campaign_id=here.campaign_id,
                offer_id=here.offers[0],
                pickup_point_id=here.points[0],
                member_id=here.members[0].id,
                unit_id=here.unit_id,
                slot_id=here.slots[0],
                quantity=1,
                collected_count=1,
                status="collected",
                channel="member",
                placed_at=now,
                booked_at=now,
                collected_at=now,
                version=1,
            )
        )
        await session.flush()
        session.add(
            Redemption(
                id=new_id(),
                union_id=here.id,
                event_id=event_id,
                order_id=order_id,
                pickup_point_id=here.points[0],
                staff_id=here.clerk.id,
                result="handed_over",
                quantity=1,
                first_portion=1,
                is_offline=False,
                first_event_id=event_id,
                fingerprint=b"0" * 32,
                answer="{}",
                scanned_at=now,
                received_at=now,
            )
        )
    line = Line(
        lot_id=bought.lot_id, boxes=1, source=at(here.points[0]), target=handed_over(here.points[0]),
        kind=MovementKind.HANDED_OVER, event_id=event_id,
    )  # fmt: skip
    await post(here, line)
    paper = await build(here, DocumentKind.SIGNOFF_SHEET, campaign_id=here.campaign_id)
    assert (column(paper, "单价"), paper.amount_fen, paper.notes) == ([9_900], 9_900, ["单价取自采购单。"])
