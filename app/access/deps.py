"""What a route asks of its caller: `require(Permission.X)` or `public()`; a test finds others."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.calls import record_call
from app.access.cookies import SESSION_COOKIE, check_own_page
from app.access.policy import STEP_UP, WRITES, Permission, may
from app.access.tokens import COOKIE_MARK
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.errors import Forbidden, StepUpRequired, TwoCredentials, Unauthenticated
from app.platform.keeping import Keeper

_bearer = HTTPBearer(
    auto_error=False, description="the opaque token of a member, a staff account or a device"
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def current_actor(request: Request, credentials: _Credentials) -> Actor:
    """Return who is calling; raise Unauthenticated, TwoCredentials, CrossSite, and what the guard raises.

    The cookie is read here and not by a dependency of its own, which would cost a tenth of a small answer.
    """
    cookie = request.cookies.get(SESSION_COOKIE) if "cookie" in request.headers else None
    token = cookie if credentials is None else credentials.credentials
    if token is None:
        raise Unauthenticated()
    if cookie is not None:
        if "authorization" in request.headers:
            raise TwoCredentials()
        check_own_page(request)
    if token.startswith(COOKIE_MARK) != (cookie is not None):
        raise Unauthenticated()
    actor: Actor = await request.app.state.tokens.actor_of(token, now=utc_now())
    if actor.device_id is not None:
        await request.app.state.device_guard.check(request, actor)
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor)]


def require(permission: Permission) -> Any:
    """Return the dependency of a route that needs a permission; it yields the Actor."""

    async def allowed(actor: CurrentActor) -> Actor:
        _check_allowed(actor, permission)
        return actor

    allowed.permission = permission  # type: ignore[attr-defined]
    return Depends(allowed)


def _check_allowed(actor: Actor, permission: Permission) -> None:
    if not may(actor.role, permission):
        raise Forbidden()
    if permission in WRITES and actor.scope.union_ids != {actor.union_id}:
        raise Forbidden()
    if permission in STEP_UP:
        check_stepped_up(actor)


def check_stepped_up(actor: Actor) -> None:
    """Raise StepUpRequired unless the caller gave a second proof in the last minutes (ASVS 5.0 7.5.3).

    Tokens of scripts count as stepped up: whoever makes one owns the machine.
    """
    if actor.stepped_up_until is None or actor.stepped_up_until <= utc_now():
        raise StepUpRequired()


def public() -> Any:
    """Return the dependency that says: anybody may call this route."""

    async def anybody() -> None:
        return None

    anybody.is_public = True  # type: ignore[attr-defined]
    return Depends(anybody)


def database_of(request: Request) -> Database:
    """Return the database of the app that serves the request."""
    database: Database = request.app.state.database
    return database


async def open_transaction(request: Request, actor: CurrentActor) -> AsyncIterator[AsyncSession]:
    """Open the transaction of a request in the actor's scope; it commits before the answer is sent.

    What a successful call changed, and its entry in the audit log, are one transaction.
    """
    async with database_of(request).transaction(actor.scope) as session:
        session.info["request_id"] = request.state.request_id
        yield session
        record_call(session, request, actor=actor, now=utc_now())
    if session.info.get("sessions_changed"):
        request.app.state.tokens.forget()


Transaction = Annotated[AsyncSession, Depends(open_transaction, scope="function")]


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=64,
        pattern=r"^[\x21-\x7e]+$",
        description="the same key and body answer as the first time, for 30 days",
    ),
]
RequiredKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=64,
        pattern=r"^[\x21-\x7e]+$",
        description="required: the same key and body answer as the first time, for 30 days",
    ),
]


UnusedKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=64,
        pattern=r"^[\x21-\x7e]+$",
        description="accepted and not used: what is answered is shown once and never stored",
    ),
]
"""Where an answer holds a token, a code or data unmasked; each of these is safe to repeat in its own way."""


async def keep_answer(
    request: Request, actor: CurrentActor, session: Transaction, key: IdempotencyKey = None
) -> Keeper:
    """Claim the idempotency key of the call, if any; raise Replay when it was answered before.

    What the route asks for is looked at first: a kept answer needs the same proofs as a fresh one.
    """
    keeper = Keeper(session, actor.id, key=key, union_id=actor.union_id)
    if key is not None:
        _check_route(request, actor)
        await keeper.claim(request, _asked(await request.body()), now=utc_now())
    return keeper


async def recall_answer(
    request: Request, actor: CurrentActor, session: Transaction, key: IdempotencyKey = None
) -> Keeper:
    """Claim the idempotency key of a call whose answer names people: only the id of what it made stays."""
    keeper = Keeper(session, actor.id, key=key, union_id=actor.union_id)
    if key is not None:
        _check_route(request, actor)
        await keeper.recall(request, _asked(await request.body()), now=utc_now())
    return keeper


def _check_route(request: Request, actor: Actor) -> None:
    """Check what the route asks of its caller, which may not have been done yet: the order is FastAPI's."""
    for asked in request.scope["route"].dependant.dependencies:
        if (permission := getattr(asked.call, "permission", None)) is not None:
            _check_allowed(actor, permission)


def _asked(body: bytes) -> Any:
    """Return what a body says, however it is spaced; one that is no JSON stands for itself, byte for byte."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.hex()


Kept = Annotated[Keeper, Depends(keep_answer, scope="function")]
Recalled = Annotated[Keeper, Depends(recall_answer, scope="function")]
