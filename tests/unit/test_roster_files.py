"""Files that were made to hurt are refused, most of them before a byte is unpacked (attack A9)."""

import io
import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from app.platform.errors import DomainError
from app.roster import errors
from app.roster.errors import SeveralSheets
from app.roster.jobs.reading import read_in_own_process
from app.roster.rules.formats import Format, check_file
from app.roster.rules.reading import read_file
from app.roster.rules.unpacking import check_parts
from tests.factories.rosters import (
    HEADINGS,
    archive,
    bomb,
    csv_of,
    people,
    sheet_xml,
    with_part,
    xlsx_of,
)

TODAY = date(2026, 11, 24)
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
GOOD = xlsx_of([HEADINGS, *people(3)])
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><sheet>&b;</sheet>'
OUTSIDE = b'<!DOCTYPE w [<!ENTITY f SYSTEM "file:///etc/passwd">]><worksheet>&f;</worksheet>'


def encrypted(content: bytes) -> bytes:
    """Say in every entry of the directory that it is encrypted."""
    changed = bytearray(content)
    place = changed.find(b"PK\x01\x02")
    while place >= 0:
        changed[place + 8] |= 1
        place = changed.find(b"PK\x01\x02", place + 1)
    return bytes(changed)


def climbing(name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("xl/workbook.xml", b"<workbook/>")
        made.writestr(name, b"x")
    return target.getvalue()


BEFORE_UNPACKING = {
    "empty": (b"", "a.xlsx", errors.FileEmpty),
    "spaces": (b" \r\n", "a.csv", errors.FileEmpty),
    "a text that says xlsx": (csv_of(people(3)), "a.xlsx", errors.FormatUnknown),
    "a workbook that says csv": (GOOD, "a.csv", errors.FormatUnknown),
    "a workbook that says xls": (GOOD, "a.xls", errors.FormatUnknown),
    "a document": (b"%PDF-1.7 ...", "a.csv", errors.FormatUnknown),
    "a program": (b"\x7fELF\0\0\0\0\0", "a.csv", errors.FormatUnknown),
    "another archive": (climbing("word/x").replace(b"xl/", b"yl/"), "a.xlsx", errors.FormatUnknown),
    "no ending": (GOOD, "roster", errors.FormatUnknown),
    "macros by name": (GOOD, "a.xlsm", errors.MacrosFound),
    "macros inside": (archive({"xl/vbaProject.bin": b"x"}), "a.xlsx", errors.MacrosFound),
    "old macros": (archive({"xl/macrosheets/sheet1.xml": b"x"}), "a.xlsx", errors.MacrosFound),
    "macros of an old workbook": (OLE + "_VBA_PROJECT".encode("utf-16-le"), "a.xls", errors.MacrosFound),
    "a locked workbook": (OLE + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", errors.FileLocked),
    "locked entries": (encrypted(GOOD), "a.xlsx", errors.FileLocked),
    "links": (archive({"xl/externalLinks/externalLink1.xml": b"x"}), "a.xlsx", errors.LinksFound),
    "a name that climbs": (climbing("../../etc/cron.d/x"), "a.xlsx", errors.ArchiveUnsafe),
    "an absolute name": (climbing("/etc/cron.d/x"), "a.xlsx", errors.ArchiveUnsafe),
    "a name with backslashes": (climbing("..\\..\\x"), "a.xlsx", errors.ArchiveUnsafe),
    "a drive": (climbing("c:/x"), "a.xlsx", errors.ArchiveUnsafe),
    "another method": (archive({}, method=zipfile.ZIP_LZMA), "a.xlsx", errors.ArchiveUnsafe),
    "a thousand parts": (archive({f"x{n}": b"" for n in range(1_000)}), "a.xlsx", errors.ArchiveUnsafe),
    "60 MB": (bomb(unpacked_bytes=60_000_000), "a.xlsx", errors.UnpackedTooLarge),
    "a ratio of 1,000": (bomb(unpacked_bytes=20_000_000), "a.xlsx", errors.ArchiveUnsafe),
    "cut off": (GOOD[:-30], "a.xlsx", errors.FileUnreadable),
}  # fmt: skip


@pytest.mark.parametrize("which", BEFORE_UNPACKING)
def test_it_is_refused_before_it_is_unpacked(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, filename, refusal = BEFORE_UNPACKING[which]
    monkeypatch.setattr("zlib.decompressobj", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(refusal):
        check_file(content, filename)


def test_a_good_workbook_passes_both_looks() -> None:
    assert check_file(GOOD, "名单.XLSX") is Format.XLSX
    check_parts(GOOD)


AFTER_COUNTING = {
    "billion laughs": (archive({"xl/worksheets/sheet1.xml": LAUGHS}), errors.ArchiveUnsafe),
    "an external entity": (archive({"xl/sharedStrings.xml": OUTSIDE}), errors.ArchiveUnsafe),
    "an entity in UTF-16": (
        archive({"xl/styles.xml": OUTSIDE.decode().encode("utf-16")}), errors.ArchiveUnsafe,
    ),
    "an entity behind 300 kB": (
        archive({"xl/styles.xml": b"<a>" + os.urandom(150_000).hex().encode() + OUTSIDE}),
        errors.ArchiveUnsafe,
    ),
    "a size that lies": (bomb(unpacked_bytes=40_000_000, declared_bytes=1_000), errors.ArchiveUnsafe),
    "40 kB that unpack to 4 GB": (
        bomb(unpacked_bytes=44_000_000, declared_bytes=10_000, copies=98), errors.ArchiveUnsafe,
    ),
    "more than 50 MB, unsaid": (
        bomb(unpacked_bytes=80_000_000, declared_bytes=1_000), errors.UnpackedTooLarge,
    ),
    "macros by type": (
        archive({"[Content_Types].xml": b'<T ContentType="application/vnd.ms-excel.sheet.macroEnabled"/>'}),
        errors.MacrosFound,
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", AFTER_COUNTING)
def test_what_the_directory_hides_is_found_by_counting(which: str) -> None:
    content, refusal = AFTER_COUNTING[which]
    assert check_file(content, "a.xlsx") is Format.XLSX
    with pytest.raises(refusal):
        check_parts(content)


def refusal_of(content: bytes, filename: str = "a.xlsx") -> type[DomainError]:
    with pytest.raises(DomainError) as found:
        read_in_own_process(content, filename, today=TODAY)
    return type(found.value)


def test_a_hundred_thousand_rows_with_one_bad_are_too_many_rows() -> None:
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>张{n}</t></is></c>'
        f'<c r="B{n}"><v>{10**7 + n}</v></c></row>'
        for n in range(2, 100_002)
    ).replace("张777<", "=cmd|x<")
    head = "".join(
        f'<c r="{c}1" t="inlineStr"><is><t>{t}</t></is></c>' for c, t in (("A", "姓名"), ("B", "会员号"))
    )
    content = with_part(GOOD, "xl/worksheets/sheet1.xml", sheet_xml(f'<row r="1">{head}</row>{cells}'))
    assert refusal_of(content) is errors.TooManyRows


def test_a_million_columns_are_too_many_columns() -> None:
    far = sheet_xml('<row r="1"><c r="A1"><v>1</v></c><c r="BDWGN1"><v>1</v></c></row>')
    assert refusal_of(with_part(GOOD, "xl/worksheets/sheet1.xml", far)) is errors.TooManyColumns


def test_a_sheet_that_claims_all_cells_dies_of_its_limit_and_harms_nobody() -> None:
    far = sheet_xml(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    )
    found = refusal_of(with_part(GOOD, "xl/worksheets/sheet1.xml", far))
    assert found in {errors.ReadingTooCostly, errors.TooManyColumns, errors.FileUnreadable}


def test_people_in_two_sheets_are_not_half_read() -> None:
    def workbook(*sheets: list[list[str]]) -> bytes:
        target = io.BytesIO()
        with xlsxwriter.Workbook(target) as book:
            for rows in sheets:
                sheet = book.add_worksheet()
                for line, row in enumerate(rows):
                    sheet.write_row(line, 0, row)
        return target.getvalue()

    one, two = [["姓名", "会员号"], ["张三", "0012345678"]], [["姓名", "会员号"], ["李四", "0012345679"]]
    with pytest.raises(SeveralSheets):
        list(read_file(workbook(one, two), "名单.xlsx", today=TODAY))
    notes = [["填写说明"], ["姓名", "会员号"]]
    assert len(list(read_file(workbook(one, notes, [[]]), "名单.xlsx", today=TODAY))) == 1


def test_formulas_count_as_what_they_last_were() -> None:
    row = (
        '<row r="2"><c r="A2"><f>1+1</f><v>12345678</v></c>'
        '<c r="B2" t="str"><f>cmd|x</f><v>张三</v></c></row>'
    )  # fmt: skip
    head = "".join(
        f'<c r="{c}1" t="inlineStr"><is><t>{t}</t></is></c>' for c, t in (("A", "会员号"), ("B", "姓名"))
    )
    content = with_part(GOOD, "xl/worksheets/sheet1.xml", sheet_xml(f'<row r="1">{head}</row>{row}'))
    (found,) = read_in_own_process(content, "a.xlsx", today=TODAY)
    assert [cell.text for cell in found.cells.values()] == ["12345678", "张三"]


_PROBE = """
import sys; sys.path.insert(0, sys.argv[1])
from app.roster.jobs.reader import close_the_doors
import socket
if sys.argv[2] == "closed": close_the_doors()
try: socket.socket(); print("socket")
except OSError: print("refused")
try: open("/etc/hostname"); print("file")
except OSError: print("refused")
"""


@pytest.mark.parametrize(
    ("doors", "expected"), [("closed", ["refused", "refused"]), ("open", ["socket", "file"])]
)
def test_the_reading_process_reaches_neither_network_nor_files(doors: str, expected: list[str]) -> None:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROBE, root, doors], capture_output=True, text=True, check=True, env={}
    )  # fmt: skip
    assert done.stdout.split() == expected


def test_a_reading_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.roster.jobs.reading._START", "while True: pass")
    monkeypatch.setattr("app.roster.jobs.reading.MOST_SECONDS", 0.3)
    assert refusal_of(GOOD) is errors.ReadingTooCostly


def test_a_reading_process_that_takes_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    content = xlsx_of([HEADINGS, *people(500)])
    assert len(read_in_own_process(content, "a.xlsx", today=TODAY)) == 500
    little = "import app.roster.jobs.reader as r; r.MEMORY_BYTES = 20_000_000; r.main()"
    monkeypatch.setattr(
        "app.roster.jobs.reading._START", f"import sys; sys.path.insert(0, sys.argv[1]); {little}"
    )
    assert refusal_of(content) is errors.ReadingTooCostly
