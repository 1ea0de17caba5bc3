"""The public reference of an origin card: twelve symbols of Crockford's Base32, and nothing of the lot."""

import re
import secrets

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
FORM = re.compile(f"[{SYMBOLS}]{{{LENGTH}}}")
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_reference() -> str:
    """Return a random reference (60 bits): neither guessed nor counted up."""
    return "".join(secrets.choice(SYMBOLS) for _ in range(LENGTH))


def read_reference(given: str) -> str | None:
    """Return a reference as it is kept, however it was typed (case, hyphens, spaces); None if it is none."""
    if len(given) > LENGTH * 3:
        return None
    plain = re.sub(r"[\s-]", "", given).upper().translate(_LOOK_ALIKES)
    return plain if FORM.fullmatch(plain) else None
