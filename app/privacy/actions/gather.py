"""Everything that is held about a member, in one document (PIPL article 45)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.tokens import AccessToken
from app.access.vault import Place, UnionKeys, keys_of
from app.campaigns.tables import Campaign, CorrectionRequest, EligibilityException, ListEntry
from app.orders.tables import Order
from app.pickup.tables import PickupPoint
from app.platform.clock import SHANGHAI
from app.privacy.schemas import MyDataView
from app.privacy.tables import Consent, ErasureRequest
from app.redemptions.tables import Redemption
from app.sign_in.tables.member import HostIdentityLink
from app.unions.queries import get_member, get_union
from app.unions.tables import Member, Reveal, StaffAccount, open_particulars

MOST_ROWS = 1_000
"""Of each kind, newest first; nobody has more within a retention period."""


async def gather_my_data(session: AsyncSession, actor: Actor, *, now: datetime) -> MyDataView:
    """Return everything that is held about the calling member, unmasked: it is their own."""
    member = await get_member(session, actor.id)
    keys = await keys_of(session, member.union_id)
    orders = await _rows(session, Order, Order.member_id == member.id)
    return MyDataView(
        made_at=now,
        member=await _person(session, member, keys),
        orders=await _orders(session, orders),
        hand_overs=await _hand_overs(session, [order.id for order in orders]),
        consents=_plain(
            await _rows(session, Consent, Consent.member_id == member.id),
            "purpose", "version", "text_digest", "given_at", "withdrawn_at",
        ),
        corrections=await _corrections(session, member.id, keys),
        exceptions=await _exceptions(session, member.id, keys),
        lists=await _lists(session, member.id),
        looks=await _looks(session, member.id, keys),
        sign_ins=_plain(
            await _rows(session, AccessToken, AccessToken.member_id == member.id),
            "kind", "label", "created_at", "last_used_at", "revoked_at",
        ),
        linked_accounts=_plain(
            await _rows(session, HostIdentityLink, HostIdentityLink.member_id == member.id),
            "issuer", "linked_at", "last_used_at",
        ),
        erasure_requests=_plain(
            await _rows(session, ErasureRequest, ErasureRequest.member_id == member.id),
            "status", "decline_reason", "asked_at", "decided_at",
        ),
    )  # fmt: skip


async def _person(session: AsyncSession, member: Member, keys: UnionKeys) -> dict[str, Any]:
    unit, union = await get_union(session, member.unit_id), await get_union(session, member.union_id)
    open_ = open_particulars(keys, member)
    return {
        "number": member.number, "name": open_.name, "mobile": open_.mobile, "id_last4": open_.id_last4,
        "union": union.name, "unit": unit.name, "status": member.status,
        "is_senior_mode": member.is_senior_mode, "created_at": _said(member.created_at),
    }  # fmt: skip


async def _orders(session: AsyncSession, orders: list[Order]) -> list[dict[str, Any]]:
    titles = {row.id: row.title for row in await session.execute(
        select(Campaign.id, Campaign.title).where(Campaign.id.in_({order.campaign_id for order in orders}))
    )}  # fmt: skip
    shown = _plain(
        orders, "number", "quantity", "collected_count", "given_up_count", "status", "channel", "placed_at",
        "booked_at", "collected_at", "cancelled_at", "cancel_reason",
    )  # fmt: skip
    return [row | {"campaign": titles[order.campaign_id]} for row, order in zip(shown, orders, strict=True)]


async def _hand_overs(session: AsyncSession, order_ids: list[UUID]) -> list[dict[str, Any]]:
    found = await session.execute(
        select(
            Redemption.result,
            Redemption.reason,
            Redemption.quantity,
            Redemption.scanned_at,
            Redemption.undone_at,
            PickupPoint.name,
        )
        .join(PickupPoint, PickupPoint.id == Redemption.pickup_point_id)
        .where(Redemption.order_id.in_(order_ids))
        .order_by(Redemption.id.desc())
        .limit(MOST_ROWS)
    )
    return [
        {
            "result": row.result,
            "reason": row.reason,
            "quantity": row.quantity,
            "scanned_at": _said(row.scanned_at),
            "undone_at": _said(row.undone_at),
            "point": row.name,
        }
        for row in found
    ]


async def _corrections(session: AsyncSession, member_id: UUID, keys: UnionKeys) -> list[dict[str, Any]]:
    rows = await _rows(session, CorrectionRequest, CorrectionRequest.member_id == member_id)
    shown = _plain(rows, "field", "status", "filed_at", "decided_at")
    return [
        one | {name: _open(keys, row, column=name) for name in ("message", "wished", "answer")}
        for one, row in zip(shown, rows, strict=True)
    ]


async def _exceptions(session: AsyncSession, member_id: UUID, keys: UnionKeys) -> list[dict[str, Any]]:
    rows = await _rows(session, EligibilityException, EligibilityException.member_id == member_id)
    shown = _plain(rows, "rules", "reason_code", "status", "requested_at", "decided_at")
    return [
        one | {name: _open(keys, row, column=name) for name in ("reason", "evidence")}
        for one, row in zip(shown, rows, strict=True)
    ]


async def _lists(session: AsyncSession, member_id: UUID) -> list[dict[str, Any]]:
    """Return on whose lists the member is, by an officer's hand."""
    wanted = select(Campaign.title, ListEntry.added_at).join(Campaign, Campaign.id == ListEntry.campaign_id)
    found = await session.execute(wanted.where(ListEntry.member_id == member_id).limit(MOST_ROWS))
    return [{"campaign": row.title, "added_at": _said(row.added_at)} for row in found]


async def _looks(session: AsyncSession, member_id: UUID, keys: UnionKeys) -> list[dict[str, Any]]:
    wanted = select(Reveal, StaffAccount.display_name)
    wanted = wanted.outerjoin(StaffAccount, StaffAccount.id == Reveal.staff_id)
    wanted = wanted.where(Reveal.member_id == member_id).order_by(Reveal.id.desc()).limit(MOST_ROWS)
    shown = []
    for look, by in (await session.execute(wanted)).all():
        (said,) = _plain([look], "role", "fields", "reason", "revealed_at")
        note = look.note_sealed and keys.open(Place("reveals", "note", look.id), look.note_sealed)
        shown.append({"by": by or "–"} | said | {"note": note or None})
    return shown


def _open(keys: UnionKeys, row: Any, *, column: str) -> str | None:
    value = getattr(row, column)
    return None if value is None else keys.open(Place(row.__tablename__, column, row.id), value)


async def _rows(session: AsyncSession, model: Any, criterion: Any) -> list[Any]:
    newest = model.id  # made in the order of time (UUIDv7)
    found = await session.execute(select(model).where(criterion).order_by(newest.desc()).limit(MOST_ROWS))
    return list(found.scalars())


def _plain(rows: Iterable[Any], *names: str) -> list[dict[str, Any]]:
    return [{name: _said(getattr(row, name)) for name in names} for row in rows]


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat()
    return value.isoformat() if isinstance(value, date) else value
