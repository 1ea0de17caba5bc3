"""Terms by year, exact shares, and counts that single nobody out."""

import random
from itertools import product

import pytest

from app.regions.rules.terms import terms_of
from app.reports.rules.shares import Share
from app.reports.rules.small_cells import FEWEST_SHOWN, Hidden, Level, Standing, choose_hidden, is_small

CELLS = ("received", "never_ordered", "not_collected", "not_eligible")


@pytest.mark.parametrize(
    ("year", "aided_purchase", "region", "ratio"),
    [
        (2012, "消费扶贫", "贫困地区", "消费扶贫采购占比"),
        (2020, "消费扶贫", "贫困地区", "消费扶贫采购占比"),
        (2021, "消费帮扶", "脱贫地区", "消费帮扶采购占比"),
        (2025, "消费帮扶", "脱贫地区", "消费帮扶采购占比"),
        (2026, "消费帮扶", "帮扶地区(欠发达地区)", "消费帮扶采购占比"),
        (2040, "消费帮扶", "帮扶地区(欠发达地区)", "消费帮扶采购占比"),
    ],
)
def test_terms_follow_the_year(year: int, aided_purchase: str, region: str, ratio: str) -> None:
    terms = terms_of(year)
    assert (terms.aided_purchase, terms.region, terms.ratio) == (aided_purchase, region, ratio)


@pytest.mark.parametrize(
    ("part", "whole", "fraction", "percent"),
    [
        (0, 0, None, None),
        (0, 7, "0/1", "0.00%"),
        (1, 3, "1/3", "33.33%"),
        (2, 3, "2/3", "66.67%"),
        (1, 20_000, "1/20000", "0.01%"),
        (1, 20_001, "1/20001", "0.00%"),
        (176_000_00, 204_500_00, "352/409", "86.06%"),
        (5, 5, "1/1", "100.00%"),
    ],
)
def test_a_share_is_exact_and_rounded(
    part: int, whole: int, fraction: str | None, percent: str | None
) -> None:
    assert (Share(part, whole).fraction, Share(part, whole).percent) == (fraction, percent)


def test_a_target_is_compared_without_rounding() -> None:
    assert Share(29_999, 100_000).percent == "30.00%"
    assert Share(29_999, 100_000).reaches(3_000) is False
    assert Share(30_000, 100_000).reaches(3_000) is True
    assert Share(0, 0).reaches(3_000) is None
    with pytest.raises(ValueError, match="no part"):
        Share(2, 1)


def test_nothing_is_hidden_where_nobody_could_be_singled_out() -> None:
    table = [Standing(100, 20, 5, 0), Standing(7, 0, 0, 9)]
    assert choose_hidden(table) == Hidden()


def test_a_small_reason_takes_another_row_with_it() -> None:
    table = [Standing(100, 20, 3, 0), Standing(50, 30, 9, 0), Standing(70, 60, 40, 0)]
    assert choose_hidden(table) == Hidden(reasons=Level(frozenset({0, 1})))


def test_alone_even_the_totals_are_hidden() -> None:
    assert choose_hidden([Standing(100, 20, 3, 0)]) == Hidden(reasons=Level(frozenset({0}), totals=True))
    assert choose_hidden([Standing(2, 0, 0, 0)]).active == Level(frozenset({0}), totals=True)


def _possible(table: list[Standing], hidden: Hidden) -> list[set[tuple[int, ...]]]:
    """Return for each group the cells that it may have by all that is shown: tried out, one by one."""
    most = sum(one.active for one in table)
    choices = []
    for number, one in enumerate(table):
        sizes = range(most + 1) if number in hidden.active.rows else (one.active,)
        found = set()
        for size in sizes:
            for cells in product(range(size + 1), repeat=3):
                if sum(cells) > size:
                    continue
                guess = Standing(size - sum(cells), *cells)
                if number not in hidden.received.rows and guess.received != one.received:
                    continue
                if number not in hidden.reasons.rows and guess != one:
                    continue
                found.add(tuple(getattr(guess, cell) for cell in CELLS))
        choices.append(found)
    return _that_add_up(choices, table, hidden)


def _that_add_up(
    choices: list[set[tuple[int, ...]]], table: list[Standing], hidden: Hidden
) -> list[set[tuple[int, ...]]]:
    def shown(cells: tuple[int, ...]) -> tuple[int, ...]:
        """Return the part of a row's cells that goes into totals which are shown."""
        guess = Standing(*cells)
        return (
            (() if hidden.active.totals else (guess.active,))
            + (() if hidden.received.totals else (guess.received, guess.nothing))
            + (() if hidden.reasons.totals else cells[1:])
        )

    def add(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(a + b for a, b in zip(left, right, strict=True))

    total = shown(tuple(getattr(sum(table, Standing()), cell) for cell in CELLS))
    parts = [{shown(cells) for cells in found} for found in choices]
    possible = []
    for number, found in enumerate(choices):
        others = {tuple(0 for _ in total)}
        for part in parts[:number] + parts[number + 1 :]:
            others = {add(left, right) for left in others for right in part}
        left = {tuple(a - b for a, b in zip(total, other, strict=True)) for other in others}
        possible.append({cells for cells in found if shown(cells) in left})
    return possible


@pytest.mark.parametrize("seed", range(150))
def test_no_small_count_can_be_computed_from_what_is_shown(seed: int) -> None:
    dice = random.Random(seed)
    table: list[Standing] = []
    while not 8 <= sum(one.active for one in table) <= 14:
        groups = range(2 + seed % 2)
        table = [Standing(*(dice.choice((0, 0, 1, 2, 4, 6)) for _ in CELLS)) for _ in groups]
    hidden = choose_hidden(table)
    for one, possible in zip(table, _possible(table, hidden), strict=True):
        for position, cell in enumerate(CELLS):
            if is_small(getattr(one, cell)):
                values = {cells[position] for cells in possible}
                assert len(values) >= 4, (table, hidden, one, cell, values)


def test_control_a_small_count_hidden_alone_is_computed() -> None:
    table = [Standing(6, 5, 3, 0), Standing(5, 5, 5, 0)]
    alone = Hidden(reasons=Level(frozenset({0})))
    assert {cells[2] for cells in _possible(table, alone)[0]} == {3}
    assert FEWEST_SHOWN == 5
