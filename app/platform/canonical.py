"""JSON in its one canonical form (RFC 8785): what is signed or hashed is the same bytes everywhere."""

import json
from typing import Any

import rfc8785

_MOST = 2**53 - 1
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(content: Any) -> bytes:
    """Return the canonical UTF-8 text of JSON content.

    Raises ValueError for what RFC 8785 has no form for: integers beyond 2⁵³, NaN, keys that are no texts.
    """
    # Without numbers that are no integers, and with keys in ASCII, Python's own encoder writes the same form.
    return _encode(content).encode() if _is_plain(content) else rfc8785.dumps(content)


def _is_plain(content: Any) -> bool:
    kind = type(content)
    if kind is str or content is None or kind is bool:
        return True
    if kind is int:
        return bool(-_MOST <= content <= _MOST)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(part) for key, part in content.items())
    return kind is list and all(map(_is_plain, content))
