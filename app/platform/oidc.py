"""OpenID Connect, the client's side: authorization code with PKCE, and ID tokens verified in full.

OpenID Connect Core 1.0 (3.1.3.7 on ID tokens), RFC 7636 (S256 only), RFC 9207 (the `iss` of an answer),
RFC 9700 (exact redirect address, one use of state and nonce). Keys are remembered and fetched anew for an
unknown key id, at most once a minute.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import warnings
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

from app.platform.text_senders import is_safe_address, tls

ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA", "Ed25519")
MOST_SKEW = timedelta(seconds=60)
KEYS_LIFE = timedelta(hours=1)
REFETCH_AFTER = timedelta(minutes=1)
TIMEOUT_SECONDS = 5.0
MOST_BYTES = 262_144


class OidcRefused(Exception):
    """What came back does not prove who is there."""


class OidcUnavailable(Exception):
    """The identity provider cannot be asked just now."""


@dataclass(frozen=True, slots=True)
class OidcTerms:
    """What the provider and we have agreed on; without endpoints they are discovered from the issuer."""

    issuer: str
    client_id: str
    redirect_uri: str
    scopes: str = "openid"
    client_secret: str | None = field(default=None, repr=False)
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    jwks_uri: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Journey:
    """What one browser carries to the provider and back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str
    jwks: str


def new_journey() -> Journey:
    """Return fresh state, nonce and PKCE verifier, 256 random bits each."""
    return Journey(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32))


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class OidcClient:
    """One identity provider, as one process knows it."""

    def __init__(self, terms: OidcTerms) -> None:
        """Ask nothing yet. Raises ValueError for an address without TLS (loopback excepted)."""
        given = [terms.authorization_endpoint, terms.token_endpoint, terms.jwks_uri]
        if not all(is_safe_address(url) for url in (terms.issuer, *filter(None, given))):
            raise ValueError("the addresses of the identity provider must begin with https://")
        self._terms = terms
        self._endpoints = _Endpoints(*given) if all(given) else None  # type: ignore[arg-type]
        self._keys: KeySet | None = None
        self._fetched_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()
        tls()

    @property
    def issuer(self) -> str:
        """The provider's name for itself."""
        return self._terms.issuer

    async def address(self, journey: Journey) -> str:
        """Return where to send the browser; raises OidcUnavailable."""
        endpoints = await self._found()
        query = {
            "response_type": "code",
            "client_id": self._terms.client_id,
            "redirect_uri": self._terms.redirect_uri,
            "scope": self._terms.scopes,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": challenge_of(journey.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in endpoints.authorization else "?"
        return endpoints.authorization + joint + urlencode(query)

    async def claims_of(self, code: str, journey: Journey, *, now: datetime) -> dict[str, Any]:
        """Exchange a code for the verified claims of its ID token; raises OidcRefused, OidcUnavailable."""
        endpoints = await self._found()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._terms.redirect_uri,
            "code_verifier": journey.verifier,
        }
        headers = {"Accept": "application/json"}
        if self._terms.client_secret is None:
            form["client_id"] = self._terms.client_id
        else:
            headers["Authorization"] = _basic(self._terms.client_id, self._terms.client_secret)
        answer = await _ask("POST", endpoints.token, headers=headers, form=form)
        if not isinstance(answer.get("id_token"), str):
            raise OidcRefused("the provider gave no ID token")
        return await self.verify(answer["id_token"], nonce=journey.nonce, now=now)

    async def verify(self, id_token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
        """Return the claims of an ID token that is signed for us, now and for this journey."""
        try:
            header = jws.extract_compact(id_token.encode()).headers()
            keys = await self._keys_for(header.get("kid"), now=now)
            claims = _opened(id_token, keys)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise OidcRefused(type(error).__name__) from None
        complaint = _complaint(claims, self._terms, nonce=nonce, now=now)
        if complaint is not None:
            raise OidcRefused(complaint)
        return dict(claims)

    async def _found(self) -> _Endpoints:
        if self._endpoints is None:
            url = self._terms.issuer.rstrip("/") + "/.well-known/openid-configuration"
            found = await _ask("GET", url)
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            given = [found.get(name) for name in names]
            if found.get("issuer") != self._terms.issuer:
                raise OidcUnavailable("the provider calls itself by another name")
            if not all(isinstance(one, str) and is_safe_address(one) for one in given):
                raise OidcUnavailable("the provider names no addresses with TLS")
            self._endpoints = _Endpoints(*given)  # type: ignore[arg-type]
        return self._endpoints

    async def _keys_for(self, kid: object, *, now: datetime) -> KeySet:
        """Return the provider's keys; fetched anew when too old or, once a minute, when `kid` is unknown."""
        async with self._one_at_a_time:
            age = None if self._fetched_at is None else now - self._fetched_at
            is_known = self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys))
            if (
                self._keys is None
                or age is None
                or age > KEYS_LIFE
                or (not is_known and age >= REFETCH_AFTER)
            ):
                found = await _ask("GET", (await self._found()).jwks)
                self._keys, self._fetched_at = KeySet.import_key_set(_only_public(found)), now
            if kid is None and len(self._keys.keys) > 1:
                raise OidcRefused("a token without a key id, and several keys")
            return self._keys


def _opened(id_token: str, keys: KeySet) -> dict[str, Any]:
    """Return the claims of a token that one of the keys signed with an algorithm of the list."""
    with warnings.catch_warnings():
        # RFC 9864 gives EdDSA with Ed25519 another name; providers still use the old one.
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims


def _only_public(found: Mapping[str, Any]) -> Any:
    """Return a key set without keys that could be meant to verify by a shared secret, or to encrypt."""
    keys = [key for key in found.get("keys", []) if isinstance(key, dict)]
    return {"keys": [key for key in keys if key.get("kty") != "oct" and key.get("use", "sig") == "sig"]}


def _complaint(claims: Mapping[str, Any], terms: OidcTerms, *, nonce: str, now: datetime) -> str | None:
    """Return what is wrong with the claims of an ID token (OpenID Connect Core 3.1.3.7), or None."""
    audience, moment, skew = claims.get("aud"), now.timestamp(), MOST_SKEW.total_seconds()
    audiences = audience if isinstance(audience, list) else [audience]
    subject, azp = claims.get("sub"), claims.get("azp")
    checks = {
        "issuer": claims.get("iss") == terms.issuer,
        "audience": terms.client_id in audiences,
        "authorized party": azp == terms.client_id if azp is not None else len(audiences) == 1,
        "expiry": _is_time(claims.get("exp")) and claims["exp"] > moment - skew,
        "issued": _is_time(claims.get("iat")) and claims["iat"] < moment + skew,
        "not before": "nbf" not in claims or (_is_time(claims["nbf"]) and claims["nbf"] < moment + skew),
        "nonce": hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        "subject": isinstance(subject, str) and 1 <= len(subject) <= 255,
    }
    return next((name for name, is_good in checks.items() if not is_good), None)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749 section 2.3.1: both are form-encoded first."""
    return "Basic " + b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()


async def _ask(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the JSON object that the provider answers; 4xx to a form is a refusal, all else unavailable."""
    body = bytearray()
    try:
        async with (
            httpx.AsyncClient(
                timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, verify=tls()
            ) as client,
            client.stream(method, url, headers=headers, data=form) as answer,
        ):
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise OidcUnavailable("the provider's answer is too long")
            status = answer.status_code
    except httpx.HTTPError as error:
        raise OidcUnavailable(type(error).__name__) from None
    if form is not None and 400 <= status < 500:
        raise OidcRefused("the provider refuses the code")
    try:
        found = json.loads(body)
    except ValueError:
        raise OidcUnavailable("the provider's answer is not JSON") from None
    if status != 200 or not isinstance(found, dict):
        raise OidcUnavailable("the provider's answer is of no use")
    return found
