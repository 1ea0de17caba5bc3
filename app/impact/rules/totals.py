"""Which results add up, and why the others are left out. Pure: the same for every reader."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.impact.rules.measures import COUNTED_AS, MAY_REPEAT, RATES, Basis, Form, Measure, Role


class Why(StrEnum):
    """Why a result is in no total."""

    SAME_PEOPLE = "counts_the_same_people"
    BACKGROUND = "says_how_it_was_before"
    WORDS = "has_no_figure"
    NOT_EXACT = "is_no_exact_figure"
    RATE = "is_a_rate"
    MAY_REPEAT = "may_count_the_same_kinds"
    OTHER_REGIONS = "spans_other_regions"


@dataclass(frozen=True, slots=True)
class Figure:
    """A result as the totals see it; `overlap` names the group of results that count the same people."""

    id: UUID
    project_id: UUID
    measure: Measure
    unit: str
    basis: Basis
    role: Role
    form: Form
    value: int | None
    overlap: str | None
    union_id: UUID
    region_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of results of one measure, one unit and one basis."""

    measure: Measure
    unit: str
    basis: Basis
    value: int
    result_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What was added, and what was not with the reason for each."""

    sums: tuple[Total, ...] = ()
    left_out: tuple[tuple[Figure, Why], ...] = field(default=())


def add_up(
    figures: Iterable[Figure], *, shared: Collection[tuple[UUID, str]], region_id: UUID | None = None
) -> Totals:
    """Add results of one measure, unit and basis; whatever cannot be added is listed with its reason.

    `shared` are the overlap groups (union id, name) that have more than one published result. With
    `region_id` a result of a project in several regions is left out too: nobody knows how much is there.
    """
    sums: dict[tuple[Measure, str, Basis], list[Figure]] = {}
    left_out: list[tuple[Figure, Why]] = []
    for figure in figures:
        why = _why_not(figure, shared, region_id=region_id)
        if why is not None:
            left_out.append((figure, why))
        else:
            unit = COUNTED_AS.get(figure.unit, figure.unit)
            sums.setdefault((figure.measure, unit, figure.basis), []).append(figure)
    return Totals(
        tuple(
            Total(*key, sum(one.value or 0 for one in added), tuple(one.id for one in added))
            for key, added in sorted(sums.items())
        ),
        tuple(left_out),
    )


def _why_not(figure: Figure, shared: Collection[tuple[UUID, str]], *, region_id: UUID | None) -> Why | None:
    if figure.role is Role.BACKGROUND:
        return Why.BACKGROUND
    if figure.form is Form.WORDS:
        return Why.WORDS
    if figure.overlap is not None and (figure.union_id, figure.overlap) in shared:
        return Why.SAME_PEOPLE
    if region_id is not None and figure.region_ids - {region_id}:
        return Why.OTHER_REGIONS
    if figure.form is not Form.EXACT:
        return Why.NOT_EXACT
    if figure.measure in RATES:
        return Why.RATE
    return Why.MAY_REPEAT if figure.measure in MAY_REPEAT else None
