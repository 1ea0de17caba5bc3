"""The worker seals, signs, tidies; the command line finds what was done to the log."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from app.access.audit import AuditSeal, Trace, record
from app.access.scope import Scope, every_union, one_union
from app.access.sealer import Sealer, read_head
from app.platform.clock import utc_now
from app.platform.limits import Limit, Limiter, LimitRecord
from app.platform.senders import LogSender
from app.platform.signing import KeyStore
from app.worker import Worker
from tests.factories.databases import Scratch
from tests.factories.street import Street, make_street


async def _sealed(scratch: Scratch) -> int:
    async with scratch.database.transaction(every_union("a test looks")) as session:
        return len(list(await session.scalars(select(AuditSeal.seq))))


async def _write(here: Street, count: int) -> None:
    async with here.database.transaction(one_union(here.id)) as session:
        for _ in range(count):
            record(session, Trace("test.done", here.id), now=utc_now())


def _worker(scratch: Scratch) -> Worker:
    settings = scratch.settings
    sealer = Sealer(
        scratch.database, KeyStore(settings.audit_keys_dir), heads_file=settings.audit_heads_file
    )  # fmt: skip
    return Worker(scratch.database, LogSender(), sealer=sealer)


def _with_files(scratch: Scratch, folder: Path) -> None:
    scratch.settings = scratch.settings.model_copy(update={"audit_heads_file": folder / "heads.jsonl"})


async def test_entries_are_sealed_within_two_seconds_and_the_end_is_signed(
    scratch: Scratch, tmp_path: Path
) -> None:
    here = await make_street(scratch.database, members=0)
    _with_files(scratch, tmp_path)
    stop = asyncio.Event()
    running = asyncio.create_task(_worker(scratch).run(stop))
    await asyncio.sleep(0.5)
    before = await _sealed(scratch)
    await _write(here, 5)
    for _ in range(20):
        await asyncio.sleep(0.1)
        if await _sealed(scratch) == before + 5:
            break
    assert await _sealed(scratch) == before + 5
    await _write(here, 2)
    stop.set()
    await running
    assert await _sealed(scratch) == before + 7
    heads = [read_head(line) for line in (tmp_path / "heads.jsonl").read_text().splitlines()]
    assert heads[-1].seq == before + 7


async def test_the_worker_tidies_allowances_that_are_whole(scratch: Scratch) -> None:
    limiter = Limiter(scratch.database, secret=b"s" * 32, scope=Scope())
    limit, now = Limit("test.tidy", 1, timedelta(hours=1)), utc_now()
    await limiter.take(limit, "old", now=now - timedelta(hours=26))
    await limiter.take(limit, "young", now=now - timedelta(hours=24))
    await _worker(scratch).tidy()
    async with scratch.database.transaction(Scope()) as session:
        assert len(list(await session.scalars(select(LimitRecord.whole_at)))) == 1


async def _grainline(scratch: Scratch, *arguments: str) -> tuple[int, str]:
    settings = scratch.settings
    environment = os.environ | {
        "DATABASE_URL": str(settings.database_url),
        "GRAINLINE_DATA": str(settings.data_dir),
        "GRAINLINE_KEYS_DIR": str(settings.keys_dir),
        "GRAINLINE_AUDIT_HEADS_FILE": str(settings.audit_heads_file),
        "GRAINLINE_ENVIRONMENT": "test",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().strip()


async def test_the_command_names_the_first_bad_row(scratch: Scratch, tmp_path: Path) -> None:
    here = await make_street(scratch.database, members=0)
    _with_files(scratch, tmp_path)
    worker = _worker(scratch)
    await _write(here, 10)
    await worker.seal()
    await worker.sign_head()
    count = await _sealed(scratch)
    assert await _grainline(scratch, "audit", "verify") == (
        0, f"In order: {count} sealed, 0 waiting, 2 signed heads",
    )  # fmt: skip
    file = tmp_path / f"{uuid4().hex}.jsonl"
    assert await _grainline(scratch, "audit", "export", str(file)) == (0, f"Wrote {count} entries to {file}")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, count + 1))
    bad = lines[-5]
    await scratch.execute(
        "SET session_replication_role = replica",
        f"UPDATE audit_entries SET reason = 'x' WHERE id = '{bad['entry']['id']}'",
    )
    code, said = await _grainline(scratch, "audit", "verify")
    assert (code, said) == (
        1,
        f"seal {bad['seq']}, entry {bad['entry']['id']}: changed: its content is not the one that was sealed",
    )
    head = read_head((tmp_path / "heads.jsonl").read_text())
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text('{"seq": 1}\n')
    code, said = await _grainline(scratch, "audit", "verify", "--heads", str(elsewhere))
    assert (code, said) == (1, f"{elsewhere}: not a line with a signed head")
    code, said = await _grainline(scratch, "audit", "verify", "--key", "00" * 32)
    assert (code, said.split(":")[:2]) == (1, [f"seal {head.seq}", " bad signature"])
