"""The managers' door: what one web process needs for it, and how often it may be tried.

A try takes from its allowance before it is looked at; a refusal is answered first and written to the audit
log afterwards, so that a known login takes no longer than an unknown one.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from app.access.audit import Trace, record
from app.access.hashing import SlowHasher
from app.access.scope import every_union
from app.access.vault import Place
from app.platform.database import Database
from app.platform.errands import Errands
from app.platform.limits import Limit, Limiter
from app.sign_in.tables.staff import StaffCredential
from app.unions.tables import StaffAccount

_QUARTER = timedelta(minutes=15)
OF_LOGIN = Limit("staff.login", 10, _QUARTER, grows=True)
OF_CODE = Limit("staff.code", 10, _QUARTER, grows=True)
OF_PROOF = Limit("staff.proof", 10, _QUARTER, grows=True)
"""For who is signed in: apart from `OF_LOGIN`, which strangers can use up."""
OF_ADDRESS = Limit("staff.address", 15, _QUARTER)
"""15 at once and one a minute: never more than 30 in a quarter of an hour."""

BEFORE_SIGN_IN = every_union("nobody is signed in yet")


@dataclass(frozen=True, slots=True)
class StaffDoor:
    """The door of one web process."""

    database: Database
    limiter: Limiter
    hasher: SlowHasher
    errands: Errands

    async def take(self, login: str, *, address: str, now: datetime) -> None:
        """Take a try of a login from an address; raises TooManyRequests, and Busy."""
        self.errands.check()
        await self.limiter.take(OF_ADDRESS, network_of(address), now=now)
        await self.limiter.take(OF_LOGIN, login, now=now)

    def note_refusal(self, staff: StaffAccount, action: str, *, now: datetime) -> None:
        """Have a refusal written to the audit log after it was answered."""
        self.errands.add(action, partial(self._note, trace_of(staff, action), now))

    async def _note(self, trace: Trace, now: datetime) -> None:
        async with self.database.transaction(BEFORE_SIGN_IN) as session:
            record(session, trace, now=now)


def trace_of(staff: StaffAccount, action: str, **details: object) -> Trace:
    """Return the trace of what was done with an account by whoever holds its proofs."""
    return Trace(action, staff.union_id, subject=("staff", staff.id), details=details)


def network_of(address: str) -> str:
    """Return what a limit by address counts: an IPv4 address, or the /64 that one customer has of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    found = getattr(found, "ipv4_mapped", None) or found
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def totp_place(credential: StaffCredential) -> Place:
    """Return the place in which the secret of an account's authenticator is sealed."""
    return Place("staff_credentials", "totp", credential.staff_id)
