"""Idempotency of ordinary POSTs: claim the key first, keep the answer last, in one transaction."""

from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy import CheckConstraint, Index, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import LOCK_TIMEOUT, Base, sqlstate
from app.platform.errors import KeyInFlight, KeyReused
from app.platform.idempotency import Claim, fingerprint

KEPT_FOR = timedelta(days=30)
REPLAYED = {"Idempotency-Replayed": "true"}


class IdempotencyRecord(Base):
    """The answer to a call that carried a key; ids only, no personal data."""

    __tablename__ = "idempotency_records"
    __table_args__ = (
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_is_sha256"),
        CheckConstraint("char_length(key) BETWEEN 1 AND 64", name="key_length"),
        Index("ix_idempotency_records_created_at", "created_at", postgresql_using="brin"),
    )

    actor_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    union_id: Mapped[UUID]
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime]


class Replay(Exception):
    """The key was answered before; carries the answer."""

    def __init__(self, status: int, body: str) -> None:
        """Keep status and JSON text."""
        super().__init__()
        self.status, self.body = status, body


async def answer_replay(_request: Request, error: Exception) -> Response:
    """Answer as the first time."""
    assert isinstance(error, Replay)  # noqa: S101 - registered for this class only
    return json_answer(error.body, status=error.status, headers=REPLAYED)


def json_answer(body: str, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response from text that is ready."""
    return Response(body, status_code=status, headers=headers, media_type="application/json")


async def remember_key(session: AsyncSession, claim: Claim, *, union_id: UUID, now: datetime) -> bool:
    """Record a key with its fingerprint and no answer; return whether it was there, raise KeyReused.

    For calls whose parts are idempotent by themselves, so that repeating them makes the first answer again.
    """
    row = {
        "actor_id": claim.actor_id,
        "key": claim.key,
        "union_id": union_id,
        "fingerprint": claim.fingerprint,
        "status": 0,
        "body": "",
        "created_at": now,
    }
    made = insert(IdempotencyRecord).values(row).on_conflict_do_nothing()
    try:
        claimed = await session.execute(made.returning(IdempotencyRecord.actor_id))
    except DBAPIError as error:
        if sqlstate(error) == LOCK_TIMEOUT:
            raise KeyInFlight(retry_after=1) from None
        raise
    if claimed.first() is not None:
        return False
    first = await session.get_one(IdempotencyRecord, (claim.actor_id, claim.key))
    if first.fingerprint != claim.fingerprint:
        raise KeyReused()
    return True


class Identified(Protocol):
    """A view of one row."""

    id: UUID

    def model_dump_json(self) -> str:
        """Return the answer as text."""


class Keeper:
    """The idempotency key of one call, if it carries one."""

    def __init__(self, session: AsyncSession, actor_id: UUID, *, key: str | None, union_id: UUID) -> None:
        """Belong to the transaction of `session`."""
        self._session, self._actor_id, self._key, self._union_id = session, actor_id, key, union_id
        self.made_before: UUID | None = None

    async def claim(self, request: Request, body: Any, *, now: datetime) -> None:
        """Claim the key, or raise Replay with the first answer, or KeyReused for another body.

        A second caller waits here on the unique index until the first has committed.
        """
        first = await self._claim(request, body, now=now)
        if first is not None:
            raise Replay(first.status, first.body)

    async def recall(self, request: Request, body: Any, *, now: datetime) -> None:
        """Claim the key; when it was used before, `made_before` is the id of what that call made or changed.

        For answers that are not to be stored: they are made again from that row, as it is by then.
        """
        first = await self._claim(request, body, now=now)
        self.made_before = None if first is None else UUID(first.body)

    async def _claim(self, request: Request, body: Any, *, now: datetime) -> IdempotencyRecord | None:
        if self._key is None:
            return None
        wanted = fingerprint(request.method, request.scope["path"], body=body)
        claim = Claim(self._actor_id, self._key, wanted)
        if not await remember_key(self._session, claim, union_id=self._union_id, now=now):
            return None
        return await self._session.get_one(IdempotencyRecord, (self._actor_id, self._key))

    async def keep(self, view: BaseModel, *, status: int = 201) -> Response:
        """Return the answer and store it with the key."""
        body = view.model_dump_json()
        await self._store(view, body, status=status)
        return json_answer(body, status=status)

    async def keep_id(self, view: Identified, *, status: int = 201) -> Response:
        """Return the answer and store its id with the key, for `recall`; raise Replay if it was there."""
        if self.made_before is not None:
            raise Replay(status, view.model_dump_json())
        await self._store(view, str(view.id), status=status)
        return json_answer(view.model_dump_json(), status=status)

    async def _store(self, view: Any, body: str, *, status: int) -> None:
        # For the audit log: what the call made or changed.
        self._session.info["made_id"] = getattr(view, "id", None)
        if self._key is not None:
            await self._session.execute(
                update(IdempotencyRecord)
                .where(IdempotencyRecord.actor_id == self._actor_id, IdempotencyRecord.key == self._key)
                .values(status=status, body=body)
            )
