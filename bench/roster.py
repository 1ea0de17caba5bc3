"""`python -m bench.roster`: a roster of 50,000 people from the upload to the commit, in time and memory.

Starts its own PostgreSQL, a real web process and a real background process; sends 50,000 new people, then the
same file with every mobile changed and a tenth of the people missing, as a full list. Prints seconds and the
peak memory of each process (VmHWM; of the reading process what `getrusage` says of children).
"""

import argparse
import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.access.vault import Vault
from app.platform import migrations
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url
from tests.factories.rosters import HEADINGS, XLSX, csv_of, person, xlsx_of
from tests.factories.street import Street, make_street

PORT = int(os.environ.get("BENCH_PORT", "8973"))
MOST_SECONDS = 60.0
MOST_MEGABYTES = 300.0
_WEB = ["uvicorn", "app.main:create_app", "--factory", "--host", "127.0.0.1", "--log-level", "warning"]
_WORKER = (
    "import asyncio; from app.platform.settings import get_settings;"
    " from app.worker import run_worker; asyncio.run(run_worker(get_settings()))"
)


def peak_megabytes(process: subprocess.Popen[bytes]) -> float:
    """Return the most memory that a process has held so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of ours until the end of the block."""
    process = subprocess.Popen([sys.executable, *command], env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def settled(client: httpx.AsyncClient, path: str, wanted: set[str]) -> tuple[dict[str, Any], float]:
    """Wait until an import is in one of the states; return it and the seconds that it took."""
    begun = time.perf_counter()
    while True:
        view: dict[str, Any] = (await client.get(path)).json()
        if view["status"] in wanted:
            return view, time.perf_counter() - begun
        await asyncio.sleep(0.1)


async def order_meanwhile(client: httpx.AsyncClient, here: Street, stop: asyncio.Event) -> float:
    """Place and cancel an order again and again; return the longest time that one took, in seconds."""
    longest, member = 0.0, here.members[0]
    while not stop.is_set():
        begun = time.perf_counter()
        body = {"offer_id": str(here.offers[0])}
        placed = await client.post("/api/v1/orders", json=body, headers=member.headers("new"))
        longest = max(longest, time.perf_counter() - begun)
        assert placed.status_code == 201, placed.text
        path = f"/api/v1/orders/{placed.json()['id']}/cancel"
        await client.post(path, json={}, headers=member.headers("new"))
        await asyncio.sleep(0.1)
    return longest


async def import_once(
    client: httpx.AsyncClient, here: Street, content: bytes, *, filename: str, mode: str
) -> dict[str, float]:
    """Send, compare and commit a file; return the seconds of each step and of the longest order meanwhile."""
    begun = time.perf_counter()
    headers = {"Content-Type": XLSX if filename.endswith("xlsx") else "text/csv"}
    sent = await client.post(
        "/api/v1/members/imports",
        params={"filename": filename, "mode": mode},
        content=content,
        headers=headers,
    )
    assert sent.status_code == 202, sent.text
    uploaded = time.perf_counter() - begun
    path = f"/api/v1/members/imports/{sent.json()['id']}"
    view, compared = await settled(client, path, {"compared", "failed"})
    assert view["status"] == "compared", view
    stop = asyncio.Event()
    orders = asyncio.create_task(order_meanwhile(client, here, stop))
    body = {"comparison_hash": view["comparison_hash"], "confirm_removals": view["counts"]["removed"]}
    answer = await client.post(f"{path}/commit", json=body, headers=here.officer.headers("new"))
    assert answer.status_code == 202, answer.text
    view, committed = await settled(client, path, {"committed", "failed", "compared"})
    stop.set()
    longest = await orders
    assert view["status"] == "committed", view
    counts = {name: count for name, count in view["counts"].items() if count}
    print(f"  {filename} {mode}: {counts}")
    total = uploaded + compared + committed
    return {
        "upload": uploaded,
        "compare": compared,
        "commit": committed,
        "all": total,
        "longest order": longest,
    }


async def measure(url: str, keys: Path, *, count: int) -> float:
    """Make a street union, import twice and print what it took; return the seconds of the slower one."""
    slowest = 0.0
    settings = Settings(environment="test", database_url=url, data_dir=keys.parent, keys_dir=keys)
    database = Database(url, pool_size=2, carried={"vault": Vault(settings.vault_dir)})
    here = await make_street(database, quota=1_000_000)
    unit = (await here.read(_unit_name(here)))[0][0]
    rows = [person(position, unit) for position in range(count)]
    # Who orders meanwhile is in the file, else the full list lets them go between two orders.
    here_before = [[f"T{position:07}", who.name] for position, who in enumerate(here.members)]
    files = [("first.csv", csv_of([HEADINGS, *rows], encoding="gb18030"), "partial")]
    for row in rows:
        row[2] = "139" + row[2][3:]
    files.append(("second.xlsx", xlsx_of([HEADINGS, *here_before, *rows[count // 10 :]]), "full"))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{PORT}", headers=here.officer.headers(), timeout=30
    ) as client:
        await _until_up(client)
        for filename, content, mode in files:
            taken = await import_once(client, here, content, filename=filename, mode=mode)
            print("   ", {name: round(seconds, 2) for name, seconds in taken.items()})
            slowest = max(slowest, taken["all"])
            await asyncio.sleep(10)  # the ranks of the names follow
    await database.close()
    return slowest


def _unit_name(here: Street) -> Any:
    from sqlalchemy import select

    from app.unions.tables import Union

    return select(Union.name).where(Union.id == here.unit_id)


async def _until_up(client: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    count = parser.parse_args().rows
    with (
        tempfile.TemporaryDirectory(prefix="grainline-bench-") as name,
        PrivatePostgres(Path(name) / "pg") as pg,
    ):
        folder = Path(name)
        migrations.upgrade(async_url(pg.start()))
        url = async_url(pg.app_url)
        environment = os.environ | {
            "DATABASE_URL": url, "GRAINLINE_DATA": str(folder), "GRAINLINE_ENVIRONMENT": "test",
            "GRAINLINE_KEYS_DIR": str(folder / "keys"), "GRAINLINE_LOG_LEVEL": "warning",
        }  # fmt: skip
        web, worker = ["-m", *_WEB, "--port", str(PORT)], ["-c", _WORKER]
        with running(web, environment) as web_process, running(worker, environment) as worker_process:
            slowest = asyncio.run(measure(url, folder / "keys", count=count))
            peaks = {"web": peak_megabytes(web_process), "worker": peak_megabytes(worker_process)}
        # `running` has waited for the worker, and the worker for its readers: they count as our children now.
        peaks["largest of all"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print("peak MB", {name: round(peak) for name, peak in peaks.items()})
        print("load", [round(load, 1) for load in os.getloadavg()], "of", os.cpu_count(), "processors")
        assert slowest < MOST_SECONDS
        assert max(peaks["web"], peaks["worker"]) < MOST_MEGABYTES


if __name__ == "__main__":
    main()
