"""Sheets as rules: order, sums, and what a notice board never shows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.documents.rules.content import Identity, content_of
from app.documents.rules.paper import Edition
from app.reports.rules.goods_papers import share_text, yuan
from app.reports.rules.signoff import SheetHead, SheetLine, sheet_of, weight_text
from app.reports.rules.summary import MOST_CHARACTERS, SummaryFacts, summary_text

BIG, SMALL, NEXT = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)


def line(place: int, **more: Any) -> SheetLine:
    values: dict[str, Any] = {
        "event_id": uuid4(), "unit_id": BIG, "unit": "大单位", "unit_rank": "A", "name": "欧阳静怡",
        "number": f"M{place:04}", "id_last4": "002X", "mobile": "13812348000", "item": "杂粮礼盒",
        "contents": "小米2.5千克×1", "measure": "份", "quantity": 1, "amount_fen": 8_800,
        "at": NOON + timedelta(minutes=place), "clerk": "示例·核销员", "remarks": ("超时领取:电话确认",),
        "public_remarks": ("超时领取",),
    }  # fmt: skip
    return SheetLine(**(values | more))


def head(edition: Edition) -> SheetHead:
    return SheetHead(union_name="示例街道总工会", on=date(2026, 10, 20), edition=edition)


def test_a_sheet_has_the_columns_of_the_trade() -> None:
    (table,) = sheet_of([line(1)], head(Edition.FULL)).tables
    assert [column.heading for column in table.columns] == [
        "序号", "所在工会", "姓名", "会员号", "证件后四位", "手机(脱敏)", "物品名称", "规格", "单位", "数量",
        "单价", "金额", "领取时间", "领取方式", "领取人签字", "代领人及证件后四位", "核销员", "备注",
    ]  # fmt: skip
    assert table.rows == [
        [
            1, "大单位", "欧阳静怡", "M0001", "002X", "138****8000", "杂粮礼盒", "小米2.5千克×1", "份", 1,
            8_800, 8_800, "2026-10-12 12:01", "本人", None, None, "示例·核销员", "超时领取:电话确认",
        ]
    ]  # fmt: skip


def test_lines_stand_by_unit_then_by_time_and_are_summed() -> None:
    lines = [line(3), line(1), line(2, unit_id=SMALL, unit="小单位", unit_rank="0", amount_fen=9_000)]
    paper = sheet_of(lines, head(Edition.FULL))
    assert [row[3] for row in paper.tables[0].rows] == ["M0002", "M0001", "M0003"]
    assert (paper.amount_fen, paper.row_count) == (26_600, 3)
    content_of(paper, Identity(uuid4(), None))


def test_a_notice_board_shows_no_numbers_and_no_small_unit() -> None:
    lines = [line(place) for place in range(6)]
    lines += [line(place, unit_id=NEXT, unit="次大单位", unit_rank="B") for place in range(6, 11)]
    lines += [line(11, unit_id=SMALL, unit="小单位", unit_rank="0")]
    paper = sheet_of(lines, head(Edition.MASKED))
    text = str(content_of(paper, Identity(uuid4(), None)))
    for hidden in ("静怡", "138", "8000", "002X", "M000", "小单位", "次大单位", "核销员", "电话确认", "12:0"):
        assert hidden not in text
    rows = paper.tables[0].rows
    assert [row[1] for row in rows] == ["大单位"] * 6 + ["其他单位"] * 6
    assert {row[2] for row in rows} == {"欧***"}
    assert (paper.amount_fen, paper.signatures) == (105_600, ())


@pytest.mark.parametrize(("count", "shown"), [(4, "其他单位"), (5, "大单位")])
def test_a_unit_is_named_from_five_lines_on(count: int, shown: str) -> None:
    paper = sheet_of([line(place) for place in range(count)], head(Edition.MASKED))
    assert {row[1] for row in paper.tables[0].rows} == {shown}


def test_boxes_of_different_prices_have_an_amount_and_no_price() -> None:
    (table,) = sheet_of([line(1, quantity=2, amount_fen=17_601)], head(Edition.FULL)).tables
    assert table.rows[0][9:12] == [2, None, 17_601]


@pytest.mark.parametrize(
    ("grams", "text"), [(500, "500克"), (1_000, "1千克"), (2_500, "2.5千克"), (10_050, "10.05千克")]
)
def test_weights_are_in_legal_units(grams: int, text: str) -> None:
    assert weight_text(grams) == text


def test_a_share_shows_both_sides() -> None:
    assert share_text(35_200, 100_000) == "35.2%(352.00元/1000.00元)"
    assert share_text(0, 0) == "—(0.00元/0.00元)"
    assert yuan(-5) == "-0.05元"


def test_a_summary_is_short_and_says_no_more_than_the_figures() -> None:
    facts = SummaryFacts(
        title="很长的名字" * 40, pickup_from=date(2026, 10, 1), pickup_until=date(2026, 10, 8), units=3,
        orders=57, collected=43, boxes=44, expired=10, cancelled=4, received=80, on_hand=34,
        spent_fen=704_000, aided_fen=352_000, region="帮扶地区",
    )  # fmt: skip
    text = summary_text(facts)
    assert len(text) <= MOST_CHARACTERS
    assert "43人领取44份" in text
    assert "50.0%(3520.00元/7040.00元)" in text
    assert "脱贫" not in text
