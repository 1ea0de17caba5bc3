"""`grainline up`: everything, from an empty folder to a service that answers, in one process tree."""

import asyncio
import signal
import socket
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from os import environ
from pathlib import Path
from types import FrameType

from sqlalchemy import text

from app.access.scope import every_union
from app.cli.connect import Urls, carried, database_urls
from app.cli.supervisor import Child, GaveUp, watch
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.migrations import current_revision, head_revision, make_login, upgrade
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url

ANSWER_SECONDS = 60.0
# Longer than the web server's own time for open requests, see `app.cli.web`.
WEB_PATIENCE_SECONDS = 25.0
WORKER_PATIENCE_SECONDS = 20.0

_IS_FILLED = "select exists (select from code_keys where state = 'active') and exists (select from unions)"


class CannotStart(RuntimeError):
    """Something is in the way; the text tells the operator what."""


def say(line: str) -> None:
    """Print one line of progress at once."""
    print(line, flush=True)


def run_up(settings: Settings) -> int:
    """Start everything, wait for a signal, stop everything; return the exit code.

    Order of stopping: web (open requests finish), worker, PostgreSQL.
    """
    _refuse_taken_port(settings)
    # The default one is what asyncio knows how to cancel its work for.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    private = PrivatePostgres(settings.postgres_dir) if settings.database_url is None else None
    children: list[Child] = []
    try:
        urls = _urls(settings, private)
        _prepare(settings, urls)
        children = _children(urls.app)
        _start(settings, children)
        say(_welcome(settings))
        if settings.environment == "demo" and (count := asyncio.run(_refresh_demo(settings, urls.app))):
            say(f"Opened {count} more campaigns of the demo")
        watch(children, also=lambda: _revive(private), say=say)
    except KeyboardInterrupt:
        return 0
    except GaveUp as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    finally:
        _stop(children, private)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)


def _refuse_taken_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise CannotStart(
                f"Port {settings.port} of {settings.host} cannot be used ({error.strerror}). "
                f"Choose another: PORT={settings.port + 1} make run"
            ) from None


def _urls(settings: Settings, private: PrivatePostgres | None) -> Urls:
    if private is None:
        with database_urls(settings) as urls:
            return urls
    is_first = not private.data_dir.exists()
    say("Making a private PostgreSQL" if is_first else "Starting the private PostgreSQL")
    private.start()
    if not private.is_owner:
        say("It was already running; it stays when this ends")
    return Urls(async_url(private.app_url), async_url(private.url))


def _revive(private: PrivatePostgres | None) -> None:
    if private is not None and private.has_died:
        say("The private PostgreSQL has ended; starting it again")
        private.start()


def _prepare(settings: Settings, urls: Urls) -> None:
    """Bring the database up to date and fill it: migrations, a signing key, demo data."""
    try:
        revision = asyncio.run(_revision(urls.owner))
        if revision != head_revision():
            say("Migrating the database")
            upgrade(urls.owner)
        if settings.owner_database_url is not None:
            make_login(urls.owner, urls.app)
        is_filled = asyncio.run(_is_filled(urls.app))
    except OSError as error:
        raise CannotStart(f"The database cannot be reached: {error}") from None
    if not is_filled:
        asyncio.run(_fill(settings, urls.app))


async def _revision(url: str) -> str | None:
    database = Database(url, pool_size=2)
    try:
        async with database.engine.connect() as connection:
            return await current_revision(connection)
    finally:
        await database.close()


async def _is_filled(url: str) -> bool:
    """Tell whether the database has a signing key and unions.

    By plain SQL: a start that finds everything in place need not import what would make it.
    """
    database = Database(url, pool_size=2)
    try:
        async with database.transaction(every_union("whether there is anything at all")) as session:
            return bool(await session.scalar(text(_IS_FILLED)))
    finally:
        await database.close()


async def _fill(settings: Settings, url: str) -> None:
    from app.cli.signing import ensure_signing_key

    database = Database(url, pool_size=2, carried=carried(settings))
    try:
        if await ensure_signing_key(settings, database):
            say(f"Made a signing key in {settings.keys_dir}")
        if settings.environment == "demo" and await _load_demo(database):
            say("Loaded the demo data")
    finally:
        await database.close()


async def _load_demo(database: Database) -> bool:
    from app.demo.load import load_demo

    return await load_demo(database, now=utc_now())


async def fill_demo(settings: Settings, url: str) -> bool:
    """Load the demo data if the database is empty; tell whether it was."""
    database = Database(url, pool_size=2, carried=carried(settings))
    try:
        return await _load_demo(database)
    finally:
        await database.close()


async def _refresh_demo(settings: Settings, url: str) -> int:
    """Keep something open in the demo as days pass; return how many campaigns were added."""
    from app.demo.load import refresh_live_campaigns

    database = Database(url, pool_size=2, carried=carried(settings))
    try:
        return await refresh_live_campaigns(database, now=utc_now())
    finally:
        await database.close()


def _start(settings: Settings, children: list[Child]) -> None:
    """Start the children one by one, the one that people wait for first."""
    web, *others = children
    web.start()
    _wait_for_answer(settings, web)
    for child in others:
        child.start()


def _children(url: str) -> list[Child]:
    # The children serve; what the owner may is none of their business.
    inherited = {name: value for name, value in environ.items() if name != "GRAINLINE_OWNER_DATABASE_URL"}
    environment = {**inherited, "DATABASE_URL": url, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "app.cli"]
    return [
        Child("web", [*command, "web"], environment, WEB_PATIENCE_SECONDS),
        Child("worker", [*command, "worker"], environment, WORKER_PATIENCE_SECONDS),
    ]


def _wait_for_answer(settings: Settings, web: Child) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not _answers(settings):
        web.keep_alive(say)
        if time.monotonic() > deadline:
            raise CannotStart(f"The web server did not answer within {ANSWER_SECONDS:.0f} s; see above.")
        time.sleep(0.05)


def _answers(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared only
    connection = HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _welcome(settings: Settings) -> str:
    lines = [
        "",
        f"Grainline answers at {settings.public_url}",
        f"  The API, to read and to try:  {settings.public_url}/docs",
    ]
    if settings.environment == "demo":
        from app.demo.load import describe_personas

        lines += ["", describe_personas(), f"  grainline is {_command()}"]
    return "\n".join([*lines, "", "Ctrl-C stops everything."])


def _command() -> str:
    """Return how the operator can call the command line from where they are."""
    script = Path(sys.executable).with_name("grainline")
    return str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)


def _stop(children: list[Child], private: PrivatePostgres | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if not children and private is None:
        return
    say("\nStopping")
    for child in children:
        child.stop()
    if private is not None:
        with suppress(OSError):
            private.stop()
    say("Stopped")
