"""The words of 活动小结: 500 characters at most, and no more than the figures say (never 带动多少人脱贫)."""

from dataclasses import dataclass
from datetime import date

from app.reports.rules.goods_papers import share_text, yuan

MOST_CHARACTERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFacts:
    """What a summary tells: members and boxes, money in fen, the region's name in the words of its year."""

    title: str
    pickup_from: date
    pickup_until: date
    units: int
    orders: int
    collected: int
    boxes: int
    expired: int
    cancelled: int
    received: int
    on_hand: int
    spent_fen: int
    aided_fen: int
    region: str


def summary_text(facts: SummaryFacts) -> str:
    """Return the text; a long title is cut, nothing else can make it too long."""
    title = facts.title if len(facts.title) <= 60 else facts.title[:59] + "…"
    days = f"{_day(facts.pickup_from)}至{_day(facts.pickup_until)}"
    text = (
        f"“{title}”于{days}组织领取,{facts.units}个单位的会员共预订{facts.orders}单,"
        f"{facts.collected}人领取{facts.boxes}份,逾期未领{facts.expired}单,取消{facts.cancelled}单。"
        f"物资收到{facts.received}份,现存{facts.on_hand}份,逐批收发见附表。"
    )
    if facts.spent_fen:
        text += (
            f"采购金额{yuan(facts.spent_fen)},其中{facts.region}占"
            f"{share_text(facts.aided_fen, facts.spent_fen)}。"
        )
    return text[:MOST_CHARACTERS]


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
