"""Where messages go: a protocol and its senders."""

import json
from pathlib import Path
from typing import Any, Protocol

import structlog

log = structlog.get_logger()


class Sender(Protocol):
    """Takes a message out of the house; may raise, then it is tried again."""

    async def send(self, message: dict[str, Any]) -> None:
        """Deliver one message; the same `id` may come twice."""


class LogSender:
    """Writes the kind of each message to the log: enough to see that something is told."""

    async def send(self, message: dict[str, Any]) -> None:
        """Log one message."""
        log.info("outbox.sent", kind=message["kind"])


class FileSender:
    """Appends each message as one JSON line to a file."""

    def __init__(self, path: Path) -> None:
        """Write to `path`, which is made when the first message comes."""
        self._path = path

    async def send(self, message: dict[str, Any]) -> None:
        """Append one message."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message, ensure_ascii=False, default=str) + "\n")
