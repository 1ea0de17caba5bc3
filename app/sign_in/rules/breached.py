"""Passwords known from leaks: 100,000 of them, as the first 40 bits of SHA-256, sorted.

From `10_million_password_list` of the OWASP SecLists project (Creative Commons Attribution-ShareAlike 3.0;
so is `breached.bin`), those of 12 and more characters first, and the password list of zxcvbn-ts (MIT).
`python -m tests.factories.breached` makes the file.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

DIGEST_BYTES = 5
FILE = Path(__file__).with_name("breached.bin")


def digest_of(word: str) -> bytes:
    """Return what the file holds of a password, whatever its case."""
    return hashlib.sha256(word.casefold().encode("utf-8", "replace")).digest()[:DIGEST_BYTES]


@lru_cache(maxsize=1)
def _digests() -> bytes:
    return FILE.read_bytes()


def count_breached() -> int:
    """Return how many passwords the file knows."""
    return len(_digests()) // DIGEST_BYTES


def is_breached(word: str) -> bool:
    """Return whether a password is in the file; one in ten million that are not is taken for one that is."""
    known, wanted = _digests(), digest_of(word)
    low, high = 0, count_breached()
    while low < high:
        middle = (low + high) // 2
        found = known[middle * DIGEST_BYTES : (middle + 1) * DIGEST_BYTES]
        if found == wanted:
            return True
        low, high = (middle + 1, high) if found < wanted else (low, middle)
    return False
