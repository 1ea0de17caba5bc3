"""Pages of a list: opaque cursors that stay right while rows are added."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from app.platform.clock import is_sensible
from app.platform.errors import DomainError

Item = TypeVar("Item")
_GREATEST = 2**31 - 1
"""Of an integer in PostgreSQL; whoever asks for more is no list of ours."""


class CursorInvalid(DomainError, code="platform.cursor_invalid", status=422):
    """The cursor was not made by this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list and the cursor of the next ones."""

    items: Sequence[Item]
    next: str | None


class PageView(BaseModel, Generic[Item]):
    """A page as it is answered."""

    items: list[Item]
    next: str | None


class PageRequest(BaseModel):
    """Which page is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Query(ge=1, le=200, description="how many items at most")] = 50
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next` of the page before; leave out for the first")
    ] = None

    @property
    def after(self) -> tuple[str, ...] | None:
        """The key of the last item seen, or None; raises CursorInvalid."""
        return read_cursor(self.cursor) if self.cursor is not None else None


def page_of(found: Sequence[Item], *, limit: int, key: Callable[[Item], tuple[str, ...]]) -> Page[Item]:
    """Return a page from `limit` + 1 found items; `key` gives what the cursor remembers."""
    items = found[:limit]
    return Page(items, make_cursor(key(items[-1])) if len(found) > limit else None)


def make_cursor(key: tuple[str, ...]) -> str:
    """Return the opaque form of a key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def seek(key: tuple[str, ...], *kinds: Callable[[str], Any]) -> tuple[Any, ...]:
    """Return the key of a cursor as values, each read by its kind; raise CursorInvalid if one is none."""
    try:
        return tuple(kind(part) for kind, part in zip(kinds, key, strict=True))
    except ValueError:
        raise CursorInvalid() from None


def instant_key(part: str) -> datetime:
    """Return the instant in a cursor, or raise ValueError."""
    instant = datetime.fromisoformat(part)
    if instant.tzinfo is None or not is_sensible(instant):
        raise ValueError("not one of our instants")
    return instant


def int_key(part: str) -> int:
    """Return the number in a cursor, or raise ValueError for what no column of ours holds."""
    number = int(part)
    if abs(number) > _GREATEST:
        raise ValueError("no number of a column")
    return number


def text_key(part: str) -> str:
    """Return the text in a cursor, or raise ValueError for what PostgreSQL cannot compare."""
    if "\x00" in part:
        raise ValueError("NUL")
    part.encode()
    return part


def read_cursor(cursor: str, *, parts: int = 2) -> tuple[str, ...]:
    """Return the key in a cursor, or raise CursorInvalid."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    except (binascii.Error, ValueError, RecursionError):
        raise CursorInvalid() from None
    if not (isinstance(key, list) and len(key) == parts and all(isinstance(part, str) for part in key)):
        raise CursorInvalid()
    return tuple(key)
