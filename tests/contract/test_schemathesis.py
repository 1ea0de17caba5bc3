"""The document against the service: calls made from it, good and bad, and every answer compared with it.

Small here; `SCHEMATHESIS_EXAMPLES=2000 pytest tests/contract/test_schemathesis.py` is the long run.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from app.main import create_app
from app.platform.settings import Settings
from tests.conftest import MakeStreet
from tests.factories.street import Street

HERE = Path(__file__).parent
API = "/api/v1"
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "25")
GROUPS = ("campaigns", "orders", "redemptions", "pickup", "catalog", "unions", "health")


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    """The service on a port of its own, in a thread with a loop of its own."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    config = uvicorn.Config(
        create_app(settings), host="127.0.0.1", port=port, http="httptools", ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
async def world(street: MakeStreet, client: httpx.AsyncClient, tmp_path: Path) -> Path:
    """A street union in which much has happened already; returns the file that describes it."""
    here = await street(members=120, quota=60, slots=6, capacity=40)
    owners, codes = await _order(client, here)
    own = await _draft(client, here)
    box = (await client.get(f"{API}/gift-boxes", headers=here.officer.headers())).json()["items"][0]
    description = {
        "staff": {
            "officer": here.officer.token,
            "chair": next(p.token for role, p in here.staff.items() if role.value == "chair"),
            "clerk": here.clerk.token,
        },
        "members": [member.token for member in here.members[30:]],
        "owners": owners,
        "codes": codes,
        "ids": {
            "order_id": list(owners),
            "offer_id": [str(id) for id in here.offers],
            "slot_id": [str(id) for id in here.slots],
            "campaign_id": [str(here.campaign_id), *own],
            "pickup_point_id": [str(id) for id in here.points],
            "gift_box_id": [box["id"]],
            "product_id": [box["components"][0]["product_id"]],
        },
    }
    file = tmp_path / "world.json"
    file.write_text(json.dumps(description))
    return file


async def _order(client: httpx.AsyncClient, here: Street) -> tuple[dict[str, str], list[str]]:
    owners, codes = {}, []
    for position, member in enumerate(here.members[:30]):
        body = {"offer_id": str(here.offers[0])} | (
            {"slot_id": str(here.slots[position % 2])} if position % 3 else {}
        )
        placed = (await client.post(f"{API}/orders", json=body, headers=member.headers("new"))).json()
        owners[placed["id"]] = member.token
        code = await client.get(f"{API}/orders/{placed['id']}/code", headers=member.headers())
        codes += [code.json()["code"], code.json()["short_code"]]
        if position % 7 == 6:
            await client.post(f"{API}/orders/{placed['id']}/cancel", json={}, headers=member.headers())
    return owners, codes


async def _draft(client: httpx.AsyncClient, here: Street) -> list[str]:
    body = {
        "title": "示例·草稿",
        "order_opens_at": "2026-10-01T09:00:00+08:00",
        "order_closes_at": "2026-10-03T09:00:00+08:00",
        "pickup_from": "2026-10-12",
        "pickup_until": "2026-10-14",
    }
    made = [
        await client.post(f"{API}/campaigns", json=body, headers=here.officer.headers()) for _ in range(3)
    ]
    return [answer.json()["id"] for answer in made]


def _run(address: str, world: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", f"{address}/openapi.json"),
        *("--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful"),
        *("--max-examples", EXAMPLES, "--seed", "1", "--generation-deterministic"),
        *("--no-color", "--warnings", "off", "--continue-on-failure", "--max-response-time", "5"),
        *more,
    ]
    env = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.contract.schemathesis_hooks",
        "GRAINLINE_WORLD": str(world),
        "PYTHONPATH": str(HERE.parents[1]),
    }
    return subprocess.run(command, env=env, cwd=world.parent, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
async def test_every_answer_is_the_documented_one(address: str, world: Path, group: str) -> None:
    done = await asyncio.to_thread(_run, address, world, "--include-tag", group)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    counted: Any = re.search(r"(\d+) generated", done.stdout)
    assert counted is not None, done.stdout
    print(group, counted[0])
