"""Routes of members' sign-in, and of the outside identities that a member has linked."""

from ipaddress import ip_address, ip_network
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Query, Request, Response

from app.access.actor import Actor
from app.access.clients import label_of
from app.access.cookies import check_own_page, set_cookie
from app.access.deps import Transaction, UnusedKey, public, require
from app.access.policy import Permission
from app.platform.clock import utc_now
from app.platform.errors import (
    BodyTooLarge,
    Busy,
    CrossSite,
    KeyRequired,
    MalformedRequest,
    StorageFull,
    Unavailable,
)
from app.platform.http import StrictRoute
from app.platform.paging import CursorInvalid, PageRequest, PageView
from app.platform.problems import describe
from app.sign_in.actions.door import LinkNeeded, MemberDoor
from app.sign_in.actions.entry import Choice, Entered, Transport, Way
from app.sign_in.actions.journey import JOURNEY_LIFE
from app.sign_in.actions.link import unlink
from app.sign_in.errors import (
    CodeRefused,
    CodesTooOften,
    HostRefused,
    HostUnavailable,
    IdentityNotFound,
    LinkRefused,
    MethodOff,
    TextsPaused,
    TriesTooOften,
)
from app.sign_in.queries.member import list_links
from app.sign_in.rules import one_time_code as code_rules
from app.sign_in.rules.linking import LINK_PAGE, Claim, is_own_path
from app.sign_in.schemas.member import (
    ChoiceView,
    CodeBegun,
    CodeChoice,
    CodeMethod,
    CodeOutcome,
    CodeProof,
    CodeWanted,
    HostIdentityView,
    HostMethod,
    HostOutcome,
    HostTicket,
    LinkClaim,
    LinkWanted,
    NextPath,
    OpenedSession,
    ProviderAnswer,
    SignInMethods,
)

router = APIRouter(route_class=StrictRoute, tags=["sign-in"])
TRIP_COOKIE = "__Host-grainline-sso"
_TRIP_SECONDS = int(JOURNEY_LIFE.total_seconds())
_OFTEN = (BodyTooLarge, MalformedRequest, KeyRequired, Busy, Unavailable, StorageFull)
_IPV6_HOME = 64


@router.get(
    "/sign-in/methods",
    name="list_sign_in_methods",
    response_model=SignInMethods,
    dependencies=[public()],
    responses=describe(common=False),
)
async def list_methods(request: Request) -> SignInMethods:
    """Say which ways to sign in members have here."""
    door = _door(request)
    life = int(code_rules.LIFE.total_seconds())
    code = CodeMethod(is_open=door.desk.is_open, digits=code_rules.DIGITS, life_seconds=life)
    host = door.adapter
    name, kind = (None, None) if host is None else (host.name, host.kind)
    return SignInMethods(code=code, host=HostMethod(is_open=host is not None, name=name, kind=kind))


@router.post(
    "/sign-in/code",
    status_code=202,
    name="send_sign_in_code",
    response_model=CodeBegun,
    dependencies=[public()],
    responses=describe(MethodOff, CodesTooOften, TextsPaused, *_OFTEN, common=False),
)
async def send_code(body: CodeWanted, request: Request, _key: UnusedKey = None) -> CodeBegun:
    """Send a code to a member's number; a number that is nobody's is answered the same."""
    begun = await _door(request).desk.begin(body.mobile, network_of(request), now=utc_now())
    return CodeBegun(
        challenge_id=begun.challenge_id,
        expires_at=begun.expires_at,
        retry_after_seconds=60 // code_rules.CODES_PER_MINUTE,
    )


@router.post(
    "/sign-in/code/verify",
    name="verify_sign_in_code",
    response_model=CodeOutcome,
    dependencies=[public()],
    responses=describe(CodeRefused, TriesTooOften, CrossSite, *_OFTEN, common=False),
)
async def verify_code(
    body: CodeProof, request: Request, response: Response, _key: UnusedKey = None
) -> CodeOutcome:
    """Open the session of the member with the number; when several share it, say whom to choose from."""
    way, now = _asked_way(request, "text_code", body.transport), utc_now()
    found = await _door(request).prove(
        body.challenge_id, body.code, way=way, address=network_of(request), now=now
    )
    if isinstance(found, Entered):
        return CodeOutcome(session=_opened(response, found), choices=[])
    return CodeOutcome(session=None, choices=[_choice_view(one) for one in found])


@router.post(
    "/sign-in/code/choose",
    name="choose_sign_in_member",
    response_model=CodeOutcome,
    dependencies=[public()],
    responses=describe(CodeRefused, TriesTooOften, CrossSite, *_OFTEN, common=False),
)
async def choose(
    body: CodeChoice, request: Request, response: Response, _key: UnusedKey = None
) -> CodeOutcome:
    """Open the session of one of those who share a number, and of no other."""
    way, now = _asked_way(request, "text_code", body.transport), utc_now()
    entered = await _door(request).choose(
        body.challenge_id, body.choice_id, way=way, address=network_of(request), now=now
    )
    return CodeOutcome(session=_opened(response, entered), choices=[])


@router.get(
    "/sign-in/host/start",
    name="start_host_sign_in",
    status_code=302,
    response_class=Response,
    dependencies=[public()],
    responses=describe(MethodOff, HostUnavailable, MalformedRequest, common=False),
)
async def start(
    request: Request,
    next_path: Annotated[
        NextPath, Query(alias="next", max_length=400, description="the page of ours to go to afterwards")
    ] = "/",
) -> Response:
    """Send the browser to the identity provider."""
    address, cookie = await _door(request).send_away(next_path, now=utc_now())
    answer = Response(status_code=302, headers={"Location": address, "Cache-Control": "no-store"})
    answer.set_cookie(TRIP_COOKIE, cookie, max_age=_TRIP_SECONDS, secure=True, httponly=True, samesite="lax")
    return answer


@router.get(
    "/sign-in/host/return",
    name="return_from_host",
    status_code=303,
    response_class=Response,
    dependencies=[public()],
    responses=describe(
        MethodOff, HostRefused, HostUnavailable, TriesTooOften, MalformedRequest, Unavailable, common=False
    ),
)
async def come_back(
    request: Request,
    answer: Annotated[ProviderAnswer, Query()],
    trip_cookie: Annotated[str | None, Cookie(alias=TRIP_COOKIE, include_in_schema=False)] = None,
) -> Response:
    """Take the browser back from the identity provider: a session cookie and a page of ours."""
    door, now = _door(request), utc_now()
    trip = await door.take_back(trip_cookie or "", answer.state, now=now)
    params = answer.model_dump(include={"code", "iss"}, exclude_none=True)
    found = await door.arrive(
        params, trip.journey, way=_way(request, "oidc", "cookie"), address=network_of(request), now=now
    )
    return _sent_home(found, trip.next)


@router.post(
    "/sign-in/host/ticket",
    name="sign_in_with_host_ticket",
    response_model=HostOutcome,
    dependencies=[public()],
    responses=describe(MethodOff, HostRefused, TriesTooOften, CrossSite, *_OFTEN, common=False),
)
async def use_ticket(
    body: HostTicket, request: Request, response: Response, _key: UnusedKey = None
) -> HostOutcome:
    """Open a session with the one-time ticket of a host app, or say that a link is needed first."""
    way, now = _asked_way(request, "host_ticket", body.transport), utc_now()
    found = await _door(request).arrive(body.params, None, way=way, address=network_of(request), now=now)
    if isinstance(found, LinkNeeded):
        link = LinkWanted(ticket=found.ticket, expires_at=found.expires_at)
        return HostOutcome(outcome="link_required", session=None, link=link)
    return HostOutcome(outcome="signed_in", session=_opened(response, found), link=None)


@router.post(
    "/sign-in/link",
    name="link_host_identity",
    response_model=OpenedSession,
    dependencies=[public()],
    responses=describe(LinkRefused, TriesTooOften, CrossSite, *_OFTEN, common=False),
)
async def link(
    body: LinkClaim, request: Request, response: Response, _key: UnusedKey = None
) -> OpenedSession:
    """Link an outside identity to the one member who is described, and open their session."""
    way, now = _asked_way(request, "link", body.transport), utc_now()
    claim = Claim(body.mobile, body.last4, member_number=body.member_number, name=body.name)
    entered = await _door(request).link(body.ticket, claim, way=way, address=network_of(request), now=now)
    return _opened(response, entered)


@router.get(
    "/me/host-identities",
    name="list_host_identities",
    response_model=PageView[HostIdentityView],
    responses=describe(CursorInvalid),
)
async def list_host_identities(
    page: Annotated[PageRequest, Query()],
    session: Transaction,
    actor: Annotated[Actor, require(Permission.SESSIONS_OWN)],
) -> PageView[HostIdentityView]:
    """Return the outside identities that stand for the caller; staff have none."""
    found = await list_links(session, actor.id, limit=page.limit, after=page.after)
    items = [HostIdentityView.model_validate(one, from_attributes=True) for one in found.items]
    return PageView(items=items, next=found.next)


@router.delete(
    "/me/host-identities/{identity_id}",
    status_code=204,
    name="unlink_host_identity",
    response_class=Response,
    responses=describe(IdentityNotFound),
)
async def unlink_host_identity(
    identity_id: UUID, session: Transaction, actor: Annotated[Actor, require(Permission.SESSIONS_OWN)]
) -> None:
    """Take an outside identity away: from now on it opens nothing. Sessions go on; end them apart."""
    await unlink(session, actor, identity_id, now=utc_now())


def network_of(request: Request) -> str:
    """Return what counts as one address for limits: an IPv4 address, or the /64 that a home with IPv6 has."""
    given = request.client.host if request.client is not None else ""
    try:
        address = ip_address(given)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _IPV6_HOME), strict=False))


def _door(request: Request) -> MemberDoor:
    door: MemberDoor = request.app.state.member_door
    return door


def _way(request: Request, method: str, transport: Transport) -> Way:
    return Way(method, transport, label_of(request.headers.get("user-agent")))


def _asked_way(request: Request, method: str, transport: Transport) -> Way:
    """A cookie is given to pages of ours only: no other page may sign a browser in (login CSRF)."""
    if transport == "cookie":
        check_own_page(request)
    return _way(request, method, transport)


def _opened(response: Response, entered: Entered) -> OpenedSession:
    response.headers["Cache-Control"] = "no-store"
    if entered.transport == "bearer":
        return OpenedSession(token=entered.token, expires_at=entered.expires_at)
    set_cookie(response, entered.token, until=entered.expires_at, now=utc_now())
    return OpenedSession(token=None, expires_at=entered.expires_at)


def _choice_view(choice: Choice) -> ChoiceView:
    return ChoiceView.model_validate(choice, from_attributes=True)


def _sent_home(found: Entered | LinkNeeded, next_path: str) -> Response:
    """Send the browser on; a ticket goes behind the #, where no server and no log sees it."""
    path = next_path if is_own_path(next_path) else "/"
    if isinstance(found, LinkNeeded):
        path = f"{LINK_PAGE}#ticket={found.ticket}"
    answer = Response(status_code=303, headers={"Location": path, "Cache-Control": "no-store"})
    answer.delete_cookie(TRIP_COOKIE, secure=True, httponly=True, samesite="lax")
    if isinstance(found, Entered):
        set_cookie(answer, found.token, until=found.expires_at, now=utc_now())
    return answer
