"""Shares: exact as fractions, rounded for people, compared with a target without rounding."""

from dataclasses import dataclass
from fractions import Fraction

WHOLE_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, both counted in the same unit; `part` is at most `whole`.

    Raises ValueError for what is no share.
    """

    part: int
    whole: int

    def __post_init__(self) -> None:
        """Refuse a part of less than nothing or of more than the whole."""
        if not 0 <= self.part <= self.whole:
            raise ValueError("no part of that whole")

    @property
    def fraction(self) -> str | None:
        """The share in lowest terms, such as `352/409`; None of nothing."""
        if not self.whole:
            return None
        exact = Fraction(self.part, self.whole)
        return f"{exact.numerator}/{exact.denominator}"

    @property
    def percent(self) -> str | None:
        """The share as `86.06%`, half a hundredth rounded up; None of nothing."""
        if not self.whole:
            return None
        return percent_text((2 * self.part * WHOLE_BASIS_POINTS + self.whole) // (2 * self.whole))

    def reaches(self, target: int) -> bool | None:
        """Tell whether the share is at least a target in basis points, exactly; None of nothing."""
        if not self.whole:
            return None
        return self.part * WHOLE_BASIS_POINTS >= target * self.whole


def percent_text(basis_points: int) -> str:
    """Return hundredths of a percent as text with two places."""
    whole, hundredths = divmod(basis_points, 100)
    return f"{whole}.{hundredths:02d}%"
