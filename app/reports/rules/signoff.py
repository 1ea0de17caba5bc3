"""签领表: one line for each hand-over that counts, in full or for the notice board.

Columns and foot are those of the trade (实名发放签领表 is compulsory whenever a union gives goods); the
masked edition has no phone, no identity number, no member number, and names a unit only from five lines on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from app.documents.rules.paper import Cell, Column, DocumentKind, Edition, Paper, Shape, Table
from app.platform.clock import SHANGHAI
from app.unions.rules.masks import Audience, mask_mobile, mask_name

SMALLEST_GROUP = 5
"""A unit with fewer lines is not named on a notice board: its members could be told."""
OTHER_UNITS = "其他单位"
Group = TypeVar("Group")
SIGNATURES = ("制表人", "经手人", "证明人", "审核人", "主席")

_FULL = (
    Column("序号", Shape.COUNT, 4),
    Column("所在工会", width=14),
    Column("姓名", width=8),
    Column("会员号", width=12),
    Column("证件后四位", width=6),
    Column("手机(脱敏)", width=10),
    Column("物品名称", width=12),
    Column("规格", width=14),
    Column("单位", width=4),
    Column("数量", Shape.COUNT, 4, is_summed=True),
    Column("单价", Shape.FEN, 7),
    Column("金额", Shape.FEN, 8, is_summed=True),
    Column("领取时间", width=12),
    Column("领取方式", width=6),
    Column("领取人签字", Shape.BLANK, 10),
    Column("代领人及证件后四位", width=10),
    Column("核销员", width=7),
    Column("备注", width=12),
)
_MASKED = (
    Column("序号", Shape.COUNT, 4),
    Column("所在工会", width=16),
    Column("姓名", width=8),
    Column("物品名称", width=14),
    Column("规格", width=16),
    Column("单位", width=4),
    Column("数量", Shape.COUNT, 5, is_summed=True),
    Column("单价", Shape.FEN, 8),
    Column("金额", Shape.FEN, 9, is_summed=True),
    Column("领取日期", Shape.DATE, 9),
    Column("领取方式", width=7),
    Column("备注", width=10),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """A hand-over with everything that a sheet says of it; `quantity` is None where a device has not said.

    `unit_rank` orders the units, `remarks` are for who audits, `public_remarks` for everybody.
    """

    event_id: UUID
    unit_id: UUID
    unit: str
    unit_rank: str
    name: str
    number: str
    id_last4: str | None
    mobile: str | None
    item: str
    contents: str
    measure: str
    quantity: int | None
    amount_fen: int | None
    at: datetime
    clerk: str
    way: str = "本人"
    remarks: tuple[str, ...] = ()
    public_remarks: tuple[str, ...] = ()

    @property
    def unit_price_fen(self) -> int | None:
        """The price of one box; None where lots of different prices were handed over together."""
        if not self.quantity or self.amount_fen is None or self.amount_fen % self.quantity:
            return None
        return self.amount_fen // self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetHead:
    """What stands above and below a sheet."""

    union_name: str
    on: date
    edition: Edition
    is_supplement: bool = False
    facts: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def sheet_of(lines: Sequence[SheetLine], head: SheetHead) -> Paper:
    """Return the sheet: by unit, then by time, with the sum of boxes and of money."""
    is_full = head.edition is Edition.FULL
    ordered = sorted(lines, key=lambda line: (line.unit_rank, line.unit_id, line.at, line.event_id))
    rows = [_full_row(place, line) for place, line in enumerate(ordered, start=1)]
    if not is_full:
        rows = _masked_rows(ordered)
    title = "慰问品发放签领表" + ("(补充)" if head.is_supplement else "")
    return Paper(
        kind=DocumentKind.SIGNOFF_SHEET,
        edition=head.edition,
        title=title,
        union_name=head.union_name,
        on=head.on,
        facts=head.facts,
        tables=(Table(_FULL if is_full else _MASKED, rows),),
        notes=head.notes,
        amount_fen=sum(line.amount_fen or 0 for line in lines),
        signatures=SIGNATURES if is_full else (),
    )


def _full_row(place: int, line: SheetLine) -> list[Cell]:
    at = line.at.astimezone(SHANGHAI)
    return [
        place, line.unit, line.name, line.number, line.id_last4, mask_mobile(line.mobile), line.item,
        line.contents, line.measure, line.quantity, line.unit_price_fen, line.amount_fen,
        f"{at:%Y-%m-%d %H:%M}", line.way, None, None, line.clerk, ";".join(line.remarks),
    ]  # fmt: skip


def _masked_rows(lines: Sequence[SheetLine]) -> list[list[Cell]]:
    """Rows for everybody; small units stand together at the end, so that their place tells nothing."""
    shown = shown_units([(line.unit_id, line.unit) for line in lines])
    ordered = sorted(lines, key=lambda line: shown[line.unit_id] == OTHER_UNITS)
    ordered = [one for one in ordered if shown[one.unit_id] != OTHER_UNITS] + sorted(
        (one for one in ordered if shown[one.unit_id] == OTHER_UNITS),
        key=lambda line: (line.at, line.event_id),
    )
    return [
        [
            place, shown[line.unit_id], mask_name(line.name, Audience.PUBLIC), line.item, line.contents,
            line.measure, line.quantity, line.unit_price_fen, line.amount_fen,
            line.at.astimezone(SHANGHAI).date().isoformat(), line.way, ";".join(line.public_remarks),
        ]
        for place, line in enumerate(ordered, start=1)
    ]  # fmt: skip


def shown_units(lines: Sequence[tuple[UUID, str]]) -> dict[UUID, str]:
    """Return how each unit is named on a notice board: from five lines on by its name."""
    counts = Counter(unit_id for unit_id, _ in lines)
    names = dict(lines)
    hidden = hidden_groups(counts)
    return {unit_id: OTHER_UNITS if unit_id in hidden else names[unit_id] for unit_id in counts}


def hidden_groups(counts: Mapping[Group, int]) -> set[Group]:
    """Return the groups that are not named: small ones, and as many more as it takes to hide these.

    One small group that stood alone without its name could be told by the names that are there.
    """
    hidden = {group for group, count in counts.items() if count < SMALLEST_GROUP}
    named = sorted(
        (group for group in counts if group not in hidden), key=lambda one: (counts[one], str(one))
    )
    while hidden and named and sum(counts[group] for group in hidden) < SMALLEST_GROUP:
        hidden.add(named.pop(0))
    return hidden


def fold_small_units(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Return rows (unit, people, more numbers) for a notice board: small units are one row, at the end."""
    hidden = hidden_groups({place: int(row[1] or 0) for place, row in enumerate(rows)})
    if not hidden:
        return [list(row) for row in rows]
    shown = [list(row) for place, row in enumerate(rows) if place not in hidden]
    columns = zip(*(rows[place][1:] for place in sorted(hidden)), strict=True)
    return [*shown, [OTHER_UNITS, *(sum(int(cell or 0) for cell in column) for column in columns)]]


def weight_text(grams: int) -> str:
    """Return a net content in legal units: 2.5千克, 500克."""
    if grams < 1_000:
        return f"{grams}克"
    whole, rest = divmod(grams, 1_000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".") + "千克"
