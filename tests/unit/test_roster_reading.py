"""What is read of files as unions send them: encodings, headings, cells, people."""

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.platform.errors import DomainError
from app.roster.errors import EncodingUnknown, FileUnreadable, HeaderMissing, TooManyColumns, TooManyRows
from app.roster.rules.cells import Cell, Mark, cell_of, cell_of_text
from app.roster.rules.headings import Field, find_columns, meaning_of
from app.roster.rules.identity import IdentityFault, last_four, without_long_numbers
from app.roster.rules.reading import ReadRow, people_of, read_file, row_of_line
from tests.factories.rosters import HEADINGS, csv_of, identity_number, people, xlsx_of

TODAY = date(2026, 11, 24)


def read(content: bytes, filename: str = "a.csv") -> list[ReadRow]:
    return list(read_file(content, filename, today=TODAY))


def texts(row: ReadRow) -> list[str]:
    return [row.cells[field].text for field in (Field.NUMBER, Field.NAME, Field.MOBILE)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "\uff0c"])
def test_every_usual_encoding_and_delimiter_is_found_out(encoding: str, delimiter: str) -> None:
    rows = [
        HEADINGS,
        ["0012345678", "买买提·艾力", "13800138000", "002X", "某工会"],
        ["0012345679", "䶮𠮷", "", "", ""],
    ]
    found = read(csv_of(rows, encoding=encoding, delimiter=delimiter))
    assert [texts(row) for row in found] == [
        ["0012345678", "买买提·艾力", "13800138000"],
        ["0012345679", "䶮𠮷", ""],
    ]
    assert [(row.row, row.last4) for row in found] == [(2, "002X"), (3, "")]


def test_bytes_of_no_encoding_are_refused() -> None:
    with pytest.raises(EncodingUnknown):
        read("姓名,会员号\n".encode() + b"\xff\xff\xff,1\n")


def test_a_quote_that_never_ends_is_refused() -> None:
    with pytest.raises(FileUnreadable):
        read(b'name,number\n"' + b"a" * 20_000)
    for name in ('"张三', '"张"三'):
        with pytest.raises(FileUnreadable):  # else it would swallow the people below
            read(f"会员号;姓名\n1;{name}\n2;李四\n3;王五".encode())


def test_a_formula_that_keeps_the_zeros_of_a_text_file_is_that_text() -> None:
    (row,) = read('会员号,姓名\n="0012345678",张三\n'.encode())
    assert row.cells[Field.NUMBER] == Cell("0012345678")


@pytest.mark.parametrize(
    ("above", "count"),
    [
        ([["姓名", "会员号"]], 1),
        ([["某某名册"], [], ["制表日期 2026-11-24"], ["序号", "姓 名", "会员\n编号"]], 4),
        ([["会员信息", "", "联系"], ["姓名", "会员号(必填)", "手机号码"]], 2),
        ([["姓名", "联系方式", ""], ["", "手机", "工会会员号"]], 2),
        ([["* 会员姓名", "身份证号(只用后四位)"]], 1),
    ],
)
def test_headings_are_found_below_titles_and_over_two_lines(above: list[list[str]], count: int) -> None:
    rows = [[Cell(text) for text in row] for row in above] + [[Cell("张三"), Cell("123456")]]
    found = find_columns(rows)
    assert found is not None
    assert found[0] == count
    assert Field.NAME in found[1]


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("姓 名", Field.NAME), ("会员编号", Field.NUMBER), ("联系电话", Field.MOBILE),
        ("手机\n号码", Field.MOBILE),
        ("证件号码后四位", Field.LAST4), ("基层工会", Field.UNIT), ("工会小组", Field.GROUP),
        ("会籍状态", Field.STATUS), ("姓名(必填)", Field.NAME),
    ],
)  # fmt: skip
def test_headings_mean_fields(heading: str, field: Field) -> None:
    found = meaning_of(heading)
    assert found is not None
    assert found[0] is field


def test_a_table_without_headings_is_refused() -> None:
    with pytest.raises(HeaderMissing):
        read(csv_of(people(5)))


def test_the_better_of_two_columns_wins_and_the_other_fills_in() -> None:
    rows = [["姓名", "联系电话", "手机"], ["张三", "01066668888", "13800138000"], ["李四", "13800138001", ""]]
    assert [row.cells[Field.MOBILE].text for row in read(csv_of(rows))] == ["13800138000", "13800138001"]


def test_totals_signatures_examples_empty_and_repeated_headings_are_no_people() -> None:
    rows = [HEADINGS, *people(2), ["", ""], HEADINGS, ["示例001", "张三"], ["合 计", "2 人"], ["制表人:王某"]]
    assert [row.row for row in read(csv_of(rows))] == [2, 3]


def test_a_unit_with_the_name_of_a_signature_keeps_its_people() -> None:
    rows = [["所在单位", "会员号", "姓名"], ["制表厂工会", "0012345678", "张三"], ["制表人:王某", "", ""]]
    assert [row.row for row in read(csv_of(rows))] == [2]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (13800138001.0, Cell("13800138001", Mark.NUMBER)),
        (13800000000.0, Cell("13800000000", Mark.LOST)),
        (1.10101199001010e17, Cell("1.10E+17", Mark.LOST)),
        (21.0, Cell("21", Mark.NUMBER)),
        (21.5, Cell("21.5", Mark.NUMBER)),
        (float("nan"), Cell("NAN", Mark.LOST)),
        (True, Cell("TRUE")),
        (None, Cell("")),
        (datetime(2020, 1, 2), Cell("2020-01-02 00:00:00", Mark.DATE)),
        ("1.38E+10", Cell("1.38E+10", Mark.LOST)),
        ("1.10105194912310E+17", Cell("1.10E+17", Mark.LOST)),
        ("13800138000.0", Cell("13800138000", Mark.NUMBER)),
        ("  张三\t", Cell("张三")),
        ("0021", Cell("0021")),
    ],
)
def test_a_cell_says_what_the_spreadsheet_did_to_it(value: object, cell: Cell) -> None:
    assert cell_of(value) == cell


def test_digits_of_a_delimited_text_may_have_been_a_number() -> None:
    assert cell_of_text("0021", is_typed=False) == Cell("0021", Mark.NUMBER)


def test_row_numbers_of_a_workbook_are_those_of_the_sheet() -> None:
    found = read(
        xlsx_of([[], [], ["某某名册"], HEADINGS, *people(2)], more={"隐藏": [HEADINGS, *people(9)]}), "a.xlsx"
    )
    assert [(row.row, *texts(row)) for row in found] == [
        (5, "0010000000", "王伟伟", "13800000000"),
        (6, "0010000001", "李伟伟", "13800000001"),
    ]


def test_numbers_of_a_workbook_are_read_exactly() -> None:
    found = read(xlsx_of([HEADINGS, [12345678, "张三", 13800138001, 21, ""]]), "a.xlsx")
    assert found[0].cells[Field.MOBILE] == Cell("13800138001", Mark.NUMBER)
    assert found[0].last4 == "!last4_short"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("11010519491231002X", "002X"), ("440524188001010014", "0014"), ("11010519491231002x", "002X"),
        ("１１０１０５１９４９１２３１００２Ｘ", "002X"), ("110105 19491231 002X", "002X"),
        ("110105194912310021", IdentityFault.WRONG), ("110105199902300019", IdentityFault.WRONG),
        ("110221197501010013", "0013"), ("810000199003070015", "0015"), ("911033199003070017", "0017"),
        ("11010519491231002", IdentityFault.LOST_X), ("110105491231002", IdentityFault.OLD),
        ("002X", "002X"), ("21", IdentityFault.SHORT), ("**************002X", "002X"),
        ("abcd", IdentityFault.WRONG),
    ],
)  # fmt: skip
def test_identity_numbers_are_cut_or_named(number: str, expected: str) -> None:
    assert last_four(number, today=TODAY) == expected


def test_a_full_number_leaves_no_trace_in_what_is_read() -> None:
    number = identity_number(7)
    (row,) = read(csv_of([["姓名", "身份证号", "手机"], ["张三", number, f"卡号 {number}"]]))
    assert row.last4 == number[-4:]
    assert number not in row.to_line()
    assert row.cells[Field.LAST4].text == "*" * 14 + number[-4:]
    assert row_of_line(row.to_line().encode()) == row


def test_long_numbers_are_covered_wherever_they_stand() -> None:
    assert without_long_numbers("6222 0212 3456 7890 123") == "***************0123"
    assert without_long_numbers("13800138000") == "13800138000"


def test_one_row_too_many_is_refused() -> None:
    rows = ([Cell("张三"), Cell(str(n))] for n in range(50_001))
    with pytest.raises(TooManyRows):
        list(people_of([[Cell("姓名"), Cell("会员号")], *rows], today=TODAY))


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(TooManyColumns):
        read(csv_of([["姓名", "会员号", *["x"] * 199], ["张三"]]))


VALUES = st.one_of(
    st.text(max_size=30), st.floats(), st.integers(), st.booleans(), st.none(), st.datetimes(), st.dates(),
    st.times(), st.timedeltas(),
    st.sampled_from(["姓名", "会员号", "手机", "证件号", "合计", "1.38E+10", "=1+1"]),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(table=st.lists(st.lists(VALUES, max_size=6), max_size=12))
def test_no_table_of_cells_stops_the_reader(table: list[list[object]]) -> None:
    headed: list[list[object]] = [["姓名", "会员号", "手机", "证件号"], *table]
    for row in people_of([[cell_of(value) for value in row] for row in headed], today=TODAY):
        assert row_of_line(row.to_line().encode()) == row


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=400), filename=st.sampled_from(["a.csv", "a.xlsx", "a.xls", "a.ods"]))
def test_no_bytes_do_anything_but_be_read_or_refused(content: bytes, filename: str) -> None:
    for start in (b"", b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")):
        try:
            read(start + content, filename)
        except DomainError as error:
            assert error.code.startswith("roster.")  # noqa: PT017 - either it is read, or refused like this
