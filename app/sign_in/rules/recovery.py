"""Codes on paper for the day the authenticator is lost, and the code that activates an account."""

import secrets

COUNT = 10
_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_recovery_codes() -> list[str]:
    """Return ten codes of 60 random bits, such as `7KQ2-M8TX-04RD`."""
    return [_grouped("".join(secrets.choice(_SYMBOLS) for _ in range(_LENGTH))) for _ in range(COUNT)]


def read_recovery_code(typed: str) -> str:
    """Return what was meant: without dashes and spaces, in capitals, O as 0, I and L as 1."""
    return "".join(char for char in typed.upper() if char.isalnum()).translate(_MEANT)


def new_activation_code() -> str:
    """Return a code of 128 random bits."""
    return secrets.token_urlsafe(16)


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, _LENGTH, 4))
