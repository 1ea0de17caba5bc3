"""Lots: the batch that came is recorded once, whoever records it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalog.errors import GiftBoxNotFound
from app.catalog.queries import get_gift_box
from app.platform.ids import new_id
from app.stock.errors import LotContradicts, OriginNotFound
from app.stock.queries.lots import has_division, lock_lot_of
from app.stock.rules.ledger import LotKind
from app.stock.rules.lots import LotFacts, merge_facts
from app.stock.tables import Lot

_FACTS = ("produced_on", "best_before_on", "origin_code", "origin_note")


@dataclass(frozen=True, slots=True)
class LotDraft:
    """A batch (批次) of a gift box as its case names it; days in Shanghai, None if unknown.

    `origin_code` is a division of 6, 9 or 12 digits, `origin_note` what the table of divisions has not.
    """

    gift_box_id: UUID
    number: str
    produced_on: date | None = None
    best_before_on: date | None = None
    origin_code: str | None = None
    origin_note: str | None = None


async def find_or_add_lot(session: AsyncSession, draft: LotDraft, *, union_id: UUID, now: datetime) -> Lot:
    """Return the lot of that gift box and number, locked; make it if nobody has.

    The same number is the same lot. What was unknown of it is filled in; what was known otherwise is refused.
    A recalled lot is returned like any other: look at `recalled_at`. Raises GiftBoxNotFound (a place on a
    visit has no lots either), OriginNotFound, LotContradicts.
    """
    box = await get_gift_box(session, draft.gift_box_id)
    if box.union_id != union_id or box.kind != "box":
        raise GiftBoxNotFound()
    if draft.origin_code is not None and not await has_division(session, draft.origin_code):
        raise OriginNotFound()
    await _add(session, draft, union_id=union_id, now=now, is_sample=box.is_sample)
    lot = await lock_lot_of(session, draft.gift_box_id, draft.number)
    if lot.kind == LotKind.UNRECORDED:
        raise LotContradicts(field="number")
    known = LotFacts(*(getattr(lot, name) for name in _FACTS))
    told = LotFacts(*(getattr(draft, name) for name in _FACTS))
    merged = merge_facts(known, told)
    if isinstance(merged, str):
        raise LotContradicts(field=merged)
    for name in _FACTS:
        setattr(lot, name, getattr(merged, name))
    await session.flush()
    return lot


async def _add(
    session: AsyncSession, draft: LotDraft, *, union_id: UUID, now: datetime, is_sample: bool
) -> None:
    """Insert the lot unless it is there; two who record it at once wait for each other on its key."""
    row = {name: getattr(draft, name) for name in ("gift_box_id", "number", *_FACTS)} | {
        "id": new_id(),
        "union_id": union_id,
        "kind": LotKind.RECEIVED.value,
        "created_at": now,
        "is_sample": is_sample,
    }
    await session.execute(
        insert(Lot).values(row).on_conflict_do_nothing(constraint="uq_lots_union_id_gift_box_id_number")
    )
