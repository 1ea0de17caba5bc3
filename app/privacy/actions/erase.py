"""Erasing a member on request, and taking the member out of a campaign whose time is over."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.tokens import AccessToken, revoke_tokens_of
from app.access.vault import keys_of
from app.campaigns.tables import Campaign, CorrectionRequest, EligibilityException, ListEntry
from app.documents.actions.files import forget_files
from app.notifications.tables import OutboxEvent
from app.orders.tables import Order
from app.platform.bulk import insert_rows, run_together, update_rows
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.privacy import queries
from app.privacy.errors import ErasureAlreadyAsked, ErasureDecided, OrderStillOpen
from app.privacy.rules import DeclineReason, ErasureStatus, answer_due
from app.privacy.tables import Consent, DeletionReceipt, ErasureRequest
from app.redemptions.tables import PickupCode
from app.roster.tables import RosterRow
from app.sign_in.tables.member import HostIdentityLink
from app.unions.actions.erase import erase_particulars, stand_in_row
from app.unions.tables import Member, Reveal

BATCH = 500
CORRECTIONS_KEPT = timedelta(days=90)
_WORDS = (CorrectionRequest.message, CorrectionRequest.wished, CorrectionRequest.answer)


async def ask_for_erasure(session: AsyncSession, actor: Actor, *, now: datetime) -> ErasureRequest:
    """File a member's request (PIPL article 47); raises OrderStillOpen, ErasureAlreadyAsked."""
    await queries.lock_member(session, actor.id)
    if await queries.has_live_order(session, actor.id, on=local_date(now)):
        raise OrderStillOpen()
    if await queries.has_open_erasure(session, actor.id):
        raise ErasureAlreadyAsked()
    request = ErasureRequest(
        id=new_id(),
        union_id=actor.union_id,
        member_id=actor.id,
        status=ErasureStatus.OPEN.value,
        asked_at=now,
        due_at=answer_due(now),
    )
    session.add(request)
    return request


async def withdraw_erasure(session: AsyncSession, actor: Actor, *, now: datetime) -> None:
    """Take a member's open request back; raises ErasureNotFound."""
    request = await queries.lock_open_erasure(session, actor.id)
    request.status, request.decided_at, request.decided_by = ErasureStatus.WITHDRAWN.value, now, actor.id


async def decline_erasure(
    session: AsyncSession, request_id: UUID, *, actor: Actor, reason: DeclineReason, now: datetime
) -> ErasureRequest:
    """Decline a request with its reason; raises ErasureNotFound, ErasureDecided."""
    request = await queries.lock_erasure(session, request_id)
    if request.status != ErasureStatus.OPEN:
        raise ErasureDecided()
    request.status, request.decline_reason = ErasureStatus.DECLINED.value, reason.value
    request.decided_at, request.decided_by = now, actor.id
    trace = Trace(
        "privacy.erasure_declined", request.union_id, actor, ("member", request.member_id), reason.value
    )
    record(session, trace, now=now)
    return request


async def carry_out_erasure(
    session: AsyncSession, request_id: UUID, *, actor: Actor, now: datetime
) -> tuple[ErasureRequest, DeletionReceipt]:
    """Erase the member of a request; orders and hand-overs stay as rows of nobody.

    Raises ErasureNotFound, ErasureDecided, OrderStillOpen (an order was placed since, or a hand-over is
    disputed).
    """
    request = await queries.lock_erasure(session, request_id)
    if request.status != ErasureStatus.OPEN:
        raise ErasureDecided()
    member = await queries.lock_member(session, request.member_id)
    is_live = await queries.has_live_order(session, member.id, on=local_date(now))
    if is_live or await queries.has_open_conflict(session, member.id):
        raise OrderStillOpen()
    counts = await _erase_rows_of(session, member, now=now)
    request.status, request.decided_at, request.decided_by = ErasureStatus.CARRIED_OUT.value, now, actor.id
    receipt = _receipt("member", member.id, union_id=member.union_id, ids=[member.id], counts=counts, now=now)
    receipt.carried_out_by = actor.id
    session.add(receipt)
    trace = Trace(
        "privacy.erased",
        member.union_id,
        actor,
        ("member", member.id),
        details={"receipt_id": str(receipt.id)},
    )
    record(session, trace, now=now)
    return request, receipt


async def _erase_rows_of(session: AsyncSession, member: Member, *, now: datetime) -> dict[str, int]:
    counts = {"members": 1}
    for name, model in (
        ("consents", Consent),
        ("corrections", CorrectionRequest),
        ("exceptions", EligibilityException),
        ("list_entries", ListEntry),
        ("linked_accounts", HostIdentityLink),
        ("roster_lines", RosterRow),
    ):
        counts[name] = await _count(session, delete(model).where(model.member_id == member.id))
    orders = select(Order.id).where(Order.member_id == member.id).scalar_subquery()
    counts["pickup_codes"] = await _count(session, delete(PickupCode).where(PickupCode.order_id.in_(orders)))
    counts["look_notes"] = await _count(
        session,
        update(Reveal)
        .where(Reveal.member_id == member.id, Reveal.note_sealed.is_not(None))
        .values(note_sealed=None),
    )
    await revoke_tokens_of(session, member.id, now=now)
    # Ended for every worker; when and from which program somebody signed in goes too.
    counts["sessions"] = await _count(session, delete(AccessToken).where(AccessToken.member_id == member.id))
    erase_particulars(await keys_of(session, member.union_id), member, now=now)
    return counts


async def unlink_orders(session: AsyncSession, campaign_id: UUID, *, union_id: UUID, now: datetime) -> int:
    """Put stand-ins in the place of the members of a campaign's orders, at most `BATCH`; return how many.

    A stand-in keeps the unit and nothing else, so that every count of the campaign stays what it was.
    """
    orders = await queries.lock_orders_to_unlink(session, campaign_id, limit=BATCH)
    if not orders:
        return 0
    keys = await keys_of(session, union_id)
    stand_ins = [stand_in_row(keys, order.unit_id, now=now) for order in orders]
    await run_together(session, [insert_rows(Member, stand_ins)])
    moved = [{"id": order.id, "member_id": one["id"]} for order, one in zip(orders, stand_ins, strict=True)]
    await run_together(session, [update_rows(Order, moved)])
    ids = [order.id for order in orders]
    await session.execute(delete(PickupCode).where(PickupCode.order_id.in_(ids)))
    await session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.subject_id.in_(ids), OutboxEvent.delivered_at.is_not(None))
        .values(payload=OutboxEvent.payload.op("-")("member_id"))
    )
    return len(ids)


async def end_campaign_data(
    session: AsyncSession, campaign_id: UUID, *, union_id: UUID, now: datetime
) -> DeletionReceipt | None:
    """Erase what else a campaign holds of people, write the receipt; None when nothing has changed since.

    The receipt counts every order without a member, those of an interrupted run too. Orders that are
    disputed keep theirs; the receipt says how many, and the campaign stays due.
    """
    kept, unlinked = (
        await queries.count_kept_orders(session, campaign_id),
        await queries.find_unlinked_orders(session, campaign_id),
    )
    counts = {"orders_unlinked": len(unlinked)}
    for name, model in (
        ("exceptions", EligibilityException),
        ("list_entries", ListEntry),
        ("corrections", CorrectionRequest),
    ):
        counts[name] = await _count(session, delete(model).where(model.campaign_id == campaign_id))
    counts["documents"] = 0 if kept else await forget_files(session, [campaign_id], now=now)
    before = await queries.find_last_receipt(session, campaign_id)
    if kept and before is not None and before.counts == counts:
        return None
    if not kept:
        ended = update(Campaign).where(Campaign.id == campaign_id)
        await session.execute(ended.values(personal_data_ended_at=now))
    receipt = _receipt("campaign", campaign_id, union_id=union_id, ids=unlinked, counts=counts, now=now)
    receipt.kept = {"disputed_orders": kept} if kept else {}
    session.add(receipt)
    trace = Trace(
        "privacy.retention_ended",
        union_id,
        subject=("campaign", campaign_id),
        details=counts | {"kept": kept},
    )
    record(session, trace, now=now)
    return receipt


async def forget_corrections(session: AsyncSession, *, now: datetime) -> None:
    """Empty the words of corrections that were decided 90 days ago; that there was one stays."""
    decided = CorrectionRequest.decided_at < now - CORRECTIONS_KEPT
    said = or_(*(column.is_not(None) for column in _WORDS))
    emptied = update(CorrectionRequest).where(decided, said)
    await session.execute(emptied.values(dict.fromkeys(_WORDS)))


async def _count(session: AsyncSession, statement: object) -> int:
    done = await session.execute(statement)  # type: ignore[call-overload]
    return int(done.rowcount)


def _receipt(
    kind: str, subject_id: UUID, *, union_id: UUID, ids: Sequence[UUID], counts: dict[str, int], now: datetime
) -> DeletionReceipt:
    digest = hashlib.sha256("\n".join(sorted(map(str, ids))).encode()).digest()
    return DeletionReceipt(
        id=new_id(), union_id=union_id, kind=kind, subject_id=subject_id, carried_out_at=now,
        counts=counts, kept={}, digest=digest,
    )  # fmt: skip
