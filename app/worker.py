"""The background process: heartbeat, outbox relay, expiry, tidying up; ends on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import delete

from app.access.rotation import reseal_outdated
from app.access.scope import Scope, every_union
from app.access.sealer import Sealer
from app.access.vault import Vault
from app.closing.actions.papers import BUILDERS
from app.closing.jobs import forget_papers
from app.devices.jobs import tidy_devices
from app.documents.actions.press import Press
from app.documents.jobs import DEFAULT_PRESS, expire_drafts, render_waiting
from app.notifications.jobs import BATCH, beat, relay_events
from app.orders.jobs import expire_orders, release_orders_of_leavers, serve_lines
from app.platform.clock import utc_now
from app.platform.database import Database, refusal_of
from app.platform.doctor import refuse_unsafe
from app.platform.keeping import KEPT_FOR, IdempotencyRecord
from app.platform.limits import tidy_limits
from app.platform.logging import configure_logging
from app.platform.senders import FileSender, LogSender, Sender
from app.platform.settings import Settings
from app.platform.signing import KeyStore
from app.privacy.jobs import end_retention
from app.roster.jobs.imports import carry_out_imports, forget_imports
from app.sign_in.actions.nonces import tidy_member_sign_in
from app.warehouse.jobs import watch_stock

log = structlog.get_logger()


class Worker:
    """The jobs of one background process."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        *,
        sealer: Sealer | None = None,
        press: Press = DEFAULT_PRESS,
        draft_days: int = 30,
    ) -> None:
        """Work on `database`; events go to `sender`; `sealer` chains the audit log, `press` prints papers."""
        self._database, self._sender, self._sealer = database, sender, sealer
        self._press, self._draft_days = press, draft_days
        self._has_signed = False

    async def say_alive(self) -> None:
        """Refresh the heartbeat that `/readyz` looks at."""
        async with self._database.transaction(every_union("the heartbeat belongs to nobody")) as session:
            await beat(session, "worker", now=utc_now())

    async def relay(self) -> None:
        """Empty the outbox."""
        count = BATCH
        while count == BATCH:
            async with self._database.transaction(every_union("events of every union")) as session:
                count = await relay_events(session, self._sender, now=utc_now())

    async def expire(self) -> None:
        """Expire what was not collected in time."""
        await expire_orders(self._database.transaction, now=utc_now())

    async def release(self) -> None:
        """Take back what members who left had ordered, where campaigns say so; serve those who wait."""
        await release_orders_of_leavers(self._database.transaction, now=utc_now())
        await serve_lines(self._database.transaction, now=utc_now())

    async def watch_stock(self) -> None:
        """Tell of gift boxes that will be short in the slots of the next two days."""
        await watch_stock(self._database.transaction, now=utc_now())

    async def seal(self) -> None:
        """Chain what is new in the audit log."""
        if self._sealer is not None and await self._sealer.seal() and not self._has_signed:
            # The log's first entries need not wait an hour for their first signature.
            await self.sign_head()
            self._has_signed = True

    async def sign_head(self) -> None:
        """Sign where the audit log ends."""
        if self._sealer is not None:
            await self._sealer.sign_head()

    async def tidy(self) -> None:
        """Delete idempotency records that are older than promised, and allowances that are whole."""
        old = delete(IdempotencyRecord).where(IdempotencyRecord.created_at < utc_now() - KEPT_FOR)
        async with self._database.transaction(every_union("records of every union grow old")) as session:
            await session.execute(old)
            await tidy_member_sign_in(session, now=utc_now())
            await tidy_devices(session, now=utc_now())
        await tidy_limits(self._database, Scope(), now=utc_now())

    async def reseal(self) -> None:
        """Seal anew what an outdated key of a union sealed."""
        await reseal_outdated(self._database.transaction, now=utc_now())

    async def carry_out_imports(self) -> None:
        """Read, compare and commit rosters that were sent."""
        await carry_out_imports(self._database)

    async def forget_imports(self) -> None:
        """Delete what old imports hold of people."""
        await forget_imports(self._database, now=utc_now())

    async def end_retention(self) -> None:
        """Take the members out of campaigns whose time of keeping personal data has ended."""
        await end_retention(self._database.transaction, now=utc_now())
        await forget_papers(self._database.transaction, now=utc_now())

    async def render_documents(self) -> None:
        """Make the papers that were asked for."""
        await render_waiting(self._database, BUILDERS, press=self._press)

    async def expire_drafts(self) -> None:
        """Delete the files of old drafts."""
        await expire_drafts(self._database, days=self._draft_days, now=utc_now())

    async def run(self, stop: asyncio.Event) -> None:
        """Do every job at its own pace until `stop` is set."""
        await asyncio.gather(
            _repeat(self.say_alive, 5, stop=stop),
            _repeat(self.end_retention, 3_600, stop=stop),
            _repeat(self.relay, 1, stop=stop),
            _repeat(self.expire, 60, stop=stop),
            _repeat(self.release, 60, stop=stop),
            _repeat(self.watch_stock, 60, stop=stop),
            _repeat(self.tidy, 3_600, stop=stop),
            _repeat(self.reseal, 60, stop=stop),
            _repeat(self.seal, 1, stop=stop),
            _repeat(self.carry_out_imports, 1, stop=stop),
            _repeat(self.forget_imports, 3_600, stop=stop),
            _repeat(self.render_documents, 1, stop=stop),
            _repeat(self.expire_drafts, 3_600, stop=stop),
            _repeat(self.sign_head, 3_600, stop=stop),
        )
        # What was done until the end is sealed, and the head leaves the machine.
        await _attempt(self.seal)
        await _attempt(self.sign_head)


async def _repeat(job: Callable[[], Awaitable[None]], seconds: float, *, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await _attempt(job)
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue


async def _attempt(job: Callable[[], Awaitable[None]]) -> None:
    try:
        await job()
    except Exception as error:
        if refusal_of(error) is None:
            log.exception("job.failed", name=job.__name__, error=type(error).__name__)
        else:
            log.warning("job.postponed", name=job.__name__, error=type(error).__name__)


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raises ValueError without a database."""
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is not set")
    configure_logging(settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    vault = Vault(settings.vault_dir)
    database = Database(settings.database_url, pool_size=4, carried={"vault": vault})
    sender: Sender = FileSender(settings.outbox_file) if settings.outbox_file else LogSender()
    store = KeyStore(settings.audit_keys_dir)
    sealer = Sealer(database, store, heads_file=settings.audit_heads_file)
    try:
        async with database.engine.connect() as connection:
            await refuse_unsafe(connection, in_production=settings.is_production)
        press = Press(settings.fonts_dir, f"{settings.public_url}/verify")
        worker = Worker(database, sender, sealer=sealer, press=press, draft_days=settings.draft_days)
        await worker.run(stop)
    finally:
        await database.close()
