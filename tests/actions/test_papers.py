"""Papers say what the rows say: sums, editions, and what came after a seal."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from app.access.policy import Role
from app.access.scope import every_union, one_union
from app.campaigns.tables import Campaign
from app.closing.actions import close
from app.closing.actions.papers import BUILDERS
from app.closing.jobs import forget_papers
from app.closing.tables import Closing
from app.documents import jobs
from app.documents.jobs import render_waiting
from app.documents.rules.content import Identity, content_of
from app.documents.rules.paper import DocumentKind, Paper
from app.documents.rules.printing import heading_of
from app.documents.tables import Document
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.ids import new_id
from app.platform.settings import Settings
from app.redemptions.tables import Redemption, RedemptionChange, RedemptionConflict
from app.reports.rules.signoff import OTHER_UNITS
from app.stock.rules.ledger import Account, AccountKind, Line, MovementKind
from app.unions.tables import Union
from tests.factories.answers import API, refused
from tests.factories.closing import Ended, end_campaign
from tests.factories.databases import owner_of
from tests.factories.ledger import at, post


@pytest.fixture
async def ended(database: Database, settings: Settings) -> Ended:
    """A campaign that has ended and adds up."""
    return await end_campaign(database, owner_url=owner_of(settings))


def wanted(ended: Ended, kind: DocumentKind, **more: Any) -> Document:
    values: dict[str, Any] = {
        "edition": "full", "campaign_id": ended.here.campaign_id, "is_final": False, "params": {},
        "reason": "audit", "status": "queued", "requested_at": utc_now(), "supplement_to": None,
        "pickup_point_id": None, "unit_id": None, "subject_id": None, "from_on": None, "until_on": None,
    }  # fmt: skip
    return Document(id=new_id(), union_id=ended.here.id, kind=kind.value, **(values | more))


async def built(database: Database, ended: Ended, kind: DocumentKind, **more: Any) -> Paper:
    async with database.transaction(one_union(ended.here.id)) as session:
        paper = await BUILDERS[kind](session, wanted(ended, kind, **more))
    content_of(paper, Identity(ended.here.id, None))
    return paper


def column(paper: Paper, heading: str, table: int = 0) -> list[Any]:
    place = [one.heading for one in paper.tables[table].columns].index(heading)
    return [row[place] for row in paper.tables[table].rows]


async def test_a_sheet_adds_up_to_the_raw_rows(database: Database, ended: Ended) -> None:
    paper = await built(database, ended, DocumentKind.SIGNOFF_SHEET)
    raw = await ended.here.read(
        select(func.count(), func.sum(Redemption.quantity)).where(
            Redemption.union_id == ended.here.id, Redemption.result == "handed_over"
        )
    )
    assert (paper.row_count, sum(column(paper, "数量"))) == tuple(raw[0]) == (44, 44)
    assert paper.amount_fen == sum(column(paper, "金额")) == 44 * 8_800
    assert column(paper, "序号") == list(range(1, 45))
    names = await ended.here.read(select(Union.name, Union.code).where(Union.id.in_(ended.units)))
    in_order = [row.name for row in sorted(names, key=lambda row: row.code)]
    units = column(paper, "所在工会")
    assert list(dict.fromkeys(units)) == [name for name in in_order if name in units]
    assert set(column(paper, "姓名")) == {ended.here.members[place].name for place in (*range(42), 55)}
    assert column(paper, "备注").count("分次领取") == 2
    assert paper.notes == ["单价取自采购单;没有采购记录的批次按礼盒目录价计(44行)。"]


async def test_sheets_of_points_and_units_add_up_to_the_whole(database: Database, ended: Ended) -> None:
    for name, ids in (("pickup_point_id", ended.here.points), ("unit_id", ended.units)):
        parts = [await built(database, ended, DocumentKind.SIGNOFF_SHEET, **{name: id}) for id in ids]
        assert sum(part.row_count for part in parts) == 44
        assert sum(part.amount_fen or 0 for part in parts) == 44 * 8_800
    day = (ended.day + timedelta(hours=8)).date()
    none = await built(database, ended, DocumentKind.SIGNOFF_SHEET, until_on=day - timedelta(days=1))
    assert none.row_count == 0


async def test_what_is_undone_is_not_on_the_sheet_and_a_swap_is_noted(
    database: Database, ended: Ended
) -> None:
    here, order, other = ended.here, ended.orders[3], ended.orders[4]
    await ended.owner(f"UPDATE redemptions SET undone_at = now() WHERE event_id = '{ended.events[order]}'")
    await ended.owner(
        "UPDATE redemptions SET is_offline = true, override_reason = '电话核实', waived_reason = 'too_late'"
        f" WHERE event_id = '{ended.events[other]}'"
    )
    async with database.transaction(every_union("a test arranges")) as session:
        session.add(
            RedemptionChange(
                id=new_id(),
                union_id=here.id,
                kind="swap",
                event_id=uuid4(),
                of_event_id=ended.events[other],
                order_id=other,
                pickup_point_id=here.points[0],
                staff_id=here.clerk.id,
                quantity=1,
                reason="破损",
                fingerprint=b"0" * 32,
                answer="{}",
                at=utc_now(),
            )
        )
    paper = await built(database, ended, DocumentKind.SIGNOFF_SHEET)
    assert paper.row_count == 43
    assert here.members[3].name not in column(paper, "姓名")
    place = column(paper, "姓名").index(here.members[4].name)
    assert column(paper, "备注")[place] == "换货1份;超时领取:电话核实;离线补录"
    masked = await built(database, ended, DocumentKind.SIGNOFF_SHEET, edition="masked")
    assert "换货1份;超时领取;离线补录" in column(masked, "备注")


async def test_the_notice_board_names_nobody(database: Database, ended: Ended) -> None:
    for kind in (DocumentKind.SIGNOFF_SHEET, DocumentKind.UNCOLLECTED):
        paper = await built(database, ended, kind, edition="masked")
        text = str(content_of(paper, Identity(ended.here.id, None)))
        for who in ended.here.members:
            assert who.name not in text
        for hidden in ("1380000", "0017", "T0000", "****"):
            assert hidden not in text
        assert set(column(paper, "姓名")) <= {"示**", "示***"}


async def test_a_notice_board_names_no_small_unit(
    database: Database, client: httpx.AsyncClient, ended: Ended
) -> None:
    here, sheet = ended.here, DocumentKind.SIGNOFF_SHEET
    names = {row[0]: row[1] for row in await here.read(select(Union.id, Union.name))}
    first, second, small = (names[id] for id in ended.units)

    paper = await built(database, ended, sheet, edition="masked", unit_id=ended.units[2])
    assert heading_of(content_of(paper, Identity(here.id, None))).count("公示版") == 1
    assert (paper.row_count, small in str(content_of(paper, Identity(here.id, None)))) == (1, False)
    # One line of 1 unit that is not named could be told by the names of all others.
    whole = await built(database, ended, sheet, edition="masked")
    assert Counter(column(whole, "所在工会")) == {first: 31, OTHER_UNITS: 13}

    await ended.owner(
        f"UPDATE orders SET unit_id = '{ended.units[1]}' WHERE id IN"
        f" (SELECT id FROM orders WHERE unit_id = '{ended.units[2]}' AND status <> 'cancelled')"
    )
    await seal(client, ended)
    summary, final = DocumentKind.CAMPAIGN_SUMMARY, {"is_final": True, "number": "XJG-2020-0001"}
    full = await built(database, ended, summary, **final)
    assert set(column(full, "所在工会")) == {first, second, small}
    masked = await built(database, ended, summary, edition="masked", **final)
    for table in (0, len(masked.tables) - 1):
        shown = column(masked, "所在工会", table)
        assert (small in shown) == (table > 0)
    assert sum(column(masked, "领取人数")) == sum(column(full, "领取人数")) == 43


async def test_a_summary_agrees_with_its_own_identity(
    database: Database, client: httpx.AsyncClient, ended: Ended
) -> None:
    await seal(client, ended)
    paper = await built(database, ended, DocumentKind.CAMPAIGN_SUMMARY, is_final=True, number="XJ-2020-0001")
    assert sum(column(paper, "逾期未领")) == sum(column(paper, "逾期放弃", len(paper.tables) - 1)) == 8
    assert "逾期未领8单" in paper.notes[0]


async def test_a_summary_says_of_the_lots_what_was_sealed(
    database: Database, client: httpx.AsyncClient, ended: Ended
) -> None:
    """However late it is made; what became of the boxes since is for a supplement."""
    here, summary = ended.here, DocumentKind.CAMPAIGN_SUMMARY
    final: dict[str, Any] = {"is_final": True, "number": "XJ-2020-0001"}
    await seal(client, ended)
    source, target = at(here.points[0]), Account(AccountKind.RETURNED)
    await post(
        here, Line(lot_id=ended.lots[0], boxes=6, source=source, target=target, kind=MovementKind.RETURNED)
    )
    paper = await built(database, ended, summary, **final)
    assert [column(paper, name, 1) for name in ("退回", "在库")] == [[2, 0], [16, 18]]
    assert "现存34份" in paper.notes[0]
    later = await built(database, ended, summary, **final, supplement_to=new_id())
    assert [column(later, name, 1) for name in ("退回", "在库")] == [[8, 0], [10, 18]]


async def test_boxes_that_were_given_up_twice_are_all_listed(database: Database, ended: Ended) -> None:
    """Of 2 boxes 1 was collected, the rest given up; the hand-over is taken back and the order runs out."""
    order = ended.orders[40]
    await ended.owner(
        f"UPDATE orders SET status = 'expired', collected_count = 0, collected_at = NULL WHERE id = '{order}'"
    )
    paper = await built(database, ended, DocumentKind.UNCOLLECTED)
    place = column(paper, "姓名").index(ended.here.members[40].name)
    assert column(paper, "未领数量")[place] == 2


async def test_no_paper_is_asked_for_that_cannot_be_made(
    database: Database, client: httpx.AsyncClient, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sheet of all that is too long would fail for good, and every supplement with it."""
    for module in (close, jobs):
        monkeypatch.setattr(module, "MOST_ROWS", 43)
    await seal(client, ended)
    await render_waiting(database, BUILDERS)
    rows = await ended.here.read(select(Document).where(Document.campaign_id == ended.here.campaign_id))
    assert {row[0].status for row in rows} == {"ready"}
    sheets = [row[0] for row in rows if (row[0].kind, row[0].edition) == ("signoff_sheet", "full")]
    assert {one.pickup_point_id for one in sheets} == set(ended.here.points)
    assert sum(one.row_count or 0 for one in sheets) == 44
    await late_report(database, ended, place=44)
    path = f"{API}/campaigns/{ended.here.campaign_id}/closing/supplements"
    assert (await client.post(path, headers=ended.here.officer.headers("new"))).status_code == 201


async def test_who_did_not_collect_is_listed(database: Database, ended: Ended) -> None:
    paper = await built(database, ended, DocumentKind.UNCOLLECTED)
    assert sum(column(paper, "未领数量")) == 10
    assert (column(paper, "情形").count("逾期未领"), column(paper, "情形").count("部分未领")) == (8, 2)
    assert paper.amount_fen == 10 * 8_800


async def test_what_went_to_the_table_is_what_was_handed_over(database: Database, ended: Ended) -> None:
    whole = await built(database, ended, DocumentKind.GOODS_ISSUE)
    assert (sum(column(whole, "数量")), sum(column(whole, "退回")), sum(column(whole, "实发"))) == (44, 0, 44)
    point = await built(database, ended, DocumentKind.GOODS_ISSUE, pickup_point_id=ended.here.points[0])
    assert (sum(column(point, "实发")), set(column(point, "批号"))) == (22, {"L1"})


async def test_a_summary_has_the_figures_and_short_words(database: Database, ended: Ended) -> None:
    paper = await built(database, ended, DocumentKind.CAMPAIGN_SUMMARY)
    assert (sum(column(paper, "领取人数")), sum(column(paper, "领取份数")), sum(column(paper, "订单"))) == (
        43,
        44,
        57,
    )
    assert (column(paper, "收到", 1), column(paper, "发放", 1)) == ([40, 40], [22, 22])
    assert len(paper.notes[0]) <= 500
    assert "43人领取44份" in paper.notes[0]


async def test_a_paper_of_two_thousand_lines_takes_a_fixed_number_of_statements(
    database: Database, ended: Ended
) -> None:
    from sqlalchemy import event

    sent: list[str] = []
    engine = database.engine.sync_engine

    def count(*given: Any) -> None:
        sent.append(given[2])

    event.listen(engine, "before_cursor_execute", count)
    try:
        await built(database, ended, DocumentKind.SIGNOFF_SHEET)
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert len(sent) <= 12


async def seal(client: httpx.AsyncClient, ended: Ended) -> None:
    here = ended.here
    path = f"{API}/campaigns/{here.campaign_id}/closing"
    prepared = await client.post(path, json={}, headers=here.officer.headers("new"))
    assert prepared.status_code == 201, prepared.text
    sealed = await client.post(f"{path}/seal", headers=here.staff[Role.CHAIR].headers("new"))
    assert sealed.status_code == 200, sealed.text


async def test_what_comes_later_is_on_a_supplement_only(
    client: httpx.AsyncClient, database: Database, ended: Ended
) -> None:
    here, path = ended.here, f"{API}/campaigns/{ended.here.campaign_id}/closing/supplements"
    refused(await client.post(path, headers=here.officer.headers("new")), 409, "closing.not_sealed")
    await seal(client, ended)
    refused(await client.post(path, headers=here.officer.headers("new")), 409, "closing.nothing_later")
    event_id = await late_report(database, ended, place=44)
    refused(await client.post(path, headers=here.officer.headers("new")), 409, "closing.papers_under_way")
    await render_waiting(database, BUILDERS)
    rows = await here.read(select(Document).where(Document.campaign_id == here.campaign_id))
    assert {row[0].status for row in rows} == {"ready"}, [(row[0].kind, row[0].failure) for row in rows]
    sheets = {
        (row[0].pickup_point_id, row[0].edition): row[0] for row in rows if row[0].kind == "signoff_sheet"
    }
    assert (sheets[None, "full"].row_count, sheets[None, "full"].amount_fen) == (44, 44 * 8_800)
    made = await client.post(path, headers=here.officer.headers("new"))
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["hand_overs"] == 1
    assert sorted((one["pickup_point_id"] or "", one["edition"]) for one in body["documents"]) == sorted(
        (point, edition) for point in ("", str(here.points[0])) for edition in ("full", "masked")
    )
    assert all(one["number"].endswith("-B1") for one in body["documents"])
    refused(await client.post(path, headers=here.officer.headers("new")), 409, "closing.nothing_later")
    (whole,) = [d for d in body["documents"] if d["pickup_point_id"] is None and d["edition"] == "full"]
    async with database.transaction(one_union(here.id)) as session:
        asked = await session.get_one(Document, UUID(whole["id"]))
        paper = await BUILDERS[DocumentKind.SIGNOFF_SHEET](session, asked)
        first = await session.get_one(Document, sheets[None, "full"].id)
        again = await BUILDERS[DocumentKind.SIGNOFF_SHEET](session, first)
    assert (paper.title, column(paper, "姓名")) == ("慰问品发放签领表(补充)", [here.members[44].name])
    assert column(paper, "备注") == ["设备补报,待核实;离线补录"]
    assert again.row_count == 44
    assert event_id


async def late_report(database: Database, ended: Ended, *, place: int) -> UUID:
    """A device reports, after the seal, that it handed an expired order over."""
    here, event_id, now = ended.here, uuid4(), utc_now()
    async with database.transaction(every_union("a test arranges")) as session:
        session.add(
            Redemption(
                id=new_id(),
                union_id=here.id,
                event_id=event_id,
                order_id=ended.orders[place],
                pickup_point_id=here.points[place % 2],
                staff_id=here.clerk.id,
                result="refused",
                reason="expired",
                is_offline=True,
                fingerprint=b"0" * 32,
                answer="{}",
                scanned_at=ended.day,
                received_at=now,
            )
        )
        await session.flush()
        session.add(
            RedemptionConflict(
                id=new_id(),
                union_id=here.id,
                order_id=ended.orders[place],
                first_event_id=None,
                second_event_id=event_id,
                reason="expired",
                status="open",
                noticed_at=now,
            )
        )
    return event_id


async def test_retention_takes_the_files_and_leaves_the_figures(
    client: httpx.AsyncClient, database: Database, ended: Ended
) -> None:
    await seal(client, ended)
    await render_waiting(database, BUILDERS)
    here = ended.here
    before = await here.read(select(Closing.figures).where(Closing.campaign_id == here.campaign_id))
    status = select(Document.status).where(Document.campaign_id == here.campaign_id)
    # Other campaigns of the test run may be over too: theirs go now.
    await forget_papers(database.transaction, now=utc_now())
    assert [row[0] for row in await here.read(status)] == ["ready"] * 10
    await here.set(Campaign, here.campaign_id, personal_data_ended_at=utc_now())
    assert await forget_papers(database.transaction, now=utc_now()) == 10
    assert await forget_papers(database.transaction, now=utc_now()) == 0
    assert [row[0] for row in await here.read(status)] == ["forgotten"] * 10
    assert await here.read(select(Closing.figures).where(Closing.campaign_id == here.campaign_id)) == before


async def test_a_preparation_forgets_people_with_the_campaign(
    client: httpx.AsyncClient, database: Database, ended: Ended
) -> None:
    here = ended.here
    path = f"{API}/campaigns/{here.campaign_id}/closing"
    await client.post(path, json={}, headers=here.officer.headers("new"))
    await here.set(Campaign, here.campaign_id, personal_data_ended_at=utc_now())
    await forget_papers(database.transaction, now=utc_now())
    rows = await here.read(select(Closing.status, Closing.people).where(Closing.union_id == here.id))
    assert [tuple(row) for row in rows] == [("withdrawn", None)]
