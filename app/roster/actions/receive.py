"""A file comes in: looked at without unpacking, sealed, and left to the background process."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record
from app.access.vault import Place, UnionKeys, keys_of
from app.platform.bulk import insert_rows, run_together
from app.platform.ids import new_id
from app.roster import queries
from app.roster.errors import UnitNotYours
from app.roster.rules.comparing import Mode
from app.roster.rules.formats import check_file
from app.roster.rules.progress import ImportStatus
from app.roster.rules.units import UnitTree, unit_tree
from app.roster.tables import RosterFile, RosterImport

_PIECE_BYTES = 384 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent, and what it is meant for; `unit_id` is the one unit that it lists, if any."""

    content: bytes
    filename: str
    mode: Mode = Mode.PARTIAL
    unit_id: UUID | None = None


async def receive_file(session: AsyncSession, upload: Upload, *, actor: Actor, now: datetime) -> RosterImport:
    """Take a file in and return its import.

    Raises what `app.roster.errors` has for files that are refused before they are unpacked, UnitNotYours.
    """
    await anyio.to_thread.run_sync(check_file, upload.content, upload.filename)
    units = unit_tree(await queries.find_units(session, actor.union_id))
    about = _units_of(upload, actor, units=units)
    keys = await keys_of(session, actor.union_id)
    import_id = new_id()
    one = RosterImport(
        id=import_id,
        union_id=actor.union_id,
        created_by=actor.id,
        mode=upload.mode.value,
        own_unit_ids=None if actor.scope.unit_ids is None else sorted(actor.scope.unit_ids),
        filename_sealed=keys.seal(Place("roster_imports", "filename", import_id), upload.filename),
        byte_count=len(upload.content),
        status=ImportStatus.RECEIVED.value,
        created_at=now,
        **about,
    )
    session.add(one)
    await session.flush()
    pieces = await anyio.to_thread.run_sync(partial(_pieces, keys, upload.content, import_id=import_id))
    for piece in pieces:
        await run_together(session, [insert_rows(RosterFile, [piece])])
    details = {"bytes": len(upload.content), "mode": upload.mode.value}
    record(
        session,
        Trace("roster.file_received", actor.union_id, actor, ("roster_import", import_id), details=details),
        now=now,
    )
    return one


def _units_of(upload: Upload, actor: Actor, *, units: UnitTree) -> Mapping[str, Any]:
    """Return the units that the file is about, and the one of rows that name none."""
    own = actor.scope.unit_ids
    if upload.unit_id is not None:
        if upload.unit_id not in units.units or (own is not None and upload.unit_id not in own):
            raise UnitNotYours()
        return {"unit_ids": sorted(units.below(upload.unit_id)), "default_unit_id": upload.unit_id}
    if own is None:
        return {"unit_ids": None, "default_unit_id": None}
    tops = [id for id in own if id in units.units and units.units[id].parent_id not in own]
    return {"unit_ids": sorted(own), "default_unit_id": tops[0] if len(tops) == 1 else None}


def _pieces(keys: UnionKeys, content: bytes, *, import_id: UUID) -> list[dict[str, Any]]:
    pieces = []
    for position, start in enumerate(range(0, len(content), _PIECE_BYTES)):
        piece_id = new_id()
        text = base64.b64encode(content[start : start + _PIECE_BYTES]).decode()
        pieces.append(
            {
                "id": piece_id,
                "union_id": keys.union_id,
                "import_id": import_id,
                "position": position,
                "content": keys.seal(Place("roster_files", "content", piece_id), text),
            }
        )
    return pieces


def open_pieces(keys: UnionKeys, pieces: list[RosterFile]) -> bytes:
    """Return the file that was sealed in pieces."""
    texts = (keys.open(Place("roster_files", "content", piece.id), piece.content) for piece in pieces)
    return b"".join(map(base64.b64decode, texts))
