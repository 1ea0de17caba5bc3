"""Files of members as unions really send them, and files that were made to hurt; all written by code."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

from app.roster.rules.identity import _remainder

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADINGS = ("会员号", "姓名", "手机", "证件后四位", "所在单位")
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超兰霞平"
_MINIMAL = {
    "[Content_Types].xml": b"<Types/>",
    "xl/workbook.xml": b"<workbook/>",
    "xl/worksheets/sheet1.xml": b"<worksheet/>",
}


def number_of(position: int) -> str:
    """A member number of ten digits that begins with zeros."""
    return f"00{position + 10_000_000:08d}"


def person(position: int, unit: str = "") -> list[str]:
    """A row of the headings: one of many people, no two alike in number and mobile."""
    name = _SURNAMES[position % 10] + _GIVEN[position // 10 % 20] + _GIVEN[position // 200 % 20]
    return [number_of(position), name, f"138{position:08d}", f"{position % 10_000:04d}", unit]


def people(count: int, unit: str = "") -> list[list[str]]:
    """Rows of as many people."""
    return [person(position, unit) for position in range(count)]


def identity_number(seed: int, *, ends_with_x: bool = False) -> str:
    """A sound number of an identity card; nobody's (the address 110102 with a date long ago)."""
    while True:
        first = f"110102{1900 + seed % 10:04d}0101{seed % 1_000:03d}"
        check = _remainder(first)
        if (check == 10) == ends_with_x:
            return first + ("X" if check == 10 else str(check))
        seed += 1


def csv_of(rows: Iterable[Sequence[Any]], *, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """Rows as a delimited text; a cell with a line break is quoted."""

    def cell(value: Any) -> str:
        text = str(value)
        return '"' + text.replace('"', '""') + '"' if any(c in text for c in f'\n"{delimiter}') else text

    return "\r\n".join(delimiter.join(map(cell, row)) for row in rows).encode(encoding)


def xlsx_of(
    rows: Iterable[Sequence[Any]], *, more: Mapping[str, Sequence[Sequence[Any]]] | None = None
) -> bytes:
    """Rows as a workbook; texts stay texts, numbers are numbers. `more`: hidden sheets before it."""
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    options["default_date_format"] = "yyyy-mm-dd"
    with xlsxwriter.Workbook(target, options) as book:
        for name, hidden in (more or {}).items():
            before = book.add_worksheet(name)
            before.hide()
            for line, row in enumerate(hidden):
                before.write_row(line, 0, row)
        sheet = book.add_worksheet("名单")
        sheet.activate()
        sheet.set_first_sheet()
        for line, row in enumerate(rows):
            sheet.write_row(line, 0, row)
    return target.getvalue()


def ugly_rows(unit: str) -> list[list[str]]:
    """A thousand people: three repeated identities, two phones 1.38E+10, a lost X, full-width digits.

    Below a title; the heading of the number has a line break, that of the name a space. Rows are numbered as
    a spreadsheet numbers them: the title is 1, the headings are 2.
    """
    rows = people(1_000, unit)
    for row in rows:
        row[3] = identity_number(int(row[0]) - 10_000_000)
    for repeated, first in ((100, 10), (200, 20), (300, 30)):
        rows[repeated][:2] = rows[first][:2]
        rows[repeated][3] = rows[first][3]
    for rounded in (400, 500):
        rows[rounded][2] = "1.38E+10"
    rows[600][3] = identity_number(600, ends_with_x=True)[:-1]
    rows[700][2] = rows[700][2].translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)})
    headings = ["会员\n编号", "姓 名", "手机号码", "身份证号", "所在单位"]
    return [["某街道总工会会员名册", "", "", "", ""], headings, *rows]


UGLY_REFUSED = {
    103: "number_repeated", 203: "number_repeated", 303: "number_repeated",
    403: "mobile_lost_digits", 503: "mobile_lost_digits", 603: "identity_lost_x",
}  # fmt: skip
"""Rows of the ugly file that are listed, and why."""


def archive(parts: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with the parts of the smallest workbook and these."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name, content in {**_MINIMAL, **parts}.items():
            made.writestr(name, content)
    return target.getvalue()


def bomb(*, unpacked_bytes: int, declared_bytes: int | None = None, copies: int = 1) -> bytes:
    """A workbook whose sheet unpacks to zeros; `declared_bytes` is what its directory claims.

    With `copies`, that many entries share the same packed bytes, as overlapping bombs do.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bytearray()
    for start in range(0, unpacked_bytes, 1 << 20):
        packed += packer.compress(b"\0" * min(1 << 20, unpacked_bytes - start))
    packed += packer.flush()
    claim = unpacked_bytes if declared_bytes is None else declared_bytes
    body, directory = bytearray(), bytearray()
    names = ["xl/workbook.xml", *(f"xl/worksheets/sheet{n}.xml" for n in range(copies))]
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), claim & 0xFFFFFFFF, 15, 0)
    body += local + b"xl/workbook.xml" + packed
    for name in names:
        raw = name.encode()
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(packed), claim & 0xFFFFFFFF,
            len(raw), 0, 0, 0, 0, 0, 0,
        ) + raw  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(names), len(names), len(directory), len(body), 0)
    return bytes(body + directory + end)


def sheet_xml(cells: str) -> bytes:
    """A sheet with these cells."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return (
        f'<?xml version="1.0"?><worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'.encode()
    )


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """A workbook with one part replaced or added."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", 8) as made:
        for info in source.infolist():
            if info.filename != name:
                made.writestr(info.filename, source.read(info))
        made.writestr(name, part)
    return target.getvalue()


def shuffled(rows: list[list[str]], seed: int = 1) -> list[list[str]]:
    """The rows in another order."""
    return random.Random(seed).sample(rows, len(rows))
