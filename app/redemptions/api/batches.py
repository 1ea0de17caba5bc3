"""The route that takes in what devices recorded offline."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.access.actor import Actor
from app.access.deps import IdempotencyKey, database_of, require
from app.access.policy import Permission, Role
from app.access.scope import one_union
from app.devices.errors import NotThisDevice
from app.devices.queries import find_paired
from app.devices.rules.binding import Doubt, PairedDevice, clerk_of, device_named, doubt_of
from app.platform.clock import utc_now
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
from app.platform.idempotency import Claim, fingerprint
from app.platform.keeping import REPLAYED, json_answer, remember_key
from app.platform.piecewise import PiecewiseRoute
from app.platform.problems import describe
from app.redemptions.actions.quarantine import quarantine_events
from app.redemptions.api.scans import Source, scan_of
from app.redemptions.rules.quarantine import UnplacedEvent, body_of, event_id_of
from app.redemptions.schemas import BatchResult, BatchView, RecordedScan, RedemptionBatch, RedemptionView

router = APIRouter(route_class=PiecewiseRoute, tags=["redemptions"])


@router.post(
    "/redemptions/batch",
    name="redeem_batch",
    response_model=BatchView,
    responses=describe(KeyReused, KeyRequired, KeyInFlight, Conflict, NotThisDevice),
)
async def redeem_batch(
    request: Request,
    body: RedemptionBatch,
    actor: Annotated[Actor, require(Permission.REDEMPTIONS_SYNC)],
    key: IdempotencyKey = None,
) -> Response:
    """Take in hand-overs that a device recorded offline; one bad event never blocks the others.

    What has happened is never refused for its time, place, number of boxes or a code that is void by now:
    what contradicts the ledger becomes a conflict, and what belongs to no known order is kept for a person.
    So is what a paired device cannot have recorded, or recorded after it was revoked. Every event is a
    transaction of its own, and safe to repeat by its id. So the key keeps no answer: it only belongs to one
    body, and the same body asks every event for its first answer.
    """
    now, is_known = utc_now(), False
    device = await _device_of(request, actor, body.device_id)
    if key is not None:
        asked = fingerprint("POST", request.scope["path"], body=body.model_dump())
        async with database_of(request).transaction(actor.scope) as session:
            claim = Claim(actor.id, key, asked)
            is_known = await remember_key(session, claim, union_id=actor.union_id, now=now)
    name = str(device.id) if device else body.device_id
    told = [_read(event, actor, name=name, device=device) for event in body.events]
    clerks = {one[1].staff_id for one in told if not isinstance(one, BatchResult)}
    for clerk in clerks:
        await request.app.state.people.about(actor, clerk)
    await request.app.state.key_ring.keys()
    # What is remembered is warm now, so the scans reach the desk in their order and share its transactions.
    results = await asyncio.gather(*(_take_in(request, actor, one, at=now) for one in told))
    unplaced = [
        UnplacedEvent(result.event_id, result.why_unplaced, body_of(event))
        for event, result in zip(body.events, results, strict=True)
        if result.why_unplaced is not None
    ]
    await _keep_unplaced(request, actor, unplaced, device_id=name, now=now)
    view = BatchView(results=list(results))
    return json_answer(view.model_dump_json(), headers=REPLAYED if is_known else None)


async def _device_of(request: Request, actor: Actor, name: str) -> PairedDevice | None:
    """Return the paired device whose record this is; None for another program's name of itself.

    Raises NotThisDevice for the record of another device, unless an officer hands it in.
    """
    own: PairedDevice | None = await request.app.state.device_guard.device_of(actor)
    named = device_named(name)
    if own is not None:
        if named != own.id:
            raise NotThisDevice()
        return own
    if named is None:
        return None
    async with database_of(request).transaction(actor.scope) as session:
        found = await find_paired(session, named)
    if found is not None and actor.role is not Role.UNION_OFFICER:
        raise NotThisDevice()
    return found


def _read(
    event: Any, actor: Actor, *, name: str, device: PairedDevice | None
) -> tuple[RecordedScan, Source] | BatchResult:
    """Return an event with its source, or why it is kept for a person."""
    try:
        body = RecordedScan.model_validate(event)
    except ValidationError:
        return BatchResult(event_id=event_id_of(event), answer=None, problem="platform.malformed")
    doubt: str | None = doubt_of(device, body.scanned_at) if device is not None else None
    uploader = None if actor.role is Role.PICKUP_DEVICE else actor.id
    clerk = clerk_of(device, body.staff_id, uploader=uploader)
    if doubt is not None or clerk is None:
        return BatchResult(event_id=body.event_id, answer=None, problem=doubt or Doubt.UNKNOWN_CLERK)
    return body, Source(clerk, name, device, is_offline=True)


async def _take_in(
    request: Request, actor: Actor, told: tuple[RecordedScan, Source] | BatchResult, *, at: datetime
) -> BatchResult:
    if isinstance(told, BatchResult):
        return told
    body, source = told
    try:
        scan = await scan_of(request, actor, body, at=at, source=source)
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
    request: Request, actor: Actor, unplaced: Sequence[UnplacedEvent], *, device_id: str, now: datetime
) -> None:
    if unplaced:
        staff = None if actor.role is Role.PICKUP_DEVICE else actor.id
        async with database_of(request).transaction(one_union(actor.union_id)) as session:
            await quarantine_events(session, unplaced, device_id=device_id, staff_id=staff, now=now)
