"""Errors as they are answered: RFC 9457 `application/problem+json`, in the caller's language.

A problem never holds what the caller sent: no input value, no SQL, no stack trace.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.platform.database import refusal_of
from app.platform.errors import (
    CATALOGUE,
    BodyTooLarge,
    Busy,
    CrossSite,
    DomainError,
    Forbidden,
    InternalError,
    KeyRequired,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    SignatureRefused,
    StepUpRequired,
    StorageFull,
    TooManyRequests,
    TwoCredentials,
    Unauthenticated,
    Unavailable,
)
from app.platform.i18n import Language, choose_language, text, texts

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://grainline.example/problems/"
log = structlog.get_logger()
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "names the kind of problem"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def problem_response(
    error: DomainError,
    *,
    language: Language,
    path: str,
    request_id: str,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """Return the problem document of a refusal; `errors` are the places of a malformed body."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code,
        "title": text(language, error.code, part="title", **error.params),
        "status": error.status,
        "detail": text(language, error.detail_key, part="detail", **error.params),
        "instance": path,
        "code": error.code,
        "request_id": request_id,
    }
    document |= {name: error.params[name] for name in error.shown if name in error.params}
    if errors:
        document["errors"] = list(errors)
    body = json.dumps(document, ensure_ascii=False, default=str).encode("utf-8", "replace")
    headers = {"Content-Language": language, "Cache-Control": "no-store"} | error.headers
    return Response(body, status_code=error.status, headers=headers, media_type=MEDIA_TYPE)


def respond(request: Request, error: DomainError, *, errors: Sequence[Mapping[str, str]] = ()) -> Response:
    """Return the problem document of a refusal, in the language of the request."""
    return problem_response(
        error,
        language=choose_language(request.headers.get("accept-language")),
        path=_instance(request),
        request_id=request.scope.get("state", {}).get("request_id", ""),
        errors=errors,
    )


def _instance(request: Request) -> str:
    """Return the path with every step cut that is neither a word of our addresses nor an id."""
    app: Any = request.scope.get("app")
    words: frozenset[str] = app.state.path_words if app is not None else frozenset()
    steps = str(request.scope.get("path", "")).split("/")[:12]
    return "/".join(step if step in words or _ID.fullmatch(step) else "-" for step in steps)


COMMON = (
    TwoCredentials, Unauthenticated, SignatureRefused, Forbidden, CrossSite, StepUpRequired, BodyTooLarge,
    MalformedRequest, TooManyRequests, Busy, Unavailable, StorageFull,
)  # fmt: skip
OPEN = (MalformedRequest, TooManyRequests, Busy, Unavailable)
"""What a question that anybody may ask can be refused with."""


def describe(*errors: type[DomainError], common: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that can refuse with these errors, and the `COMMON` ones."""
    answers: dict[int | str, dict[str, Any]] = {}
    for error in sorted({*errors, *(COMMON if common else ())}, key=lambda error: (error.status, error.code)):
        answer = answers.setdefault(error.status, _answer(error.status))
        title = text("en", error.code, part="title")
        answer["description"] = (answer["description"] + f"; `{error.code}`: {title}").removeprefix("; ")
        answer["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]["code"]["enum"].append(error.code)
    return answers


def _answer(status: int) -> dict[str, Any]:
    here = {"type": "object", "properties": {"status": {"const": status}, "code": {"enum": []}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, here]}
    answer: dict[str, Any] = {"description": "", "content": {MEDIA_TYPE: {"schema": schema}}}
    if status in {429, 503, 507}:
        answer["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return answer


def restore(stored: str) -> DomainError:
    """Return the refusal that was stored as the answer to an idempotency key."""
    kept = json.loads(stored)
    return CATALOGUE[kept["code"]](**kept["params"])


def install(app: FastAPI) -> None:
    """Make every refusal of the app a problem document; the `Envelope` asks `fail` about everything else."""
    app.add_exception_handler(DomainError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    describe_app = app.openapi

    def openapi() -> dict[str, Any]:
        """Return the OpenAPI document with the one schema that all problems share."""
        document = describe_app()
        document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _SCHEMA
        return document

    app.openapi = openapi  # type: ignore[method-assign]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - registered for this class only
    return respond(request, error)


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    language = choose_language(request.headers.get("accept-language"))
    if any(found["loc"] == ("header", "Idempotency-Key") for found in error.errors()):
        return respond(request, KeyRequired())
    places = []
    for found in error.errors()[:20]:
        kind = str(found["type"])
        code = kind if f"field.{kind}" in texts(language) else "invalid"
        places.append(
            {
                "pointer": "" if kind == "json_invalid" else pointer_of(found["loc"]),
                "code": code,
                "detail": text(language, f"field.{code}", part="detail"),
            }
        )
    return respond(request, MalformedRequest(), errors=places)


_FIELD = re.compile(r"[A-Za-z][A-Za-z_]{0,39}[0-9]{0,2}", re.ASCII)


def pointer_of(location: Sequence[int | str]) -> str:
    """Return where a field is: a JSON pointer below the body, else `query/limit` and the like.

    A key that could not be one of our fields shows as `?`: a pointer names fields, it does not echo what
    somebody typed in the wrong place, a name or a number say.
    """
    where, *path = location
    steps = [str(step) if isinstance(step, int) or _FIELD.fullmatch(step) else "?" for step in path]
    prefix = "" if where == "body" else str(where)
    return prefix + "".join("/" + step for step in steps)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == 405:
        response = respond(request, MethodNotAllowed())
        response.headers["Allow"] = ", ".join(_methods_at(request))
        return response
    if error.status_code == 404:
        return respond(request, NotFound())
    if error.status_code == 413:
        return respond(request, BodyTooLarge(limit_bytes=request.app.state.settings.body_limit_bytes))
    return respond(request, MalformedRequest())


def _methods_at(request: Request) -> list[str]:
    known: Mapping[str, set[str]] = request.app.state.methods
    path = request.scope["path"]
    found: set[str] = set()
    for pattern, methods in known.items():
        if _matches(pattern, path):
            found |= methods
    return sorted(found)


def _matches(pattern: str, path: str) -> bool:
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        want.startswith("{") or want == have for want, have in zip(wanted, given, strict=True)
    )


def fail(request: Request, error: Exception) -> Response:
    """Return the problem document of what nobody caught: the state of the database, or a logged defect."""
    refusal = error if isinstance(error, DomainError) else refusal_of(error)
    if refusal is None:
        request_id = request.scope.get("state", {}).get("request_id", "")
        log.error("request.failed", request_id=request_id, error=type(error).__name__, exc_info=error)
        refusal = InternalError()
    return respond(request, refusal)
