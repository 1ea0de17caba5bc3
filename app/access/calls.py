"""Whatever changes something through the API leaves an entry in the audit log by itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.audit import Trace, record

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def record_call(session: AsyncSession, request: Request, *, actor: Actor, now: datetime) -> None:
    """Record a call that changed something, in the transaction of the change; nothing for one that reads.

    The action is the name of the operation. Its subject is the last id in the path, else what was made;
    further ids are in the details. A reason is the one that an action gave (`explain`).
    """
    if request.method in _READING:
        return
    name = str(request.scope["route"].name)
    ids = {key: id for key, given in request.path_params.items() if (id := _as_id(given)) is not None}
    made = session.info.get("made_id")
    subject: tuple[str, UUID] | None = None
    if ids:
        key = list(ids)[-1]
        subject = (key.removesuffix("_id"), ids.pop(key))
    elif made is not None:
        subject = (name.partition("_")[2] or name, made)
    details: dict[str, Any] = {key: str(id) for key, id in ids.items()}
    if made is not None and (subject is None or made != subject[1]):
        details["made"] = str(made)
    trace = Trace(
        name, actor.union_id, actor=actor, subject=subject, reason=session.info.get("reason"), details=details
    )  # fmt: skip
    record(session, trace, now=now)


def explain(session: AsyncSession, reason: str) -> None:
    """Say why the call does what it does; the entry of the call carries it."""
    session.info["reason"] = reason


def _as_id(given: Any) -> UUID | None:
    try:
        return given if isinstance(given, UUID) else UUID(given)
    except (TypeError, ValueError):
        return None
