"""A journey as people read it: each step a sentence, the request in the form of curl, the answer.

What differs from one run to the next (ids, times, tokens, codes) stands there under a name that stays: those
that later steps need as `$NAME`, the others as `<id>`, `<time>` and so on.
"""

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.journeys.place import Place

WIDTH = 100
MOST_ITEMS = 3
LONGEST_TEXT = 240
PROBLEM = "code title detail"
_LEFT_OUT = "…"
_CHANGING = (
    (re.compile(r"\b[0-9a-f]{128}\b"), "<signature>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "<day>"),
    (re.compile(r"\b\d{6}-[0-9A-Z]{8}\b"), "<number>"),
    (re.compile(r"\b[A-Z]{2,3}-\d{4}(\d{4})?-\d{3,6}\b"), "<number>"),
    (re.compile(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}\b"), "<day>"),
    (re.compile(r"\bSAMPLE-[A-Z]+-\d{8}\b"), "<batch>"),
)


class WentWrong(AssertionError):
    """A step was answered in another way than the journey says."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is sent as it is."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls: from where, and the name of their token in the book."""

    client: httpx.AsyncClient
    token: str = ""
    auth: httpx.Auth | None = None

    def headers(self, book: "Book") -> dict[str, str]:
        """Return the header that says who calls."""
        return {"Authorization": f"Bearer {book.known[self.token]}"} if self.token else {}


@dataclass
class Book:
    """One journey while it is carried out; `known` are values by their names."""

    place: Place
    title: str
    known: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    steps: int = 0

    def say(self, *paragraphs: str) -> None:
        """Add paragraphs, or a heading."""
        for paragraph in paragraphs:
            self.lines += [paragraph, ""]

    def name(self, **values: Any) -> None:
        """Give values the names under which they stand from now on."""
        self.known.update({name: str(value) for name, value in values.items()})

    async def call(
        self,
        said: str,
        request: str,
        *,
        who: Caller,
        body: Any = None,
        expect: int = 200,
        shows: str | None = None,
    ) -> Any:
        """Carry out `GET /path`, check the status, write the step down and return what was answered.

        `shows` are the keys that are shown, at every depth; without it all are. A problem shows its words.
        """
        answer = await self.send(request, who=who, body=body)
        if answer.status_code != expect:
            raise WentWrong(f"{said}\n{request}: {answer.status_code}, not {expect}\n{answer.text[:2000]}")
        self.write(said, request, who=who, body=body, answer=answer, shows=shows)
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content

    def write(
        self,
        said: str,
        request: str,
        *,
        answer: httpx.Response,
        who: Caller,
        body: Any = None,
        shows: str | None = None,
    ) -> None:
        """Write a step down that was carried out with `send`, once what it answered has names."""
        method, path = request.split(" ", 1)
        asked = self._asked(method, path, who=who, body=body)
        if "json" not in answer.headers.get("content-type", ""):
            more = f", a file of {answer.headers['content-type']}" if answer.content else ""
            self._step(said, asked, answered=f"{answer.status_code}{more}")
            return
        if answer.is_error:
            shows = f"{PROBLEM} {shows or ''}"
        content = answer.json() if shows is None else _picked(answer.json(), set(shows.split()))
        self._step(said, asked, answered=f"{answer.status_code} {_laid_out(self._replaced(content))}")

    async def send(self, request: str, *, who: Caller, body: Any = None) -> httpx.Response:
        """Carry out `GET /path` without a word."""
        method, path = request.split(" ", 1)
        headers = who.headers(self) | {"Accept-Language": "en"}
        if path == "/orders" and method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        if isinstance(body, File):
            sent: dict[str, Any] = {"content": body.content}
            headers["Content-Type"] = body.media_type
        else:
            sent = {} if body is None else {"json": body}
        return await who.client.request(method, f"/api/v1{path}", headers=headers, auth=who.auth, **sent)

    async def command(self, said: str, *words: str, last: str = "") -> str:
        """Run `grainline` in the operator's shell; `last` names the last word that it prints."""
        printed = (await self.place.command(*words)).strip()
        if last:
            self.name(**{last: printed.split()[-1]})
        self._step(
            said,
            self._shell(f"$ grainline {shlex.join(words)}"),
            answered=self._settled(printed),
            language="",
        )
        return printed

    def note(self, said: str, *, asked: str, answered: str) -> None:
        """Write a step down that was carried out elsewhere."""
        self._step(said, self._shell(asked), answered=self._settled(answered), language="")

    def text(self) -> str:
        """Return the whole journey."""
        return "\n".join([f"# {self.title}", "", *self.lines]).rstrip() + "\n"

    def _step(self, said: str, asked: str, *, answered: str, language: str = "json") -> None:
        self.steps += 1
        self.lines += [f"{self.steps}. {said}", "", "```sh", asked, "```", "", f"```{language}", answered]
        self.lines += ["```", ""]

    def _asked(self, method: str, path: str, *, who: Caller, body: Any) -> str:
        parts = ["curl"]
        if method != ("GET" if body is None else "POST"):
            parts.append(f"-X {method}")
        parts.append(f'"$API{path}"')
        if who.token:
            parts.append(f'-H "Authorization: Bearer ${who.token}"')
        if who.auth is not None:
            parts.append('"${SEAL[@]}"')
        if path == "/orders" and method == "POST":
            parts.append('-H "Idempotency-Key: $(uuidgen)"')
        if isinstance(body, File):
            parts += [f'-H "Content-Type: {body.media_type}"', f"--data-binary @{body.name}"]
        elif body is not None:
            content = self._shell(json.dumps(body, ensure_ascii=False))
            is_plain = "$" not in content and "'" not in content
            parts.append(f"--json '{content}'" if is_plain else f"--json @- <<END\n{content}\nEND")
        return _wrapped([self._shell(part) for part in parts])

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._replaced(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._replaced(one) for one in value]
        return self._settled(value) if isinstance(value, str) else value

    def _settled(self, text: str) -> str:
        text = self._shell(text)
        for pattern, name in _CHANGING:
            text = pattern.sub(name, text)
        return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"

    def _shell(self, text: str) -> str:
        """Put the names in the place of what they stand for, the longest value first."""
        for name, value in sorted(self.known.items(), key=lambda item: -len(item[1])):
            if value.isdigit():  # a code; not the digits of an id or an instant that happen to be the same
                text = re.sub(rf"(?a)(?<![\w.]){value}(?!\w)", f"${name}", text)
            elif value:
                text = text.replace(value, f"${name}")
        return text


def _picked(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        kept = [_picked(one, names) for one in value[:MOST_ITEMS]]
        return [*kept, _LEFT_OUT] if len(value) > MOST_ITEMS else kept
    if not isinstance(value, dict):
        return value
    kept_keys = {key: _picked(one, names) for key, one in value.items() if key in names}
    return kept_keys if len(kept_keys) == len(value) else kept_keys | {_LEFT_OUT: _LEFT_OUT}


def _laid_out(value: Any, depth: int = 1) -> str:
    """Return JSON on one line if it fits, else with each part on a line of its own."""
    line = json.dumps(value, ensure_ascii=False).replace(f'"{_LEFT_OUT}": "{_LEFT_OUT}"', _LEFT_OUT)
    line = line.replace(f'"{_LEFT_OUT}"]', f"{_LEFT_OUT}]")
    if len(line) + depth <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    pad = " " * depth
    if isinstance(value, list):
        parts = [_LEFT_OUT if one == _LEFT_OUT else _laid_out(one, depth + 1) for one in value]
        return "[\n" + ",\n".join(pad + part for part in parts) + "]"
    pairs = [
        _LEFT_OUT if key == _LEFT_OUT else f'"{key}": {_laid_out(one, depth + 1)}'
        for key, one in value.items()
    ]
    return "{" + f",\n{pad}".join(pairs) + "}"


def _wrapped(parts: list[str]) -> str:
    line, lines = "", []
    for part in parts:
        if line and len(line) + len(part.splitlines()[0]) > WIDTH:
            lines.append(line + " \\")
            line = "   "
        line = f"{line} {part}" if line else part
    return "\n".join([*lines, line])
