"""Host apps and identity providers: one protocol, and an adapter for each way in which they say who is there.

None of them opens a session: they say whom they have before them, `link.py` says which member that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from app.platform.oidc import Journey, OidcClient, OidcRefused, OidcUnavailable
from app.sign_in.actions.nonces import NonceStore
from app.sign_in.errors import HostRefused, HostUnavailable
from app.sign_in.rules.host_ticket import NONCE_LIFE, open_ticket
from app.sign_in.rules.linking import HostIdentity, RealNameLevel
from app.unions.rules.names import Unusable
from app.unions.rules.numbers import normalise_last4, normalise_mobile

Params = Mapping[str, str]
Kind = Literal["redirect", "ticket"]
DEFAULT_CLAIMS = {
    "subject": "sub", "member_number": "member_number", "name": "name", "mobile": "phone_number",
    "last4": "id_last4", "real_name_level": "real_name_level",
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Arrival:
    """Somebody who comes from the host: with the parameters of a ticket, or back from a journey."""

    params: Params
    journey: Journey | None
    now: datetime


class HostAdapter(Protocol):
    """One host app or identity provider."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    @property
    def kind(self) -> Kind:
        """How members come from it."""

    async def begin(self, journey: Journey, /) -> str | None:
        """Return where the browser is to go; None when people come from the host with a ticket.

        Raises HostUnavailable.
        """

    async def exchange(self, arrival: Arrival) -> HostIdentity:
        """Return whom the host vouches for, once; no transaction is open. Raises HostRefused too."""


@dataclass(frozen=True, slots=True)
class ClaimsMap:
    """How a host calls what it says of a person, and how well it knows those of whom it does not say it."""

    names: Mapping[str, str]
    real_name_level: int = RealNameLevel.NONE

    def identity(self, issuer: str, said: Mapping[str, Any]) -> HostIdentity:
        """Return the identity in what a host said; raises HostRefused without a subject."""
        values = {ours: said.get(theirs) for ours, theirs in (DEFAULT_CLAIMS | dict(self.names)).items()}
        subject = _text(values["subject"])
        if subject is None:
            raise HostRefused()
        return HostIdentity(
            issuer,
            subject,
            member_number=_text(values["member_number"]),
            name=_text(values["name"]),
            mobile=_normal(normalise_mobile, values["mobile"]),
            last4=_normal(normalise_last4, values["last4"]),
            real_name_level=_level(values["real_name_level"], self.real_name_level),
        )


class MockHost:
    """For demos and tests: believes whatever it is told. The settings refuse it in production."""

    name = "mock"
    kind: Kind = "ticket"

    async def begin(self, _journey: Journey) -> str | None:
        """People come with a ticket."""
        return None

    async def exchange(self, arrival: Arrival) -> HostIdentity:
        """Return whom the parameters describe; a member number alone is enough."""
        said = dict(arrival.params)
        said.setdefault("sub", said.get("member_number", ""))
        return ClaimsMap({}, RealNameLevel.IN_PERSON).identity("mock", said)


class TicketHost:
    """A host app that opens our page with a signed one-time ticket in its address."""

    name = "ticket_hmac"
    kind: Kind = "ticket"

    def __init__(self, issuer: str, secret: bytes, *, nonces: NonceStore, claims: ClaimsMap) -> None:
        """Share `secret`, 32 bytes at least, with the host; raises ValueError for a shorter one."""
        if len(secret) < 32:
            raise ValueError("the secret of a host has 32 bytes at least")
        self._issuer, self._secret, self._nonces, self._claims = issuer, secret, nonces, claims

    async def begin(self, _journey: Journey) -> str | None:
        """People come with a ticket."""
        return None

    async def exchange(self, arrival: Arrival) -> HostIdentity:
        """Return whom a ticket is for, once."""
        ticket = open_ticket(arrival.params, self._secret, now=arrival.now)
        if not await self._nonces.burn(
            f"ticket|{self._issuer}", ticket.nonce, until=arrival.now + NONCE_LIFE
        ):
            raise HostRefused()
        return self._claims.identity(self._issuer, ticket.values)


class OidcHost:
    """An OpenID Connect provider."""

    name = "oidc"
    kind: Kind = "redirect"

    def __init__(self, client: OidcClient, *, claims: ClaimsMap) -> None:
        """Ask through `client`."""
        self._client, self._claims = client, claims

    async def begin(self, journey: Journey) -> str | None:
        """Return the provider's address for this journey."""
        try:
            return await self._client.address(journey)
        except OidcUnavailable:
            raise HostUnavailable(retry_after=5) from None

    async def exchange(self, arrival: Arrival) -> HostIdentity:
        """Return whom the provider vouches for; the code is exchanged by our server."""
        journey, code = arrival.journey, arrival.params.get("code", "")
        issuer = arrival.params.get("iss", self._client.issuer)
        if journey is None or not code or issuer != self._client.issuer:
            raise HostRefused()
        try:
            claims = await self._client.claims_of(code, journey, now=arrival.now)
        except OidcRefused:
            raise HostRefused() from None
        except OidcUnavailable:
            raise HostUnavailable(retry_after=5) from None
        return self._claims.identity(str(claims["iss"]), claims)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 1 <= len(value) <= 255 else None


def _normal(normalise: Any, value: object) -> str | None:
    try:
        return None if _text(value) is None else str(normalise(value))
    except Unusable:
        return None


def _level(value: object, default: int) -> int:
    """Return a real-name level; what is no level counts for nothing."""
    if value is None:
        return default
    given = str(value)
    return int(given) if given in {"0", "1", "2", "3"} else 0
