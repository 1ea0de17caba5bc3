"""The background process: heartbeat, outbox relay, expiry, tidying up; ends on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import delete

from app.access.scope import every_union
from app.notifications.jobs import BATCH, beat, relay_events
from app.orders.jobs import expire_orders
from app.platform.clock import utc_now
from app.platform.database import Database, refusal_of
from app.platform.keeping import KEPT_FOR, IdempotencyRecord
from app.platform.logging import configure_logging
from app.platform.senders import FileSender, LogSender, Sender
from app.platform.settings import Settings

log = structlog.get_logger()


class Worker:
    """The jobs of one background process."""

    def __init__(self, database: Database, sender: Sender) -> None:
        """Work on `database`; events go to `sender`."""
        self._database, self._sender = database, sender

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

    async def tidy(self) -> None:
        """Delete idempotency records that are older than promised."""
        old = delete(IdempotencyRecord).where(IdempotencyRecord.created_at < utc_now() - KEPT_FOR)
        async with self._database.transaction(every_union("records of every union grow old")) as session:
            await session.execute(old)

    async def run(self, stop: asyncio.Event) -> None:
        """Do every job at its own pace until `stop` is set."""
        await asyncio.gather(
            _repeat(self.say_alive, 5, stop=stop),
            _repeat(self.relay, 1, stop=stop),
            _repeat(self.expire, 60, stop=stop),
            _repeat(self.tidy, 3_600, stop=stop),
        )


async def _repeat(job: Callable[[], Awaitable[None]], seconds: float, *, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await job()
        except Exception as error:
            if refusal_of(error) is None:
                log.exception("job.failed", name=job.__name__, error=type(error).__name__)
            else:
                log.warning("job.postponed", name=job.__name__, error=type(error).__name__)
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raises ValueError without a database."""
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is not set")
    configure_logging(settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(settings.database_url, pool_size=4)
    sender: Sender = FileSender(settings.outbox_file) if settings.outbox_file else LogSender()
    try:
        await Worker(database, sender).run(stop)
    finally:
        await database.close()
