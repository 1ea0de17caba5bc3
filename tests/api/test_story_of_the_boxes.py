"""2,000 boxes from the purchase to the papers: through the API, and held against the raw rows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.closing.actions.papers import BUILDERS
from app.documents.actions.press import Press
from app.documents.jobs import render_waiting
from app.orders.jobs import expire_orders
from tests.factories.answers import API
from tests.factories.apps import run_fleet
from tests.factories.clock import Clock
from tests.factories.databases import Scratch, owner_of
from tests.factories.figures import add_viewer, move_below
from tests.factories.raw import RawRows
from tests.factories.sheets import Printed
from tests.factories.story import COLLECT, Story, begin
from tests.factories.street import make_street

LOT: dict[str, Any] = {
    "number": "B20261001", "consigned": 2_000, "received": 1_992, "handed_over": 47, "returned": 330,
    "damaged": 2, "donated": 40, "on_hand": 1_572, "in_transit": 0, "variance": 1,
}  # fmt: skip
"""1,950 whole, 30 damaged and 12 that came late; 8 are still missing."""
TOTAL = {
    "eligible": 60, "collected": 44, "proxy": 0, "open": 0, "given_up": 5, "cancelled": 3, "not_collected": 8,
}  # fmt: skip
SUM, CAPITALS = 47 * 8_800, "人民币肆仟壹佰叁拾陆元整"


@pytest.fixture
async def story(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Story]:
    """A street union with 60 members and a database of its own, in which time is the test's."""
    async with run_fleet(scratch.settings, count=1) as fleet:
        here = await make_street(scratch.database, members=60)
        yield await begin(fleet.clients[0], Clock(monkeypatch), here=here)


@pytest.fixture
async def raw(scratch: Scratch) -> AsyncIterator[RawRows]:
    """The owner's look at the tables."""
    rows = await RawRows.open(owner_of(scratch.settings))
    yield rows
    await rows.close()


@pytest.mark.slow
async def test_the_story_of_2000_boxes(story: Story, raw: RawRows, tmp_path: Path) -> None:
    here, clock = story.here, story.clock
    await story.prepare_goods()
    await story.buy(2_000)
    clock.set(1, "09:00")
    await story.receive(1_950, 30, missing=20)
    await story.transfer(400, damaged=1)
    await story.publish(quota=30)
    clock.set(2, "09:00")
    await story.order()

    clock.set(5, "09:50")
    await hand_over_at_both_points(story)
    clock.set(6, "10:00")
    await story.receive_late(12)
    clock.set(7, "08:00")
    assert await expire_orders(here.database.transaction, now=clock.now()) == 6
    await count_at_both_points(story)
    await story.dispose("return", [(0, "quarantine", 30)], party="示例·坝上合作社")
    await story.dispose("write_off", [(0, "quarantine", 1), (1, "quarantine", 1)])
    await story.dispose("donation", [(0, "pickup_point", 40)], party="示例·敬老院")
    await story.dispose("return", [(1, "pickup_point", 300)], party="示例·坝上合作社")

    await close_the_campaign(story, raw)
    papers = await make_papers(story, tmp_path)
    await check_against_the_raw_rows(story, raw, papers=papers)
    await check_what_anybody_may_ask(story, papers)


async def hand_over_at_both_points(story: Story) -> None:
    """44 members collect: one in two parts, one a part only, one twice after an undo, one swaps a box."""
    for place in COLLECT:
        answer = await story.scan(place, 1 if place in {0, 6} else None)
        assert (answer["result"], answer["reason"]) == ("handed_over", None)
    assert (await story.scan(0))["order"]["remaining_quantity"] == 0
    assert (await story.change(3, "undo", "示例·递错了人"))["order"]["status"] == "booked"
    assert (await story.scan(3))["result"] == "handed_over"
    assert (await story.scan(3))["reason"] == "already_collected"
    assert (await story.change(4, "swap", "示例·盒子破损"))["kind"] == "swap"


async def count_at_both_points(story: Story) -> None:
    """At the first point the counts differ, the recount finds one box short; at the second all is there."""
    clerk, keeper, officer = story.here.clerk, story.keeper, story.here.officer
    found = await story.take_stock(0, [(clerk, 1_537, 31), (keeper, 1_536, 31)])
    assert (found["status"], found["round"], found["findings"]) == ("counting", 2, [])
    path = f"POST /stock/stocktakes/{found['id']}"
    sheet = {"lines": [{"lot_id": story.lot_id, "good": 1_536, "damaged": 31}]}
    found = await story.ask(clerk, f"{path}/counts", sheet, status=201)
    assert (found["status"], found["short"], found["over"]) == ("to_approve", 1, 0)
    approval = {"short": 1, "over": 0, "reason": "示例·已核对"}
    assert (await story.ask(story.chair, f"{path}/approve", approval))["status"] == "closed"
    found = await story.take_stock(1, [(officer, 376, 1), (clerk, 376, 1)])
    assert (found["status"], found["short"], found["over"]) == ("closed", 0, 0)


async def close_the_campaign(story: Story, raw: RawRows) -> None:
    """An altered row stands in the way by its person's name; put right, the chair seals."""
    officer, chair = story.here.officer, story.chair
    path = f"/campaigns/{story.campaign_id}/closing"
    assert (await story.get(officer, path))["blockers"] == []
    order, event = f"id = '{story.orders[9]['id']}'", f"event_id = '{story.events[9]}'"
    expire = f"UPDATE orders SET status = 'expired', collected_count = 0, collected_at = NULL WHERE {order}"
    async with raw.altered("orders", order, expire):
        await refuse(story, f"POST {path}", by_name=9)
    prepared = await story.ask(officer, f"POST {path}", {"note": "示例·账实相符"}, status=201)
    assert {name: prepared["total"][name] for name in TOTAL} == TOTAL
    for table, where, change in (
        ("orders", order, expire),
        ("redemptions", event, f"UPDATE redemptions SET quantity = 2 WHERE {event}"),
        ("stock_movements", event, f"DELETE FROM stock_movements WHERE {event}"),
    ):
        async with raw.altered(table, where, change):
            await refuse(story, f"POST {path}/seal", by_name=9)

    await story.ask(officer, f"POST {path}/seal", status=403)
    sealed = await story.ask(chair, f"POST {path}/seal")
    assert (sealed["status"], sealed["hand_overs"], sealed["boxes"]) == ("sealed", 45, 47)
    late = await story.change(9, "undo", "示例·想退", status=409)
    assert late["code"] == "campaigns.sealed"
    kept = await raw.rows("SELECT undone_at FROM redemptions WHERE event_id = $1", UUID(story.events[9]))
    assert kept == [{"undone_at": None}]


async def refuse(story: Story, request: str, *, by_name: int) -> None:
    """Preparing and sealing are refused; the list names the person, in full only with a reason."""
    who = story.chair if request.endswith("/seal") else story.here.officer
    name = story.here.members[by_name].name
    masked = name[0] + "*" * (len(name) - 2) + name[-1]
    problem = await story.ask(who, request, {} if who is story.here.officer else None, status=409)
    assert problem["code"] == "closing.blocked"
    assert masked in {one["member_name_masked"] for one in problem["blockers"]}
    assert name not in str(problem)
    path = f"/campaigns/{story.campaign_id}/closing/blockers"
    hidden = (await story.get(who, path))["items"]
    assert masked in {one["subject"]["member_name_masked"] for one in hidden}
    assert name not in str(hidden)
    named = (await story.get(who, f"{path}?reason=audit"))["items"]
    assert name in {one["subject"]["member_name"] for one in named}
    assert (await story.get(who, f"/campaigns/{story.campaign_id}"))["status"] != "sealed"


async def make_papers(story: Story, folder: Path) -> dict[str, dict[str, Any]]:
    """The seal asked for the final papers, the officer asks for others; the worker's job makes them."""
    wanted: list[dict[str, Any]] = [
        {"kind": "goods_receipt", "subject_id": story.receipt["id"], "is_final": True},
        {"kind": "stocktake", "subject_id": story.stocktakes[0]["id"], "is_final": True},
        {"kind": "goods_issue", "campaign_id": story.campaign_id, "is_final": True},
        {"kind": "aided_purchases", "from_on": story.clock.on(0), "until_on": story.clock.on(7)},
    ] + [
        {"kind": "signoff_sheet", "campaign_id": story.campaign_id, "unit_id": str(unit)}
        for unit in story.units
    ]
    for body in wanted:
        asked = {"edition": "full", "reason": "audit"} | body
        await story.ask(story.here.officer, "POST /documents", asked, status=202)
    press = Press(folder, "https://gl.test/verify")
    assert await render_waiting(story.here.database, BUILDERS, press=press) == 10 + len(wanted)
    listed = (await story.get(story.here.officer, "/documents?limit=50"))["items"]
    assert {one["status"] for one in listed} == {"ready"}
    return {one["id"]: one for one in listed}


async def check_against_the_raw_rows(
    story: Story, raw: RawRows, *, papers: dict[str, dict[str, Any]]
) -> None:
    """Every total of every paper is what the rows come to, counted by statements of the test's own."""
    union_id, campaign_id = story.here.id, UUID(story.campaign_id)
    assert await raw.lots(union_id) == [LOT]
    assert LOT["received"] == sum(LOT[name] for name in list(LOT)[3:])
    whole = (45, 47, SUM)
    assert await raw.sheet(campaign_id) == whole
    sheets = 0
    for one in papers.values():
        paper = await story.read(one["id"])
        if one["kind"] == "signoff_sheet":
            ids = {
                f"{name}_id": one[f"{key}_id"] for name, key in (("point", "pickup_point"), ("unit", "unit"))
            }
            given = {name: UUID(id) if id else None for name, id in ids.items()}
            check_sheet(one, paper, expected=await raw.sheet(campaign_id, **given))
            sheets += 1
    assert sheets == 2 * 3 + 3
    parts = [await raw.sheet(campaign_id, point_id=UUID(point)) for point in story.points]
    assert tuple(map(sum, zip(*parts, strict=True))) == whole
    await check_the_other_papers(story, raw, papers=papers)


def check_sheet(one: dict[str, Any], paper: Printed, *, expected: tuple[int, int, int]) -> None:
    """A sign-off sheet: lines, boxes, money in figures and in capitals, in the workbook and on the pages."""
    rows, boxes, fen = expected
    lines, sums = paper.table("领取方式"), paper.sums("领取方式")
    assert (len(lines), one["row_count"], one["amount_fen"]) == (rows, rows, fen)
    assert (sum(line["数量"] for line in lines), sums["数量"]) == (boxes, boxes)
    assert round(100 * sum(line["金额"] for line in lines)) == round(100 * sums["金额"]) == fen
    figures = f"¥ {fen // 100:,}.{fen % 100:02}"
    text = "".join(paper.pages).replace("\n", "")
    assert figures in paper.words
    assert figures.replace(" ", "") in text.replace(" ", "")
    if fen == SUM:
        assert CAPITALS in paper.words
        assert CAPITALS in text
    if one["is_final"]:
        assert one["number"] in text
        assert one["content_hash"] in paper.words
    is_masked = one["edition"] == "masked"
    assert all(("*" in line["姓名"]) is is_masked for line in lines)
    assert ("会员号" in sums) is not is_masked


async def check_the_other_papers(story: Story, raw: RawRows, *, papers: dict[str, dict[str, Any]]) -> None:
    """入库单, 盘点表, 出库单, 未领取处置单, 采购统计表 and 活动小结."""

    async def only(kind: str, edition: str = "full") -> tuple[dict[str, Any], Printed]:
        (one,) = (one for one in papers.values() if (one["kind"], one["edition"]) == (kind, edition))
        return one, await story.read(one["id"])

    receipt, paper = await only("goods_receipt")
    (line,) = paper.table("实收")
    assert [line[name] for name in ("应收", "实收", "破损", "短少", "金额")] == [
        2_000,
        1_950,
        30,
        20,
        171_600,
    ]
    (row,) = await raw.rows("SELECT good, damaged, missing FROM receipt_lines WHERE receipt_id = $1",
                            UUID(story.receipt["id"]))  # fmt: skip
    assert (row, receipt["amount_fen"]) == ({"good": 1_950, "damaged": 30, "missing": 20}, 1_950 * 8_800)
    _, paper = await only("stocktake")
    (line,) = paper.table("盈亏")
    assert [line[name] for name in ("账面完好", "实盘完好", "实盘隔离", "盈亏")] == [1_537, 1_536, 31, -1]
    _, paper = await only("goods_issue")
    assert [paper.sums("实发")[name] for name in ("数量", "退回", "实发")] == [49, 2, 47]
    _, paper = await only("uncollected")
    assert paper.sums("未领数量")["未领数量"] == 6
    assert [row["份数"] for row in paper.table("处置单号")] == [30, 1, 1, 40, 300]
    bought, paper = await only("aided_purchases")
    assert (bought["amount_fen"], paper.sums("认定编号")["数量"]) == (17_600_000, 2_000)
    _, paper = await only("campaign_summary")
    units = await raw.units(story.here.id, UUID(story.campaign_id))
    words = {"应享人数": "eligible", "本人领取": "collected", "逾期放弃": "given_up", "已取消": "cancelled",
             "未领取": "not_collected"}  # fmt: skip
    shown = [{key: row[name] for name, key in words.items()} for row in paper.table("应享人数")]
    expected = [{key: row[key] for key in words.values()} for row in units]
    assert sorted(shown, key=str) == sorted(expected, key=str)
    assert {key: sum(row[key] for row in units) for key in words.values()}.items() <= TOTAL.items()
    flows = {"收到": "received", "发放": "handed_over", "退回": "returned", "损坏": "damaged",
             "捐赠": "donated", "在库": "on_hand", "差异": "variance"}  # fmt: skip
    (known,) = [row for row in paper.table("在途") if row["批号"] == LOT["number"]]
    assert {key: known[name] for name, key in flows.items()}.items() <= LOT.items()


async def check_what_anybody_may_ask(story: Story, papers: dict[str, dict[str, Any]]) -> None:
    """Papers are confirmed with their hash only; the lot's card opens; the district sees the spending."""
    client, nobody = story.client, {"Accept-Language": "zh-CN"}
    for one in papers.values():
        wrong = "0" * 64 if one["content_hash"][0] != "0" else "1" * 64
        for digits, status in ((one["content_hash"], "genuine"), (wrong, "unknown")):
            asked = {"number": one["number"] or "QL-2026-9999", "hash": digits}
            found = (await client.get(f"{API}/verify", params=asked, headers=nobody)).json()
            assert found["status"] == (status if one["is_final"] else "unknown")
    card = await story.get(story.keeper, f"/lots/{story.lot_id}/origin")
    for place, was_handed_over in ((4, True), (48, False)):
        path = f"/orders/{story.orders[place]['id']}/origin"
        found = await story.get(story.here.members[place], path)
        cards = [{"reference": card["reference"], "path": f"/o/{card['reference']}"}]
        assert (found["is_handed_over"], found["cards"]) == (
            was_handed_over,
            cards if was_handed_over else [],
        )
    opened = await client.get(f"{API}/origin/{card['reference']}", headers=nobody)
    assert opened.status_code == 200
    assert (opened.json()["lot_number"], opened.json()["gift_box"]) == (LOT["number"], "示例·坝上杂粮礼盒")
    assert story.here.members[9].name not in opened.text
    viewer = await add_viewer(story.here, await move_below(story.here))
    figures = await story.get(viewer, f"/figures/spending?by=region&year={story.clock.on(0)[:4]}")
    assert [(row["label"], row["amount_fen"], row["boxes"]) for row in figures["items"]] == [
        ("示例县", 17_600_000, 2_000)
    ]
    assert figures["total"]["amount_fen"] == 17_600_000
