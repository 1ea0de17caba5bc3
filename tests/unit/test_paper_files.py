"""A paper as PDF and as workbook: texts as they are, figures as figures, same bytes for the same paper."""

import io
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import typst
from pypdf import PdfReader

from app.documents.actions.printer import TEMPLATE, write_pdf
from app.documents.rules.paper import Column, Edition, Shape, Table
from app.documents.rules.workbook import write_workbook
from tests.factories.papers import COLUMNS, LONG_DIGITS, TEMPTING, content, fonts, imprint, sign_off_sheet

ROWS = 40


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fonts(tmp_path_factory.mktemp("fonts"))


@pytest.fixture(scope="module")
def pdf(font: Path) -> bytes:
    said = content(sign_off_sheet(ROWS))
    return write_pdf(said, imprint(said), font=font)


def workbook(said: dict[str, Any], **changes: Any) -> bytes:
    return write_workbook(said, imprint(said, **changes), progress=lambda _: None)


def texts(pdf: bytes) -> list[str]:
    """Return the text of each page, without the ends of lines."""
    return [re.sub(r"\s+", "", page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_the_text_of_a_pdf_can_be_taken_out(pdf: bytes) -> None:
    pages = texts(pdf)
    whole = "".join(pages)
    assert len(pages) == 3
    assert "䶮" in whole
    assert "𬱖" in whole
    assert whole.count(LONG_DIGITS) == ROWS
    for place, page in enumerate(pages, start=1):
        assert f"编号QL-2020-0001第{place}页/共3页" in page
        assert "t-officer·2026-01-0203:04·QL-2020-0001" in page
        assert "序号所在工会姓名会员号" in page, "headings are repeated"
    said = content(sign_off_sheet(ROWS))
    assert f"SHA-256{imprint(said).content_hash}" in pages[-1]
    assert "人民币" in pages[-1]
    assert "元整" in pages[-1]
    assert "合计金额（小写）：¥" in pages[-1]
    assert all(f"{role}：" in pages[-1] for role in ("制表人", "经手人", "证明人", "审核人", "主席", "日期"))
    assert "草稿" not in whole


def test_another_program_takes_the_same_text_out(pdf: bytes, tmp_path: Path) -> None:
    (tmp_path / "paper.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "paper.pdf", "-"], capture_output=True, check=True
    )
    text = done.stdout.decode()
    assert "䶮" in text
    assert "𬱖" in text
    assert text.count(LONG_DIGITS) == ROWS


def test_what_looks_like_markup_is_printed_as_it_is(pdf: bytes, font: Path) -> None:
    whole = "".join(texts(pdf))
    assert whole.count('#image("/etc/passwd")') == ROWS // len(TEMPTING)
    assert '#read("/etc/hostname")' in whole
    assert "*_$\\]" in whole
    assert "<b>&amp;" in whole
    assert "root:" not in whole
    title = '#image("/etc/passwd") *a* $x$ #eval("1")'
    said = content(sign_off_sheet(1, title=title, union_name=title, notes=(title,), signatures=(title,)))
    text = texts(write_pdf(said, imprint(said), font=font))[0]
    assert text.count('#image("/etc/passwd")*a*$x$#eval("1")') == 4


def test_control_the_template_language_reads_files_and_only_below_its_root() -> None:
    """Were a text read as markup, this is what it could do."""
    inside = typst.compile(b'#read("paper.typ").len()', root=TEMPLATE.parent, format="pdf")
    assert isinstance(inside, bytes)
    with pytest.raises(typst.TypstError):
        typst.compile(b'#read("/../../../../../etc/passwd")', root=TEMPLATE.parent, format="pdf")
    with pytest.raises(typst.TypstError):
        typst.compile(b'#read("../errors.py")', root=TEMPLATE.parent, format="pdf")


def test_only_the_bundled_font_is_used_and_wholly_embedded(pdf: bytes) -> None:
    fonts_used = set()
    for page in PdfReader(io.BytesIO(pdf)).pages:
        for one in page["/Resources"]["/Font"].values():  # type: ignore[index]
            described = one.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            fonts_used.add(str(one.get_object()["/BaseFont"]).partition("+")[2])
            assert "/FontFile3" in described
    assert fonts_used == {"NotoSansCJKsc-Regular-Identity-H"} or fonts_used == {"NotoSansCJKsc-Regular"}


def test_the_same_paper_is_the_same_bytes(pdf: bytes, font: Path) -> None:
    said = content(sign_off_sheet(ROWS))
    assert write_pdf(said, imprint(said), font=font) == pdf
    assert workbook(said) == workbook(said)
    assert write_pdf(content(sign_off_sheet(ROWS, amount_fen=5)), imprint(said), font=font) != pdf


def test_a_draft_says_so_on_every_page_and_has_no_code(font: Path) -> None:
    said = content(sign_off_sheet(ROWS), None)
    pages = texts(write_pdf(said, imprint(said, is_draft=True), font=font))
    assert all("草稿" in page for page in pages)
    assert "不能查验" in pages[-1]
    assert "QL-2020-0001" not in "".join(pages)


def test_a_masked_edition_and_a_portrait_paper(font: Path) -> None:
    said = content(sign_off_sheet(3, edition=Edition.MASKED, is_landscape=False))
    made = write_pdf(said, imprint(said), font=font)
    assert "（公示版）" in texts(made)[0]
    box = PdfReader(io.BytesIO(made)).pages[0].mediabox
    assert (round(box.width), round(box.height)) == (595, 842)


def test_several_tables_and_none(font: Path) -> None:
    small = Table(
        (Column("项目"), Column("数量", Shape.COUNT, is_summed=True)),
        (("小米", 3), ("红枣", 4)),
        caption="一、采购",
    )
    other = Table((Column("金额", Shape.FEN, is_summed=True),), ((100,), (None,)), caption="二、金额")
    said = content(sign_off_sheet(0, tables=(small, other), amount_fen=None, signatures=()))
    text = texts(write_pdf(said, imprint(said), font=font))[0]
    assert "一、采购项目数量小米3红枣4合计7" in text
    assert "二、金额金额1.00合计1.00" in text
    assert "大写" not in text
    bare = content(sign_off_sheet(0, tables=(), facts=(), notes=()))
    assert len(texts(write_pdf(bare, imprint(bare), font=font))) == 1
    book = python_calamine.load_workbook(io.BytesIO(workbook(said)))
    assert book.sheet_names == ["一、采购", "二、金额"]
    assert workbook(bare)


# --- Workbooks ---------------------------------------------------------------------------------------


def rows_of(book: bytes) -> list[list[Any]]:
    return (
        python_calamine.load_workbook(io.BytesIO(book)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    )


def test_cells_are_what_the_paper_says() -> None:
    paper = sign_off_sheet(ROWS)
    found = rows_of(workbook(content(paper)))
    start = next(place for place, row in enumerate(found) if row[0] == "序号") + 1
    assert [one.heading for one in COLUMNS] == found[start - 1]
    for expected, row in zip(paper.tables[0].rows, found[start:], strict=False):
        money = {10: expected[10] / 100, 11: expected[11] / 100}  # type: ignore[operator]
        wanted = [money.get(place, cell) for place, cell in enumerate(expected)]
        assert [cell if cell != "" else None for cell in row] == [
            cell if cell != "" else None for cell in wanted
        ]
        assert isinstance(row[3], str)
        assert isinstance(row[9], float | int)
    total = found[start + ROWS]
    assert (total[0], total[9], total[11]) == (
        "合计", sum(row[9] for row in paper.tables[0].rows), paper.amount_fen / 100,  # type: ignore[operator]
    )  # fmt: skip


def parts_of(book: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_formula_no_link_no_name() -> None:
    said = content(sign_off_sheet(ROWS))
    parts = parts_of(workbook(said))
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert not re.search(r"<f[ >]", sheet)
    assert "<hyperlink" not in sheet
    assert not [name for name in parts if "external" in name.lower() or "_rels/sheet" in name]
    core = parts["docProps/core.xml"]
    assert "<dc:creator></dc:creator>" in core
    assert "2020-10-20T00:00:00Z" in core
    assert 'orientation="landscape"' in sheet
    assert 'paperSize="9"' in sheet
    assert 'fitToHeight="0"' in sheet
    assert "&amp;P 页 / 共 &amp;N 页" in sheet
    assert "_xlnm.Print_Titles" in parts["xl/workbook.xml"]
    assert 'state="frozen"' in sheet


def test_control_the_writer_would_make_formulas_of_names() -> None:
    import xlsxwriter

    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.add_worksheet().write(0, 0, "=cmd|'/c calc'!A1")
    assert re.search(r"<f[ >]", parts_of(target.getvalue())["xl/worksheets/sheet1.xml"])


def test_titles_cannot_break_the_workbook() -> None:
    title = "a/b[c]:*?'&P\x07" + "很长" * 40
    twice = [Table((Column("甲"),), (("x" * 40_000,),), caption=title) for _ in range(2)]
    said = content(sign_off_sheet(0, title=title, union_name="&A&P公司", tables=twice))
    book = workbook(said)
    names = python_calamine.load_workbook(io.BytesIO(book)).sheet_names
    assert len(set(names)) == 2
    assert all(len(name) <= 31 for name in names)
    assert "&amp;&amp;A&amp;&amp;P公司" in parts_of(book)["xl/worksheets/sheet1.xml"]


def test_a_name_cannot_turn_the_number_beside_it() -> None:
    said = content(sign_off_sheet(1, union_name="示例·工会\u202e", facts=(("活动", "\u2067国庆"),)))
    above = [str(row[0]) for row in rows_of(workbook(said))[1:3]]
    assert above == ["示例·工会    单据编号：QL-2020-0001", "活动：国庆"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "pdf"])
def test_libreoffice_opens_it_with_all_text_intact(tmp_path: Path, form: str) -> None:
    paper = sign_off_sheet(ROWS)
    (tmp_path / "paper.xlsx").write_bytes(workbook(content(paper)))
    target = (
        "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
        if form == "csv"
        else form
    )
    command = [
        "soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", target,
        "--outdir", str(tmp_path), str(tmp_path / "paper.xlsx"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (made,) = [one for one in tmp_path.iterdir() if one.suffix == f".{form}"]
    if form == "csv":
        text = made.read_text("utf-8")
        for name in TEMPTING:
            assert name.replace('"', '""') in text, name
    else:
        text = "".join(texts(made.read_bytes()))
        assert text.count("合计") >= 1
    assert "䶮" in text
    assert "𬱖" in text
    assert text.count(LONG_DIGITS) == ROWS
    assert "=cmd|'/c" in text
    assert "人民币" in text
