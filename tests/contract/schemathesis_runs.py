"""A run of schemathesis against a service of its own: who calls it, and what it finds there."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.access import hashing
from app.access.policy import GRANTS, Permission, Role
from app.access.scope import every_union
from app.access.sealer import Sealer
from app.main import create_app
from app.notifications.jobs import beat
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.limits import Limiter
from app.platform.settings import Settings
from app.platform.signing import KeyStore
from tests.conftest import MakeStreet
from tests.contract.schemathesis_calls import DRAFT
from tests.contract.schemathesis_goods_world import NOTHING, add_goods, goods_ids
from tests.contract.schemathesis_world import (
    FRESH,
    NOBODY,
    ORDERING,
    add_fresh,
    add_imports,
    add_keys,
    describe_people,
)
from tests.factories.street import Street

HERE = Path(__file__).parent
API = "/api/v1"
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES")
PEOPLE = ("sign-in staff devices roster", "eligibility privacy audit")
GOODS = ("procurement", "stock", "closing documents", "figures impact origin regions")
"""Groups that need people to whom nothing has happened yet, and those that need goods."""
KEPT = 2
"""Of how many orders, for the present slot, the run hands no box over but to take it back or swap it."""
REDIRECTS = {"start_host_sign_in", "return_from_host"}
"""These need an identity provider, which the server here has not: see tests/api/test_host_sign_in.py."""
FIRST = (
    Role.MEMBER, Role.CHAIR, Role.UNION_OFFICER, Role.STATION_CLERK, Role.SYS_ADMIN, Role.SEC_ADMIN,
    Role.AUDITOR, Role.PICKUP_DEVICE,
)  # fmt: skip
"""Who makes a call: the first of these that may."""
REPORTS = os.environ.get("SCHEMATHESIS_REPORTS")


@pytest.fixture(scope="module", autouse=True)
def unlimited() -> Iterator[None]:
    """Let the run call as often as it needs, and hash quickly: both have tests of their own."""

    async def take(self: Limiter, *_: object, **__: object) -> None:
        return None

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Limiter, "take", take)
        patch.setattr("app.devices.api.guard.Budget.wait_of", lambda *_: 0)
        patch.setattr(hashing, "PasswordHasher", lambda **_: quick)
        patch.setattr(hashing, "DUMMY", quick.hash("nobody's"))
        yield


@pytest.fixture(scope="module")
def texts(folder: Path) -> Path:
    return folder / "texts-of-schemathesis.jsonl"


@pytest.fixture(scope="module")
def served(settings: Settings, texts: Path) -> FastAPI:
    chosen = {"text_sender": "file", "text_file": texts, "host_adapter": "mock"}
    return create_app(settings.model_copy(update=chosen))


@pytest.fixture(scope="module")
def address(served: FastAPI, unlimited: None) -> Iterator[str]:
    """The service on a port of its own, in a thread with a loop of its own; its document is made before."""
    served.openapi()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    config = uvicorn.Config(served, host="127.0.0.1", port=port, http="httptools", ws="none", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


def roles_of(app: FastAPI) -> dict[str, str]:
    """Return who makes each call; those that anybody may make are not in it."""
    found = {}
    for context in iter_route_contexts(app.routes):
        calls = [d.call for d in getattr(getattr(context, "dependant", None), "dependencies", [])]
        wanted: list[Permission] = [call.permission for call in calls if hasattr(call, "permission")]
        if wanted and context.name is not None:
            found[context.name] = next(role.value for role in FIRST if wanted[0] in GRANTS[role])
    return found


@pytest.fixture
async def world(
    street: MakeStreet, client: httpx.AsyncClient, database: Database, address: str, served: FastAPI,
    texts: Path, tmp_path: Path, group: str,
) -> Path:  # fmt: skip
    """A street union in which much has happened already; returns the file that describes it."""
    async with database.transaction(every_union("a test plays the worker")) as session:
        await beat(session, "worker", now=utc_now())
    members = ORDERING + (FRESH if group in PEOPLE else 0)
    places = {"points": 3} if group in GOODS else {}
    here = await street(members=members, quota=60, slots=6, capacity=40, **places)
    owners, codes = await _order(client, here)
    box = (await client.get(f"{API}/gift-boxes", headers=here.officer.headers())).json()["items"][0]
    people = await describe_people(here) | (await add_fresh(here) if group in PEOPLE else NOBODY)
    keys = await add_keys(database) if group == "redemptions" else []
    imports = await add_imports(client, here) if "roster" in group else []
    goods = await add_goods(client, here, group) if group in GOODS else NOTHING
    ids = people.pop("ids")
    drafts = await _draft(client, here)
    sealer = Sealer(database, KeyStore(tmp_path / "audit"), heads_file=tmp_path / "heads.jsonl")
    await sealer.seal()
    await sealer.sign_head()
    description = (
        people
        | goods
        | {
            "address": address,
            "texts": str(texts),
            "roles": roles_of(served),
            "imports": imports,
            "keys": keys,
            "drafts": [str(here.campaign_id), *drafts],
            "members": [member.token for member in here.members[30:ORDERING]],
            "owners": owners,
            "codes": codes[: -2 * KEPT],
            "kept_codes": codes[-2 * KEPT :: 2],
            "ids": {
                "order_id": list(owners),
                "offer_id": [str(id) for id in here.offers],
                "slot_id": [str(id) for id in here.slots],
                "campaign_id": [str(here.campaign_id), *drafts],
                "pickup_point_id": [str(id) for id in here.points],
                "gift_box_id": [box["id"]],
                "product_id": [box["components"][0]["product_id"]],
                **goods_ids(goods, here),
            }
            | ids
            | ({"import_id": imports[1:3]} if imports else {}),
        }
    )
    file = tmp_path / "world.json"
    file.write_text(json.dumps(description))
    return file


async def _order(client: httpx.AsyncClient, here: Street) -> tuple[dict[str, str], list[str]]:
    """Let thirty members order, two thirds of them with a slot, and some cancel."""
    owners, codes = {}, []
    for position, member in enumerate(here.members[:30]):
        is_kept = position >= 30 - KEPT
        slot = {"slot_id": str(here.slots[0 if is_kept else position % 2])} if is_kept or position % 3 else {}
        body = {"offer_id": str(here.offers[0])} | slot
        order = (await client.post(f"{API}/orders", json=body, headers=member.headers("new"))).json()["id"]
        owners[order] = member.token
        code = (await client.get(f"{API}/orders/{order}/code", headers=member.headers())).json()
        codes += [code["code"], code["short_code"]]
        if position % 7 == 6:
            await client.post(f"{API}/orders/{order}/cancel", headers=member.headers())
    return owners, codes


async def _draft(client: httpx.AsyncClient, here: Street) -> list[str]:
    """Draft six campaigns, three of them ready to be published."""
    headers = here.officer.headers()
    box = (await client.get(f"{API}/gift-boxes", headers=headers)).json()["items"][0]["id"]
    point = str(here.points[0])
    day = {"from_on": "2026-10-12", "until_on": "2026-10-12", "opens": "09:00", "closes": "11:00"}
    drafts = []
    for position in range(6):
        made = (await client.post(f"{API}/campaigns", json=DRAFT, headers=headers)).json()["id"]
        drafts.append(made)
        if position % 2:
            offer = {"gift_box_id": box, "pickup_point_id": point, "quota": 5}
            await client.post(f"{API}/campaigns/{made}/offers", json=offer, headers=headers)
            slots = day | {"pickup_point_id": point, "capacity": 5}
            await client.post(f"{API}/campaigns/{made}/slots", json=slots, headers=headers)
    return drafts


def run(address: str, world: Path, group: str) -> subprocess.CompletedProcess[str]:
    """Run schemathesis on the operations of one group."""
    command = [
        *(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(HERE / "schemathesis.toml"),
        ),
        *("run", f"{address}/openapi.json"),
        *(part for tag in group.split() for part in ("--include-tag", tag)),
        *("--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful"),
        *(
            ("--max-examples", EXAMPLES)
            if EXAMPLES
            else ("--max-examples", "15", "--generation-deterministic")
        ),
        *("--max-response-time", "5"),
        *("--no-color", "--warnings", "off", "--continue-on-failure"),
    ]
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.contract.schemathesis_hooks",
        "GRAINLINE_WORLD": str(world),
        "PYTHONPATH": str(HERE.parents[1]),
    }
    done = subprocess.run(
        command, env=os.environ | hooks, cwd=world.parent, capture_output=True, text=True, check=False
    )
    if REPORTS:
        (Path(REPORTS) / f"{group.replace(' ', '-')}.txt").write_text(done.stdout + done.stderr)
    return done


async def check(address: str, world: Path, group: str) -> None:
    """Run schemathesis on a group: no failure, and every operation did what it does at least once."""
    done = await asyncio.to_thread(run, address, world, group)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    answers: dict[str, dict[str, int]] = json.loads((world.parent / "answers.json").read_text())
    if REPORTS:
        (Path(REPORTS) / f"{group.replace(' ', '-')}.json").write_text(json.dumps(answers, indent=1))
    assert answers, "a run without calls proves nothing"
    in_vain = {name for name, counted in answers.items() if not any(status < "300" for status in counted)}
    assert in_vain - REDIRECTS == set(), "these calls never got through to what they do"
