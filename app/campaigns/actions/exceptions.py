"""Individual exceptions: one person asks, another decides, the desk honours what was approved."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.vault import Place, keys_of
from app.campaigns.errors import ExceptionDecided, ExceptionStands, OwnException
from app.campaigns.queries import find_standing_exception, get_campaign, lock_exception, lock_member
from app.campaigns.rules import EXCEPTION_STEPS, ExceptionStatus
from app.campaigns.schemas import ExceptionDraft
from app.campaigns.tables import EligibilityException
from app.notifications.actions import enqueue
from app.platform.ids import new_id
from app.unions.queries import get_staff

TABLE = "eligibility_exceptions"


async def request_exception(
    session: AsyncSession, campaign_id: UUID, draft: ExceptionDraft, *, by: Actor, now: datetime
) -> EligibilityException:
    """Ask that a member may order in a campaign although some of its rules are against it.

    Reason and evidence are sealed. Raises CampaignNotFound, PersonNotFound, ExceptionStands, OwnException.
    """
    campaign = await get_campaign(session, campaign_id)
    member = await lock_member(session, draft.member_id)
    await _refuse_own(session, by, member_id=member.id)
    if await find_standing_exception(session, campaign.id, member_id=member.id) is not None:
        raise ExceptionStands()
    id, keys = new_id(), await keys_of(session, campaign.union_id)
    evidence = keys.seal(Place(TABLE, "evidence", id), draft.evidence) if draft.evidence else None
    asked = EligibilityException(
        id=id,
        union_id=campaign.union_id,
        unit_id=member.unit_id,
        campaign_id=campaign.id,
        member_id=member.id,
        rules=sorted({rule.value for rule in draft.rules}),
        reason_code=draft.reason_code.value,
        reason=keys.seal(Place(TABLE, "reason", id), draft.reason),
        evidence=evidence,
        status=ExceptionStatus.PENDING.value,
        requested_by=by.id,
        requested_at=now,
    )
    session.add(asked)
    _trace(session, asked, "requested", by=by, now=now)
    await session.flush()
    return asked


async def decide_exception(
    session: AsyncSession, exception_id: UUID, decision: ExceptionStatus, *, by: Actor, now: datetime
) -> EligibilityException:
    """Approve, decline or withdraw an exception; orders that were placed by it stay.

    A withdrawal waits for orders that are being decided by it. Two people: who asked for it, or whom it is
    for, does not decide it. Raises ExceptionNotFound, OwnException, ExceptionDecided.
    """
    asked = await lock_exception(session, exception_id)
    await _refuse_asker(session, by, asked_by=asked.requested_by)
    await _refuse_own(session, by, member_id=asked.member_id)
    if ExceptionStatus(asked.status) not in EXCEPTION_STEPS[decision]:
        raise ExceptionDecided(state=asked.status)
    asked.status, asked.decided_by, asked.decided_at = decision.value, by.id, now
    _trace(session, asked, decision.value, by=by, now=now)
    enqueue(session, f"exception.{decision.value}", asked.id, union_id=asked.union_id, at=now)
    await session.flush()
    return asked


async def _refuse_own(session: AsyncSession, by: Actor, *, member_id: UUID) -> None:
    staff = await get_staff(session, by.id)
    if staff.member_id == member_id:
        raise OwnException()


async def _refuse_asker(session: AsyncSession, by: Actor, *, asked_by: UUID) -> None:
    """Two people, not two accounts: a person is known by their row in the roster."""
    asker, decider = await get_staff(session, asked_by), await get_staff(session, by.id)
    if asker.id == decider.id or (asker.member_id is not None and asker.member_id == decider.member_id):
        raise OwnException()


def _trace(
    session: AsyncSession, asked: EligibilityException, what: str, *, by: Actor, now: datetime
) -> None:
    trace = Trace(
        f"exceptions.{what}",
        asked.union_id,
        actor=by,
        subject=("member", asked.member_id),
        details={
            "exception_id": str(asked.id),
            "campaign_id": str(asked.campaign_id),
            "rules": asked.rules,
            "reason_code": asked.reason_code,
        },
    )
    record(session, trace, now=now)
