"""A worker that is killed while it makes a paper: another one makes it, under the number that it has."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.access.scope import one_union
from app.documents import jobs
from app.documents.actions import issue
from app.documents.actions.press import Press
from app.documents.rules.issuing import DocumentReason
from app.documents.rules.paper import DocumentKind
from app.documents.tables import Document, DocumentFile
from app.platform.clock import utc_now
from app.platform.settings import Settings
from tests.factories.papers import build_sheet
from tests.factories.street import Street

BUILDERS: Any = dict.fromkeys(DocumentKind, build_sheet)
WORKER = """
import asyncio, sys
from pathlib import Path
from app.access.vault import Vault
from app.documents import jobs
from app.documents.rules.paper import DocumentKind
from app.platform.database import Database
from app.platform.mapped import import_tables

import_tables()

async def hang(session, document):
    print(document.number, flush=True)
    await asyncio.sleep(600)

async def main():
    database = Database(sys.argv[1], pool_size=2, carried={"vault": Vault(Path(sys.argv[2]))})
    await jobs.render_waiting(database, dict.fromkeys(DocumentKind, hang))

asyncio.run(main())
"""


async def test_a_killed_worker_costs_time_and_no_number(
    street: Callable[..., Awaitable[Street]], settings: Settings, tmp_path: Path
) -> None:
    here, press = await street(members=0, slots=0), Press(tmp_path, "https://gl.test/verify")
    await jobs.render_waiting(here.database, BUILDERS, press=press)
    wanted = issue.Wanted(kind=DocumentKind.STOCKTAKE, reason=DocumentReason.ACCOUNTING)
    async with here.database.transaction(one_union(here.id)) as session:
        asked = await issue.request_document(
            session, wanted, union_id=here.id, requested_by=None, now=utc_now(), is_final=True
        )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(settings.database_url), str(settings.vault_dir),
        stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."},
    )  # fmt: skip
    assert worker.stdout is not None
    assert (await worker.stdout.readline()).decode().strip() == asked.number
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    found = select(Document.status, Document.number, Document.attempts).where(Document.id == asked.id)
    assert await here.read(found) == [("rendering", asked.number, 1)]
    await here.set(Document, asked.id, leased_until=utc_now() - timedelta(seconds=1))
    await jobs.render_waiting(here.database, BUILDERS, press=press)
    assert await here.read(found) == [("ready", asked.number, 0)]
    assert await here.count(Document) == 1
    assert await here.count(DocumentFile) == 2
