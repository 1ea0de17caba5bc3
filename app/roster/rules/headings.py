"""Finding the row of headings below titles, in one line or two, and what each column holds."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from app.roster.rules.cells import Cell


class Field(StrEnum):
    """What a column of a roster can hold."""

    NAME = "name"
    NUMBER = "number"
    MOBILE = "mobile"
    LAST4 = "last4"
    UNIT = "unit"
    GROUP = "group"
    STATUS = "status"


# The first of a field's names that a file has wins: 手机 before 联系电话.
_NAMES: Mapping[Field, tuple[str, ...]] = MappingProxyType(
    {
        Field.NAME: ("姓名", "会员姓名", "职工姓名", "名字", "name", "membername"),
        Field.NUMBER: (
            "会员号", "会员编号", "工会会员号", "会员证号", "会员卡号", "工会会员编号", "会员号码",
            "membernumber", "memberno", "number",
        ),
        Field.MOBILE: (
            "手机", "手机号", "手机号码", "移动电话", "联系手机", "联系电话", "电话", "电话号码", "联系方式",
            "mobile", "phone",
        ),
        Field.LAST4: (
            "证件后四位", "证件号后四位", "证件号码后四位", "身份证后四位", "身份证号后四位",
            "身份证号码后四位", "证件后4位", "身份证后4位", "后四位", "身份证号", "身份证号码", "身份证",
            "证件号", "证件号码", "居民身份证号", "居民身份证号码", "idlast4", "last4", "idnumber",
        ),
        Field.UNIT: (
            "所在工会", "基层工会", "所属工会", "所在基层工会", "基层工会名称", "工会名称", "所在单位",
            "所属单位", "单位", "单位名称", "工作单位", "unit",
        ),
        Field.GROUP: ("工会小组", "所在小组", "小组", "分会", "所在分会", "group"),
        Field.STATUS: ("会籍状态", "会员状态", "状态", "会籍", "status"),
    }
)  # fmt: skip
_FIELDS = {name: (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names)}
_NOTES = re.compile(r"[(\[〔【].*?[)\]〕】]")
_NOISE = re.compile(r"[\s*:、,。._/\-]+")
SEARCHED_ROWS = 30
HEADINGS = MappingProxyType({field: names[0] for field, names in _NAMES.items()})
"""The name of each field in the files that we write."""


def meaning_of(heading: str) -> tuple[Field, int] | None:
    """Return the field that a heading names and its rank among the names of it, or None."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    bare = _NOISE.sub("", _NOTES.sub("", folded))
    return _FIELDS.get(bare) or _FIELDS.get(_NOISE.sub("", folded))


def find_columns(rows: Sequence[Sequence[Cell]]) -> tuple[int, dict[Field, list[int]]] | None:
    """Return how many of the first rows end with the headings, and the columns of each field, best first.

    A row of headings names the person and one thing more; what it lacks, the row below may say, if that one
    holds headings only (a heading over two lines, cells merged).
    """
    for position, row in enumerate(rows[:SEARCHED_ROWS]):
        found = _meanings(row)
        below = _meanings(rows[position + 1]) if position + 1 < len(rows) else {}
        # The lower line of a heading repeats nothing that people are called.
        is_double = bool(below) and _is_headings(rows[position + 1], below)
        joined = found | {column: what for column, what in below.items() if is_double and column not in found}
        fields = {field for field, _ in joined.values()}
        if Field.NAME not in {field for field, _ in found.values()} or len(fields) < 2:
            continue
        lines = 2 if is_double else 1
        return position + lines, _by_field(joined)
    return None


def _meanings(row: Sequence[Cell]) -> dict[int, tuple[Field, int]]:
    found = {column: meaning_of(cell.text) for column, cell in enumerate(row) if cell.text}
    return {column: what for column, what in found.items() if what is not None}


def _is_headings(row: Sequence[Cell], meanings: Mapping[int, object]) -> bool:
    filled = [cell for cell in row if cell.text]
    has_digits = any(re.search(r"[0-9]{3}", cell.text) for cell in filled)
    return not has_digits and len(meanings) * 2 >= len(filled)


def _by_field(meanings: Mapping[int, tuple[Field, int]]) -> dict[Field, list[int]]:
    columns: dict[Field, list[tuple[int, int]]] = {}
    for column, (field, rank) in meanings.items():
        columns.setdefault(field, []).append((rank, column))
    return {field: [column for _, column in sorted(found)] for field, found in columns.items()}
