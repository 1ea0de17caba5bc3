"""The session cookie of the web client, and what a call that brings it has to show (ASVS 5.0 3.3, 3.5).

A page of ours can send the header `X-Grainline` and JSON; a page of another origin can do neither without
asking first, and no answer of ours allows it. The browser itself says where a call came from.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response

from app.platform.errors import CrossSite

SESSION_COOKIE = "__Host-grainline"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""})
"""What a page may send anywhere without asking (Fetch standard, CORS-safelisted request headers)."""


def set_cookie(response: Response, token: str, *, until: datetime, now: datetime) -> None:
    """Give the browser a session: for this host only, over TLS only, out of reach of scripts."""
    response.set_cookie(
        SESSION_COOKIE, token, max_age=int((until - now).total_seconds()), path="/",
        secure=True, httponly=True, samesite="lax",
    )  # fmt: skip


def drop_cookie(response: Response) -> None:
    """Take the session away from the browser."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def check_own_page(request: Request) -> None:
    """Raise CrossSite unless a call that changes something was sent by a page of this service."""
    if request.method in _SAFE:
        return
    headers = request.headers
    if headers.get("x-grainline") != "1" or not _is_same_origin(request):
        raise CrossSite()
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if has_body and headers.get("content-type", "").partition(";")[0].strip().lower() in _OF_FORMS:
        raise CrossSite()


def _is_same_origin(request: Request) -> bool:
    said = request.headers.get("sec-fetch-site")
    if said is not None:
        return said in {"same-origin", "none"}
    return request.headers.get("origin") == _origin_of(request.app.state.settings.public_url)


@lru_cache(maxsize=8)
def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def document_cookie(app: FastAPI) -> None:
    """Say in the OpenAPI document that the cookie does wherever a bearer token does."""
    describe_app = app.openapi

    def openapi() -> dict[str, Any]:
        """Return the document with the cookie beside the token."""
        document = describe_app()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["SessionCookie"] = {
            "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE,
            "description": "the web client's session; calls that change something need `X-Grainline: 1`",
        }  # fmt: skip
        for methods in document["paths"].values():
            for operation in methods.values():
                if operation.get("security") == [{"HTTPBearer": []}]:
                    operation["security"] = [{"HTTPBearer": []}, {"SessionCookie": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
