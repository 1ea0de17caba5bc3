"""Pages of a list: opaque cursors that stay right while rows are added."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from app.platform.errors import DomainError

Item = TypeVar("Item")


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


def read_cursor(cursor: str, *, parts: int = 2) -> tuple[str, ...]:
    """Return the key in a cursor, or raise CursorInvalid."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise CursorInvalid() from None
    if not (isinstance(key, list) and len(key) == parts and all(isinstance(part, str) for part in key)):
        raise CursorInvalid()
    return tuple(key)
