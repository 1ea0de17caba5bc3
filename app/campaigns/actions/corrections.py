"""Records that are wrong: the member says so, the administrator of the unit decides (not the member)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.vault import Place, UnionKeys, keys_of
from app.campaigns.errors import (
    CorrectionBeyondUnits,
    CorrectionDecided,
    CorrectionsFull,
    CorrectionValueInvalid,
    OwnCorrection,
)
from app.campaigns.queries import (
    count_open_corrections,
    count_units,
    get_campaign,
    get_correction,
    lock_member,
)
from app.campaigns.rules import MOST_OPEN_CORRECTIONS, CorrectionField, CorrectionStatus, correction_due_on
from app.campaigns.schemas import CorrectionDraft
from app.campaigns.tables import CorrectionRequest
from app.notifications.actions import enqueue
from app.platform.ids import new_id
from app.unions.actions.correct import RecordChange, correct_member
from app.unions.queries import get_staff
from app.unions.rules import MemberStatus
from app.unions.rules.looks import RevealField, RevealReason
from app.unions.rules.names import Unusable, normalise_name
from app.unions.rules.numbers import normalise_mobile
from app.unions.tables import Reveal

TABLE = "correction_requests"
NORMAL: dict[CorrectionField, Callable[[str], Any]] = {
    CorrectionField.NAME: normalise_name,
    CorrectionField.MOBILE: normalise_mobile,
    CorrectionField.UNIT: UUID,
    CorrectionField.STATUS: MemberStatus,
}


async def file_correction(
    session: AsyncSession, draft: CorrectionDraft, *, by: Actor, now: datetime
) -> CorrectionRequest:
    """Say that a field of the caller's record is wrong; message and wished value are sealed.

    Raises CorrectionsFull, CorrectionValueInvalid, CampaignNotFound.
    """
    member = await lock_member(session, by.id)
    if draft.campaign_id is not None:
        await get_campaign(session, draft.campaign_id, drafts=False)
    if await count_open_corrections(session, member.id) >= MOST_OPEN_CORRECTIONS:
        raise CorrectionsFull(most=MOST_OPEN_CORRECTIONS)
    wished = draft.wished
    if wished is not None and draft.field in {CorrectionField.NAME, CorrectionField.MOBILE}:
        wished = str(normal_value(draft.field, wished))
    id, keys = new_id(), await keys_of(session, member.union_id)
    request = CorrectionRequest(
        id=id,
        union_id=member.union_id,
        unit_id=member.unit_id,
        member_id=member.id,
        campaign_id=draft.campaign_id,
        field=draft.field.value,
        status=CorrectionStatus.OPEN.value,
        message=keys.seal(_place("message", id), draft.message),
        wished=wished and keys.seal(_place("wished", id), wished),
        filed_at=now,
        due_on=correction_due_on(now),
    )
    session.add(request)
    enqueue(session, "correction.filed", id, union_id=member.union_id, at=now)
    await session.flush()
    return request


def normal_value(field: CorrectionField, given: str) -> Any:
    """Return what a field is to say in the form in which it is kept, or raise CorrectionValueInvalid."""
    try:
        return NORMAL[field](given)
    except (Unusable, ValueError):
        raise CorrectionValueInvalid() from None


def open_words(keys: UnionKeys, request: CorrectionRequest) -> dict[str, str | None]:
    """Return message, wished value and answer of a request."""
    return {
        column: None
        if (value := getattr(request, column)) is None
        else keys.open(_place(column, request.id), value)
        for column in ("message", "wished", "answer")
    }


def _place(column: str, id: UUID) -> Place:
    return Place(TABLE, column, id)


async def accept_correction(
    session: AsyncSession, correction_id: UUID, value: str | None, *, by: Actor, now: datetime
) -> CorrectionRequest:
    """Correct the record as was asked, or to `value`: a name, a number, the id of a unit, a status.

    Nothing is changed for `other`: the words say what was done. Raises CorrectionNotFound, OwnCorrection,
    CorrectionDecided, CorrectionValueInvalid, CorrectionBeyondUnits.
    """
    request = await _lock_open(session, correction_id, by=by)
    field = CorrectionField(request.field)
    if field is not CorrectionField.OTHER:
        keys = await keys_of(session, request.union_id)
        wanted = value if value is not None else open_words(keys, request)["wished"]
        if wanted is None:
            raise CorrectionValueInvalid()
        normal = normal_value(field, wanted)
        member = await lock_member(session, request.member_id)
        if field is CorrectionField.UNIT:
            await _check_unit(session, normal, by=by, street_id=request.union_id)
        name = "unit_id" if field is CorrectionField.UNIT else field.value
        await correct_member(session, member, RecordChange(**{name: normal}))
    elif value is not None:
        raise CorrectionValueInvalid()
    return await _decide(session, request, CorrectionStatus.ACCEPTED, by=by, now=now)


async def _check_unit(session: AsyncSession, unit_id: UUID, *, by: Actor, street_id: UUID) -> None:
    if await count_units(session, [unit_id], street_id=street_id) != 1:
        raise CorrectionValueInvalid()
    if by.scope.unit_ids is not None and unit_id not in by.scope.unit_ids:
        raise CorrectionBeyondUnits()


async def decline_correction(
    session: AsyncSession, correction_id: UUID, reason: str, *, by: Actor, now: datetime
) -> CorrectionRequest:
    """Leave the record as it is and tell the member why. Raises as `accept_correction`."""
    request = await _lock_open(session, correction_id, by=by)
    keys = await keys_of(session, request.union_id)
    request.answer = keys.seal(_place("answer", request.id), reason)
    return await _decide(session, request, CorrectionStatus.DECLINED, by=by, now=now)


async def _lock_open(session: AsyncSession, correction_id: UUID, *, by: Actor) -> CorrectionRequest:
    request = await get_correction(session, correction_id, lock=True)
    if (await get_staff(session, by.id)).member_id == request.member_id:
        raise OwnCorrection()
    if request.status != CorrectionStatus.OPEN:
        raise CorrectionDecided(state=request.status)
    return request


async def _decide(
    session: AsyncSession, request: CorrectionRequest, status: CorrectionStatus, *, by: Actor, now: datetime
) -> CorrectionRequest:
    request.status, request.decided_by, request.decided_at = status.value, by.id, now
    trace_correction(session, request, status.value, by=by, now=now)
    enqueue(session, f"correction.{status.value}", request.id, union_id=request.union_id, at=now)
    await session.flush()
    return request


def trace_correction(
    session: AsyncSession,
    request: CorrectionRequest,
    what: str,
    *,
    by: Actor,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Record in the audit log what somebody did with a request, or that they looked at its words."""
    trace = Trace(
        f"corrections.{what}",
        request.union_id,
        actor=by,
        subject=("member", request.member_id),
        reason=reason,
        details={"correction_id": str(request.id), "field": request.field},
    )
    record(session, trace, now=now)


async def record_look(
    session: AsyncSession, request: CorrectionRequest, *, by: Actor, now: datetime, reason: str
) -> None:
    """Leave the entry in which the member reads who looked at the words of a request, and why."""
    keys, id = await keys_of(session, request.union_id), new_id()
    session.add(
        Reveal(
            id=id,
            union_id=request.union_id,
            member_id=request.member_id,
            staff_id=by.id,
            role=by.role.value,
            fields=[RevealField.CORRECTION.value],
            reason=RevealReason.CORRECT_RECORD.value,
            note_sealed=keys.seal(Place("reveals", "note", id), reason),
            revealed_at=now,
        )
    )
