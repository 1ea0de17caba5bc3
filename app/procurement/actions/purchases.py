"""Purchases: drafted by one person, decided by another, settled from then on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.platform.errors import PreconditionFailed
from app.platform.ids import new_id
from app.procurement.actions.checks import check_ready, check_references, refuse_own
from app.procurement.actions.numbering import next_purchase_number
from app.procurement.errors import (
    PaperRecorded,
    PurchaseIncomplete,
    ReceivedAlready,
    StepNotPossible,
    YearFixed,
)
from app.procurement.queries.purchases import find_lines, lock_purchase
from app.procurement.queries.receipts import has_standing_receipts
from app.procurement.rules.quantities import total_of
from app.procurement.rules.states import PurchaseStatus, PurchaseStep, may_step
from app.procurement.schemas.purchases import LineDraft, PaperNumbers, PurchaseChange, PurchaseDraft
from app.procurement.tables import Purchase, PurchaseLine

_MAY_BE_EMPTY = frozenset(
    {"supplier_id", "campaign_id", "supplement_to", "purchased_on", "purchased_month", "source_text", "note"}
)


async def draft_purchase(
    session: AsyncSession, draft: PurchaseDraft, *, union_id: UUID, drafted_by: UUID, now: datetime
) -> Purchase:
    """Draft a purchase with its lines; it gets its number at once.

    Raises SupplierNotFound, CampaignNotFound, PurchaseNotFound (what it adds to), GiftBoxNotFound,
    ProductNotFound, RegionNotFound, CertificateNotFound, CertificateDoubtful.
    """
    day = draft.purchased_on
    values = draft.model_dump(exclude={"lines", "channel", "purchased_year", "purchased_month"})
    year = day.year if day is not None else draft.purchased_year
    assert year is not None  # noqa: S101 - the draft has one of them
    purchase = Purchase(
        id=new_id(),
        union_id=union_id,
        number="",
        channel=draft.channel.value,
        purchased_year=year,
        purchased_month=day.month if day is not None else draft.purchased_month,
        status=PurchaseStatus.DRAFT.value,
        drafted_by=drafted_by,
        drafted_at=now,
        version=1,
        is_sample=False,
        **values,
    )
    purchase.total_fen = total_of(line.amount_fen for line in draft.lines)
    await check_references(session, purchase, draft.lines)
    purchase.number = await next_purchase_number(session, year, union_id=union_id)
    session.add(purchase)
    await session.flush()
    await _add_lines(session, purchase, draft.lines)
    return purchase


async def _add_lines(session: AsyncSession, purchase: Purchase, lines: list[LineDraft]) -> None:
    for position, line in enumerate(lines, start=1):
        session.add(
            PurchaseLine(
                id=new_id(),
                union_id=purchase.union_id,
                purchase_id=purchase.id,
                position=position,
                **line.model_dump(),
            )
        )
    await session.flush()


async def change_purchase(
    session: AsyncSession, purchase_id: UUID, change: PurchaseChange, *, by: Actor, seen_version: int | None
) -> Purchase:
    """Change a draft that the caller saw at `seen_version` (None: at any); given lines replace all lines.

    Who changed it does not decide on it, as little as who drafted it.

    Raises PurchaseNotFound, PreconditionFailed, StepNotPossible, YearFixed, PurchaseIncomplete (only told
    of, and no source), and what drafting raises.
    """
    purchase = await _lock_for(session, purchase_id, PurchaseStep.CHANGE, seen_version=seen_version)
    given = change.model_dump(exclude_unset=True, exclude={"lines", "channel"})
    values = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_EMPTY}
    if change.channel is not None:
        values["channel"] = change.channel.value
    if change.purchased_on is not None:
        if change.purchased_on.year != purchase.purchased_year:
            raise YearFixed(year=purchase.purchased_year)
        values["purchased_month"] = change.purchased_on.month
    for name, value in values.items():
        setattr(purchase, name, value)
    if purchase.is_approximate and purchase.source_text is None:
        raise PurchaseIncomplete(missing=["source_text"])
    if purchase.purchased_on is not None:
        purchase.purchased_month = purchase.purchased_on.month
    await check_references(session, purchase, change.lines or await find_lines(session, purchase.id))
    if change.lines is not None:
        purchase.total_fen = total_of(line.amount_fen for line in change.lines)
        await session.execute(delete(PurchaseLine).where(PurchaseLine.purchase_id == purchase.id))
        await _add_lines(session, purchase, change.lines)
    purchase.changed_by = sorted({*purchase.changed_by, by.id})
    purchase.version += 1
    await session.flush()
    return purchase


async def submit_purchase(session: AsyncSession, purchase_id: UUID, *, by: Actor, now: datetime) -> Purchase:
    """Hand a draft in for approval.

    Raises PurchaseNotFound, StepNotPossible, PurchaseIncomplete, SupplierInactive, CertificateDoubtful.
    """
    purchase = await _lock_for(session, purchase_id, PurchaseStep.SUBMIT)
    await check_ready(session, purchase)
    purchase.status = PurchaseStatus.PENDING.value
    purchase.submitted_by, purchase.submitted_at = by.id, now
    return await _stepped(session, purchase)


async def approve_purchase(session: AsyncSession, purchase_id: UUID, *, by: Actor, now: datetime) -> Purchase:
    """Approve a purchase that others drafted, changed and submitted; it is settled from now on.

    Raises PurchaseNotFound, StepNotPossible, OwnPurchase, SupplierInactive, CertificateDoubtful.
    """
    purchase = await _lock_for(session, purchase_id, PurchaseStep.APPROVE)
    await refuse_own(session, purchase, by=by)
    await check_ready(session, purchase)
    purchase.status = PurchaseStatus.APPROVED.value
    purchase.approved_by, purchase.approved_at = by.id, now
    return await _stepped(session, purchase)


async def decline_purchase(
    session: AsyncSession, purchase_id: UUID, reason: str, *, by: Actor, now: datetime
) -> Purchase:
    """Decline a purchase that somebody else submitted; raises as `approve_purchase`, but for its contents."""
    purchase = await _lock_for(session, purchase_id, PurchaseStep.DECLINE)
    await refuse_own(session, purchase, by=by)
    purchase.status = PurchaseStatus.DECLINED.value
    purchase.declined_by, purchase.declined_at, purchase.decline_reason = by.id, now, reason
    return await _stepped(session, purchase)


async def cancel_purchase(
    session: AsyncSession, purchase_id: UUID, reason: str, *, by: Actor, now: datetime
) -> Purchase:
    """Cancel a purchase of which nothing was received, or all of it was taken back.

    Raises PurchaseNotFound, StepNotPossible, ReceivedAlready.
    """
    purchase = await _lock_for(session, purchase_id, PurchaseStep.CANCEL)
    if await has_standing_receipts(session, purchase.id):
        raise ReceivedAlready()
    purchase.status = PurchaseStatus.CANCELLED.value
    purchase.cancelled_by, purchase.cancelled_at, purchase.cancel_reason = by.id, now, reason
    return await _stepped(session, purchase)


async def record_papers(
    session: AsyncSession, purchase_id: UUID, numbers: PaperNumbers, *, by: Actor, now: datetime
) -> Purchase:
    """Record numbers of papers; nothing else of an approved purchase changes.

    A number that is recorded otherwise is replaced with a reason only, and the audit log keeps both.
    Raises PurchaseNotFound, StepNotPossible, PaperRecorded.
    """
    purchase = await _lock_for(session, purchase_id, PurchaseStep.RECORD_PAPERS)
    for name, number in numbers.model_dump(exclude_none=True, exclude={"reason"}).items():
        before = getattr(purchase, name)
        if before not in {None, number}:
            if numbers.reason is None:
                raise PaperRecorded(field=name)
            details = {"field": name, "before": before, "after": number}
            trace = Trace(
                "procurement.paper_replaced",
                purchase.union_id,
                actor=by,
                subject=("purchase", purchase.id),
                reason=numbers.reason,
                details=details,
            )
            record(session, trace, now=now)
        setattr(purchase, name, number)
    return await _stepped(session, purchase)


async def _lock_for(
    session: AsyncSession, purchase_id: UUID, step: PurchaseStep, *, seen_version: int | None = None
) -> Purchase:
    purchase = await lock_purchase(session, purchase_id)
    if seen_version not in {None, purchase.version}:
        raise PreconditionFailed(version=purchase.version)
    if not may_step(purchase.status, step):
        raise StepNotPossible(state=purchase.status)
    return purchase


async def _stepped(session: AsyncSession, purchase: Purchase) -> Purchase:
    purchase.version += 1
    await session.flush()
    return purchase
