"""The way of a document, and its number."""

from datetime import timedelta
from enum import StrEnum

from app.documents.rules.paper import DocumentKind, Edition

LEASE = timedelta(seconds=180)
"""A worker that has not been heard of for so long has died; another one takes the document up."""

MOST_ATTEMPTS = 3
MOST_ROWS = 10_000
"""Written in a quarter of a minute and one gigabyte; what is longer is divided by point, unit or time."""


class DocumentStatus(StrEnum):
    """Where a document is: queued → rendering → ready → forgotten; or failed."""

    QUEUED = "queued"
    RENDERING = "rendering"
    READY = "ready"
    FAILED = "failed"
    FORGOTTEN = "forgotten"
    """Its files are deleted; number, hash and counts stay."""


UNDER_WAY = frozenset({DocumentStatus.QUEUED, DocumentStatus.RENDERING})


class FileFormat(StrEnum):
    """What a paper is written as."""

    XLSX = "xlsx"
    PDF = "pdf"


class DocumentReason(StrEnum):
    """Why a document is made, or taken out."""

    ACCOUNTING = "accounting"
    """财务入账"""
    AUDIT = "audit"
    """审计核查"""
    CLOSING = "closing"
    """活动收尾封存"""
    RECONCILIATION = "reconciliation"
    """核对账目"""
    NOTICE_BOARD = "notice_board"
    """公示"""
    SIGNING = "signing"
    """现场签字"""
    REPORTING = "reporting"
    """上报"""


LETTERS = {
    DocumentKind.SIGNOFF_SHEET: "QL",
    DocumentKind.GOODS_RECEIPT: "RK",
    DocumentKind.GOODS_ISSUE: "CK",
    DocumentKind.STOCKTAKE: "PD",
    DocumentKind.UNCOLLECTED: "CZ",
    DocumentKind.AIDED_PURCHASES: "TJ",
    DocumentKind.CAMPAIGN_SUMMARY: "XJ",
}
"""签领, 入库, 出库, 盘点, 处置, 统计, 小结."""

OF_A_CAMPAIGN = frozenset(
    {DocumentKind.SIGNOFF_SHEET, DocumentKind.UNCOLLECTED, DocumentKind.CAMPAIGN_SUMMARY}
)
"""Issued for a campaign; their final edition is the closing's to issue."""


def series_of(kind: DocumentKind, edition: Edition) -> str:
    """Return the letters of a series; masked editions (公示版) count by themselves: the full are gapless."""
    return LETTERS[kind] + ("G" if edition is Edition.MASKED else "")


def number_of(series: str, year: int, *, place: int) -> str:
    """Return a document number such as `QL-2020-0001`."""
    return f"{series}-{year}-{place:04}"


def supplement_number(number: str, place: int) -> str:
    """Return the number of a document's first, second, … supplement: `QL-2020-0001-B1`."""
    return f"{number}-B{place}"
