"""The sealer: numbers and chains the entries of the audit log, and signs the end of the chain every hour.

It runs in the worker, after the deeds: a second or two pass before an entry is sealed (ADR 0020).
"""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.audit import NO_HASH, SEALED, AuditEntry, AuditHead, AuditSeal, hash_after
from app.access.scope import every_union
from app.platform.bulk import insert_rows, run_together
from app.platform.canonical import canonical
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.ids import first_id_at, made_at
from app.platform.signing import KeyStore, VerifyKey, sign, verify

BATCH = 5_000
SETTLING = timedelta(minutes=15)
"""How much later than its id an entry may come to light: no transaction takes longer."""
_TURN = 0x61756469_7473656C
_WHY = "the chain runs over the entries of every union"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Head:
    """A signed statement: at `signed_at` the chain ended with seal `seq` and this hash."""

    seq: int
    hash: bytes
    signed_at: datetime
    key_id: int
    public_key: bytes
    signature: bytes = b""

    @property
    def statement(self) -> bytes:
        """What is signed."""
        return b"grainline audit head\n" + canonical(self._words())

    @property
    def line(self) -> str:
        """The head as a line of JSON, for the file and the log."""
        return json.dumps(self._words() | {"signature": self.signature.hex()}, sort_keys=True)

    def is_signed_by(self, public_key: bytes) -> bool:
        """Return whether the signature is that key's."""
        return verify(VerifyKey(public_key), self.statement, signature=self.signature)

    def _words(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "hash": self.hash.hex(),
            "signed_at": self.signed_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "key_id": self.key_id,
            "public_key": self.public_key.hex(),
        }


def read_head(line: str) -> Head:
    """Return the head in a line of JSON; raises ValueError for anything else."""
    try:
        found = json.loads(line)
        return Head(
            seq=int(found["seq"]),
            hash=bytes.fromhex(found["hash"]),
            signed_at=datetime.fromisoformat(found["signed_at"]),
            key_id=int(found["key_id"]),
            public_key=bytes.fromhex(found["public_key"]),
            signature=bytes.fromhex(found["signature"]),
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError("not a line with a signed head") from None


class Sealer:
    """Seals what is new; of several processes one at a time has the turn (an advisory lock)."""

    def __init__(self, database: Database, store: KeyStore, *, heads_file: Path) -> None:
        """Seal in `database`; sign with the newest key of `store`; heads go to `heads_file` too."""
        self._database, self._store, self._heads_file = database, store, heads_file

    async def seal(self) -> int:
        """Seal every entry that is not sealed yet, in the order of their ids; return how many."""
        batch = await self._seal_batch(None)
        total = len(batch)
        while len(batch) == BATCH:
            batch = await self._seal_batch(batch[-1])
            total += len(batch)
        return total

    async def _seal_batch(self, after: UUID | None) -> list[UUID]:
        """Seal up to `BATCH` entries, with ids from `after` on if it is given; return their ids."""
        async with self._database.transaction(every_union(_WHY)) as session:
            if not await _has_turn(session):
                return []
            last = await find_last_seal(session)
            if after is None and last is not None:
                # Older ones are sealed, or were put in afterwards: then `grainline audit verify` names them.
                after = first_id_at(settled_before(last, now=utc_now()))
            entries = await _find_unsealed(session, after)
            seals = await asyncio.to_thread(_chain, last, entries, now=utc_now())
            await run_together(session, [insert_rows(AuditSeal, seals)])
        return [entry.id for entry in entries]

    async def sign_head(self) -> Head | None:
        """Sign where the chain ends, unless that was signed before; return the head.

        It is appended to the file and written to the log first: a head that only the database knows
        would fall with the rows it speaks for.
        """
        async with self._database.transaction(every_union(_WHY)) as session:
            await session.execute(select(func.pg_advisory_xact_lock(_TURN)))
            last = await find_last_seal(session)
            signed = await session.scalar(select(func.max(AuditHead.seq)))
            if last is None or last.seq == signed:
                return None
            head = self._signed(last, now=utc_now())
            await asyncio.to_thread(self._publish, head)
            session.add(
                AuditHead(
                    seq=head.seq, hash=head.hash, signed_at=head.signed_at, key_id=head.key_id,
                    public_key=head.public_key, signature=head.signature,
                )
            )  # fmt: skip
        return head

    def _signed(self, last: Row[int, UUID, bytes, datetime], *, now: datetime) -> Head:
        key_id = self._store.last_id()
        if key_id == 0:
            key_id = 1
            self._store.create(key_id)
        key = self._store.load(key_id)
        bare = Head(last.seq, last.hash, now, key_id, key.public_key.raw)
        signature = sign(key, bare.statement)
        return Head(last.seq, last.hash, now, key_id, key.public_key.raw, signature)

    def _publish(self, head: Head) -> None:
        self._heads_file.parent.mkdir(parents=True, exist_ok=True)
        with self._heads_file.open("a", encoding="utf-8") as file:
            file.write(head.line + "\n")
            file.flush()
            os.fsync(file.fileno())
        log.info("audit.head_signed", head=head.line)


async def _has_turn(session: AsyncSession) -> bool:
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(_TURN))))


async def find_last_seal(session: AsyncSession) -> Row[int, UUID, bytes, datetime] | None:
    """Return `seq`, `entry_id`, `hash` and `sealed_at` of the newest seal, or None."""
    wanted = select(AuditSeal.seq, AuditSeal.entry_id, AuditSeal.hash, AuditSeal.sealed_at)
    return (await session.execute(wanted.order_by(AuditSeal.seq.desc()).limit(1))).first()


def settled_before(last: Row[int, UUID, bytes, datetime], *, now: datetime) -> datetime:
    """Return the instant before which every entry has its seal, given the newest seal.

    The earliest of three clocks counts: after one was ahead for a while, later entries have earlier ids.
    """
    earliest: datetime = min(made_at(last.entry_id), last.sealed_at, now)
    return earliest - SETTLING


async def _find_unsealed(session: AsyncSession, after: UUID | None) -> Sequence[Row[Any]]:
    wanted = select(*SEALED).outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
    wanted = wanted.where(AuditSeal.seq.is_(None)).order_by(AuditEntry.id).limit(BATCH)
    if after is not None:
        wanted = wanted.where(AuditEntry.id > after)
    return (await session.execute(wanted)).all()


def _chain(
    last: Row[int, UUID, bytes, datetime] | None, entries: Sequence[Row[Any]], *, now: datetime
) -> list[dict[str, Any]]:
    """Return the seals of some entries, each over the one before."""
    before, first = (NO_HASH, 1) if last is None else (last.hash, last.seq + 1)
    seals = []
    for seq, entry in enumerate(entries, first):
        before = hash_after(before, entry)
        seals.append({"seq": seq, "entry_id": entry.id, "hash": before, "sealed_at": now})
    return seals
