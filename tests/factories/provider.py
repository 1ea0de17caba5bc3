"""A small real identity provider on a loopback port: signs with joserfc, checks PKCE, takes a code once."""

import asyncio
import hashlib
import hmac
import json
import socket
import time
import warnings
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "grainline"
CLIENT_SECRET = "s3cret: with/odd?signs"
Claims = dict[str, Any]


@cache
def _keys() -> dict[str, Any]:
    return {
        "RS256": RSAKey.generate_key(2048, {"kid": "rsa-1"}),
        "ES256": ECKey.generate_key("P-256", {"kid": "ec-1"}),
        "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "ed-1"}),
    }


def _encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _part(value: Claims) -> str:
    return _encoded(json.dumps(value).encode())


class Provider:
    """What the provider knows; tests bend `spoil` and `sign` to make it lie."""

    def __init__(self, base: str) -> None:
        """Answer at `base`."""
        self.issuer = base
        self.keys = dict(_keys())
        self.algorithm = "RS256"
        self.people: dict[str, Claims] = {}
        self.calls: list[str] = []
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = self.signed
        self.document: Claims = {}
        self.is_down = False
        self._codes: dict[str, tuple[dict[str, str], str]] = {}

    def signed(self, claims: Claims) -> str:
        """Return an ID token as it should be."""
        key = self.keys[self.algorithm]
        header = {"alg": self.algorithm, "kid": key.kid}
        with warnings.catch_warnings(action="ignore"):  # EdDSA has another name since RFC 9864
            return jwt.encode(header, claims, key, algorithms=[self.algorithm])

    def signed_with_public_key(self, claims: Claims) -> str:
        """Return the classic forgery: HS256, with our public RSA key as the shared secret."""
        pem = self.keys["RS256"].as_pem(private=False)
        signed = f"{_part({'alg': 'HS256', 'kid': 'rsa-1'})}.{_part(claims)}"
        return signed + "." + _encoded(hmac.digest(pem, signed.encode(), hashlib.sha256))

    def unsigned(self, claims: Claims) -> str:
        """Return a token with algorithm none."""
        return f"{_part({'alg': 'none', 'kid': 'rsa-1'})}.{_part(claims)}."

    def sign_in(self, address: str, subject: str) -> str:
        """Act as the person at the provider's page; return our address with code and state, as a path."""
        parts = urlsplit(address)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (parts.path, asked["response_type"], asked["client_id"]) == ("/authorize", "code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) == len(asked["nonce"]) == 43
        code = token_urlsafe(16)
        self._codes[code] = (asked, subject)
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?code={code}&state={asked['state']}&iss={self.issuer}"

    async def discovery(self, _request: Request) -> Response:
        self.calls.append("discovery")
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        found = {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return JSONResponse(found | self.document, status_code=503 if self.is_down else 200)

    async def jwks(self, _request: Request) -> Response:
        self.calls.append("jwks")
        return JSONResponse(KeySet(list(self.keys.values())).as_dict(private=False))

    async def token(self, request: Request) -> Response:
        self.calls.append("token")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked, subject = self._codes.pop(form.get("code", ""), ({}, ""))
        given = b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_good = (
            asked.get("code_challenge") == _encoded(digest)
            and form.get("redirect_uri") == asked.get("redirect_uri")
            and given == f"{CLIENT_ID}:{quote(CLIENT_SECRET, safe='')}"
        )
        if not is_good:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": subject, "nonce": asked["nonce"], "iat": now,
                  "exp": now + 300} | self.people.get(subject, {})  # fmt: skip
        return JSONResponse(
            {"token_type": "Bearer", "access_token": "x", "id_token": self.sign(self.spoil(claims))}
        )

    async def elsewhere(self, _request: Request) -> Response:
        self.calls.append("elsewhere")
        return RedirectResponse(f"{self.issuer}/jwks", status_code=307)


@asynccontextmanager
async def run_provider() -> AsyncIterator[Provider]:
    """Run a provider while the block lasts."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}")
        routes = [
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/jwks", provider.jwks),
            Route("/token", provider.token, methods=["POST"]),
            Route("/elsewhere", provider.elsewhere, methods=["GET", "POST"]),
        ]
        async with run_app(Starlette(routes=routes), listening):
            yield provider


@asynccontextmanager
async def run_app(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI app on a bound socket while the block lasts."""
    config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await serving
