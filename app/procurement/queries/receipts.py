"""Every `select` about goods receipts."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.platform.paging import Page, page_of, seek, text_key
from app.procurement.errors import ReceiptNotFound
from app.procurement.rules.states import ReceiptKind
from app.procurement.tables import Receipt, ReceiptLine
from app.stock.rules.ledger import AccountKind
from app.stock.tables import StockMovement

_Reversal = aliased(Receipt)
_IS_REVERSED = (
    select(_Reversal.id)
    .where(_Reversal.of_receipt_id == Receipt.id, _Reversal.kind == ReceiptKind.REVERSAL.value)
    .exists()
)


async def get_receipt(session: AsyncSession, receipt_id: UUID) -> Receipt:
    """Return a goods receipt of the session's unions, or raise ReceiptNotFound."""
    found = (await session.execute(select(Receipt).where(Receipt.id == receipt_id))).scalar_one_or_none()
    if found is None:
        raise ReceiptNotFound()
    return found


async def find_receipts(session: AsyncSession, purchase_id: UUID) -> Sequence[Receipt]:
    """Return the goods receipts of a purchase, the first one first."""
    wanted = select(Receipt).where(Receipt.purchase_id == purchase_id)
    return list((await session.execute(wanted.order_by(Receipt.id))).scalars())


async def list_receipts(
    session: AsyncSession, *, pickup_point_id: UUID | None, limit: int, after: tuple[str, ...] | None
) -> Page[Receipt]:
    """Return goods receipts, the last one first."""
    wanted = select(Receipt)
    if pickup_point_id is not None:
        wanted = wanted.where(Receipt.pickup_point_id == pickup_point_id)
    if after is not None:
        _, last_id = seek(after, text_key, UUID)
        wanted = wanted.where(Receipt.id < last_id)
    found = await session.execute(wanted.order_by(Receipt.id.desc()).limit(limit + 1))
    return page_of(list(found.scalars()), limit=limit, key=lambda item: ("id", str(item.id)))


async def find_receipt_lines(session: AsyncSession, receipt_ids: Collection[UUID]) -> Sequence[ReceiptLine]:
    """Return the lines of goods receipts in their order."""
    wanted = select(ReceiptLine).where(ReceiptLine.receipt_id.in_(receipt_ids))
    return list(
        (await session.execute(wanted.order_by(ReceiptLine.receipt_id, ReceiptLine.position))).scalars()
    )


async def find_reversals(session: AsyncSession, receipt_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return, by the receipt that was taken back, the one that took it back."""
    wanted = select(Receipt.of_receipt_id, Receipt.id).where(
        Receipt.of_receipt_id.in_(receipt_ids), Receipt.kind == ReceiptKind.REVERSAL.value
    )
    return {row[0]: row[1] for row in await session.execute(wanted) if row[0] is not None}


async def has_standing_receipts(session: AsyncSession, purchase_id: UUID) -> bool:
    """Return whether goods of a purchase were received and not all taken back."""
    wanted = select(Receipt.id).where(
        Receipt.purchase_id == purchase_id, Receipt.kind != ReceiptKind.REVERSAL.value, ~_IS_REVERSED
    )
    return (await session.execute(wanted.limit(1))).first() is not None


async def sum_expected(session: AsyncSession, purchase_id: UUID) -> dict[tuple[UUID, str], int]:
    """Return what was expected on the standing deliveries of a purchase, by (purchase line, unit)."""
    wanted = (
        select(ReceiptLine.purchase_line_id, ReceiptLine.unit, func.sum(ReceiptLine.expected))
        .join(Receipt, Receipt.id == ReceiptLine.receipt_id)
        .where(Receipt.purchase_id == purchase_id, Receipt.kind == ReceiptKind.DELIVERY.value, ~_IS_REVERSED)
        .group_by(ReceiptLine.purchase_line_id, ReceiptLine.unit)
    )
    return {(row[0], row[1]): int(row[2]) for row in await session.execute(wanted)}


async def sum_came_late(
    session: AsyncSession, receipt_id: UUID
) -> dict[tuple[UUID, UUID | None, str | None, str], int]:
    """Return how much came late of a delivery and was not taken back, by (line, lot, batch, unit)."""
    by = (ReceiptLine.purchase_line_id, ReceiptLine.lot_id, ReceiptLine.batch, ReceiptLine.unit)
    wanted = (
        select(*by, func.sum(ReceiptLine.good + ReceiptLine.damaged))
        .join(Receipt, Receipt.id == ReceiptLine.receipt_id)
        .where(
            Receipt.of_receipt_id == receipt_id,
            Receipt.kind == ReceiptKind.LATE_DELIVERY.value,
            ~_IS_REVERSED,
        )
        .group_by(*by)
    )
    return {(row[0], row[1], row[2], row[3]): int(row[4]) for row in await session.execute(wanted)}


async def sum_taken_back(session: AsyncSession, lot_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many boxes of lots reversals took from the supplier, less those taken up again.

    Read it with the lots locked.
    """
    receipts = select(Receipt.id)
    moved = case(
        (StockMovement.to_kind == AccountKind.RETURNED.value, StockMovement.boxes), else_=-StockMovement.boxes
    )
    wanted = (
        select(StockMovement.lot_id, func.sum(moved))
        .where(
            StockMovement.lot_id.in_(lot_ids),
            StockMovement.document_id.in_(receipts),
            (StockMovement.to_kind == AccountKind.RETURNED.value)
            | (StockMovement.from_kind == AccountKind.RETURNED.value),
        )
        .group_by(StockMovement.lot_id)
    )
    return {row[0]: int(row[1]) for row in await session.execute(wanted)}
