"""What a browser carries while it is away at an identity provider: sealed, in one short-lived cookie."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.platform.oidc import Journey
from app.platform.sealing import Sealed, SealingKey

JOURNEY_LIFE = timedelta(minutes=10)
_PLACE = "sign_in|journey"


@dataclass(frozen=True, slots=True, repr=False)
class Trip:
    """A journey, and where the browser wants to go afterwards."""

    journey: Journey
    next: str


def seal_trip(key: SealingKey, trip: Trip, *, now: datetime) -> str:
    """Return the text of the cookie."""
    away = trip.journey
    content = [away.state, away.nonce, away.verifier, trip.next, (now + JOURNEY_LIFE).timestamp()]
    return urlsafe_b64encode(key.seal(json.dumps(content).encode(), place=_PLACE)).decode()


def open_trip(key: SealingKey, cookie: str, *, now: datetime) -> Trip | None:
    """Return what a cookie of ours holds, or None for any other and for one that is over."""
    try:
        content = json.loads(key.open(urlsafe_b64decode(cookie.encode("ascii", "replace")), place=_PLACE))
    except (Sealed, binascii.Error, ValueError):
        return None
    state, nonce, verifier, next_path, until = content
    if until <= now.timestamp():
        return None
    return Trip(Journey(state, nonce, verifier), next_path)
