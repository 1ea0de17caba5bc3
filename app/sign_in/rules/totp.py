"""One-time codes of an authenticator (RFC 6238): 30 seconds, six digits, each step counts once."""

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
ISSUER = "Grainline"
_NEIGHBOURS = (0, -1, 1)


def new_secret() -> str:
    """Return a fresh secret of 160 bits in Base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, login: str) -> str:
    """Return the `otpauth://` address that authenticators read from a QR picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_of(instant: datetime) -> int:
    """Return the number of the step that an instant is in."""
    return int(instant.timestamp()) // STEP_SECONDS


def accepted_step(secret: str, code: str, *, last_step: int, now: datetime) -> int | None:
    """Return the step whose code this is, of the present one and its neighbours, or None.

    Only steps after `last_step` count, so that no code counts twice (ASVS 5.0 6.5.1).
    """
    found = None
    for distance in _NEIGHBOURS:
        step = step_of(now) + distance
        fits = hmac.compare_digest(
            pyotp.TOTP(secret).generate_otp(step).encode(), code.encode("utf-8", "replace")
        )
        if fits and step > last_step and found is None:
            found = step
    return found
