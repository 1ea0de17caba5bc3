"""The cells of the matrix: the policy file, the operations of the app, calls made of both."""

import copy
import io
import itertools
import re
import secrets
import time
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import httpx
import yaml
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.impact.rules.references import new_reference
from app.platform.clock import local_date, utc_now
from app.redemptions.rules.short_code import group_short_code, make_short_code
from tests.factories.bodies import BODIES, STEPS
from tests.factories.bodies_goods import GOODS_QUERIES
from tests.factories.fresh import FRESH, ONCE, caller_for
from tests.factories.rosters import HEADINGS, csv_of
from tests.factories.watch import Watch
from tests.factories.worlds import OWN, PIN, SAME, Caller, World

POLICIES = Path(__file__).parents[1] / "matrix"
FOREIGN, MISSING = "foreign", "missing"
NOBODY = {"anonymous", "ended_session", "revoked_device"}
CURIOUS = {"anonymous", "member", "union_officer", "pickup_device"}
"""Who calls what anybody may call: it looks at no session."""
FRAMEWORK = {"/openapi.json"}
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LISTS = {
    "eligible_unit_ids", "not_received_campaign_ids", "member_numbers", "order_ids", "acknowledged_event_ids",
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """An operation of the app and its row in the policy."""

    name: str
    method: str
    path: str
    row: dict[str, Any]
    who: frozenset[str]

    @property
    def named(self) -> dict[str, dict[str, Any]]:
        """The things that a call names, by place."""
        found: dict[str, dict[str, Any]] = self.row.get("named", {})
        return found

    @property
    def is_public(self) -> bool:
        """Whether anybody may call it."""
        return bool(self.row["who"] == "public")

    def lets(self, caller: Caller) -> bool:
        """Whether the policy lets somebody call it."""
        return self.is_public or caller.role in self.who

    def expected(self, caller: Caller, place: str | None, owner: str) -> list[str]:
        """Return the answers that the policy allows: a status, perhaps with a code."""
        if not self.lets(caller):
            if caller.name == "revoked_device":
                return ["401"]
            return ["401 access.unauthenticated"] if caller.name in NOBODY else ["403 access.forbidden"]
        answer = self.row.get("answer", 200)
        if place is not None:
            terms = self.named[place]
            answer = terms.get(owner, terms.get(FOREIGN) if owner == MISSING else answer)
        if isinstance(answer, dict):
            answer = next(answer[key] for key in (caller.name, caller.role, "*") if key in answer)
        return [str(one) for one in (answer if isinstance(answer, list) else [answer])]


@lru_cache(maxsize=1)
def policy() -> dict[str, Any]:
    """Return the policy files as one."""
    found: dict[str, Any] = {"roles": {}, "echoed": {}, "operations": {}}
    for file in sorted(POLICIES.glob("policy*.yaml")):
        for part, rows in yaml.safe_load(file.read_text()).items():
            assert not found[part].keys() & rows, f"{file.name} says something twice"
            found[part] |= rows
    return found


def routes(app: FastAPI) -> dict[str, tuple[str, str]]:
    """Return method and path of every operation of the app by its name."""
    found = {}
    for context in iter_route_contexts(app.routes):
        if context.path not in FRAMEWORK and context.name is not None:
            (method,) = context.methods or ("GET",)
            found[context.name] = (method, str(context.path))
    return found


def operations(app: FastAPI) -> list[Operation]:
    """Return the operations of the app that have a row in the policy."""
    groups, known = policy()["roles"], routes(app)
    found = []
    for name, row in policy()["operations"].items():
        who = row["who"] if isinstance(row["who"], list) else groups.get(row["who"], [])
        if name in known:
            found.append(Operation(name, *known[name], row=row, who=frozenset(who)))
    return found


@dataclass(frozen=True)
class Cell:
    """One cell: who calls what; the thing at one place is another's, everything else is the caller's own."""

    operation: Operation
    caller: Caller
    place: str | None
    owner: str

    def __str__(self) -> str:
        return f"{self.operation.name} as {self.caller.name}, {self.place}: {self.owner}"

    @property
    def is_allowed(self) -> bool:
        """Whether the policy expects that something is done or shown."""
        return any(
            one.startswith("2") for one in self.operation.expected(self.caller, self.place, self.owner)
        )

    @property
    def is_still(self) -> bool:
        """Whether the call is refused, or names what is not there: nothing of one's own is made for it."""
        if not self.operation.lets(self.caller):
            return True
        return not self.is_allowed and not self.is_like_own and self.operation.name not in ONCE

    @property
    def is_like_own(self) -> bool:
        """Whether the thing is one that the caller may name, or the policy expects the same for it."""
        of_own = self.operation.expected(self.caller, None, OWN)
        return self.operation.expected(self.caller, self.place, self.owner) == of_own


def cells_of(operation: Operation, caller: Caller, ours: World) -> list[Cell]:
    """Return the cells of a caller: refusals first, one's own last."""
    if operation.is_public and caller.name not in CURIOUS:
        return []
    cells = []
    for place, terms in operation.named.items():
        owners = [FOREIGN, MISSING] + ([SAME] if SAME in ours.things[terms["kind"]] else [])
        cells += [Cell(operation, caller, place, owner) for owner in owners]
    cells.append(Cell(operation, caller, None, OWN))
    return sorted(cells, key=lambda cell: cell.is_allowed)


def missing(kind: str) -> Any:
    """Return what names nothing, in the form of a kind."""
    forms = {
        "login": f"t-{secrets.token_hex(6)}", "number": f"M{secrets.token_hex(6)}", "signing_key": "255",
        "reference": new_reference(),
        "short_code": group_short_code(make_short_code(secrets.randbelow(2**45))),
    }  # fmt: skip
    return forms.get(kind, uuid4())


@dataclass
class Seen:
    """What a call answered, and what had been put into it."""

    cell: Cell
    answer: httpx.Response
    given: str
    seconds: float

    @property
    def said(self) -> str:
        """The status, with the code of a problem."""
        status = self.answer.status_code
        is_problem = "json" in self.answer.headers.get("content-type", "")
        return f"{status} {self.answer.json()['code']}" if status >= 400 and is_problem else str(status)

    @property
    def content(self) -> str:
        """The text of the answer, of a workbook the text of its parts."""
        return text_of(self.answer)

    @property
    def bare(self) -> tuple[Any, ...]:
        """Status, body and headers without what names the request or a thing."""
        text = self.content.replace(self.given, "GIVEN") if self.given else self.content
        text = re.sub(r'"version":\d+', "", text)
        text = UUIDS.sub("ID", re.sub(r'"request_id": ?"[^"]*"', "", text))
        text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+08:00)", "TIME", text)
        # Each call that hands a box over has an order of its own, each closing a campaign.
        text = re.sub(r'"(number|member_name_masked|digest)":"[^"]*"', "", text)
        headers = {
            name: UUIDS.sub("ID", value)
            for name, value in self.answer.headers.items()
            if name not in {"x-request-id", "content-length", "etag"}
        }
        return self.answer.status_code, text, headers


def text_of(answer: httpx.Response) -> str:
    """Return what an answer says; a workbook is opened."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def echoed(world: World, operation: Operation) -> set[str]:
    """Return what an operation shows because callers said it themselves."""
    kinds = policy()["echoed"].get(operation.name, [])
    known = world.things | {"word": {OWN: world.word}}
    return {str(thing) for kind in kinds for thing in known[kind].values()}


@dataclass
class Players:
    """Ours, theirs, and everything that was answered."""

    ours: World
    theirs: World
    watch: Watch
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Count foreign events off."""
        self._spare_events = itertools.cycle(self.theirs.things["event"].values())

    async def play(self, cell: Cell) -> Seen:
        """Make the call of a cell."""
        caller = cell.caller
        if cell.operation.lets(caller):
            caller = await caller_for(self.ours, cell.operation.name, caller)
        things = {
            place: await self._thing(cell, caller, place, terms["kind"])
            for place, terms in cell.operation.named.items()
        }
        answer, seconds = await self.send(caller, build(cell.operation, things))
        seen = Seen(cell, answer, str(things[cell.place]) if cell.place else "", seconds)
        self.seen.append(seen)
        return seen

    async def send(self, caller: Caller, request: dict[str, Any]) -> tuple[httpx.Response, float]:
        """Make a call; return the answer and how many seconds it took."""
        headers = request["headers"] | caller.headers()
        began = time.perf_counter()
        answer = await self.ours.client.request(**request | {"headers": headers}, auth=caller.tablet)
        return answer, time.perf_counter() - began

    def first_let(self, operation: Operation) -> Caller:
        """Return somebody whom the policy lets call an operation."""
        return next(one for one in self.ours.callers.values() if operation.lets(one))

    def own_call(self, operation: Operation, caller: Caller) -> dict[str, Any]:
        """Return a call that names the standing things of the caller."""
        things = {place: self.ours.things[terms["kind"]][OWN] for place, terms in operation.named.items()}
        if "path.device_id" in things:
            things["path.device_id"] = self.ours.things["device"][SAME]
        return build(operation, things)

    async def _thing(self, cell: Cell, caller: Caller, place: str, kind: str) -> Any:
        owner = cell.owner if place == cell.place else OWN
        if owner == MISSING:
            return missing(kind)
        if owner == FOREIGN and kind == "event":
            # Once it was used here it is known here.
            return self.theirs.things[kind][OWN] if cell.is_still else next(self._spare_events)
        if owner == FOREIGN:
            return self.theirs.things[kind][OWN]
        maker = FRESH.get(cell.operation.name, {}).get(place)
        # A thing that is refused is the standing one: nothing may happen to it.
        if kind == "event" and owner == OWN:
            return uuid4()
        if maker is not None and not cell.is_still and (owner == OWN or cell.is_like_own):
            return await maker(self.ours, owner, caller)
        if kind == "device" and owner == OWN and caller.tablet is not None:
            return caller.tablet.id
        return self.ours.things[kind][owner]


def build(operation: Operation, things: dict[str, Any]) -> dict[str, Any]:
    """Return the call of an operation that names these things, as the client takes it."""
    path, query, body = operation.path, dict(_query(operation.name)), _body(operation.name)
    for place, thing in things.items():
        where, *steps = place.split(".")
        if where == "path":
            path = path.replace("{" + steps[0] + "}", str(thing))
        elif where == "query":
            query[steps[0]] = str(thing)
        else:
            _put(body, steps, str(thing))
    for step, value in STEPS.items():
        path = path.replace(step, value)
    headers = {"If-Match": "*"} if operation.method in {"PUT", "PATCH", "DELETE"} else {}
    if operation.method == "POST":
        headers["Idempotency-Key"] = uuid4().hex
    call = {"method": operation.method, "url": path, "params": query, "headers": headers}
    if operation.name == "send_roster":
        content = csv_of([HEADINGS, ["N1", "示例", "13900139009", "7319", ""]])
        return call | {"content": content, "headers": headers | {"Content-Type": "text/csv"}}
    return call | ({"json": body} if body is not None else {})


def _put(body: Any, steps: list[str], value: str) -> None:
    *before, last = steps
    for step in before:
        body = body[step]
        if isinstance(body, list):
            # A line that names such a thing already, else the first.
            body = next((one for one in body if last in one), body[0])
    body[last] = [value] if last in _LISTS else value


def _query(name: str) -> dict[str, str]:
    return {
        "send_roster": {"filename": "roster.csv"},
        "reveal_correction": {"reason": "示例·核对"},
        "return_from_host": {"state": "x", "code": "x"},
    }.get(name) or dict(parse_qsl(GOODS_QUERIES.get(name, "").removeprefix("?")))


def _body(name: str) -> Any:
    body = copy.deepcopy(BODIES.get(name))
    return body if name not in _TIMELY else body | _TIMELY[name](utc_now())


def _days(first: str, last: str) -> Any:
    def values(now: datetime) -> dict[str, Any]:
        day = local_date(now) + timedelta(days=secrets.randbelow(3))
        return {first: day.isoformat(), last: day.isoformat()}

    return values


def _today(now: datetime) -> dict[str, Any]:
    return {"received_on": local_date(now).isoformat()}


_TIMELY: dict[str, Any] = {
    "add_slots": _days("from_on", "until_on"),
    "draft_campaign": lambda now: {
        "order_closes_at": (now + timedelta(days=1)).isoformat(), "order_opens_at": now.isoformat(),
        "pickup_from": local_date(now + timedelta(days=3)).isoformat(),
        "pickup_until": local_date(now + timedelta(days=5)).isoformat(),
    },
    "add_pairing": lambda now: {
        "valid_from": now.isoformat(), "valid_until": (now + timedelta(days=5)).isoformat()
    },
    "draft_staff": lambda _: {"login": f"t-{secrets.token_hex(8)}", "role": "grassroots_admin"},
    "sign_clerk_in": lambda _: {"pin": PIN},
    "redeem": lambda _: {"event_id": str(uuid4())},
    "redeem_batch": lambda _: {
        "events": [{"event_id": str(uuid4()), "code": "x", "pickup_point_id": str(uuid4())}]
    },
    "add_gift_box": lambda _: {"barcode": _ean13()},
    "add_product": lambda _: {"barcode": _ean13()},
    "add_supplier": lambda _: {"name": f"示例·{secrets.token_hex(8)}"},
    "add_certificate": lambda _: {"number": secrets.token_hex(8)},
    "receive_goods": _today,
    "receive_late": _today,
    "change_list": lambda _: {"mode": "add"},
    "change_quota": lambda _: {"quota": 5_000},
    "change_capacity": lambda _: {"capacity": 5_000},
}  # fmt: skip


def _ean13() -> str:
    digits = f"20{secrets.randbelow(10**10):010}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def secrets_of(world: World) -> set[str]:
    """Return what of a street nobody else may read: names, mobiles, ids, its word."""
    ids = {str(thing) for kind in world.things.values() for thing in kind.values() if isinstance(thing, UUID)}
    ids |= {str(caller.who.id) for caller in world.callers.values() if caller.role}
    return ids | {part for person in world.people for part in person} | {world.word}
