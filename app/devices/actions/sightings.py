"""Noting the calls of devices: each nonce once, and when a device was last seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from app.devices.tables import Device, DeviceNonce
from app.platform.bulk import run_together, update_rows
from app.platform.compiled import run_compiled


@dataclass(frozen=True, slots=True)
class Sighting:
    """A call whose signature is good; `is_noted` when the device's row is to say that it was seen."""

    device_id: UUID
    union_id: UUID
    nonce: bytes
    at: datetime
    skew_seconds: int
    is_noted: bool


_KINDS: dict[str, Any] = {
    "device_id": Uuid(as_uuid=True),
    "nonce": LargeBinary(),
    "used_at": DateTime(timezone=True),
}
_ARRAYS = [cast(bindparam(name, type_=ARRAY(kind)), ARRAY(kind)) for name, kind in _KINDS.items()]
_ROWS: Any = func.unnest(*_ARRAYS).table_valued(*_KINDS, name="used").render_derived()
_USE = (
    insert(DeviceNonce)
    .from_select(
        list(_KINDS),
        select(*(cast(_ROWS.c[name], kind) for name, kind in _KINDS.items())),
        include_defaults=False,
    )
    .on_conflict_do_nothing()
    # Whether a call counted is worth no wait for the disk: what a power cut takes away with these rows was
    # decided in other transactions, each of which knows its events and keys by itself.
    .returning(DeviceNonce.device_id, DeviceNonce.nonce, func.set_config("synchronous_commit", "off", True))
)


async def use_nonces(session: AsyncSession, seen: Sequence[Sighting]) -> list[bool]:
    """Use up the nonces of calls; return for each whether it was the first to come with its nonce.

    One statement whatever the number; of the same nonce twice in one batch, the first counts.
    """
    wanted: dict[tuple[UUID, bytes], Sighting] = {}
    for one in seen:
        wanted.setdefault((one.device_id, one.nonce), one)
    # In one order everywhere, so that two workers never wait for each other.
    rows = [wanted[key] for key in sorted(wanted)]
    values = {
        "device_id": [one.device_id for one in rows],
        "nonce": [one.nonce for one in rows],
        "used_at": [one.at for one in rows],
    }
    found: Any = await run_compiled(session, _USE, values)
    used = {(row[0], bytes(row[1])) for row in found.all()}
    noted = {
        one.device_id: {"id": one.device_id, "last_seen_at": one.at, "clock_skew_seconds": one.skew_seconds}
        for one in rows
        if one.is_noted and (one.device_id, one.nonce) in used
    }
    await run_together(session, [update_rows(Device, [noted[id] for id in sorted(noted)])])
    return [wanted[one.device_id, one.nonce] is one and (one.device_id, one.nonce) in used for one in seen]
