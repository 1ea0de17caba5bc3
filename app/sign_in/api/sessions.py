"""Routes of the caller's own sessions."""

from typing import Annotated, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.actor import Actor
from app.access.cookies import drop_cookie
from app.access.deps import Transaction, UnusedKey, require
from app.access.policy import Permission
from app.access.tokens import revoke_session, revoke_tokens_of
from app.platform.clock import utc_now
from app.platform.errors import KeyRequired, NotFound
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.sign_in.queries.staff import find_session, list_sessions
from app.sign_in.schemas.staff import SessionView

router = APIRouter(route_class=StrictRoute, tags=["sign-in"])
Caller = Annotated[Actor, require(Permission.SESSIONS_OWN)]


@router.get(
    "/sessions", name="list_sessions", response_model=PageView[SessionView], responses=describe(CursorInvalid)
)
async def list_my_sessions(
    page: Annotated[PageRequest, Query()], session: Transaction, actor: Caller
) -> PageView[SessionView]:
    """Return the caller's sessions that have not ended, the newest first."""
    now = utc_now()
    found = await list_sessions(session, actor.id, now=now, limit=page.limit, after=page.after)
    items = [
        SessionView(
            id=one.id,
            label=one.label,
            kind=cast("Literal['cookie', 'bearer', 'script']", one.kind),
            created_at=one.created_at,
            last_used_at=one.last_used_at,
            expires_at=one.expires_at,
            is_current=one.id == actor.session_id,
        )
        for one in found.items
    ]
    return PageView(items=items, next=found.next)


@router.delete("/sessions", name="end_other_sessions", status_code=204, responses=describe())
async def end_other_sessions(session: Transaction, actor: Caller) -> Response:
    """End all sessions of the caller but this one."""
    await revoke_tokens_of(session, actor.id, now=utc_now(), but=actor.session_id)
    return Response(status_code=204)


@router.delete("/sessions/{session_id}", name="end_session", status_code=204, responses=describe(NotFound))
async def end_session(session_id: UUID, session: Transaction, actor: Caller) -> Response:
    """End one session of the caller; it may be this one."""
    if await find_session(session, actor.id, session_id=session_id) is None:
        raise NotFound()
    await revoke_session(session, session_id, now=utc_now())
    return Response(status_code=204)


@router.post("/sign-out", name="sign_out", status_code=204, responses=describe(KeyRequired))
async def sign_out(session: Transaction, actor: Caller, _key: UnusedKey = None) -> Response:
    """End this session; a browser drops its cookie."""
    if actor.session_id is not None:
        await revoke_session(session, actor.session_id, now=utc_now())
    response = Response(status_code=204)
    drop_cookie(response)
    return response
