"""All journeys, one after the other on one fresh demo, as docs/journeys/ holds them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType

from app.access.scope import every_union
from app.access.sealer import Sealer
from app.access.vault import Vault
from app.demo.load import load_demo
from app.main import create_app
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.senders import LogSender
from app.platform.settings import PROJECT_ROOT, Settings
from app.platform.signing import KeyStore
from app.redemptions.actions.keys import ensure_key
from app.worker import Worker
from tests.journeys import auditor, device, keeper, manager, member
from tests.journeys.book import Book
from tests.journeys.place import Inside, Place

FOLDER: Path = PROJECT_ROOT / "docs" / "journeys"
JOURNEYS: dict[str, ModuleType] = {
    "member": member, "manager": manager, "device": device, "keeper": keeper, "auditor": auditor
}  # fmt: skip
_PREFACE = (
    "Written by `python -m tests.journeys --write` from real calls on a fresh demo; "
    "`tests/api/test_journeys.py` "
    "fails when the service answers otherwise. `$API` is `http://127.0.0.1:8000/api/v1`, `$NAME` is "
    "something that "
    "an earlier step gave, `<id>`, `<time>`, `<day>` differ each time, `…` is left out. Every call also "
    "carried "
    "`Accept-Language: en`; without it answers are Chinese. The people are invented."
)


async def go_all(place: Place) -> dict[str, str]:
    """Carry all journeys out, in their order, and return their texts."""
    found = {}
    for name, journey in JOURNEYS.items():
        book: Book = await journey.tell(place)
        book.lines[:0] = [_PREFACE, ""]
        found[name] = book.text()
    return found


@asynccontextmanager
async def open_inside(settings: Settings) -> AsyncIterator[Inside]:
    """Load the demo into an empty, migrated database and start an app on it."""
    url = settings.database_url
    assert url is not None
    folder = settings.keys_dir.parent
    settings = settings.model_copy(
        update={
            "text_sender": "file",
            "text_file": folder / "texts.jsonl",
            "audit_heads_file": folder / "audit-heads.jsonl",
            "texts_per_hour": 1_000,
        }
    )
    database = Database(url, pool_size=4, carried={"vault": Vault(settings.vault_dir)})
    try:
        async with database.transaction(every_union("the journeys need a key")) as session:
            await ensure_key(session, KeyStore(settings.keys_dir), now=utc_now())
        assert await load_demo(database, now=utc_now())
        sealer = Sealer(database, KeyStore(settings.audit_keys_dir), heads_file=settings.audit_heads_file)
        app = create_app(settings)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(app.router.lifespan_context(app))
            yield Inside(app, settings, Worker(database, LogSender(), sealer=sealer), stack)
    finally:
        await database.close()
