"""What a route asks of its caller: `require(Permission.X)` or `public()`; a test finds others."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.actor import Actor
from app.access.policy import WRITES, Permission, may
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.errors import Forbidden, Unauthenticated
from app.platform.keeping import Keeper

_bearer = HTTPBearer(auto_error=False, description="the opaque token of a member or a staff account")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def current_actor(request: Request, credentials: _Credentials) -> Actor:
    """Return who is calling, or raise Unauthenticated."""
    if credentials is None:
        raise Unauthenticated()
    actor: Actor = await request.app.state.tokens.actor_of(credentials.credentials, now=utc_now())
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor)]


def require(permission: Permission) -> Any:
    """Return the dependency of a route that needs a permission; it yields the Actor."""

    async def allowed(actor: CurrentActor) -> Actor:
        if not may(actor.role, permission):
            raise Forbidden()
        if permission in WRITES and actor.scope.union_ids != {actor.union_id}:
            raise Forbidden()
        return actor

    allowed.permission = permission  # type: ignore[attr-defined]
    return Depends(allowed)


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
    """Open the transaction of a request in the actor's scope; it commits before the answer is sent."""
    async with database_of(request).transaction(actor.scope) as session:
        yield session


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


async def keep_answer(
    request: Request, actor: CurrentActor, session: Transaction, key: IdempotencyKey = None
) -> Keeper:
    """Claim the idempotency key of the call, if any; raise Replay when it was answered before."""
    keeper = Keeper(session, actor.id, key=key, union_id=actor.union_id)
    if key is not None:
        await keeper.claim(request, _asked(await request.body()), now=utc_now())
    return keeper


def _asked(body: bytes) -> Any:
    """Return what a body says, however it is spaced; one that is no JSON stands for itself, byte for byte."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.hex()


Kept = Annotated[Keeper, Depends(keep_answer, scope="function")]
