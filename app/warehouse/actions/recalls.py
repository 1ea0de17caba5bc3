"""Recalls: whom they reach. Names in full only for a reason, and on record; notices once for each order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.vault import Place, UnionKeys, keys_of
from app.notifications.actions import insert_events, outbox_row
from app.platform.bulk import run_together
from app.platform.clock import local_date
from app.platform.ids import new_id
from app.platform.limits import Limit
from app.stock.queries.lots import get_lot
from app.stock.tables import Lot
from app.unions.rules.looks import RevealField
from app.unions.tables import Member, Reveal, open_particulars
from app.warehouse.errors import LotNotRecalled
from app.warehouse.queries import recipients as queries
from app.warehouse.schemas.recipients import RevealedRecipient, RevealWanted
from app.warehouse.tables.watch import RecallNotice

REVEALS = Limit("warehouse.recipients_reveal", 40, timedelta(hours=1))
"""How often one account may look: a page of 200 people each time, 8,000 in an hour."""
_FIELDS = sorted((RevealField.NAME.value, RevealField.MOBILE.value))


@dataclass(frozen=True, slots=True)
class Told:
    """How many orders were told of a recall now, and how many had been told before."""

    now: int
    before: int


async def reveal_recipients(
    session: AsyncSession, lot_id: UUID, wanted: RevealWanted, *, by: Actor, now: datetime
) -> list[RevealedRecipient]:
    """Return names and mobiles of recipients of a lot, unmasked; each member can read that and why.

    Orders that did not receive from the lot, and people who were erased, are left out. Raises LotNotFound.
    """
    lot = await get_lot(session, lot_id)
    presences = await queries.find_presences(session, lot.id, today=local_date(now))
    found = await queries.find_recipients(session, lot, presences, order_ids=set(wanted.order_ids))
    keys = await keys_of(session, lot.union_id)
    members = {one.member.id: one.member for one in found if one.member.erased_at is None}
    for member_id in sorted(members):
        _record_look(session, keys, members[member_id], wanted=wanted, look=(by, lot, now))
    shown: dict[UUID, RevealedRecipient] = {}
    for one in found:
        if one.member.id in members:
            open_ = open_particulars(keys, one.member)
            shown[one.order_id] = RevealedRecipient(
                order_id=one.order_id, member_id=one.member.id, name=open_.name, mobile=open_.mobile
            )
    return list(shown.values())


def _record_look(
    session: AsyncSession,
    keys: UnionKeys,
    member: Member,
    *,
    wanted: RevealWanted,
    look: tuple[Actor, Lot, datetime],
) -> None:
    by, lot, now = look
    entry = Reveal(
        id=new_id(), union_id=member.union_id, member_id=member.id, staff_id=by.id, role=by.role.value,
        fields=_FIELDS, reason=wanted.reason.value, revealed_at=now,
    )  # fmt: skip
    if wanted.note is not None:
        entry.note_sealed = keys.seal(Place("reveals", "note", entry.id), wanted.note)
    session.add(entry)
    trace = Trace(
        "privacy.reveal", member.union_id, by, subject=("member", member.id), reason=wanted.reason.value,
        details={"fields": _FIELDS, "reveal_id": str(entry.id), "lot_id": str(lot.id)},
    )  # fmt: skip
    record(session, trace, now=now)


async def send_notices(
    session: AsyncSession, lot_id: UUID, *, with_possible: bool, by: Actor, now: datetime
) -> Told:
    """Leave an event `lot.recalled` for each order that holds boxes of a recalled lot, once for each.

    With `with_possible` also for orders that may hold some. Raises LotNotFound, LotNotRecalled.
    """
    lot = await get_lot(session, lot_id)
    if lot.recalled_at is None:
        raise LotNotRecalled()
    presences = await queries.find_presences(session, lot.id, today=local_date(now))
    affected = await queries.find_affected(session, lot, presences, with_possible=with_possible)
    rows = [
        {"union_id": lot.union_id, "lot_id": lot.id, "order_id": order_id, "is_possible": is_possible,
         "told_at": now}
        for order_id, is_possible in affected
    ]  # fmt: skip
    told: dict[UUID, bool] = {}
    for begin in range(0, len(rows), 1_000):
        added = insert(RecallNotice).values(rows[begin : begin + 1_000]).on_conflict_do_nothing()
        noted = await session.execute(added.returning(RecallNotice.order_id, RecallNotice.is_possible))
        told |= {row.order_id: row.is_possible for row in noted}
    events = [
        outbox_row(
            "lot.recalled", order_id, union_id=lot.union_id, at=now,
            payload={"lot_id": lot.id, "is_possible": is_possible},
        )
        for order_id, is_possible in sorted(told.items())
    ]  # fmt: skip
    await run_together(session, [insert_events(events)])
    details = {"told": len(told), "told_before": len(rows) - len(told), "with_possible": with_possible}
    trace = Trace("warehouse.recall_notices", lot.union_id, by, subject=("lot", lot.id), details=details)
    record(session, trace, now=now)
    return Told(len(told), len(rows) - len(told))
