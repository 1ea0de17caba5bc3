"""Canaries: what is personal or secret goes through every operation, and is found nowhere it does not belong.

Two kinds. *Held* ones are really kept: a member's name, mobile and last four, passwords, seeds, codes and
tokens; no dump may show them. *Typed* ones are put where they are not expected: into every string of every
body, query and path, into headers. Neither kind may stand in a log, in a problem document, in what is kept
with an idempotency key, in the outbox or in the audit log.
"""

import json
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.access.policy import Role
from app.platform.postgres import PrivatePostgres
from app.platform.postgres_files import binary, environment
from tests.factories.answers import API, order
from tests.factories.bodies import BODIES, QUERIES
from tests.factories.databases import Scratch
from tests.factories.managers import PASSWORD, make_manager
from tests.factories.sign_in import Entrance, give, new_mobile, open_entrance
from tests.factories.street import Person, Street, make_street
from tests.factories.tablets import clerk_at, paired

NAME, LAST4 = "龘靐齉", "731X"
TYPED = [
    "爩麤灪",
    "13987612345",
    "canary-Pass-爩-9471",
    "11010519491231002X",
    "CANARYCODE7Q",
    "canary@cookie.1",
]
MAY_SHOW = {"get_me", "get_my_data", "reveal_member", "reveal_holder", "reveal_correction"}
"""What shows a member's own data to the member, or shows it for a reason that is recorded."""
BUSINESS = ("address", "title", "gross_weight_grams", "shelf_life", "uscc")
"""Fields of answers about places, campaigns and goods: what an officer types there is no personal data."""


@dataclass
class Cage:
    """A street whose member and staff have canaries, an app, and everything that was answered."""

    here: Street
    entrance: Entrance
    scratch: Scratch
    postgres_log: Path
    held: list[str] = field(default_factory=list)
    answers: list[tuple[str, httpx.Response]] = field(default_factory=list)

    async def call(self, name: str, method: str, path: str, **how: Any) -> httpx.Response:
        client = how.pop("client", None) or await self.entrance.caller()
        answer: httpx.Response = await client.request(method, path, **how)
        self.answers.append((name, answer))
        return answer


@pytest.fixture
async def cage(scratch: Scratch, postgres: PrivatePostgres, tmp_path: Path) -> AsyncIterator[Cage]:
    here = await make_street(scratch.database)
    mobile = new_mobile()
    await give(here, here.members[0].id, name=NAME, mobile=mobile, last4=LAST4)
    log = postgres.data_dir / "log"
    log.write_bytes(b"") if not log.exists() else None
    async with open_entrance(scratch.settings, tmp_path / "texts.jsonl") as entrance:
        yield Cage(here, entrance, scratch, log, held=[NAME, mobile])


def operations(cage: Cage) -> list[tuple[str, str, str]]:
    """Return name, method and path of every operation of the API."""
    found = []
    for context in iter_route_contexts(cage.entrance.app.routes):
        if context.path is not None and context.path.startswith(API) and context.name:
            (method,) = context.methods or ()
            found.append((context.name, method, context.path))
    return found


def stuffed(body: Any, canary: str) -> Iterator[Any]:
    """Yield the body with the canary in place of each of its strings in turn, and as a field nobody knows."""

    def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, str):
            yield way
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from places(item, (*way, key))
        elif isinstance(value, list):
            for position, item in enumerate(value):
                yield from places(item, (*way, position))

    for way in places(body):
        changed = deepcopy(body)
        target = changed
        for step in way[:-1]:
            target = target[step]
        target[way[-1]] = canary
        yield changed
    yield body | {canary: canary} if isinstance(body, dict) else canary


async def people_work(cage: Cage) -> None:
    """Everybody does what they do, so that held canaries pass through the service."""
    here, mobile = cage.here, cage.held[1]
    member = here.members[0]
    challenge = await cage.entrance.begin(mobile)
    code = await cage.entrance.code(challenge)
    signed_in = await cage.entrance.prove(challenge, code)
    assert signed_in.status_code == 200, signed_in.text
    manager = await make_manager(here, Role.UNION_OFFICER)
    client = await cage.entrance.caller()
    session = await manager.sign_in(client)
    tablet = await paired(client, here)
    clerk = await clerk_at(client, here, tablet, pin="730519")
    cage.held += [
        signed_in.json()["session"]["token"],
        session["token"],
        PASSWORD,
        manager.secret,
        tablet.token,
        clerk.token,
    ]
    placed = await order(client, member, here.offers[0], slot_id=here.slots[0])
    shown = await client.get(f"{API}/orders/{placed['id']}/code", headers=member.headers())
    scan = {"event_id": str(uuid4()), "code": shown.json()["code"], "pickup_point_id": str(here.points[0])}
    handed = await cage.call(
        "redeem", "POST", f"{API}/redemptions", json=scan, auth=tablet, client=client,
        headers={"Authorization": f"Bearer {clerk.token}"},
    )  # fmt: skip
    assert handed.json()["result"] == "handed_over", handed.text
    why = {"fields": ["name", "mobile", "id_last4"], "reason": "audit", "note": TYPED[0]}
    seen = await cage.call(
        "reveal_member",
        "POST",
        f"{API}/members/{member.id}/reveal",
        json=why,
        headers=here.officer.headers("new"),
    )
    assert seen.json()["name"] == NAME, seen.text
    said = {"field": "mobile", "message": TYPED[0], "wished": TYPED[1]}
    filed = await cage.call(
        "file_correction", "POST", f"{API}/me/corrections", json=said, headers=member.headers("new")
    )
    assert filed.status_code == 201, filed.text
    rows = f"会员号,姓名,手机号,所在单位\nT9000001,{TYPED[0]},{TYPED[1]},示例\n".encode()
    sent = await cage.call(
        "send_roster", "POST", f"{API}/members/imports?filename={TYPED[0]}.csv", content=rows,
        headers=here.officer.headers("new") | {"Content-Type": "text/csv"},
    )  # fmt: skip
    assert sent.status_code == 202, sent.text


async def strangers_try(cage: Cage) -> None:
    """Every operation gets every typed canary, as an officer, a member and nobody."""
    here = cage.here
    callers: list[Person | None] = [here.officer, here.members[1], here.staff[Role.SYS_ADMIN], None]
    for position, (name, method, path) in enumerate(operations(cage)):
        canary = TYPED[position % len(TYPED)]
        address = "/".join(canary if step.startswith("{") else step for step in path.split("/"))
        good = "/".join(str(uuid4()) if step.startswith("{") else step for step in path.split("/"))
        for who in callers:
            # A fresh key each time: a kept answer is looked for in the dump.
            headers = who.headers("new") if who else {"Authorization": f"Bearer {TYPED[4]}"}
            await cage.call(name, method, address, headers=headers)
            await cage.call(name, method, f"{good}?{TYPED[1]}={TYPED[1]}", headers=headers)
            if name in QUERIES:
                key = QUERIES[name].partition("=")[0]
                await cage.call(name, method, f"{good}{key}={canary}", headers=headers)
            for body in stuffed(BODIES.get(name), canary) if name in BODIES else ():
                await cage.call(name, method, good, json=body, headers=headers)
        await cage.call(name, method, good, content=canary.encode(), headers=here.officer.headers("new"))
        cookie = {"Cookie": f"__Host-grainline=~{TYPED[5]}", "Idempotency-Key": "k" * 70 + "CANARYCODE7Q"}
        await cage.call(name, method, good, headers=cookie)


def dump(cage: Cage) -> str:
    url = cage.scratch.settings.owner_database_url
    assert url is not None
    plain = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    command = [binary("pg_dump"), "--dbname", plain, "--inserts"]
    done = subprocess.run(command, env=environment(), capture_output=True, check=True, timeout=120)
    return done.stdout.decode()


def found_in(text: str, canaries: list[str]) -> list[str]:
    """Return the canaries that stand in a text, as they are, escaped, or as the hex of their bytes."""
    lower = text.lower()
    return [
        one
        for one in canaries
        if one.lower() in lower or one.encode().hex() in lower or json.dumps(one)[1:-1].lower() in lower
    ]


@pytest.mark.slow
async def test_no_canary_gets_out(cage: Cage, capfd: pytest.CaptureFixture[str]) -> None:
    before = cage.postgres_log.stat().st_size
    capfd.readouterr()
    await people_work(cage)
    await strangers_try(cage)
    await cage.entrance.app.state.errands.settle()
    printed = capfd.readouterr()
    everything = [*cage.held, *TYPED]
    assert len(cage.answers) > 1_500
    assert all(answer.status_code < 500 or answer.status_code == 503 for _, answer in cage.answers), [
        (name, answer.status_code, answer.text[:200])
        for name, answer in cage.answers
        if answer.status_code == 500
    ]
    assert found_in(printed.out + printed.err, everything) == []
    with cage.postgres_log.open("rb") as file:
        file.seek(before)
        assert found_in(file.read().decode(errors="replace"), everything) == []
    for name, answer in cage.answers:
        if answer.status_code >= 400:
            assert found_in(answer.text, everything) == [], (name, answer.text[:400])
            assert found_in(str(answer.headers), everything) == [], (name, answer.headers)
        elif name not in MAY_SHOW:
            assert found_in(answer.text, cage.held) == [], (name, answer.text[:400])
    content = dump(cage)
    assert found_in(content, cage.held) == []
    for table in ("idempotency_records", "outbox_events", "audit_entries", "redemptions", "sign_in_codes"):
        rows = [line for line in content.splitlines() if line.startswith(f"INSERT INTO public.{table} ")]
        assert rows or table == "sign_in_codes", table
        told = [row for row in rows if not any(f'"{name}"' in row for name in BUSINESS)]
        assert found_in("\n".join(told), everything) == [], table


async def test_the_search_finds_what_is_there(cage: Cage, capfd: pytest.CaptureFixture[str]) -> None:
    """The control: each place is really looked at."""
    import structlog

    canary = "龘" + secrets.token_hex(4)
    structlog.get_logger().info("canary", name=canary)
    assert found_in(capfd.readouterr().out, [canary]) == [canary]
    await cage.scratch.execute(f"COMMENT ON TABLE members IS '{canary}'")
    assert found_in(dump(cage), [canary]) == [canary]
    before = cage.postgres_log.stat().st_size
    with pytest.raises(Exception, match=r"syntax|relation"):
        await cage.scratch.execute(f"SELECT * FROM nowhere_{canary[1:]}")
    with cage.postgres_log.open("rb") as file:
        file.seek(before)
        assert found_in(file.read().decode(), [canary[1:]]) == [canary[1:]]
