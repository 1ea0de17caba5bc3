"""A paper as data: what is printed, and what its hash is over. Layout is `writers`' business."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias


class DocumentKind(StrEnum):
    """The papers of the trade."""

    SIGNOFF_SHEET = "signoff_sheet"
    """签领表: who received what."""
    GOODS_RECEIPT = "goods_receipt"
    """入库单"""
    GOODS_ISSUE = "goods_issue"
    """出库单"""
    STOCKTAKE = "stocktake"
    """盘点表"""
    UNCOLLECTED = "uncollected"
    """未领取处置单"""
    AIDED_PURCHASES = "aided_purchases"
    """消费帮扶采购统计表"""
    CAMPAIGN_SUMMARY = "campaign_summary"
    """活动小结"""


class Edition(StrEnum):
    """Who may read it: those who sign and audit, or everybody who passes the notice board."""

    FULL = "full"
    MASKED = "masked"


class Shape(StrEnum):
    """What a column holds, and so how a cell is written."""

    TEXT = "text"
    """Always text, long strings of digits too; never a formula."""
    COUNT = "count"
    FEN = "fen"
    """Integer fen; printed in yuan with two decimals."""
    GRAMS = "grams"
    """Integer grams; printed in kg."""
    DATE = "date"
    """`YYYY-MM-DD`"""
    BLANK = "blank"
    """Left empty for a pen: a signature."""


Cell: TypeAlias = str | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, what it holds, its share of the width, whether pages and the end sum it."""

    heading: str
    shape: Shape = Shape.TEXT
    width: int = 10
    is_summed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; `caption` stands above, for papers with more than one table."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Everything that a paper says.

    `facts` stand above the tables (heading, text), `notes` below; `amount_fen`, if any, is printed in figures
    and in capitals (人民币…元整); `signatures` are the roles that sign (制表人, 经手人, 证明人 …).
    """

    kind: DocumentKind
    edition: Edition
    title: str
    union_name: str
    on: date
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = field(default_factory=tuple)
    notes: Sequence[str] = ()
    amount_fen: int | None = None
    signatures: Sequence[str] = ()
    is_landscape: bool = True

    @property
    def row_count(self) -> int:
        """How many rows its tables have."""
        return sum(len(table.rows) for table in self.tables)
