"""`make bench`: orders and redemptions as ratios to a request that does nothing, in one run.

Starts its own PostgreSQL with full durability and the real server with two workers, drives it with `wrk`,
checks afterwards that what was acknowledged is what the database holds, prints a table and writes
`bench/results/latest.json`. Fails loudly when the check does not hold.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from app.platform import migrations
from app.platform.postgres import PrivatePostgres
from app.platform.settings import async_url
from bench.seed import Seeded, audit, seed

HERE = Path(__file__).parent
PORT = int(os.environ.get("BENCH_PORT", "8971"))
BASE = f"http://127.0.0.1:{PORT}"


@dataclass(frozen=True)
class Run:
    """What one run of the load generator saw; latencies in milliseconds."""

    per_second: float
    p50: float
    p95: float
    p99: float
    statuses: dict[int, int] = field(default_factory=dict)
    errors: int = 0


def drive(
    path: str, calls: Path, *, connections: int, seconds: float, first: int = 0, prefix: str = "k"
) -> Run:
    """Drive one address for some seconds and return what came of it."""
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s",
        str(HERE / "calls.lua"), f"{BASE}{path}", "--", str(calls), str(first), prefix,
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60)
    seen: dict[str, int] = {}
    statuses: dict[int, int] = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "status":
            statuses[int(words[1])] = statuses.get(int(words[1]), 0) + int(words[2])
        elif len(words) == 2 and words[1].isdigit():
            seen[words[0]] = int(words[1])
    rate = seen["requests"] / (seen["microseconds"] / 1e6)
    return Run(rate, seen["p50"] / 1e3, seen["p95"] / 1e3, seen["p99"] / 1e3, statuses, seen["errors"])


class Server:
    """The real server with two workers on a private PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in `folder`."""
        self.folder = folder
        self.postgres = PrivatePostgres(folder / "postgres")
        self.owner_url = async_url(self.postgres.start())
        self.url = async_url(self.postgres.app_url)
        migrations.upgrade(self.owner_url)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the workers and wait until they answer."""
        environment = os.environ | {
            "DATABASE_URL": self.url,
            "GRAINLINE_DATA": str(self.folder),
            "GRAINLINE_ENVIRONMENT": "test",
            "GRAINLINE_LOG_LEVEL": "error",
        }
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "uvicorn", "bench.server:application", "--factory", "--port", str(PORT),
                "--workers", "2", "--loop", "uvloop", "--http", "httptools", "--no-access-log",
                "--log-level", "warning", "--timeout-keep-alive", "75", "--backlog", "2048",
            ],
            env=environment,
        )  # fmt: skip
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{BASE}/healthz", timeout=1)
                time.sleep(1)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server did not answer")

    def stop(self) -> None:
        """Stop the workers and the database."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self.postgres.stop()


def compare(
    server: Server, seeded: Seeded, *, connections: int, seconds: float, rounds: int
) -> list[dict[str, Any]]:
    """Measure no-op and order in turn at one concurrency; return the rows of the table."""
    noops, orders = [], []
    for turn in range(rounds):
        calls = seeded.orders_for_next_campaign()
        noops.append(drive("/bench/noop", calls, connections=connections, seconds=seconds))
        orders.append(
            drive(
                "/api/v1/orders",
                calls,
                connections=connections,
                seconds=seconds,
                prefix=f"o{turn}-{connections}-",
            )
        )
        asyncio.run(audit(server.url, seeded, orders[-1].statuses.get(201, 0)))
    return [row("order", connections, orders, noops)]


def row(name: str, connections: int, runs: list[Run], references: list[Run]) -> dict[str, Any]:
    """Return a row: the median ratio of rates, and the latencies of the median run."""
    middle = sorted(runs, key=lambda run: run.per_second)[len(runs) // 2]
    return {
        "work": name,
        "c": connections,
        "per_second": round(median(run.per_second for run in runs)),
        "reference_per_second": round(median(run.per_second for run in references)),
        "ratio": round(median(a.per_second / b.per_second for a, b in zip(runs, references, strict=True)), 3),
        "p50_ms": middle.p50,
        "p95_ms": middle.p95,
        "p99_ms": middle.p99,
        "statuses": middle.statuses,
        "errors": sum(run.errors for run in runs),
    }


def baseline(server: Server, seeded: Seeded, *, seconds: float) -> dict[str, Any]:
    """Measure the order against the plain ORM way at c=64."""
    calls = seeded.orders_for_next_campaign()
    orm = drive("/bench/orm-orders", calls, connections=64, seconds=seconds, prefix="orm-")
    calls = seeded.orders_for_next_campaign()
    order = drive("/api/v1/orders", calls, connections=64, seconds=seconds, prefix="vs-")
    asyncio.run(audit(server.url, seeded, order.statuses.get(201, 0)))
    return row("order / plain ORM", 64, [order], [orm])


def sold_out(seeded: Seeded, *, connections: int, seconds: float) -> dict[str, Any]:
    """Measure the sold-out answer."""
    calls = seeded.orders_for_sold_out()
    reference = drive("/bench/noop", calls, connections=connections, seconds=seconds)
    refused = drive(
        "/api/v1/orders", calls, connections=connections, seconds=seconds, prefix=f"s{connections}-"
    )
    if set(refused.statuses) != {409}:
        raise SystemExit(f"sold out answered {refused.statuses}")
    return row("sold out", connections, [refused], [reference])


def redeem(server: Server, seeded: Seeded, *, connections: int, seconds: float) -> dict[str, Any]:
    """Measure the redemption of distinct codes against a no-op that checks the signature too."""
    calls = asyncio.run(seeded.scans(server.url, server.folder, count=int(3_500 * seconds)))
    reference = drive("/bench/noop-scan", calls, connections=connections, seconds=seconds)
    scans = drive(
        "/api/v1/redemptions", calls, connections=connections, seconds=seconds, prefix=f"r{seeded.used}-"
    )
    asyncio.run(seeded.audit_scans(server.url, scans.statuses.get(200, 0)))
    return row("redeem", connections, [scans], [reference])


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, under 90 seconds")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("`wrk` is needed (Debian: apt-get install wrk)")
    seconds, rounds = (3.0, 1) if options.quick else (8.0, 3)
    with tempfile.TemporaryDirectory(prefix="grainline-bench-") as name:
        server = Server(Path(name))
        try:
            seeded = asyncio.run(seed(server.owner_url, Path(name), members=30_000))
            server.start()
            rows: list[dict[str, Any]] = []
            for connections in (1, 64, 256):
                rows += compare(server, seeded, connections=connections, seconds=seconds, rounds=rounds)
            rows.append(baseline(server, seeded, seconds=seconds))
            rows.append(sold_out(seeded, connections=64, seconds=seconds))
            rows.append(redeem(server, seeded, connections=64, seconds=seconds))
        finally:
            server.stop()
    report(rows)


def report(rows: list[dict[str, Any]]) -> None:
    """Print the table and write it as JSON, with what it was measured on."""
    print(f"{'work':<20}{'c':>5}{'per s':>9}{'reference':>11}{'ratio':>8}{'p50':>9}{'p95':>9}{'p99 ms':>9}")
    for found in rows:
        print(
            f"{found['work']:<20}{found['c']:>5}{found['per_second']:>9}{found['reference_per_second']:>11}"
            f"{found['ratio']:>8.2f}{found['p50_ms']:>9.1f}{found['p95_ms']:>9.1f}{found['p99_ms']:>9.1f}"
        )
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    about = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    (results / "latest.json").write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
