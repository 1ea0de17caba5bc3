"""By what spending is added up, and over which time."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class By(StrEnum):
    """What the rows of the figure stand for."""

    REGION = "region"
    PRODUCT = "product"
    SUPPLIER = "supplier"
    CHANNEL = "channel"
    MONTH = "month"
    UNION = "union"


class Side(StrEnum):
    """A side of the share: what counts as bought from partner regions, or everything."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


NOTHING_KNOWN = "none"
"""The key of the row of lines of which the asked thing is not known."""


@dataclass(frozen=True, slots=True)
class Period:
    """A year, days from the first to the last (both included, either may be open), or all time.

    A purchase of which only the year is known is in its year, and in no range of days.
    """

    year: int | None = None
    first: date | None = None
    last: date | None = None

    @property
    def is_sound(self) -> bool:
        """Whether it is one of these, and the first day is not the later one."""
        has_days = self.first is not None or self.last is not None
        if self.year is not None:
            return not has_days
        return self.first is None or self.last is None or self.first <= self.last
