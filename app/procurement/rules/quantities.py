"""Boxes, grams and fen: whole numbers only; 斤 is a way to show grams, and exact."""

from collections.abc import Iterable

GRAMS_IN_JIN = 500
"""1 斤 = 0.5 kg (State Council's order on metric units, 1959-06-25)."""


def grams_of_jin(jin: int) -> int:
    """Return whole 斤 in grams."""
    return jin * GRAMS_IN_JIN


def shown_in_jin(grams: int) -> str:
    """Return grams in 斤 as exact decimal text: 5000 → `10`, 250 → `0.5`, 1 → `0.002`."""
    whole, rest = divmod(grams, GRAMS_IN_JIN)
    # 1/500 is 0.002: a rest has three decimals at most.
    decimals = f"{rest * 2:03}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def amount_of(boxes: int | None, unit_price_fen: int | None) -> int | None:
    """Return what so many boxes cost in fen, or None where the number or the price is unknown."""
    return None if boxes is None or unit_price_fen is None else boxes * unit_price_fen


def total_of(amounts: Iterable[int | None]) -> int | None:
    """Return the sum of the lines' amounts in fen, or None while one is unknown (or there is none)."""
    known = list(amounts)
    if not known or any(amount is None for amount in known):
        return None
    return sum(amount for amount in known if amount is not None)
