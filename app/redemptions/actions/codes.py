"""Giving an order its pickup code, when it is first asked for."""

import os
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.orders.errors import OrderNotFound
from app.orders.queries import get_order
from app.orders.rules.states import OrderStatus
from app.platform.signing import KeyStore, SigningKey
from app.redemptions import queries
from app.redemptions.errors import NoActiveKey, NoCode
from app.redemptions.rules.record import CodeRecord, sign_record
from app.redemptions.rules.short_code import make_short_code
from app.redemptions.tables import CodeKey, PickupCode

log = structlog.get_logger()
_WITH_CODE = frozenset({OrderStatus.TO_BOOK, OrderStatus.BOOKED, OrderStatus.COLLECTED, OrderStatus.ON_HOLD})


async def get_or_make_code(
    session: AsyncSession, order_id: UUID, *, member_id: UUID, store: KeyStore, now: datetime
) -> PickupCode:
    """Return the pickup code of a member's own order; made and signed when first asked for.

    The code is good on all pickup days of the campaign, so that moving to another slot keeps it.
    Raises OrderNotFound, NoCode, NoActiveKey.
    """
    order = await get_order(session, order_id)
    if order is None or order.member_id != member_id:
        raise OrderNotFound()
    if order.status not in _WITH_CODE:
        raise NoCode(order_status=order.status)
    known = await queries.lock_code(session, order_id)
    last_day = (await queries.get_pickup_window(session, order.campaign_id))[1]
    is_void = known is not None and await queries.is_withdrawn(session, known.key_id)
    if known is not None and not is_void and known.not_after_on == last_day:
        return known
    if known is None:
        return await _make_code(session, order_id, campaign_id=order.campaign_id, store=store, now=now)
    # The key was withdrawn (the next generation voids the old code), or pickup goes on for longer (the
    # same generation: a picture that was saved stays good).
    signed = await _signed(
        session,
        order.campaign_id,
        unit_ref=known.unit_ref,
        generation=known.generation + is_void,
        store=store,
    )
    for name, value in signed.items():
        setattr(known, name, value)
    await session.flush()
    return known


async def _make_code(
    session: AsyncSession, order_id: UUID, *, campaign_id: UUID, store: KeyStore, now: datetime
) -> PickupCode:
    """Make the first code of an order. Two requests at once: one row wins, both answer with it."""
    unit_ref = os.urandom(8)
    row = await _signed(session, campaign_id, unit_ref=unit_ref, generation=0, store=store)
    row |= {
        "order_id": order_id,
        "union_id": session.info["scope"].only_union,
        "unit_ref": unit_ref,
        "short_code": make_short_code(secrets.randbits(45)),
        "created_at": now,
    }
    await session.execute(insert(PickupCode).values(row).on_conflict_do_nothing(index_elements=["order_id"]))
    made = await queries.lock_code(session, order_id)
    assert made is not None  # noqa: S101 - inserted a line above
    return made


async def _signed(
    session: AsyncSession, campaign_id: UUID, *, unit_ref: bytes, generation: int, store: KeyStore
) -> dict[str, Any]:
    """Return what signing gives: the key, the days and the text of the QR picture."""
    key = await queries.find_active_key(session)
    if key is None:
        raise NoActiveKey(retry_after=30)
    first_day, last_day = await queries.get_pickup_window(session, campaign_id)
    record = CodeRecord(
        key_id=key.id,
        union_number=await queries.get_union_number(session, session.info["scope"].only_union),
        unit_ref=unit_ref,
        generation=generation,
        flags=0,
        not_before_on=first_day,
        not_after_on=last_day,
    )
    return {
        "generation": generation,
        "key_id": key.id,
        "not_before_on": first_day,
        "not_after_on": last_day,
        "qr_text": sign_record(record, private_half(key, store)),
    }


def private_half(key: CodeKey, store: KeyStore) -> SigningKey:
    """Return the private half of a key; raise NoActiveKey if it is missing or not this key's.

    A code signed with another installation's file would be refused at the table.
    """
    try:
        private = store.load(key.id)
    except (LookupError, ValueError, OSError) as error:
        log.error("codes.key_unusable", name=str(key.id), error=type(error).__name__)
        raise NoActiveKey(retry_after=30) from None
    if private.public_key.raw != key.public_key:
        log.error("codes.key_unusable", name=str(key.id), error="another key")
        raise NoActiveKey(retry_after=30)
    return private
