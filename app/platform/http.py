"""Around every request: an id, a size limit, strict JSON, strict query parameters, safe headers.

Plain ASGI only; nothing here knows the domain.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

import structlog
from fastapi import Header, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.errors import BodyTooLarge, Busy, NotFound, PreconditionFailed, PreconditionRequired
from app.platform.problems import fail, respond

log = structlog.get_logger()
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_MOST_DIGITS = 40
_DEEPEST = 32
_VERSION = re.compile(r'"(\d{1,9})(?:-[0-9a-f]{1,64})?"|(\d{1,9})', re.ASCII)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_DEFAULTS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    # Whoever wants an answer to be kept says so: most of them show people, or a token.
    (b"cache-control", b"no-store"),
]


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "the caller's copy (`If-None-Match`) is current"}
}


IfMatch = Annotated[
    str | None,
    Header(
        description='the version seen, e.g. `"3"`, or the whole entity tag; `*` for any version',
        max_length=80,
    ),
]
"""The header with which a change names the version that it was made for."""


class TooLarge(HTTPException):
    """The body is over the limit; raised while it is read."""

    def __init__(self) -> None:
        """A 413, which the framework passes on as it is."""
        super().__init__(413)


class Envelope:
    """ASGI middleware: request id, body limit, headers that every answer carries."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit_bytes: int,
        most_requests: int,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        """Wrap `app`; bodies over `body_limit_bytes` are answered with 413 and not read on.

        `larger` names paths with a limit of their own, in bytes too.
        Beyond `most_requests` under way at once, all but `/healthz` are told to come back later.
        """
        self._app, self._limit, self._most, self._under_way = app, body_limit_bytes, most_requests, 0
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = message["headers"]
                headers.append((b"x-request-id", request_id.encode()))
                headers.extend(_HEADERS)
                named = {name for name, _ in headers}
                headers.extend(default for default in _DEFAULTS if default[0] not in named)
            await send(message)

        self._under_way += 1
        try:
            if self._under_way > self._most and scope["path"] != "/healthz":
                raise Busy(retry_after=1)
            self._check_length(scope)
            await self._app(scope, self._limited(receive, self._limit_of(scope)), send_with_headers)
        except TooLarge:
            if not started:
                refusal = respond(Request(scope), BodyTooLarge(limit_bytes=self._limit_of(scope)))
                refusal.headers["Connection"] = "close"
                await refusal(scope, receive, send_with_headers)
        except Exception as error:
            # Answered here and not by Starlette's outermost layer: that one would send it without these
            # headers, and raise it again for the server to log with the values PostgreSQL names in a DETAIL.
            if started:
                raise
            await fail(Request(scope), error)(scope, receive, send_with_headers)
        finally:
            self._under_way -= 1

    def _limit_of(self, scope: Scope) -> int:
        return self._larger.get(scope["path"], self._limit)

    def _check_length(self, scope: Scope) -> None:
        length = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if length.isdigit() and len(length) < _MOST_DIGITS and int(length) > self._limit_of(scope):
            raise TooLarge

    def _limited(self, receive: Receive, limit: int) -> Receive:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
            return message

        return limited


class StrictRequest(Request):
    """A request whose JSON is UTF-8 without NaN, NUL, a name twice, over 40 digits or over 32 levels."""

    async def json(self) -> Any:
        """Return the parsed body, or raise JSONDecodeError, which becomes a 422."""
        if not hasattr(self, "_json"):
            self._json = parse_strictly(await self.body())
        return self._json


def parse_strictly(body: bytes) -> Any:
    """Return the value of a JSON text (RFC 8259), or raise JSONDecodeError without its text."""
    try:
        # Decoded here, because `json.loads` guesses UTF-16 and UTF-32 (RFC 8259 section 8.1: UTF-8 only).
        value = json.loads(
            body.decode(), parse_constant=_no_constant, parse_int=_small_int, object_pairs_hook=_each_once
        )
    except (ValueError, RecursionError):
        raise json.JSONDecodeError("not strict JSON", "", 0) from None
    if b"\\u0000" in body or b"\\ud" in body.lower() or body.count(b"[") + body.count(b"{") > _DEEPEST:
        _check_value(value, 0)
    return value


def _no_constant(_: str) -> float:
    raise ValueError("NaN and Infinity are not JSON")


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a name stands twice")
    return value


def _small_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("number too long")
    return int(digits)


def _check_value(value: Any, depth: int) -> None:
    bad = depth > _DEEPEST
    if isinstance(value, str):
        bad = "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value)
    elif bad:
        pass
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_value(key, depth)
            _check_value(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_value(item, depth + 1)
    if bad:
        raise json.JSONDecodeError("not strict JSON", "", 0)


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know, and reads JSON strictly."""

    request_class: type[StrictRequest] = StrictRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler around FastAPI's own."""
        handle = super().get_route_handler()
        known: frozenset[str] | None = None

        async def strict(request: Request) -> Response:
            nonlocal known
            if request.scope["path"].endswith("\n") and not self.path.endswith("}"):
                # The router's patterns end with `$`, which also matches before a last line feed.
                raise NotFound()
            if request.scope["query_string"]:
                if known is None:
                    known = frozenset(_query_names(self.dependant))
                unknown = [name for name in request.query_params if name not in known]
                if unknown:
                    raise RequestValidationError(
                        [{"loc": ("query", "?"), "type": "extra_forbidden", "msg": ""}]
                    )
            return await handle(self.request_class(request.scope, request.receive))

        return strict


def _query_names(dependant: Dependant) -> set[str]:
    names: set[str] = set()
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        model_fields = getattr(annotation, "model_fields", None)
        if model_fields:
            names |= {info.alias or name for name, info in model_fields.items()}
        else:
            names.add(field.alias)
    for child in dependant.dependencies:
        names |= _query_names(child)
    return names


def etag_of(content: bytes | str) -> str:
    """Return a strong entity tag of a body (RFC 9110 section 8.8.3)."""
    data = content.encode() if isinstance(content, str) else content
    return '"' + hashlib.sha256(data).hexdigest()[:32] + '"'


def tagged(
    request: Request, body: bytes, *, media_type: str = "application/json", version: int | None = None
) -> Response:
    """Return `body` with its entity tag, or 304 when the caller already has it.

    The tag begins with `version`, if given, for `seen_version` to find.
    """
    tag = etag_of(body) if version is None else f'"{version}-{etag_of(body)[1:]}'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    given = request.headers.get("if-none-match", "")
    if given and (
        given.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in given.split(",")]
    ):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def seen_version(if_match: str | None) -> int | None:
    """Return the version in an `If-Match` header, or None for `*`, any version (RFC 9110 section 13.1.1).

    Of an entity tag only the version before the dash counts: what else the body showed, a changing
    number of boxes say, is not what the caller changes. Raises PreconditionRequired, PreconditionFailed.
    """
    if if_match is None:
        raise PreconditionRequired()
    if if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise PreconditionFailed()
    return int(found[1] or found[2])
