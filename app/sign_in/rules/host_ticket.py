"""Tickets that a host app signs and hands over in the address of a page (HMAC-SHA256).

What is signed: all parameters but `sign`, sorted by name, percent-encoded as RFC 3986 says and joined as
`name=value&…`, so that no value can pass for another parameter. `timestamp` is in Unix seconds, `nonce` any
text of 8 to 128 characters that the host never uses again.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from app.sign_in.errors import HostRefused

MOST_SKEW = timedelta(seconds=300)
NONCE_LIFE = 2 * MOST_SKEW + timedelta(seconds=60)
"""A nonce is remembered for longer than its ticket can count."""
SIGNATURE = "sign"


@dataclass(frozen=True, slots=True, repr=False)
class Ticket:
    """A ticket whose signature and time are good; its nonce is still to be used up."""

    nonce: str
    values: Mapping[str, str]


def signed_text(params: Mapping[str, str]) -> bytes:
    """Return the octets that a host signs."""
    pairs = sorted((name, value) for name, value in params.items() if name != SIGNATURE)
    return urlencode(pairs, quote_via=quote, safe="").encode()


def sign_ticket(params: Mapping[str, str], secret: bytes) -> str:
    """Return the signature of a ticket, 64 hexadecimal digits."""
    return hmac.digest(secret, signed_text(params), hashlib.sha256).hex()


def open_ticket(params: Mapping[str, str], secret: bytes, *, now: datetime) -> Ticket:
    """Return a ticket that is signed and at most 300 seconds old or early; raises HostRefused."""
    given = params.get(SIGNATURE, "").lower()
    if not hmac.compare_digest(sign_ticket(params, secret).encode(), given.encode("utf-8", "replace")):
        raise HostRefused()
    nonce, timestamp = params.get("nonce", ""), params.get("timestamp", "")
    if not 8 <= len(nonce) <= 128 or not (
        timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11
    ):
        raise HostRefused()
    if abs(now.timestamp() - int(timestamp)) > MOST_SKEW.total_seconds():
        raise HostRefused()
    return Ticket(nonce, {name: value for name, value in params.items() if name != SIGNATURE})
