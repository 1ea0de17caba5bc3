"""What is known of a lot, and what somebody adds to it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LotFacts:
    """The days on the case, and where the goods come from; None where nobody has said."""

    produced_on: date | None = None
    best_before_on: date | None = None
    origin_code: str | None = None
    origin_note: str | None = None


def merge_facts(known: LotFacts, told: LotFacts) -> LotFacts | str:
    """Return the facts with what was unknown filled in, or the name of the first fact that contradicts.

    A place inside the known place is more exact (divisions' codes begin with those above them), and the
    other way round it is no contradiction; a note is words, and the first stays. A day that makes the lot go
    off before it was made contradicts too.
    """
    produced_on, best_before_on = (
        known.produced_on or told.produced_on,
        known.best_before_on or told.best_before_on,
    )
    if told.produced_on not in {None, produced_on}:
        return "produced_on"
    if told.best_before_on not in {None, best_before_on}:
        return "best_before_on"
    if produced_on and best_before_on and best_before_on < produced_on:
        return "best_before_on" if told.best_before_on else "produced_on"
    origin = _more_exact(known.origin_code, told.origin_code)
    if origin is None and known.origin_code:
        return "origin_code"
    return LotFacts(produced_on, best_before_on, origin, known.origin_note or told.origin_note)


def _more_exact(known: str | None, told: str | None) -> str | None:
    if known is None or told is None:
        return known or told
    longer, shorter = sorted((known, told), key=len, reverse=True)
    return longer if longer.startswith(shorter) else None
