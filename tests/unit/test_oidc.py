"""ID tokens against a real provider: what is not signed for us, now and for this journey is refused."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from app.platform.oidc import (
    Journey,
    OidcClient,
    OidcRefused,
    OidcTerms,
    OidcUnavailable,
    challenge_of,
    new_journey,
)
from tests.factories.provider import CLIENT_ID, CLIENT_SECRET, Provider, run_provider

RETURN = "https://box.example/api/v1/sign-in/host/return"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with run_provider() as provider:
        yield provider


def client_of(provider: Provider, **terms: Any) -> OidcClient:
    given = {"issuer": provider.issuer, "client_id": CLIENT_ID, "redirect_uri": RETURN,
             "client_secret": CLIENT_SECRET} | terms  # fmt: skip
    return OidcClient(OidcTerms(**given))


def now() -> datetime:
    return datetime.now(UTC)


async def journey_to(client: OidcClient, provider: Provider, subject: str = "li") -> tuple[Journey, str]:
    journey = new_journey()
    back = provider.sign_in(await client.address(journey), subject)
    return journey, back.partition("code=")[2].partition("&")[0]


def test_the_challenge_is_the_one_of_the_standard() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_code_becomes_verified_claims_once(provider: Provider, algorithm: str) -> None:
    provider.algorithm, client = algorithm, client_of(provider)
    provider.people["li"] = {"member_number": "M0000001"}
    journey, code = await journey_to(client, provider)
    claims = await client.claims_of(code, journey, now=now())
    assert (claims["sub"], claims["member_number"]) == ("li", "M0000001")
    with pytest.raises(OidcRefused, match="refuses the code"):
        await client.claims_of(code, journey, now=now())
    assert provider.calls.count("discovery") == provider.calls.count("jwks") == 1


@cache
def _strange_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


def stranger(claims: dict[str, Any]) -> str:
    key = _strange_key("rsa-1")
    return jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, key, algorithms=["RS256"])


LIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "issuer": lambda claims: claims | {"iss": "https://evil.example"},
    "issuer with a slash": lambda claims: claims | {"iss": claims["iss"] + "/"},
    "audience": lambda claims: claims | {"aud": "somebody-else"},
    "no audience": lambda claims: {name: value for name, value in claims.items() if name != "aud"},
    "two audiences and no azp": lambda claims: claims | {"aud": [CLIENT_ID, "other"]},
    "another azp": lambda claims: claims | {"azp": "other"},
    "nonce": lambda claims: claims | {"nonce": "x" * 43},
    "no nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "expired": lambda claims: claims | {"exp": int(time.time()) - 61},
    "no expiry": lambda claims: {name: value for name, value in claims.items() if name != "exp"},
    "expiry that is text": lambda claims: claims | {"exp": "2999"},
    "expiry that is true": lambda claims: claims | {"exp": True},
    "issued in the future": lambda claims: claims | {"iat": int(time.time()) + 120},
    "not yet": lambda claims: claims | {"nbf": int(time.time()) + 120},
    "no subject": lambda claims: claims | {"sub": ""},
    "a number for a subject": lambda claims: claims | {"sub": 17},
}
TRUTHS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "as it is": lambda claims: claims,
    "two audiences and azp": lambda claims: claims | {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID},
    "expired within the skew": lambda claims: claims | {"exp": int(time.time()) - 50},
    "a clock ahead": lambda claims: claims | {"iat": int(time.time()) + 50},
}


@pytest.mark.parametrize("kind", LIES)
async def test_claims_that_are_not_for_us_now_are_refused(provider: Provider, kind: str) -> None:
    provider.spoil, client = LIES[kind], client_of(provider)
    journey, code = await journey_to(client, provider)
    with pytest.raises(OidcRefused):
        await client.claims_of(code, journey, now=now())


@pytest.mark.parametrize("kind", TRUTHS)
async def test_control_claims_that_are_for_us_are_taken(provider: Provider, kind: str) -> None:
    provider.spoil, client = TRUTHS[kind], client_of(provider)
    journey, code = await journey_to(client, provider)
    assert (await client.claims_of(code, journey, now=now()))["sub"] == "li"


@pytest.mark.parametrize("kind", ["none", "public key", "stranger", "cut", "not a token", "another letter"])
async def test_forged_signatures_are_refused(provider: Provider, kind: str) -> None:
    forge: dict[str, Callable[[dict[str, Any]], str]] = {
        "none": provider.unsigned,
        "public key": provider.signed_with_public_key,
        "stranger": stranger,
        "cut": lambda claims: provider.signed(claims).rpartition(".")[0] + ".",
        "not a token": lambda claims: "a.b.c",
        "another letter": lambda claims: provider.signed(claims)[:-20] + "A" * 20,
    }
    provider.sign, client = forge[kind], client_of(provider)
    journey, code = await journey_to(client, provider)
    with pytest.raises(OidcRefused):
        await client.claims_of(code, journey, now=now())


async def test_another_verifier_does_not_get_the_token(provider: Provider) -> None:
    client = client_of(provider)
    journey, code = await journey_to(client, provider)
    stolen = Journey(journey.state, journey.nonce, new_journey().verifier)
    with pytest.raises(OidcRefused, match="refuses the code"):
        await client.claims_of(code, stolen, now=now())


async def test_keys_are_fetched_anew_for_an_unknown_one_once_a_minute(provider: Provider) -> None:
    client, begun = client_of(provider), now()
    journey, code = await journey_to(client, provider)
    await client.claims_of(code, journey, now=begun)
    provider.keys["RS256"] = _strange_key("rsa-2")
    for after, is_good, fetched in ((1, False, 1), (59, False, 1), (60, True, 2), (61, True, 2)):
        journey, code = await journey_to(client, provider)
        moment = begun + timedelta(seconds=after)
        if is_good:
            await client.claims_of(code, journey, now=moment)
        else:
            with pytest.raises(OidcRefused):
                await client.claims_of(code, journey, now=moment)
        assert provider.calls.count("jwks") == fetched
    journey, code = await journey_to(client, provider)
    provider.sign = stranger
    with pytest.raises(OidcRefused):  # the first key is known no more, and was just asked for
        await client.claims_of(code, journey, now=begun + timedelta(seconds=62))
    assert provider.calls.count("jwks") == 2


async def test_many_at_once_ask_for_the_keys_once(provider: Provider) -> None:
    client = client_of(provider)
    await client.address(new_journey())
    ready = [await journey_to(client, provider, f"p{n}") for n in range(8)]
    found = await asyncio.gather(*(client.claims_of(code, journey, now=now()) for journey, code in ready))
    assert [claims["sub"] for claims in found] == [f"p{n}" for n in range(8)]
    assert provider.calls.count("jwks") == 1


async def test_a_provider_that_cannot_be_asked_is_said_to_be_unavailable(provider: Provider) -> None:
    provider.is_down = True
    with pytest.raises(OidcUnavailable):
        await client_of(provider).address(new_journey())
    provider.is_down, provider.document = False, {"issuer": "https://evil.example"}
    with pytest.raises(OidcUnavailable, match="another name"):
        await client_of(provider).address(new_journey())
    provider.document = {"token_endpoint": "http://evil.example/token"}
    with pytest.raises(OidcUnavailable, match="TLS"):
        await client_of(provider).address(new_journey())
    provider.document = {"jwks_uri": provider.issuer + "/elsewhere"}
    client = client_of(provider)
    journey, code = await journey_to(client, provider)
    with pytest.raises(OidcUnavailable):  # a redirect is no answer
        await client.claims_of(code, journey, now=now())


def test_addresses_without_tls_are_no_settings() -> None:
    with pytest.raises(ValueError, match="https"):
        OidcClient(OidcTerms("http://idp.example", CLIENT_ID, RETURN))
