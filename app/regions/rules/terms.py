"""What helping partner regions is called: the words of the year, never those of today on yesterday's papers.

Sources: until 2020 the campaign was 脱贫攻坚 and the purchases 消费扶贫 (国办发〔2018〕129号); the counties
were lifted by the end of 2020, and in the five years of transition one said 消费帮扶 and 脱贫地区
(中发〔2020〕30号, 发改振兴〔2021〕640号); with 2025 the transition ended, and the words are the neutral ones:
帮扶地区, 欠发达地区. No goods are ever called 专供 of poor people.
"""

from dataclasses import dataclass

LAST_YEAR_OF_RELIEF = 2020
LAST_YEAR_OF_TRANSITION = 2025


@dataclass(frozen=True, slots=True)
class Terms:
    """The words for one year, in Chinese: for papers, tables and pages."""

    aided_purchase: str
    """Buying from partner regions."""
    region: str
    """A region that is supported."""
    product: str
    """Goods that come from there."""
    ratio: str
    """The share of such purchases in all of them."""
    statistics: str
    """The title of the table of purchases."""


_RELIEF = Terms("消费扶贫", "贫困地区", "扶贫产品", "消费扶贫采购占比", "消费扶贫采购统计表")
_TRANSITION = Terms("消费帮扶", "脱贫地区", "帮扶产品", "消费帮扶采购占比", "消费帮扶采购统计表")
_SINCE = Terms("消费帮扶", "帮扶地区(欠发达地区)", "帮扶产品", "消费帮扶采购占比", "消费帮扶采购统计表")


def terms_of(year: int) -> Terms:
    """Return the words of a year: of the campaign or the figures, not of the day on which one looks."""
    if year <= LAST_YEAR_OF_RELIEF:
        return _RELIEF
    return _TRANSITION if year <= LAST_YEAR_OF_TRANSITION else _SINCE
