"""States of transfers, stocktakes and disposals; series of numbers."""

from datetime import date
from enum import StrEnum


class TransferStatus(StrEnum):
    """From `waiting` (for an exception) or directly to `dispatched`, then `arrived`."""

    WAITING = "waiting"
    DECLINED = "declined"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"


class StocktakeStatus(StrEnum):
    """From `counting` to `closed`, by way of `to_approve` where the counts differ from the books."""

    COUNTING = "counting"
    TO_APPROVE = "to_approve"
    CLOSED = "closed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


UNDER_WAY = frozenset({StocktakeStatus.COUNTING, StocktakeStatus.TO_APPROVE})
"""A pickup point has one stocktake at most in one of these."""


class DisposalKind(StrEnum):
    """报损, 退回, 捐赠, 转出 (back among the boxes that may be handed over)."""

    WRITE_OFF = "write_off"
    RETURN = "return"
    DONATION = "donation"
    RELEASE = "release"


class DisposalStatus(StrEnum):
    """What became of what was asked for."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class StockPlace(StrEnum):
    """Where boxes lie at a pickup point."""

    PICKUP_POINT = "pickup_point"
    QUARANTINE = "quarantine"


class Series(StrEnum):
    """The letters before a number: 调拨单, 盘点单, 处置单."""

    TRANSFER = "DB"
    STOCKTAKE = "PD"
    DISPOSAL = "CZ"


def written_number(series: Series, on: date, *, position: int) -> str:
    """Return a number as it is written: `DB-2026-0001`."""
    return f"{series.value}-{on.year}-{position:04}"
