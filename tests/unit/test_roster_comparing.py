"""Who is meant by a row, what would change, and that nobody who holds an order vanishes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.roster.rules.cells import cell_of_text
from app.roster.rules.comparing import (
    Change,
    Comparison,
    Kind,
    Known,
    Mode,
    Terms,
    compare,
    needs_confirmation,
    wanted_of,
)
from app.roster.rules.headings import Field
from app.roster.rules.judging import Judged, Person, Reason, judge
from app.roster.rules.reading import ReadRow
from app.roster.rules.units import Hints, Unit, unit_key, unit_tree
from app.unions.rules import MemberStatus

FIRST, SECOND, GROUP = (UUID(int=n) for n in (1, 2, 3))
UNITS = unit_tree(
    [
        Unit(FIRST, "新街口社区联合工会", None),
        Unit(SECOND, "德胜某某公司工会委员会", None),
        Unit(GROUP, "第一小组", FIRST),
    ]
)
ORDER = (Field.NUMBER, Field.NAME, Field.MOBILE, Field.LAST4, Field.UNIT, Field.STATUS)


def row_of(position: int, *texts: str, is_typed: bool = True) -> ReadRow:
    cells = {field: cell_of_text(text, is_typed=is_typed) for field, text in zip(ORDER, texts, strict=False)}
    return ReadRow(position, cells, texts[3] if len(texts) > 3 else "")


def judged(*rows: ReadRow, known: dict[str, str] | None = None) -> Judged:
    return judge(rows, UNITS, known=known or {})


def reasons(found: Judged) -> list[list[str]]:
    return [[complaint.reason.value for complaint in row] for row in found.refused.values()]


def member(number: str = "0012345678", name: str = "张三", **said: object) -> Known:
    base = Known(uuid4(), number, name, "13800138000", "002X", FIRST, MemberStatus.ACTIVE)
    return replace(base, **said)  # type: ignore[arg-type]


def found(people: Sequence[Person], roster: Sequence[Known], **terms: Any) -> Comparison:
    holding = terms.pop("holding", set())
    return compare(
        Judged(people=list(people)),
        roster,
        terms=Terms(**terms),
        holding=holding,
    )


def only(comparison: Comparison) -> Change:
    (change,) = comparison.changes
    return change


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("0012345678", "=cmd|' /C calc'!A0"), ["name_formula"]),
        (("0012345678", "+86"), ["name_formula"]),
        (("0012345678", "-1"), ["name_formula"]),
        (("0012345678", "@sum"), ["name_formula"]),
        (("0012345678", "＝1+1"), ["name_formula"]),
        (("0012345678", "张\u202e三"), ["name_hidden"]),
        (("0012345678", "张" * 51), ["name_too_long"]),
        (("0012345678", ""), ["name_missing"]),
        (("0012345678", "张三<b>"), ["name_invalid"]),
        (("1.23E+11", "张三"), ["number_lost_digits"]),
        (("会员1", "张三"), ["number_invalid"]),
        (("0012345678", "张三", "1.38E+10"), ["mobile_lost_digits"]),
        (("0012345678", "张三", "13800138000/13800138001"), ["mobile_two"]),
        (("0012345678", "张三", "010-66668888"), ["mobile_landline"]),
        (("0012345678", "张三", "1380013800"), ["mobile_invalid"]),
        (("0012345678", "张三", "", "!identity_lost_x"), ["identity_lost_x"]),
        (("0012345678", "张三", "", "", "无此单位"), ["unit_unknown"]),
        (("0012345678", "张三", "", "", "", "在职"), ["status_unknown"]),
        (("", "=1", "1", "!last4_short"), ["name_formula", "mobile_invalid", "last4_short"]),
    ],
)
def test_what_is_wrong_with_a_row_is_named(texts: tuple[str, ...], expected: list[str]) -> None:
    assert reasons(judged(row_of(2, *texts))) == [expected]


@pytest.mark.parametrize(
    "mobile",
    ["１３８００１３８０００", "+86 138 0013 8000", "138-0013-8000", "13800138000.0", "'13800138000"],
)
def test_what_can_be_mended_without_guessing_is_mended(mobile: str) -> None:
    (person,) = judged(
        row_of(2, " 0012345678 ", "阿依古丽•买买提", mobile, "002X", "新街口社区 联合工会委员会")
    ).people
    assert (person.number, person.name, person.mobile) == ("0012345678", "阿依古丽·买买提", "13800138000")
    assert (person.last4, person.unit_id) == ("002X", FIRST)


def test_a_number_that_lost_its_zeros_is_refused_unless_the_roster_knows_it_so() -> None:
    rows = [row_of(n, f"{10_000_000 + n}", "张三", is_typed=False) for n in range(2, 12)]
    short = row_of(12, "12345", "李四", is_typed=False)
    assert reasons(judged(*rows, short)) == [["number_short"]]
    assert reasons(judged(*rows, short, known={"12345": "李四"})) == []
    assert reasons(judged(*rows, row_of(12, "12345", "李四"))) == [], "typed as text, it is what it says"
    roster = {f"00{10_000_000 + n}": "王五" for n in range(20, 30)}
    assert len(reasons(judged(*rows, known=roster))) == len(rows), "the whole file has lost them"


def test_repeated_rows_count_once_and_differing_ones_are_refused() -> None:
    same = ("0012345678", "张三", "13800138000", "002X")
    answer = judged(
        row_of(2, *same), row_of(3, *same), row_of(4, "0012345678", "张三", "13800138001", "002X"),
        row_of(5, "0099999999", *same[1:]),
    )  # fmt: skip
    assert (len(answer.people), answer.repeated) == (1, 1)
    assert reasons(answer) == [["number_repeated"], ["person_repeated"]]
    assert [dict(row[0].params) for row in answer.refused.values()] == [{"row": 2}, {"row": 2}]


@pytest.mark.parametrize(
    ("name", "group", "unit_id"),
    [
        ("新街口社区联合工会", "", FIRST), ("新街口社区联合工会委员会", "", FIRST),
        ("新街口社区联合", "", FIRST),
        (" 新街口社区 联合工会 ", "", FIRST), ("德胜某某公司", "", SECOND),
        ("新街口社区联合工会", "第一小组", GROUP),
        ("", "第一小组", GROUP),
    ],
)  # fmt: skip
def test_units_are_found_by_their_names(name: str, group: str, unit_id: UUID) -> None:
    assert UNITS.find(name, group) == unit_id


def test_an_unknown_unit_is_answered_with_names_like_it_and_a_joint_union_is_another() -> None:
    assert UNITS.find("新街口社区工会") == Hints(("新街口社区联合工会",))
    assert unit_key("新街口社区工会") != unit_key("新街口社区联合工会")
    assert UNITS.find("德胜某某公司", "第一小组") == Hints(("第一小组",)), "a group of another unit"


def test_added_changed_moved_and_unchanged() -> None:
    one = member()
    row = Person(2, "张三", "0012345678", "13800138000", "002X", FIRST)
    assert found([row], [one]).unchanged == 1
    assert only(found([replace(row, mobile="13900139000")], [one])).kind is Kind.CHANGED
    assert only(found([replace(row, unit_id=SECOND)], [one])).kind is Kind.MOVED
    new = replace(row, name="李四", number="0012345679", unit_id=SECOND)
    assert only(found([new], [one])).kind is Kind.ADDED
    assert only(found([replace(new, unit_id=None)], [one])).complaints[0].reason is Reason.UNIT_MISSING


def test_an_empty_cell_leaves_what_is_there_and_the_list_brings_somebody_back() -> None:
    gone = member(status=MemberStatus.TRANSFERRED_OUT)
    change = only(found([Person(2, "张三", gone.number)], [gone]))
    assert change.new == replace(wanted_of(gone), status=MemberStatus.ACTIVE)


def test_without_a_number_name_mobile_and_last_four_find_somebody_and_never_the_name_alone() -> None:
    one = member()
    whole = Person(2, "张三", None, "13800138000", "002X")
    assert found([whole], [one]).unchanged == 1
    for partly in (replace(whole, mobile=None), replace(whole, last4=None), replace(whole, last4="0000")):
        assert only(found([partly], [one])).complaints[0].reason is Reason.NUMBER_MISSING
    twin = member(number="0012345679")
    assert only(found([whole], [one, twin])).complaints[0].reason is Reason.PERSON_AMBIGUOUS


def test_somebody_in_the_roster_does_not_become_a_second_person_by_another_number() -> None:
    one = member()
    again = Person(2, "张三", "12345678", "13800138000", "002X", FIRST)
    for row in (again, replace(again, number="0099999999"), replace(again, mobile=None, last4=None)):
        answer = found([row], [one], mode=Mode.FULL)
        assert [change.kind for change in answer.changes] == [Kind.REFUSED], "refused, and not missing"
        assert answer.changes[0].complaints[0].reason is Reason.NUMBER_DIFFERS
    namesake = replace(again, number="0099999999", mobile=None, last4=None)
    assert only(found([namesake], [one])).kind is Kind.ADDED, "of the same name, not known to be the same"
    gone = member(status=MemberStatus.LEFT)
    assert only(found([again], [gone])).kind is Kind.ADDED, "who has left may come back with a new number"


def test_who_is_in_a_group_stays_there_when_the_file_names_only_the_unit() -> None:
    one = member(unit_id=GROUP)
    columns = row_of(2, one.number, "张三", "", "", "新街口社区联合工会")
    terms = Terms(parents={GROUP: FIRST})
    answer = compare(judged(columns), [one], terms=terms, holding=set())
    assert (answer.changes, answer.unchanged) == ([], 1)
    columns.cells[Field.GROUP] = cell_of_text("新街口社区联合工会")
    answer = compare(judged(columns), [one], terms=terms, holding=set())
    assert (only(answer).kind, only(answer).new and only(answer).new.unit_id) == (Kind.MOVED, FIRST)


def test_a_group_is_looked_for_in_the_unit_whose_list_it_is() -> None:
    other = UUID(int=4)
    units = unit_tree([*UNITS.units.values(), Unit(other, "第一小组", SECOND)])
    row = ReadRow(2, {Field.NAME: cell_of_text("张三"), Field.GROUP: cell_of_text("第一小组")})
    assert reasons(judge([row], units, known={})) == [["unit_ambiguous"]]
    (person,) = judge([row], units, known={}, unit_id=SECOND).people
    assert person.unit_id == other


def test_a_number_does_not_turn_one_person_into_another() -> None:
    one = member()
    other = Person(2, "李四", one.number, "13900139000", "1234")
    assert only(found([other], [one])).complaints[0].reason is Reason.NUMBER_OF_ANOTHER
    assert only(found([replace(other, last4="002X")], [one])).kind is Kind.CHANGED, "a name is corrected"


def test_who_is_missing_from_a_full_list_leaves_and_from_a_partial_one_stays() -> None:
    one, two = member(), member(number="0012345679", name="李四", mobile=None)
    row = Person(2, "张三", one.number)
    assert found([row], [one, two]).changes == []
    change = only(found([row], [one, two], mode=Mode.FULL))
    assert (change.kind, change.old, change.row) == (Kind.REMOVED, two, None)
    assert change.new == replace(wanted_of(two), status=MemberStatus.LEFT)


def test_who_holds_an_order_is_protected_also_when_the_file_says_left() -> None:
    one = member()
    left = Person(2, "张三", one.number, status=MemberStatus.LEFT)
    for people, terms in (([], {"mode": Mode.FULL}), ([left], {})):
        assert only(found(people, [one], holding={one.id}, **terms)).kind is Kind.PROTECTED
        assert only(found(people, [one], **terms)).kind is Kind.REMOVED


def test_who_is_in_a_refused_row_is_not_missing() -> None:
    one, two = member(), member(number="0012345679", name="李四")
    rows = [row_of(2, one.number, "张三", "1.38E+10"), row_of(3, "1.2E+9", "李四")]
    answer = compare(judged(*rows), [one, two], terms=Terms(mode=Mode.FULL), holding=set())
    assert answer.counts["removed"] == 0
    assert answer.counts["refused"] == 2


def test_who_looks_after_a_unit_touches_no_other() -> None:
    own = frozenset({FIRST, GROUP})
    terms = {"unit_ids": own, "own_unit_ids": own, "default_unit_id": FIRST, "mode": Mode.FULL}
    here, there = member(), member(number="0012345679", name="李四", unit_id=SECOND, mobile=None)
    row = Person(2, "张三", here.number)
    assert found([row], [here, there], **terms).changes == [], "those of other units are not missing"
    assert only(found([row, Person(3, "李四", there.number)], [here, there], **terms)).complaints[
        0
    ].reason is (Reason.MEMBER_ELSEWHERE)
    outside = only(found([replace(row, unit_id=SECOND)], [here, there], **terms))
    assert (outside.kind, outside.complaints[0].reason) == (Kind.REFUSED, Reason.UNIT_OUTSIDE)
    assert only(found([row, Person(3, "王五", "0012345680")], [here], **terms)).new == replace(
        wanted_of(here), number="0012345680", name="王五", mobile=None, last4=None
    )


def test_an_officer_moves_people_into_the_unit_whose_list_it_is() -> None:
    one = member(unit_id=SECOND)
    terms = {"unit_ids": frozenset({FIRST, GROUP}), "default_unit_id": FIRST}
    change = only(found([Person(2, "张三", one.number)], [one], **terms))
    assert (change.kind, change.new and change.new.unit_id) == (Kind.MOVED, FIRST)


def test_more_than_a_fifth_must_be_confirmed() -> None:
    assert [needs_confirmation(removed, 100) for removed in (0, 20, 21, 100)] == [False, False, True, True]


NUMBERS = st.sampled_from([f"00123456{n:02d}" for n in range(8)])
PEOPLE = st.builds(
    Person, row=st.integers(2, 99), name=st.sampled_from(["张三", "李四", "王五"]),
    number=st.none() | NUMBERS,
    mobile=st.none() | st.sampled_from(["13800138000", "13900139000"]), last4=st.none() | st.just("002X"),
    unit_id=st.none() | st.sampled_from([FIRST, SECOND]),
    status=st.none() | st.sampled_from(list(MemberStatus)),
)  # fmt: skip
ROSTERS = st.lists(
    st.builds(
        member, number=NUMBERS, name=st.sampled_from(["张三", "李四"]),
        unit_id=st.sampled_from([FIRST, SECOND]),
    ),
    unique_by=lambda known: known.number, max_size=8,
)  # fmt: skip


FILES = st.lists(PEOPLE, max_size=10, unique_by=lambda person: person.number or id(person))


def after(roster: Sequence[Known], comparison: Comparison) -> dict[str, Known]:
    """Carry a comparison out in memory."""
    members = {known.id: known for known in roster}
    for change in comparison.changes:
        if change.new is not None and change.kind is not Kind.PROTECTED:
            old_id = change.old.id if change.old else uuid4()
            new = change.new
            members[old_id] = Known(
                old_id, new.number, new.name, new.mobile, new.last4, new.unit_id, new.status
            )  # fmt: skip
    return {known.number: known for known in members.values()}


@given(people=FILES, roster=ROSTERS, mode=st.sampled_from(list(Mode)), data=st.data())
def test_nobody_with_an_order_vanishes_and_twice_is_once(
    people: list[Person], roster: list[Known], mode: Mode, data: st.DataObject
) -> None:
    people = [replace(person, row=row) for row, person in enumerate(people, start=2)]
    holding = {known.id for known in roster if data.draw(st.booleans())}
    terms = Terms(mode=mode, default_unit_id=FIRST)
    comparison = compare(Judged(people=list(people)), roster, terms=terms, holding=holding)
    result = after(roster, comparison)
    assert {known.number for known in roster} <= set(result), "no row is ever deleted"
    present = {MemberStatus.ACTIVE, MemberStatus.RETAINED}
    for known in roster:
        if known.id in holding and known.status in present:
            assert result[known.number].status in present
    assert len(result) == len({known.id for known in result.values()})
    accepted = [change.row for change in comparison.changes if change.kind is Kind.REFUSED]
    again = [person for person in people if person.row not in accepted and person.number is not None]
    second = compare(
        Judged(people=again), list(result.values()), terms=replace(terms, mode=Mode.PARTIAL), holding=holding
    )
    assert {change.kind for change in second.changes} <= {Kind.PROTECTED, Kind.REFUSED}
