"""Purchases and goods receipts as they are answered, read with all that belongs to them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.procurement.queries.purchases import find_lines
from app.procurement.queries.receipts import find_receipt_lines, find_receipts, find_reversals
from app.procurement.rules.quantities import shown_in_jin
from app.procurement.rules.states import ReceiptKind
from app.procurement.schemas.purchases import LineView, PapersView, PaperView, PurchaseView
from app.procurement.schemas.receipts import ReceiptLineView, ReceiptView, WholePurchaseView
from app.procurement.tables import Purchase, PurchaseLine, Receipt

_LINE = (
    "id", "position", "gift_box_id", "product_id", "description", "boxes", "grams", "unit_price_fen",
    "amount_fen", "region_id", "certificate_id",
)  # fmt: skip
_RECEIPT = (
    "id", "number", "kind", "purchase_id", "of_receipt_id", "pickup_point_id", "received_on", "delivered_by",
    "inspected_by", "kept_by", "posted_by", "posted_at", "reason", "is_sample",
)  # fmt: skip
_PAPERS = {
    "contract": "contract_no",
    "comparison": "comparison_no",
    "acceptance": "acceptance_no",
    "invoice": "invoice_no",
    "payment_voucher": "voucher_no",
}


async def purchase_view(session: AsyncSession, purchase: Purchase) -> WholePurchaseView:
    """Return a purchase with its lines, goods receipts and lots."""
    receipts = await receipt_views(session, await find_receipts(session, purchase.id))
    lots = {line.lot_id for receipt in receipts for line in receipt.lines if line.lot_id is not None}
    plain = {name: getattr(purchase, name) for name in PurchaseView.model_fields}
    return WholePurchaseView(
        lines=[_line(line) for line in await find_lines(session, purchase.id)],
        receipts=receipts,
        lot_ids=sorted(lots),
        **plain,
    )


def _line(line: PurchaseLine) -> LineView:
    jin = None if line.grams is None else shown_in_jin(line.grams)
    return LineView(jin=jin, **{name: getattr(line, name) for name in _LINE})


async def receipt_views(session: AsyncSession, receipts: Sequence[Receipt]) -> list[ReceiptView]:
    """Return goods receipts with their lines, in the order given."""
    ids = [receipt.id for receipt in receipts]
    lines: dict[UUID, list[ReceiptLineView]] = {id: [] for id in ids}
    for line in await find_receipt_lines(session, ids):
        lines[line.receipt_id].append(ReceiptLineView.model_validate(line, from_attributes=True))
    reversals = await find_reversals(session, ids)
    return [
        ReceiptView(
            lines=lines[receipt.id],
            reversed_by_id=reversals.get(receipt.id),
            **{name: getattr(receipt, name) for name in _RECEIPT},
        )
        for receipt in receipts
    ]


async def papers_view(session: AsyncSession, purchase: Purchase) -> PapersView:
    """Return which papers of the set are there: numbers recorded, and receipts that stand.

    The set: contract, record of prices or 832 order, acceptance, goods receipt, invoice, payment voucher.
    """
    receipts = await find_receipts(session, purchase.id)
    reversals = await find_reversals(session, [receipt.id for receipt in receipts])
    standing = [
        receipt.number
        for receipt in receipts
        if receipt.kind != ReceiptKind.REVERSAL and receipt.id not in reversals
    ]
    numbers = {paper: [getattr(purchase, column)] for paper, column in _PAPERS.items()}
    numbers["goods_receipt"] = standing
    items = [
        PaperView(paper=paper, is_there=any(found), numbers=[number for number in found if number])
        for paper, found in numbers.items()
    ]
    return PapersView(purchase_id=purchase.id, is_complete=all(item.is_there for item in items), items=items)
