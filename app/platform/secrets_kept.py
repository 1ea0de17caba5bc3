"""A secret of an installation in a file of its own: made when it is first needed, shared by all processes."""

import contextlib
import secrets
from pathlib import Path

from app.platform.signing import write_once

SECRET_BYTES = 32


def kept_secret(path: Path) -> bytes:
    """Return the 32 random bytes in the file; made, with mode 0600, if it is not there.

    Of several processes that make it at once, one is first and its secret counts. Raises ValueError for a
    file that holds something else.
    """
    if not path.is_file():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            write_once(path, secrets.token_bytes(SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"{path} does not hold {SECRET_BYTES} bytes")
    return secret
