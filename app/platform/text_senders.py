"""Where text messages go: a protocol and its senders (console, file, any gateway that speaks HTTP).

Nothing here logs a number or a text; only the console of a demo shows one, and says that it does.
"""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import structlog

log = structlog.get_logger()
TIMEOUT_SECONDS = 5.0
MOST_ATTEMPTS = 2
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class TextNotSent(Exception):
    """The gateway did not take the message; says no more, for whatever it answered may name the number."""


@dataclass(frozen=True, slots=True, repr=False)
class TextMessage:
    """A text for one mobile number; the gateway sends one `out_id` once, however often it comes."""

    mobile: str
    text: str
    out_id: str


class TextSender(Protocol):
    """Takes a text message out of the house."""

    async def send(self, message: TextMessage) -> None:
        """Send one message; raises when it was not taken. The same `out_id` may come twice."""


class ConsoleTextSender:
    """Says in the log that a text was sent; a demo or a test also shows it."""

    def __init__(self, *, shows: bool) -> None:
        """`shows`: print number and text to the standard error. Never in production."""
        self._shows = shows

    async def send(self, message: TextMessage) -> None:
        """Log one message, and show it if this is a demo."""
        log.info("text.sent", kind="console")
        if self._shows:
            sys.stderr.write(f"[demo only: text message to {message.mobile}] {message.text}\n")
            sys.stderr.flush()


class FileTextSender:
    """Appends each message as one JSON line to a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        """Write to `path`, which is made with mode 0600 when the first message comes."""
        self._path = path

    async def send(self, message: TextMessage) -> None:
        """Append one message, in a thread: disks wait."""
        line = {"mobile": message.mobile, "text": message.text, "out_id": message.out_id}
        await asyncio.to_thread(self._append, json.dumps(line, ensure_ascii=False) + "\n")
        log.info("text.sent", kind="file")

    def _append(self, line: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(line)


class HttpTextSender:
    """Sends each message to a gateway as one HTTPS request with a JSON body made from a template."""

    def __init__(self, url: str, *, body: str, headers: Mapping[str, str], method: str = "POST") -> None:
        """`body` is a JSON document in which the texts `{mobile}`, `{text}` and `{out_id}` are filled in.

        Raises ValueError for an address without TLS (loopback excepted) or a template without number or text.
        """
        if not is_safe_address(url):
            raise ValueError("the address of the text gateway must begin with https://")
        self._template = json.loads(body)
        if any(name not in body for name in ("{mobile}", "{text}")):
            raise ValueError("the body for the text gateway must hold {mobile} and {text}")
        self._url, self._method, self._headers = url, method, dict(headers)
        tls()

    async def send(self, message: TextMessage) -> None:
        """Send one message; a second attempt carries the same `out_id`. Raises TextNotSent."""
        content = json.dumps(_filled(self._template, message), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} | self._headers
        # Without the environment: no proxy may stand between, no .netrc may add a password.
        async with httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, verify=tls()
        ) as client:
            for _ in range(MOST_ATTEMPTS):
                status = await self._attempt(client, content, headers=headers)
                if 200 <= status < 300:
                    log.info("text.sent", kind="http")
                    return
                if 300 <= status < 500 and status != 429:
                    break
        raise TextNotSent

    async def _attempt(self, client: httpx.AsyncClient, content: bytes, *, headers: Mapping[str, str]) -> int:
        try:
            async with client.stream(self._method, self._url, content=content, headers=headers) as answer:
                return answer.status_code
        except httpx.HTTPError:
            return 0


@cache
def tls() -> ssl.SSLContext:
    """Return the one context that verifies whom we call: loading the authorities takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


def is_safe_address(url: str) -> bool:
    """Return whether an address is called with TLS, or is on this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _filled(template: Any, message: TextMessage) -> Any:
    """Fill the texts of a JSON document: after parsing, so that no value can break out of its place."""
    if isinstance(template, dict):
        return {name: _filled(value, message) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, message) for value in template]
    if not isinstance(template, str):
        return template
    values = {"{mobile}": message.mobile, "{text}": message.text, "{out_id}": message.out_id}
    if template in values:
        return values[template]
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def read_headers(path: Path) -> dict[str, str]:
    """Return the headers in a secret file, one `Name: value` a line; raises ValueError for another line."""
    headers = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError(f"{path} must hold one header a line, as Name: value")
        headers[name.strip()] = value.strip()
    return headers
