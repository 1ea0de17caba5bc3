"""Looking the audit log over: does every entry stand where it was sealed, as it was sealed?"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, any_, cast, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import NO_HASH, SEALED, AuditEntry, AuditHead, AuditSeal, hash_after
from app.access.sealer import Head, find_last_seal, settled_before
from app.platform.clock import utc_now
from app.platform.ids import first_id_at

CHUNK = 5_000


class Fault(StrEnum):
    """What can be wrong with the log."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    OUT_OF_ORDER = "out of order"
    CUT_OFF = "cut off"
    BAD_SIGNATURE = "bad signature"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first bad row: the number of its seal, the id of its entry (as far as they are known), and why."""

    fault: Fault
    seq: int | None
    entry_id: UUID | None
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many entries are sealed and in order, how many wait for their seal, and the first bad row."""

    sealed: int
    waiting: int
    heads: int
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Link:
    """A seal with its entry (columns of `SEALED`), None where the entry is gone."""

    seq: int
    entry_id: UUID
    hash: bytes
    entry: Row[Any] | None


@dataclass(slots=True)
class _Walk:
    """How far the chain was walked."""

    seq: int = 0
    hash: bytes = NO_HASH
    signed: int = 0


async def examine(session: AsyncSession, heads: Collection[Head], *, trusted: Collection[bytes]) -> Report:
    """Return what is wrong with the log first, by the number of the seal.

    `heads` are signed heads from outside, beside those in the database; `trusted` the public keys whose
    signature counts. The session must see every union.
    """
    known = [*await _stored_heads(session), *heads]
    finding = next((_unsigned(head) for head in known if not _is_trusted(head, trusted)), None)
    walk = _Walk()
    if finding is None:
        finding = await _walk_chain(session, walk, known)
    finding = finding or _cut_off(walk, known) or await _inserted(session)
    return Report(walk.seq, await _count_waiting(session), len(known), finding)


async def _stored_heads(session: AsyncSession) -> list[Head]:
    rows = await session.scalars(select(AuditHead).order_by(AuditHead.seq))
    return [Head(row.seq, row.hash, row.signed_at, row.key_id, row.public_key, row.signature) for row in rows]


def _is_trusted(head: Head, trusted: Collection[bytes]) -> bool:
    return head.public_key in trusted and head.is_signed_by(head.public_key)


def _unsigned(head: Head) -> Finding:
    words = (
        f"the head that was signed at {head.signed_at:%Y-%m-%d %H:%M:%S} UTC is not signed by the audit key"
    )
    return Finding(Fault.BAD_SIGNATURE, head.seq, None, words)


async def _walk_chain(session: AsyncSession, walk: _Walk, heads: Sequence[Head]) -> Finding | None:
    signed: dict[int, list[Head]] = {}
    for head in heads:
        signed.setdefault(head.seq, []).append(head)
    async for rows in read_chain(session):
        found = await asyncio.to_thread(_check, walk, rows, signed=signed)
        if found is None:
            continue
        if isinstance(found, Finding):
            return found
        return await _explain(session, walk.hash, found)
    return None


async def read_chain(session: AsyncSession, *, first: int = 1) -> AsyncIterator[Sequence[Link]]:
    """Give seals with their entries in the order of the chain."""
    wanted = select(AuditSeal.seq, AuditSeal.entry_id, AuditSeal.hash).order_by(AuditSeal.seq).limit(CHUNK)
    last_seq = first - 1
    while seals := (await session.execute(wanted.where(AuditSeal.seq > last_seq))).all():
        # By their ids, not by a join: the planner would read the whole table for each part.
        ids = cast([seal.entry_id for seal in seals], ARRAY(Uuid(as_uuid=True)))
        found = await session.execute(select(*SEALED).where(AuditEntry.id == any_(ids)))
        entries = {entry.id: entry for entry in found}
        yield [Link(seal.seq, seal.entry_id, seal.hash, entries.get(seal.entry_id)) for seal in seals]
        last_seq = seals[-1].seq


def _check(walk: _Walk, rows: Sequence[Link], *, signed: dict[int, list[Head]]) -> Finding | Link | None:
    """Walk on over some rows; return what is wrong, or the row whose hash does not fit."""
    for row in rows:
        if row.seq != walk.seq + 1:
            words = f"seals {walk.seq + 1} to {row.seq - 1} are gone"
            return Finding(Fault.MISSING, walk.seq + 1, None, words)
        if row.entry is None:
            return Finding(Fault.MISSING, row.seq, row.entry_id, "the entry is gone, its seal is there")
        if hash_after(walk.hash, row.entry) != row.hash:
            return row
        if any(head.hash != row.hash for head in signed.get(row.seq, ())):
            words = f"the chain was made anew: seal {row.seq} is not the one that was signed"
            return Finding(Fault.CHANGED, walk.signed + 1, None, words)
        if row.seq in signed:
            walk.signed = row.seq
        walk.seq, walk.hash = row.seq, row.hash
    return None


async def _explain(session: AsyncSession, before: bytes, bad: Link) -> Finding:
    """Say of a row whose hash does not fit whether another entry stood there, or it was changed itself.

    That other one stands further on: up to here each is in its place.
    """
    async for rows in read_chain(session, first=bad.seq):
        for row in rows:
            if row.entry is None or row.entry_id == bad.entry_id:
                continue
            if hash_after(before, row.entry) in {row.hash, bad.hash}:
                words = f"entry {row.entry_id} was sealed in this place"
                return Finding(Fault.OUT_OF_ORDER, bad.seq, bad.entry_id, words)
    return Finding(Fault.CHANGED, bad.seq, bad.entry_id, "its content is not the one that was sealed")


def _cut_off(walk: _Walk, heads: Sequence[Head]) -> Finding | None:
    last = max(heads, key=lambda head: head.seq, default=None)
    if last is None or last.seq <= walk.seq:
        return None
    words = f"the log ends with seal {walk.seq}; seal {last.seq} was signed"
    return Finding(Fault.CUT_OFF, walk.seq + 1, None, words)


async def _inserted(session: AsyncSession) -> Finding | None:
    """Return the first entry that was put in where everything is sealed."""
    settled = await _settled(session)
    if settled is None:
        return None
    unsealed = ~exists().where(AuditSeal.entry_id == AuditEntry.id)
    older = AuditEntry.id <= first_id_at(settled)
    found = await session.scalar(
        select(AuditEntry.id).where(older, unsealed).order_by(AuditEntry.id).limit(1)
    )
    if found is None:
        return None
    return Finding(Fault.INSERTED, None, found, "the entry has no seal, and later ones have")


async def _settled(session: AsyncSession) -> datetime | None:
    last = await find_last_seal(session)
    return None if last is None else settled_before(last, now=utc_now())


async def _count_waiting(session: AsyncSession) -> int:
    unsealed = select(func.count()).select_from(AuditEntry)
    unsealed = unsealed.where(~exists().where(AuditSeal.entry_id == AuditEntry.id))
    if (settled := await _settled(session)) is not None:
        unsealed = unsealed.where(AuditEntry.id > first_id_at(settled))
    return int(await session.scalar(unsealed) or 0)
