"""Figures keep their form, and only what adds up is added."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.impact.rules.measures import UNITS, Basis, Form, Measure, Role, form_of, may_stand
from app.impact.rules.references import LENGTH, SYMBOLS, new_reference, read_reference
from app.impact.rules.shares import Amount, Bought, share_of
from app.impact.rules.totals import Figure, Why, add_up

UNION, PROJECT, HERE, THERE = (UUID(int=number) for number in (1, 2, 3, 4))
WELLS = Figure(
    id=UUID(int=100), project_id=PROJECT, measure=Measure.WELLS, unit="口", basis=Basis.REPORTED,
    role=Role.OUTCOME, form=Form.EXACT, value=12, overlap=None, union_id=UNION, region_ids=frozenset({HERE}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "form"),
    [
        (12, None, None, Form.EXACT),
        (0, None, None, Form.EXACT),
        (None, 6_000, 40_000, Form.RANGE),
        (None, None, 1_000, Form.BELOW),
        (None, 10_000, None, Form.AT_LEAST),
        (None, None, None, Form.WORDS),
    ],
)
def test_a_figure_has_the_form_it_was_stated_in(
    value: int | None, minimum: int | None, maximum: int | None, form: Form
) -> None:
    assert form_of(value, minimum, maximum=maximum) is form


@pytest.mark.parametrize(
    ("value", "minimum", "maximum"), [(1, 1, None), (1, None, 2), (None, 2, 2), (None, 3, 2)]
)
def test_numbers_that_contradict_each_other_are_no_figure(
    value: int | None, minimum: int | None, maximum: int | None
) -> None:
    with pytest.raises(ValueError, match=r"either|up"):
        form_of(value, minimum, maximum=maximum)


def test_without_evidence_a_figure_is_an_estimate() -> None:
    assert [basis for basis in Basis if may_stand(basis, has_evidence=False)] == [Basis.ESTIMATED]
    assert all(may_stand(basis, has_evidence=True) for basis in Basis)


def test_person_times_are_the_unit_of_nothing_that_counts_people() -> None:
    assert [measure for measure, units in UNITS.items() if "人次" in units] == [Measure.TEMPORARY_WORK]
    assert "人" not in UNITS[Measure.TEMPORARY_WORK]


LEFT_OUT = [
    (replace(WELLS, role=Role.BACKGROUND), Why.BACKGROUND),
    (replace(WELLS, form=Form.WORDS, value=None), Why.WORDS),
    (replace(WELLS, overlap="village"), Why.SAME_PEOPLE),
    (replace(WELLS, region_ids=frozenset({HERE, THERE})), Why.OTHER_REGIONS),
    (replace(WELLS, form=Form.RANGE, value=None), Why.NOT_EXACT),
    (replace(WELLS, form=Form.BELOW, value=None), Why.NOT_EXACT),
    (replace(WELLS, measure=Measure.DAILY_WAGE, unit="元/日"), Why.RATE),
    (replace(WELLS, measure=Measure.YEARLY_INCOME, unit="元/年"), Why.RATE),
    (replace(WELLS, measure=Measure.CROP_VARIETIES, unit="种"), Why.MAY_REPEAT),
]


@pytest.mark.parametrize(
    ("figure", "why"), LEFT_OUT, ids=lambda one: getattr(one, "value", None) and str(one)
)
def test_what_does_not_add_up_is_left_out_with_its_reason(figure: Figure, why: Why) -> None:
    totals = add_up([WELLS, figure], shared={(UNION, "village")}, region_id=HERE)
    assert [total.value for total in totals.sums] == [12]
    assert totals.left_out == ((figure, why),)


def test_a_group_of_one_overlaps_with_nothing_and_other_unions_groups_are_not_ours() -> None:
    alone = replace(WELLS, overlap="village")
    assert add_up([WELLS, alone], shared={(THERE, "village")}).sums[0].value == 24


def test_wells_are_wells_by_either_word_and_bases_are_kept_apart() -> None:
    totals = add_up([WELLS, replace(WELLS, unit="眼"), replace(WELLS, basis=Basis.ESTIMATED)], shared=())
    assert [(one.unit, one.basis, one.value) for one in totals.sums] == [
        ("口", Basis.ESTIMATED, 12),
        ("口", Basis.REPORTED, 24),
    ]


FIGURES = st.lists(
    st.builds(
        lambda number, measure, basis, overlap: replace(
            WELLS, id=UUID(int=number), measure=measure, unit=min(UNITS[measure]), basis=basis, value=number,
            form=Form.WORDS if measure is Measure.OUTCOME else Form.EXACT, overlap=overlap,
        ),
        st.integers(1, 10_000), st.sampled_from(Measure), st.sampled_from(Basis),
        st.sampled_from([None, "a"]),
    ),
    unique_by=lambda figure: figure.id,
)  # fmt: skip


@given(FIGURES)
def test_every_figure_is_in_one_sum_or_left_out_once(figures: list[Figure]) -> None:
    totals = add_up(figures, shared={(UNION, "a")})
    summed = [id for total in totals.sums for id in total.result_ids]
    left_out = [figure.id for figure, _ in totals.left_out]
    assert sorted([*summed, *left_out]) == sorted(figure.id for figure in figures)
    by_id = {figure.id: figure for figure in figures}
    for total in totals.sums:
        assert total.value == sum(by_id[id].value or 0 for id in total.result_ids)
        assert {(by_id[id].measure, by_id[id].basis) for id in total.result_ids} == {
            (total.measure, total.basis)
        }
        assert not [id for id in total.result_ids if by_id[id].overlap == "a"]


def test_a_reference_is_random_and_read_however_it_is_typed() -> None:
    made = {new_reference() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(len(one) == LENGTH >= 10 and set(one) <= set(SYMBOLS) for one in made)
    assert read_reference("0ab1-cdef-ghjk") == "0AB1CDEFGHJK"
    assert read_reference("oABl CDEF GHJK") == "0AB1CDEFGHJK"
    for wrong in ("", "0AB1CDEFGHJ", "0AB1CDEFGHJKM", "0AB1CDEFGHJU", "０AB1CDEFGHJK", "0" * 999):
        assert read_reference(wrong) is None


def test_a_share_has_numerator_denominator_and_says_what_nobody_knows() -> None:
    campaign, other = UUID(int=7), UUID(int=8)
    share = share_of(
        campaign,
        [
            Bought(campaign, boxes=2_000, grams=None, fen=17_600_000, is_approximate=False),
            Bought(other, boxes=380, grams=1_102_000, fen=None, is_approximate=False),
            Bought(None, boxes=None, grams=5_000_000, fen=None, is_approximate=True),
        ],
    )
    assert share.boxes == (Amount(2_000, 1, 0), Amount(2_380, 3, 1))
    assert share.grams == (Amount(0, 1, 1), Amount(6_102_000, 3, 1))
    assert share.fen == (Amount(17_600_000, 1, 0), Amount(17_600_000, 3, 2))
    assert share.has_lower_bounds
