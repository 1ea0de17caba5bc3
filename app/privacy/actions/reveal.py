"""Looking at unmasked data: with a reason, and with a trace that the member can read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.policy import Role
from app.access.vault import Place, keys_of
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.platform.limits import Limit
from app.privacy import queries
from app.privacy.errors import NothingToReveal
from app.privacy.schemas import RevealedView, RevealRequest
from app.unions.rules.looks import RevealField
from app.unions.tables import Member, Particulars, Reveal, open_particulars

REVEALS = Limit("privacy.reveal", 30, timedelta(hours=1))
"""How often one account may look: a desk needs a few an hour, a thief needs thousands."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who wants to see what, and when."""

    actor: Actor
    wanted: RevealRequest
    at: datetime


async def reveal(session: AsyncSession, member: Member, look: Look) -> RevealedView:
    """Return the fields asked for, unmasked, and leave the entry that member and auditor read.

    A station clerk sees only who is expected on that day (PIPL article 6: no more than the purpose
    needs); others see whom their scope holds. Raises NothingToReveal.
    """
    if look.actor.role is Role.STATION_CLERK and not await queries.is_expected(
        session, member.id, on=local_date(look.at), device_id=look.actor.device_id
    ):
        raise NothingToReveal()
    keys = await keys_of(session, member.union_id)
    entry = Reveal(
        id=new_id(),
        union_id=member.union_id,
        member_id=member.id,
        staff_id=look.actor.id,
        role=look.actor.role.value,
        fields=sorted({field.value for field in look.wanted.fields}),
        reason=look.wanted.reason.value,
        revealed_at=look.at,
    )
    if look.wanted.note is not None:
        entry.note_sealed = keys.seal(Place("reveals", "note", entry.id), look.wanted.note)
    session.add(entry)
    details = {"fields": entry.fields, "reveal_id": str(entry.id)}
    trace = Trace(
        "privacy.reveal",
        member.union_id,
        look.actor,
        subject=("member", member.id),
        reason=look.wanted.reason.value,
        details=details,
    )
    record(session, trace, now=look.at)
    return _shown(open_particulars(keys, member), entry)


def _shown(particulars: Particulars, entry: Reveal) -> RevealedView:
    return RevealedView(
        member_id=entry.member_id,
        name=particulars.name if RevealField.NAME in entry.fields else None,
        mobile=particulars.mobile if RevealField.MOBILE in entry.fields else None,
        id_last4=particulars.id_last4 if RevealField.ID_LAST4 in entry.fields else None,
        reveal_id=entry.id,
    )
