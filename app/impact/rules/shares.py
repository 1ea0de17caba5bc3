"""What part of what was bought of a supplier, or from a region, a campaign was: goods, never people."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of an approved purchase: boxes (份 of gift boxes), grams and fen as far as they are known.

    `is_approximate`: the source says "over"; its numbers are lower bounds.
    """

    campaign_id: UUID | None
    boxes: int | None
    grams: int | None
    fen: int | None
    is_approximate: bool


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum, with how many lines it lacks because nobody knows their number."""

    value: int
    lines: int
    lines_unknown: int


@dataclass(frozen=True, slots=True)
class Share:
    """Numerator (of the campaign) and denominator (of everything bought) in boxes, grams and fen."""

    boxes: tuple[Amount, Amount]
    grams: tuple[Amount, Amount]
    fen: tuple[Amount, Amount]
    has_lower_bounds: bool


def share_of(campaign_id: UUID, bought: Iterable[Bought]) -> Share:
    """Return the share of a campaign in what was bought."""
    everything = list(bought)
    own = [line for line in everything if line.campaign_id == campaign_id]
    return Share(
        boxes=(_sum(line.boxes for line in own), _sum(line.boxes for line in everything)),
        grams=(_sum(line.grams for line in own), _sum(line.grams for line in everything)),
        fen=(_sum(line.fen for line in own), _sum(line.fen for line in everything)),
        has_lower_bounds=any(line.is_approximate for line in everything),
    )


def _sum(numbers: Iterable[int | None]) -> Amount:
    given = list(numbers)
    known = [number for number in given if number is not None]
    return Amount(sum(known), len(given), len(given) - len(known))
