"""Counts of few people are not shown to those above the street, nor what they could be computed from.

A cell of 1 to 4 people may single somebody out. Hiding it alone does not help where its row or column adds
up, so more rows are hidden with it until every small cell could have at least six values by all that is
shown. What is hidden has one mark, whether small or not: the mark "fewer than five" on two cells that add up
to eight would tell both. A zero names nobody and is shown.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

FEWEST_SHOWN = 5
_WIDEST_UNSAFE = 5
"""A small cell is safe when its highest and lowest possible values are at least so far apart."""

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How many active members received a box in a year, and why others received none. They add up."""

    received: int = 0
    never_ordered: int = 0
    not_collected: int = 0
    not_eligible: int = 0

    @property
    def nothing(self) -> int:
        """How many received nothing."""
        return self.never_ordered + self.not_collected + self.not_eligible

    @property
    def active(self) -> int:
        """How many there are."""
        return self.received + self.nothing

    def __add__(self, other: "Standing") -> "Standing":
        """Return both together."""
        return Standing(
            self.received + other.received,
            self.never_ordered + other.never_ordered,
            self.not_collected + other.not_collected,
            self.not_eligible + other.not_eligible,
        )


@dataclass(frozen=True, slots=True)
class Level:
    """What of one level of the table is hidden: some rows, and perhaps the totals."""

    rows: frozenset[int] = frozenset()
    totals: bool = False


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is not shown: how many there are; who received or not; why they received nothing."""

    active: Level = Level()
    received: Level = Level()
    reasons: Level = Level()


def is_small(count: int) -> bool:
    """Return whether so few people could be singled out."""
    return 0 < count < FEWEST_SHOWN


def choose_hidden(table: Sequence[Standing]) -> Hidden:
    """Return what of a table of groups, with its totals, is not shown to those above the street."""
    active = _hide_sizes([one.active for one in table])
    received = _hide([(one.received, one.nothing) for one in table], pooled=active.rows)
    reasons = _hide(
        [(one.never_ordered, one.not_collected, one.not_eligible) for one in table], pooled=received.rows
    )
    # The reasons add up to who received nothing: their totals would give away those above them.
    return Hidden(active, received, Level(reasons.rows, reasons.totals or received.totals))


def _hide_sizes(sizes: Sequence[int]) -> Level:
    hidden = {number for number, size in enumerate(sizes) if is_small(size)}
    while hidden and (len(hidden) == 1 or sum(sizes[number] for number in hidden) < FEWEST_SHOWN):
        more = _smallest_open(sizes, hidden)
        if more is None:
            return Level(frozenset(hidden), totals=True)
        hidden.add(more)
    return Level(frozenset(hidden))


def _hide(rows: Sequence[Row], *, pooled: Collection[int]) -> Level:
    """Return which rows of a level are hidden; of `pooled` rows even the sum is, they are hidden anyway."""
    sizes = [sum(row) for row in rows]
    hidden = {number for number, row in enumerate(rows) if any(map(is_small, row))} | set(pooled)
    while not _is_safe(rows, hidden, pooled=pooled):
        more = _smallest_open(sizes, hidden)
        if more is None:
            return Level(frozenset(hidden), totals=True)
        hidden.add(more)
    return Level(frozenset(hidden))


def _smallest_open(sizes: Sequence[int], hidden: Collection[int]) -> int | None:
    """Return the smallest group that is still shown and has anybody in it, or None."""
    shown = [(size, number) for number, size in enumerate(sizes) if size and number not in hidden]
    return min(shown)[1] if shown else None


def _is_safe(rows: Sequence[Row], hidden: Collection[int], *, pooled: Collection[int]) -> bool:
    """Tell whether no small cell can be narrowed down from its row's sum and its column's total.

    The possible values of a cell in a table of known margins go from `row + column - all` (or zero) to the
    smaller of row and column (the bounds of Fréchet), and each of them can be reached.
    """
    columns = _sums(rows[number] for number in hidden)
    everybody = sum(columns)
    alone = [(rows[number], rows[number]) for number in hidden if number not in pooled]
    together = _sums(rows[number] for number in pooled)
    for row, margins in alone + [(rows[number], together) for number in pooled]:
        for cell, column in zip(row, columns, strict=True):
            lowest = max(0, sum(margins) + column - everybody)
            if is_small(cell) and min(sum(margins), column) - lowest < _WIDEST_UNSAFE:
                return False
    return True


def _sums(rows: Iterable[Row]) -> Row:
    return tuple(map(sum, zip(*rows, strict=True)))
