"""The members' door: every way in, each with its limits; what one web process needs for it.

A try that failed still counts: it is committed first and refused afterwards.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from app.access.audit import Trace, record
from app.platform.database import Database
from app.platform.errands import Errands
from app.platform.errors import TooManyRequests
from app.platform.limits import Limit, Limiter
from app.platform.oidc import Journey, new_journey
from app.platform.sealing import SealingKey
from app.sign_in.actions.code_desk import CodeDesk
from app.sign_in.actions.entry import Choice, Entered, Way, choices_among, let_in
from app.sign_in.actions.host import Arrival, HostAdapter, Params
from app.sign_in.actions.journey import JOURNEY_LIFE, Trip, open_trip, seal_trip
from app.sign_in.actions.link import (
    Outsider,
    add_link_ticket,
    digest_of_ticket,
    link_claimed,
    outsider_of,
    recognise,
)
from app.sign_in.actions.nonces import NonceStore
from app.sign_in.actions.one_time_code import choose_member, try_code
from app.sign_in.errors import CodeRefused, HostRefused, LinkRefused, MethodOff, TriesTooOften
from app.sign_in.queries.member import UNKNOWN_UNION, find_members, find_waiting_identity
from app.sign_in.rules.linking import Claim, HostIdentity

_QUARTER = timedelta(minutes=15)
PROOFS = Limit("sign_in.proof.address", 30, _QUARTER)
ARRIVALS = Limit("sign_in.host.address", 60, _QUARTER)
# Four at once and one more each hour: no hour holds more than five.
LINKS_OF_ADDRESS = Limit("sign_in.link.address", 4, timedelta(hours=4))
LINKS_OF_IDENTITY = Limit("sign_in.link.identity", 4, timedelta(hours=4))


@dataclass(frozen=True, slots=True, repr=False)
class LinkNeeded:
    """The host is believed, the member is not known: the ticket stands for the identity."""

    ticket: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MemberDoor:
    """The door of one web process; `adapter` is the host that members may come from, if any."""

    database: Database
    limiter: Limiter
    errands: Errands
    desk: CodeDesk
    nonces: NonceStore
    adapter: HostAdapter | None
    vouching_level: int
    secret: bytes

    async def prove(
        self, challenge_id: UUID, code: str, *, way: Way, address: str, now: datetime
    ) -> Entered | list[Choice]:
        """Return the session of the one member who has the number, or the choice among several.

        Raises CodeRefused, TriesTooOften.
        """
        await self._count(PROOFS, address, now=now)
        async with self.database.transaction(UNKNOWN_UNION) as session:
            tried = await try_code(session, challenge_id, code, secret=self.secret, now=now)
            if len(tried.members) == 1:
                return let_in(session, tried.members[0], way, now=now)
            if tried.members:
                return await choices_among(
                    session, tried.members, challenge_id=challenge_id, secret=self.secret
                )
        self._note_missed("sign_in.code_refused", tried.missed, now=now)
        raise CodeRefused()

    async def choose(
        self, challenge_id: UUID, choice: str, *, way: Way, address: str, now: datetime
    ) -> Entered:
        """Return the session of the chosen member and of no other; raises CodeRefused, TriesTooOften."""
        await self._count(PROOFS, address, now=now)
        async with self.database.transaction(UNKNOWN_UNION) as session:
            member = await choose_member(session, challenge_id, choice, secret=self.secret, now=now)
            if member is None:
                raise CodeRefused()
            return let_in(session, member, way, now=now)

    async def send_away(self, next_path: str, *, now: datetime) -> tuple[str, str]:
        """Return the provider's address and the cookie to take along; raises MethodOff, HostUnavailable."""
        journey = new_journey()
        address = None if self.adapter is None else await self.adapter.begin(journey)
        if address is None:
            raise MethodOff()
        return address, seal_trip(self._journey_key, Trip(journey, next_path), now=now)

    async def take_back(self, cookie: str, state: str, *, now: datetime) -> Trip:
        """Return the trip that a browser comes back from, once; raises HostRefused."""
        trip = open_trip(self._journey_key, cookie, now=now)
        if trip is None or not hmac.compare_digest(
            trip.journey.state.encode(), state.encode("utf-8", "replace")
        ):
            raise HostRefused()
        if not await self.nonces.burn("state", state, until=now + 2 * JOURNEY_LIFE):
            raise HostRefused()
        return trip

    async def arrive(
        self, params: Params, journey: Journey | None, *, way: Way, address: str, now: datetime
    ) -> Entered | LinkNeeded:
        """Return the session of the member whom the host has before it, or a ticket for the first link.

        Raises MethodOff, HostRefused, HostUnavailable, TriesTooOften.
        """
        adapter = self.adapter
        if adapter is None or (adapter.kind == "redirect") != (journey is not None):
            raise MethodOff()
        await self._count(ARRIVALS, address, now=now)
        identity = await adapter.exchange(Arrival(params, journey, now))
        return await self._welcome(identity, way=way, now=now)

    async def link(self, ticket: str, claim: Claim, *, way: Way, address: str, now: datetime) -> Entered:
        """Link a waiting identity and return the member's session; raises LinkRefused, TriesTooOften."""
        await self._count(LINKS_OF_ADDRESS, address, now=now)
        async with self.database.transaction(UNKNOWN_UNION) as session:
            waiting = await find_waiting_identity(session, digest_of_ticket(ticket))
        await self._count(LINKS_OF_IDENTITY, (waiting or digest_of_ticket(ticket)).hex(), now=now)
        async with self.database.transaction(UNKNOWN_UNION) as session:
            member, missed = await link_claimed(session, ticket, claim, now=now)
            if member is not None:
                return let_in(session, member, way, now=now)
        self._note_missed("sign_in.link_refused", missed, now=now)
        raise LinkRefused()

    async def _welcome(self, identity: HostIdentity, *, way: Way, now: datetime) -> Entered | LinkNeeded:
        outsider: Outsider = outsider_of(self.secret, identity)
        async with self.database.transaction(UNKNOWN_UNION) as session:
            member = await recognise(session, identity, outsider, vouching_level=self.vouching_level, now=now)
            if member is not None:
                return let_in(session, member, way, now=now)
            return LinkNeeded(*await add_link_ticket(session, outsider, now=now))

    async def _count(self, limit: Limit, subject: str, *, now: datetime) -> None:
        try:
            await self.limiter.take(limit, subject, now=now)
        except TooManyRequests as refusal:
            raise TriesTooOften(**refusal.params) from None

    def _note_missed(self, action: str, missed: Sequence[UUID], *, now: datetime) -> None:
        """Record a refusal for those whom it was tried for: after the answer, which so takes no longer than
        when it was tried for nobody.
        """
        self.errands.add(action, partial(self._record_missed, action, missed, now=now))

    async def _record_missed(self, action: str, missed: Sequence[UUID], *, now: datetime) -> None:
        async with self.database.transaction(UNKNOWN_UNION) as session:
            for member in await find_members(session, missed):
                record(session, Trace(action, member.union_id, subject=("member", member.id)), now=now)

    @property
    def _journey_key(self) -> SealingKey:
        return SealingKey(1, hmac.digest(self.secret, b"journey", hashlib.sha256))
