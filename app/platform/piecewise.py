"""A list in a body whose elements are read one by one, so that a broken one does not spoil the others.

Who sends facts that were written down earlier, in one body, must not lose all of them to one.
"""

import json
import re
from typing import Any

from app.platform.http import StrictRequest, StrictRoute, parse_strictly

# More than any body that is meant has, and few enough to be counted in no time.
_MOST_TOKENS, _MOST_BRACKETS = 100_000, 20_000
# Linear whatever is sent: a string that never ends is a token too.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_MEMBER = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*(.*)', re.DOTALL)


def parse_piecewise(body: bytes, name: str) -> Any:
    """Return the value of a JSON text like `parse_strictly`; the elements of the list `name` fail singly.

    An element that is not strict JSON becomes its own text, where U+FFFD stands for what is no text. Raises
    JSONDecodeError if it cannot be told where the elements end, or if anything beside them is not strict.
    """
    if body.count(b"[") + body.count(b"{") > _MOST_BRACKETS:
        raise json.JSONDecodeError("not strict JSON", "", 0)
    try:
        return parse_strictly(body)
    except json.JSONDecodeError:
        # Undecodable bytes stay what they were, so that each element is judged by what was sent.
        text = body.decode("utf-8", "surrogateescape").strip()
    elements: list[str] = []
    around = []
    for member in _parts(text, "{}"):
        given = _MEMBER.fullmatch(member)
        if given is not None and given[1] == f'"{name}"':
            elements = _parts(given[2].strip(), "[]")
            member = f"{given[1]}: []"  # noqa: PLW2901 - the same member, emptied
        around.append(member)
    value = parse_strictly(("{" + ",".join(around) + "}").encode("utf-8", "surrogateescape"))
    return value | {name: [_element(part) for part in elements]} if elements else value


def _parts(text: str, brackets: str) -> list[str]:
    """Cut what is between the outer brackets at the commas of the first level."""
    depth, begin, parts = 0, 1, []
    if text[:1] != brackets[0] or text[-1:] != brackets[1]:
        raise json.JSONDecodeError("not strict JSON", "", 0)
    for count, token in enumerate(_TOKEN.finditer(text)):
        sign = token[0]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        elif sign == "," and depth == 1:
            parts.append(text[begin : token.start()])
            begin = token.end()
        if count > _MOST_TOKENS or (depth == 0 and token.end() < len(text)):
            raise json.JSONDecodeError("not strict JSON", "", 0)
    if depth != 0:
        raise json.JSONDecodeError("not strict JSON", "", 0)
    return [*parts, text[begin:-1]]


def _element(part: str) -> Any:
    octets = part.strip().encode("utf-8", "surrogateescape")
    try:
        return parse_strictly(octets)
    except json.JSONDecodeError:
        return octets.decode("utf-8", "replace")


class PiecewiseRequest(StrictRequest):
    """A strict request whose list `events` is read piecewise."""

    async def json(self) -> Any:
        """Return the parsed body, or raise JSONDecodeError, which becomes a 422."""
        if not hasattr(self, "_json"):
            self._json = parse_piecewise(await self.body(), "events")
        return self._json


class PiecewiseRoute(StrictRoute):
    """A strict route whose body is a PiecewiseRequest."""

    request_class = PiecewiseRequest
