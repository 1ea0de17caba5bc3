"""Routes of pickup codes and the pickup table."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.access.actor import Actor
from app.access.deps import IdempotencyKey, Transaction, database_of, require
from app.access.policy import Permission
from app.access.scope import one_union
from app.orders.errors import OrderNotFound
from app.pickup.errors import PointNotFound
from app.platform.clock import day_end, day_start, utc_now
from app.platform.database import refusal_of
from app.platform.errors import (
    Busy,
    Conflict,
    DomainError,
    KeyInFlight,
    KeyRequired,
    KeyReused,
    StorageFull,
    Unavailable,
)
from app.platform.http import NOT_MODIFIED, StrictRoute, tagged
from app.platform.idempotency import Claim, fingerprint
from app.platform.keeping import REPLAYED, json_answer, remember_key
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.piecewise import PiecewiseRoute
from app.platform.problems import describe
from app.platform.qr import qr_png, qr_svg
from app.redemptions import queries
from app.redemptions.actions.codes import get_or_make_code
from app.redemptions.actions.quarantine import quarantine_events
from app.redemptions.actions.redeem import FirstAnswer
from app.redemptions.errors import NoActiveKey, NoCode, WrongQuantity
from app.redemptions.rules.hand_over import Scan, believed_time, read_code
from app.redemptions.rules.quarantine import UnplacedEvent, body_of, event_id_of
from app.redemptions.schemas import (
    BatchResult,
    BatchView,
    CodeView,
    ConflictSide,
    ConflictView,
    RecordedScan,
    RedemptionBatch,
    RedemptionRequest,
    RedemptionView,
)
from app.redemptions.tables import PickupCode, Redemption

router = APIRouter(route_class=StrictRoute, tags=["redemptions"])
_batches = APIRouter(route_class=PiecewiseRoute, tags=["redemptions"])
_CODE = (OrderNotFound, NoCode, NoActiveKey)
_KEYED = (KeyReused, KeyRequired, KeyInFlight, Conflict)


async def _code(request: Request, session: Transaction, order_id: UUID, actor: Actor) -> PickupCode:
    store = request.app.state.key_store
    return await get_or_make_code(session, order_id, member_id=actor.id, store=store, now=utc_now())


@router.get(
    "/orders/{order_id}/code",
    name="get_code",
    response_model=CodeView,
    responses=describe(*_CODE) | NOT_MODIFIED,
)
async def get_code(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return the pickup code of one of the caller's own orders."""
    code = await _code(request, session, order_id, actor)
    view = CodeView(
        code=code.qr_text,
        short_code=code.short_code,
        payload_format="GL1",
        key_id=code.key_id,
        valid_from=day_start(code.not_before_on),
        valid_until=day_end(code.not_after_on),
    )
    return tagged(request, view.model_dump_json().encode())


_svg, _png = lru_cache(4_096)(qr_svg), lru_cache(4_096)(qr_png)


@router.get(
    "/orders/{order_id}/code.svg",
    name="get_code_svg",
    response_class=Response,
    responses=describe(*_CODE) | NOT_MODIFIED | {200: {"content": {"image/svg+xml": {}}}},
)
async def get_code_svg(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return the QR picture of a pickup code as SVG."""
    code = await _code(request, session, order_id, actor)
    return tagged(request, await asyncio.to_thread(_svg, code.qr_text), media_type="image/svg+xml")


@router.get(
    "/orders/{order_id}/code.png",
    name="get_code_png",
    response_class=Response,
    responses=describe(*_CODE) | NOT_MODIFIED | {200: {"content": {"image/png": {}}}},
)
async def get_code_png(
    request: Request,
    order_id: UUID,
    session: Transaction,
    actor: Annotated[Actor, require(Permission.ORDERS_OWN)],
) -> Response:
    """Return the QR picture of a pickup code as PNG."""
    code = await _code(request, session, order_id, actor)
    return tagged(request, await asyncio.to_thread(_png, code.qr_text), media_type="image/png")


async def _scan(
    request: Request, actor: Actor, body: RedemptionRequest, *, at: datetime, device_id: str | None
) -> Scan:
    """Return the scan of a body; the signature is checked here, outside of every lock."""
    union = await request.app.state.people.about(actor)
    keys = await request.app.state.key_ring.keys()
    return Scan(
        event_id=body.event_id,
        reading=read_code(body.code, keys, union_number=union.number),
        pickup_point_id=body.pickup_point_id,
        staff_id=actor.id,
        staff_name=union.staff_name,
        at=at,
        scanned_at=believed_time(body.scanned_at, at) if device_id else min(body.scanned_at or at, at),
        # Without the device's time: an online scan that is uploaded again from the journal is the same event.
        fingerprint=fingerprint(
            "POST", "/redemptions", body=body.model_dump(mode="json", exclude={"scanned_at"})
        ),
        quantity=body.quantity,
        override_reason=body.override.reason if body.override else None,
        device_id=device_id,
        is_offline=device_id is not None,
    )


@router.post(
    "/redemptions",
    name="redeem",
    response_model=RedemptionView,
    responses=describe(PointNotFound, WrongQuantity, *_KEYED),
)
async def redeem(
    request: Request,
    body: RedemptionRequest,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
    key: IdempotencyKey = None,
) -> Response:
    """Decide one scan. A refusal to hand over is a 200; the same event again gets the first answer."""
    scan = await _scan(request, actor, body, at=utc_now(), device_id=None)
    if key is not None:
        scan = replace(scan, claim=Claim(actor.id, key, scan.fingerprint))
    outcome = await request.app.state.table_desks.submit(actor.union_id, scan)
    if isinstance(outcome, DomainError):
        raise outcome
    return json_answer(outcome, headers=REPLAYED if isinstance(outcome, FirstAnswer) else None)


@_batches.post(
    "/redemptions/batch",
    name="redeem_batch",
    response_model=BatchView,
    responses=describe(*_KEYED),
)
async def redeem_batch(
    request: Request,
    body: RedemptionBatch,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_WRITE)],
    key: IdempotencyKey = None,
) -> Response:
    """Take in hand-overs that a device recorded offline; one bad event never blocks the others.

    What has happened is never refused for its time, place, number of boxes or a code that is void by now:
    what contradicts the ledger becomes a conflict, and what belongs to no known order is kept for a person.
    Every event is a transaction of its own, and safe to repeat by its id. So the key keeps no answer: it
    only belongs to one body, and the same body asks every event for its first answer.
    """
    now, is_known = utc_now(), False
    if key is not None:
        asked = fingerprint("POST", request.scope["path"], body=body.model_dump())
        async with database_of(request).transaction(actor.scope) as session:
            claim = Claim(actor.id, key, asked)
            is_known = await remember_key(session, claim, union_id=actor.union_id, now=now)
    await request.app.state.people.about(actor)
    await request.app.state.key_ring.keys()
    # What is remembered is warm now, so the scans reach the desk in their order and share its transactions.
    results = await asyncio.gather(
        *(_take_in(request, actor, event, at=now, device_id=body.device_id) for event in body.events)
    )
    await _keep_unplaced(request, actor, body, results=results, now=now)
    view = BatchView(results=list(results))
    return json_answer(view.model_dump_json(), headers=REPLAYED if is_known else None)


async def _take_in(
    request: Request, actor: Actor, event: Any, *, at: datetime, device_id: str
) -> BatchResult:
    try:
        body = RecordedScan.model_validate(event)
    except ValidationError:
        return BatchResult(event_id=event_id_of(event), answer=None, problem="platform.malformed")
    try:
        scan = await _scan(request, actor, body, at=at, device_id=device_id)
        outcome = await request.app.state.table_desks.submit(actor.union_id, scan)
    except (DomainError, DBAPIError) as error:
        outcome = error if isinstance(error, DomainError) else refusal_of(error)
        if outcome is None or isinstance(outcome, Busy | Unavailable | StorageFull):
            raise
    if isinstance(outcome, DomainError):
        return BatchResult(event_id=body.event_id, answer=None, problem=outcome.code)
    answer = RedemptionView.model_validate_json(outcome)
    return BatchResult(event_id=body.event_id, answer=answer, problem=None)


async def _keep_unplaced(
    request: Request, actor: Actor, body: RedemptionBatch, *, results: Sequence[BatchResult], now: datetime
) -> None:
    unplaced = [
        UnplacedEvent(result.event_id, result.why_unplaced, body_of(event))
        for event, result in zip(body.events, results, strict=True)
        if result.why_unplaced is not None
    ]
    if unplaced:
        async with database_of(request).transaction(one_union(actor.union_id)) as session:
            await quarantine_events(session, unplaced, device_id=body.device_id, staff_id=actor.id, now=now)


router.include_router(_batches)


class ConflictsRequest(PageRequest):
    """Which conflicts are asked for."""

    status: Literal["open", "resolved"] | None = None


@router.get(
    "/redemptions/conflicts",
    name="list_conflicts",
    response_model=PageView[ConflictView],
    responses=describe(CursorInvalid),
)
async def list_conflicts(
    asked: Annotated[ConflictsRequest, Query()],
    session: Transaction,
    _: Annotated[Actor, require(Permission.CONFLICTS_READ)],
) -> PageView[ConflictView]:
    """Return hand-overs that contradict each other or the state of their order, newest first."""
    found = await queries.list_conflicts(session, status=asked.status, limit=asked.limit, after=asked.after)
    items = [
        ConflictView(
            first=_side(first) if first else None,
            second=_side(second),
            **{
                name: getattr(conflict, name) for name in ("id", "order_id", "reason", "status", "noticed_at")
            },
        )
        for conflict, second, first in found.items
    ]
    return PageView(items=items, next=found.next)


def _side(event: Redemption) -> ConflictSide:
    return ConflictSide.model_validate(event, from_attributes=True)
