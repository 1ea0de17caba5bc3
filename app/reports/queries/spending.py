"""What was spent, from the lines of approved purchases; every sum with the lines behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, case, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.tables import GiftBox, Product
from app.platform.paging import Page, int_key, page_of, seek
from app.procurement.rules.states import PurchaseStatus
from app.procurement.tables import Purchase, PurchaseLine, Supplier
from app.regions.tables import PartnerRegion
from app.reports.rules.spending import NOTHING_KNOWN, By, Period
from app.unions.tables import Union

_MOST_WORDS = 10
_NUMBERS = (
    "amount_fen", "boxes", "pieces", "grams", "lines_count", "purchases_count", "unpriced_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesWanted:
    """Which lines of approved purchases are asked for."""

    period: Period
    by: By | None = None
    key: str | None = None
    """Of a row of the figure `by`."""
    union_id: UUID | None = None
    only_partner_regions: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """Lines added up; grams are a lower bound where `is_lower_bound`, and only those on record.

    Boxes are gift boxes, pieces are pieces of products and of what has words only.
    """

    key: str | None
    label: str | None
    amount_fen: int
    boxes: int
    pieces: int
    grams: int
    lines_count: int
    purchases_count: int
    is_lower_bound: bool
    unpriced_count: int
    unpriced_words: tuple[str, ...]


async def add_up(session: AsyncSession, wanted: LinesWanted) -> tuple[list[Sums], Sums]:
    """Return the rows of a figure, the greatest amount first, and the total, from one look at the lines.

    The total's amount, boxes, grams and lines are those of the rows together; a purchase with lines in two
    rows counts in both and once in the total.
    """
    assert wanted.by is not None  # noqa: S101 - whoever adds up says by what
    key, label = _KEYS[wanted.by], _LABELS[wanted.by]
    is_total = func.grouping(key).label("is_total")
    asked = _lines(select(key.label("key"), func.min(label).label("label"), is_total, *_SUMS), wanted)
    rows = (await session.execute(asked.group_by(func.grouping_sets(tuple_(key), tuple_())))).all()
    sums = [_sums(row) for row in rows]
    found = [one for one in sums if one.key is not None]
    total = next(one for one in sums if one.key is None)
    return sorted(found, key=lambda one: (-one.amount_fen, str(one.key))), total


async def count_undated(session: AsyncSession, wanted: LinesWanted) -> int:
    """Return how many approved purchases have no day, and so are in no range of days."""
    is_asked = Purchase.status == PurchaseStatus.APPROVED.value
    undated = select(func.count()).select_from(Purchase).where(is_asked, Purchase.purchased_on.is_(None))
    if wanted.union_id is not None:
        undated = undated.where(Purchase.union_id == wanted.union_id)
    return int(await session.scalar(undated) or 0)


async def list_lines(
    session: AsyncSession, wanted: LinesWanted, *, limit: int, after: tuple[str, ...] | None
) -> Page[Any]:
    """Return the lines behind a figure, by purchase and position."""
    order = (Purchase.id, PurchaseLine.position)
    asked = _lines(select(*_COLUMNS), wanted).order_by(*order).limit(limit + 1)
    if after is not None:
        asked = asked.where(tuple_(*order) > seek(after, UUID, int_key))
    found: Sequence[Any] = (await session.execute(asked)).all()
    return page_of(found, limit=limit, key=lambda row: (str(row.purchase_id), str(row.position)))


def _sums(row: Any) -> Sums:
    numbers = {name: int(getattr(row, name)) for name in _NUMBERS}
    return Sums(
        key=None if row.is_total else row.key,
        label=None if row.is_total else row.label,
        is_lower_bound=bool(row.is_lower_bound),
        unpriced_words=tuple(row.words or ()),
        **numbers,
    )


def _lines(asked: Any, wanted: LinesWanted) -> Select[Any]:
    joined: Select[Any] = (
        asked.select_from(PurchaseLine)
        .join(Purchase, Purchase.id == PurchaseLine.purchase_id)
        .join(Union, Union.id == Purchase.union_id)
        .outerjoin(Supplier, Supplier.id == Purchase.supplier_id)
        .outerjoin(GiftBox, GiftBox.id == PurchaseLine.gift_box_id)
        .outerjoin(Product, Product.id == PurchaseLine.product_id)
        .outerjoin(PartnerRegion, PartnerRegion.id == PurchaseLine.region_id)
        .where(Purchase.status == PurchaseStatus.APPROVED.value, *_in_period(wanted.period))
    )
    if wanted.by is not None and wanted.key is not None:
        joined = joined.where(_KEYS[wanted.by] == wanted.key)
    if wanted.union_id is not None:
        joined = joined.where(Purchase.union_id == wanted.union_id)
    if wanted.only_partner_regions:
        joined = joined.where(PurchaseLine.region_id.is_not(None))
    return joined


def _in_period(period: Period) -> list[ColumnElement[bool]]:
    if period.year is not None:
        return [Purchase.purchased_year == period.year]
    within = []
    if period.first is not None:
        within.append(Purchase.purchased_on >= period.first)
    if period.last is not None:
        within.append(Purchase.purchased_on <= period.last)
    return within


def _known(column: Any) -> ColumnElement[str]:
    return func.coalesce(cast(column, String), literal(NOTHING_KNOWN, literal_execute=True))


def _text(value: str) -> ColumnElement[str]:
    # Written out and not sent beside: PostgreSQL knows an expression that it groups by only by its text.
    return literal(value, String, literal_execute=True)


_KEYS: dict[By, Any] = {
    By.REGION: _known(PurchaseLine.region_id),
    By.PRODUCT: case(
        (PurchaseLine.gift_box_id.is_not(None), _text("box:") + cast(PurchaseLine.gift_box_id, String)),
        (PurchaseLine.product_id.is_not(None), _text("product:") + cast(PurchaseLine.product_id, String)),
        else_=_text("text:") + func.md5(PurchaseLine.description),
    ),
    # The same business in the books of two street unions is one supplier, if its code is known.
    By.SUPPLIER: func.coalesce(Supplier.uscc, _known(Supplier.id)),
    By.CHANNEL: Purchase.channel,
    By.MONTH: func.concat_ws(
        _text("-"),
        func.to_char(Purchase.purchased_year, _text("FM0000")),
        func.to_char(Purchase.purchased_month, _text("FM00")),
    ),
    By.UNION: cast(Purchase.union_id, String),
}
_WHAT = func.coalesce(GiftBox.name, Product.name, PurchaseLine.description)
_LABELS: dict[By, Any] = {
    By.REGION: PartnerRegion.name,
    By.PRODUCT: _WHAT,
    By.SUPPLIER: Supplier.name,
    By.CHANNEL: Purchase.channel,
    By.MONTH: _KEYS[By.MONTH],
    By.UNION: Union.name,
}
_IS_UNPRICED = PurchaseLine.amount_fen.is_(None)
_WORDS = func.array_agg(
    func.coalesce(Purchase.source_text, _WHAT).distinct(), type_=ARRAY(String)
).filter(_IS_UNPRICED)  # fmt: skip


def _sum(column: Any, *where: ColumnElement[bool]) -> ColumnElement[Any]:
    added = func.sum(column)
    return func.coalesce(added.filter(*where) if where else added, 0)


_SUMS = (
    _sum(PurchaseLine.amount_fen).label("amount_fen"),
    _sum(PurchaseLine.boxes, PurchaseLine.gift_box_id.is_not(None)).label("boxes"),
    _sum(PurchaseLine.boxes, PurchaseLine.gift_box_id.is_(None)).label("pieces"),
    _sum(PurchaseLine.grams).label("grams"),
    func.count(PurchaseLine.id).label("lines_count"),
    func.count(Purchase.id.distinct()).label("purchases_count"),
    func.bool_or(Purchase.is_approximate).label("is_lower_bound"),
    func.count(PurchaseLine.id).filter(_IS_UNPRICED).label("unpriced_count"),
    _WORDS[1:_MOST_WORDS].label("words"),
)
_COLUMNS = (
    Purchase.id.label("purchase_id"),
    Purchase.number.label("purchase_number"),
    Purchase.union_id,
    Union.name.label("union_name"),
    Purchase.channel,
    Purchase.purchased_on,
    Purchase.purchased_year,
    Purchase.purchased_month,
    Purchase.is_year_inferred,
    Purchase.is_approximate,
    Purchase.source_text,
    Purchase.is_sample,
    Supplier.name.label("supplier_name"),
    PurchaseLine.id.label("line_id"),
    PurchaseLine.position,
    _WHAT.label("what"),
    PurchaseLine.region_id,
    PartnerRegion.name.label("region_name"),
    PurchaseLine.boxes,
    PurchaseLine.grams,
    PurchaseLine.unit_price_fen,
    PurchaseLine.amount_fen,
)
