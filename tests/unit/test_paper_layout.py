"""Pages: every row is printed once, each page sums its own rows, and nothing overflows."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.documents.rules.cells import LEADING, fit, written
from app.documents.rules.content import hash_of
from app.documents.rules.glyphs import Glyphs, printable, read_glyphs
from app.documents.rules.layout import FOOT, HEAD, MARGIN, Layout
from app.documents.rules.paper import Column, Shape, Table
from tests.factories.papers import COLUMNS, content, fonts, sheet_row, sign_off_sheet


@pytest.fixture(scope="module")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> Glyphs:
    return read_glyphs(fonts(tmp_path_factory.mktemp("fonts")).read_bytes())


def tables(pages: list[list[dict[str, Any]]]) -> list[tuple[int, dict[str, Any]]]:
    return [(place, block) for place, page in enumerate(pages) for block in page if block["kind"] == "table"]


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["lines"])


def check_pages(layout: Layout, paper: Any) -> list[list[dict[str, Any]]]:
    """Compare every page with the paper: its rows in their order, its subtotal, the one total."""
    pages = layout.pages()
    room = layout.height - 2 * MARGIN - HEAD - FOOT
    seen: list[str] = []
    found = tables(pages)
    for place, page in enumerate(pages):
        assert sum(block["h"] for block in page) <= room + 0.01, place
    for _, block in found:
        rows = [row for row in block["rows"] if row["role"] == "row"]
        places = [int(text(row["cells"][0]).replace(",", "")) for row in rows]
        seen += [text(row["cells"][0]) for row in rows]
        sums = {text(row["cells"][0]): row for row in block["rows"] if row["role"] == "sum"}
        if len(found) > 1:
            boxes = sum(sheet_row(one - 1)[9] for one in places)  # type: ignore[misc]
            fen = sum(sheet_row(one - 1)[11] for one in places)  # type: ignore[misc]
            shown = [text(cell) for cell in sums["本页小计"]["cells"]]
            assert (shown[1], shown[3]) == (written(boxes, Shape.COUNT), written(fen, Shape.FEN))
        else:
            assert "本页小计" not in sums
        assert ("合计" in sums) == (block is found[-1][1])
    assert seen == [f"{place:,}" for place in range(1, paper.row_count + 1)]
    return pages


@pytest.mark.parametrize("count", [0, 1, 2, 14, 15, 16, 17, 60, 401])
def test_pages_sum_their_own_rows(glyphs: Glyphs, count: int) -> None:
    paper = sign_off_sheet(count)
    pages = check_pages(Layout(content(paper), glyphs), paper)
    total = [row for row in tables(pages)[-1][1]["rows"] if row["role"] == "sum"][-1]
    assert [text(cell) for cell in total["cells"]][:4] == [
        "合计",
        f"{sum(row[9] for row in paper.tables[0].rows):,}",
        "",
        written(paper.amount_fen, Shape.FEN),
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 90), notes=st.integers(0, 30), facts=st.integers(0, 20), is_wide=st.booleans())
def test_nothing_overflows(glyphs: Glyphs, count: int, notes: int, facts: int, is_wide: bool) -> None:
    paper = sign_off_sheet(
        count,
        notes=("注意事项",) * notes,
        facts=(("事项", "内容" * 30),) * facts,
        is_landscape=is_wide,
    )
    check_pages(Layout(content(paper), glyphs), paper)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_text=st.text(st.sampled_from("中文字符，。（）abcWM0123456789 -·"), max_size=120),
    width=st.floats(15, 120),
    height=st.floats(10, 24),
)
def test_a_fitted_text_is_whole_and_fits(
    glyphs: Glyphs, given_text: str, width: float, height: float
) -> None:
    fitted = fit(given_text, glyphs, box=(width, height), size=9, highest=2_000)
    assert "".join(fitted.lines).replace(" ", "") == given_text.replace(" ", "")
    for line in fitted.lines:
        assert glyphs.measure(line) * fitted.size <= width + 0.01 or len(line) <= 2
    assert fitted.height <= height + 0.01 or fitted.size == 5
    assert fitted.height == pytest.approx(len(fitted.lines) * fitted.size * LEADING)


def test_a_text_that_is_higher_than_a_page_is_cut(glyphs: Glyphs) -> None:
    fitted = fit("字" * 5_000, glyphs, box=(50, 20), size=9, highest=100)
    assert (len(fitted.lines), fitted.lines[-1][-1]) == (16, "…")


def test_a_long_row_makes_its_row_higher_and_not_its_page(glyphs: Glyphs) -> None:
    paper = sign_off_sheet(3)
    rows = [*paper.tables[0].rows]
    rows[1] = (*rows[1][:17], "很长的备注" * 60)
    higher = sign_off_sheet(3, tables=(Table(COLUMNS, rows),))
    drawn = tables(Layout(content(higher), glyphs).pages())[0][1]["rows"]
    assert drawn[2]["h"] > 30 > drawn[1]["h"] == drawn[3]["h"]


@pytest.mark.parametrize(
    ("cell", "shape", "expected"),
    [
        (None, "fen", ""), (0, "fen", "0.00"), (123_456_705, "fen", "1,234,567.05"), (-5, "fen", "-0.05"),
        (2_500, "grams", "2.500"), (1_234, "count", "1,234"), ("0017", "text", "0017"),
    ],
)  # fmt: skip
def test_how_cells_are_written(cell: Any, shape: str, expected: str) -> None:
    assert written(cell, shape) == expected


def test_what_the_font_has_not_is_named(glyphs: Glyphs) -> None:
    missing: set[str] = set()
    given_text = "䶮𬱖\ue123\u202e😀\tA\U000e0101茶\ufe00\x00"
    assert printable(given_text, glyphs, missing=missing) == "䶮𬱖〓〓〓 A茶 "
    assert missing == {"\ue123", "\u202e", "😀"}
    layout = Layout(content(sign_off_sheet(14, title="某\ue123表")), glyphs)
    notes = [block["text"] for page in layout.pages() for block in page if block["kind"] == "note"]
    assert notes[1] == "2. 〓 代替字库未收的字符（U+E123），原字见电子表格。"


def test_the_hash_is_over_all_that_a_paper_says() -> None:
    paper = sign_off_sheet(3)
    first = hash_of(content(paper))
    assert first == hash_of(content(sign_off_sheet(3))), "the same paper"
    others = [
        content(paper, "QL-2020-0002"),
        content(paper, None),
        content(sign_off_sheet(3, title="别的")),
        content(sign_off_sheet(3, amount_fen=1)),
        content(sign_off_sheet(3, notes=())),
        content(sign_off_sheet(3, union_name="别的")),
        content(sign_off_sheet(4)),
        content(paper) | {"union_id": "other"},
        content(paper) | {"edition": "masked"},
    ]
    assert len({first, *map(hash_of, others)}) == len(others) + 1


@pytest.mark.parametrize(
    "table",
    [
        Table((), ()),
        Table((Column("甲"),), (("a", "b"),)),
        Table((Column("甲"),), ((1,),)),
        Table((Column("甲", Shape.COUNT),), (("1",),)),
        Table((Column("甲", Shape.COUNT),), ((True,),)),
        Table((Column("甲", is_summed=True),), ()),
    ],
    ids=["no columns", "too long", "a number as text", "a text as number", "a truth", "a sum of texts"],
)
def test_a_paper_that_does_not_fit_is_refused(table: Table) -> None:
    with pytest.raises(ValueError, match="columns"):
        content(sign_off_sheet(0, tables=(table,)))


def test_the_font_is_unpacked_once_and_only_the_real_one_is_used(tmp_path: Path) -> None:
    path = fonts(tmp_path)
    first = path.stat()
    assert fonts(tmp_path) == path
    assert path.stat().st_mtime_ns == first.st_mtime_ns
    path.write_bytes(b"another font")
    assert fonts(tmp_path) == path
    assert path.stat().st_size == first.st_size
    assert [one.name for one in path.parent.iterdir()] == [path.name]
