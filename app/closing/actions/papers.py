"""The papers of a sealed campaign: its sheets list what was sealed, its supplements what came later."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.closing.actions.supplement import LISTED
from app.closing.queries import closings, papers, people
from app.closing.tables import Closing
from app.documents.actions.issue import Builder
from app.documents.rules.paper import Cell, Column, DocumentKind, Edition, Paper, Shape, Table
from app.documents.tables import Document
from app.reports.actions.campaign_papers import build_campaign_summary
from app.reports.actions.papers import BUILDERS as AS_THEY_ARE
from app.reports.actions.signoff_sheet import build_signoff_sheet
from app.reports.rules.signoff import fold_small_units
from app.stock.rules.figures import LotFigures

_IDENTITY = {
    "eligible": "应享人数",
    "collected": "本人领取",
    "proxy": "代领",
    "open": "未办结",
    "given_up": "逾期放弃",
    "cancelled": "已取消",
    "not_collected": "未领取",
}
_COLUMNS = (
    Column("所在工会", width=18),
    *(Column(words, Shape.COUNT, 8, is_summed=True) for words in _IDENTITY.values()),
)


async def build_sheet(session: AsyncSession, document: Document) -> Paper:
    """Return a sign-off sheet: of a sealed campaign what was sealed, in a supplement what came later."""
    return await build_signoff_sheet(session, document, only=await _listed(session, document))


async def _listed(session: AsyncSession, document: Document) -> frozenset[UUID] | None:
    if not document.is_final or document.campaign_id is None:
        return None
    closing = await closings.get_sealed(session, document.campaign_id)
    if document.supplement_to is None:
        return frozenset(closing.event_ids)
    if LISTED in document.params:
        return frozenset(UUID(id) for id in document.params[LISTED])
    # Asked for past the closing: everything that was known when it was asked for and is on no other paper.
    known = await people.find_known_events(session, document.campaign_id, until=document.requested_at)
    listed = await papers.find_listed_events(session, document.campaign_id, before=document.id)
    return frozenset(known) - frozenset(closing.event_ids) - listed


async def build_summary(session: AsyncSession, document: Document) -> Paper:
    """Return the summary; of a sealed campaign with people and lots as they were sealed.

    A supplement says what the lots have come to since.
    """
    if not document.is_final or document.campaign_id is None:
        return await build_campaign_summary(session, document)
    closing = await closings.get_sealed(session, document.campaign_id)
    sealed = _sealed_lots(closing) if document.supplement_to is None else None
    paper = await build_campaign_summary(session, document, sealed=sealed)
    facts = (*paper.facts, ("收尾核对编号", closing.digest.hex()[:16]))
    is_masked = document.edition == Edition.MASKED
    return replace(paper, facts=facts, tables=(*paper.tables, _identity(closing, is_masked=is_masked)))


def _sealed_lots(closing: Closing) -> dict[UUID, LotFigures]:
    names = LotFigures.__slots__
    return {
        UUID(lot["lot_id"]): LotFigures(**{name: lot[name] for name in names})
        for lot in closing.figures["lots"]
    }


def _identity(closing: Closing, *, is_masked: bool) -> Table:
    units: list[dict[str, Any]] = closing.figures["units"]
    rows: list[list[Cell]] = [[one["unit"], *(one[name] for name in _IDENTITY)] for one in units]
    if is_masked:
        rows = fold_small_units(rows)
    return Table(_COLUMNS, rows, "人数核对(应享=领取+代领+未办结+放弃+取消+未领)")


BUILDERS: Mapping[DocumentKind, Builder] = {
    **AS_THEY_ARE,
    DocumentKind.SIGNOFF_SHEET: build_sheet,
    DocumentKind.CAMPAIGN_SUMMARY: build_summary,
}
"""What the worker makes papers with."""
