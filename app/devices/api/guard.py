"""The guard in front of every route: a call with a device's token counts when the device signed it, once."""

import math
import time
from datetime import datetime
from uuid import UUID

import structlog
from fastapi import Request

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.scope import Scope, one_union
from app.devices import queries
from app.devices.actions.sightings import Sighting, use_nonces
from app.devices.rules.binding import PairedDevice
from app.devices.rules.budget import Budget
from app.devices.rules.signature import Call, Flaw, Seal, flaw_of, read_seal
from app.platform.admission import AdmissionDesk
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.errors import SignatureRefused, TooManyRequests

log = structlog.get_logger()
_REMEMBERED_SECONDS = 30.0
_NOTED_EVERY_SECONDS = 30.0


class DeviceGuard:
    """Checks signatures, nonces and the budget of devices; one of it in each worker."""

    def __init__(self, database: Database) -> None:
        """Read devices from `database` and note their nonces there."""
        self._database = database
        self._desk = AdmissionDesk(self._note, batch_limit=256, queue_limit=4_096)
        self._known: dict[UUID, tuple[float, PairedDevice]] = {}
        self._noted: dict[UUID, float] = {}
        self._forgotten = 0
        # A19: a scanner that shoots at everything keeps nobody else waiting; a clerk is never this fast.
        self._calls = Budget(per_second=10, burst=30)
        self._entries = Budget(per_second=0.2, burst=20)

    def forget(self) -> None:
        """Read devices anew: one was changed or revoked."""
        self._known.clear()
        self._forgotten += 1

    async def check(self, request: Request, actor: Actor) -> None:
        """Let a call pass that its device has signed; those without a device, and scripts, are not looked at.

        Raises SignatureRefused, with an entry in the audit log, and TooManyRequests.
        """
        if actor.device_id is None or actor.is_script:
            return
        now, device, seal = utc_now(), await self.device_of(actor), read_seal(request.headers)
        if seal is None or device is None or device.revoked_at is not None:
            raise await self._refusal(actor, Flaw.FORM if seal is None else Flaw.DEVICE)
        flaw = flaw_of(await _call_of(request), seal, key=device.key, now=now)
        if flaw is not None:
            raise await self._refusal(actor, flaw)
        wait = self._calls.wait_of(device.id, time.monotonic())
        if wait > 0:
            raise TooManyRequests(retry_after=math.ceil(wait))
        if not await self._desk.submit(self._sighting(device, seal, now=now)):
            raise await self._refusal(actor, Flaw.REPLAY)

    async def device_of(self, actor: Actor) -> PairedDevice | None:
        """Return the device of a session, as it is remembered for some seconds; None without one."""
        if actor.device_id is None:
            return None
        known = self._known.get(actor.device_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        forgotten = self._forgotten
        async with self._database.transaction(one_union(actor.union_id)) as session:
            found = await queries.find_paired(session, actor.device_id)
        # Told to forget while it was read: what was read may be older than the change.
        if found is not None and forgotten == self._forgotten:
            self._known[found.id] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found

    def _sighting(self, device: PairedDevice, seal: Seal, *, now: datetime) -> Sighting:
        seen = time.monotonic()
        is_noted = seen - self._noted.get(device.id, -math.inf) >= _NOTED_EVERY_SECONDS
        if is_noted:
            self._noted[device.id] = seen
        skew = round((seal.at - now).total_seconds())
        return Sighting(device.id, device.union_id, seal.nonce_bytes, now, skew, is_noted)

    async def _note(self, seen: list[Sighting]) -> list[bool]:
        scope = Scope(frozenset(one.union_id for one in seen))
        async with self._database.transaction(scope) as session:
            return await use_nonces(session, seen)

    async def _refusal(self, actor: Actor, flaw: Flaw) -> SignatureRefused:
        """Return what to raise, written down; somebody who tries often has no long audit log to fill."""
        assert actor.device_id is not None  # noqa: S101 - the caller has looked
        if self._entries.wait_of(actor.device_id, time.monotonic()) == 0:
            subject, details = ("device", actor.device_id), {"flaw": flaw.value}
            trace = Trace(
                SignatureRefused.code, actor.union_id, actor=actor, subject=subject, details=details
            )
            async with self._database.transaction(one_union(actor.union_id)) as session:
                record(session, trace, now=utc_now())
        log.warning("devices.call_refused", name=str(actor.device_id), error=flaw.value)
        return SignatureRefused()


async def _call_of(request: Request) -> Call:
    scope = request.scope
    target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    token = request.headers.get("authorization", "").partition(" ")[2]
    return Call(request.method, target, await request.body(), token)
