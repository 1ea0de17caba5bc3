"""Checks of the place the service runs in: what would lose confirmed orders, or make them wrong.

PostgreSQL with `fsync`, `full_page_writes` or `synchronous_commit` off forgets transactions that it has
confirmed; the service refuses such a database (at start-up too, see `check_durability`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.platform.migrations import current_revision, head_revision

OLDEST_POSTGRESQL = 15
LARGEST_CLOCK_DIFFERENCE = timedelta(seconds=2)

_MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit")
_OFF = frozenset({"off", "false", "no", "0"})


class Level(StrEnum):
    """How bad a finding is; `FAIL` refuses."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class UnsafeDatabase(RuntimeError):
    """The database may forget transactions that it has confirmed."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    level: Level
    name: str
    detail: str

    def __str__(self) -> str:
        """Return the line that the command prints."""
        return f"{self.level:<4} {self.name}: {self.detail}"


def has_failed(findings: list[Finding]) -> bool:
    """Tell whether one of the findings refuses."""
    return any(finding.level is Level.FAIL for finding in findings)


async def check_durability(connection: AsyncConnection) -> list[Finding]:
    """Return one finding for each setting that a confirmed transaction's survival rests on.

    The settings are those of this connection's role and database, which may differ from the server's.
    """
    findings = []
    for name in _MUST_BE_ON:
        value = str(await connection.scalar(text("select current_setting(:name)"), {"name": name}))
        # `local` and `remote_write` still flush the primary's own log: durable on one node.
        is_off = value.lower() in _OFF
        detail = f"{value}; a crash would lose confirmed orders, set it to on" if is_off else value
        findings.append(Finding(Level.FAIL if is_off else Level.OK, name, detail))
    return findings


async def refuse_unsafe(connection: AsyncConnection) -> None:
    """Raise `UnsafeDatabase` if the database would forget what it has confirmed; called at start-up."""
    bad = [finding for finding in await check_durability(connection) if finding.level is Level.FAIL]
    if bad:
        raise UnsafeDatabase("; ".join(f"{finding.name} is {finding.detail}" for finding in bad))


async def check_database(connection: AsyncConnection) -> list[Finding]:
    """Return what is to be said about the connected database: version, migrations, durability, clock."""
    return [
        await _check_version(connection),
        await _check_migrations(connection),
        *await check_durability(connection),
        await _check_checksums(connection),
        await _check_clock(connection),
    ]


def check_time_zones() -> Finding:
    """Return whether the time zone of the opening hours is known to this machine."""
    try:
        offset = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%z")
    except ZoneInfoNotFoundError:
        return Finding(Level.FAIL, "time zones", "Asia/Shanghai is unknown; install the package tzdata")
    return Finding(Level.OK, "time zones", f"Asia/Shanghai is {offset}")


async def _check_version(connection: AsyncConnection) -> Finding:
    number = int(str(await connection.scalar(text("select current_setting('server_version_num')"))))
    version = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if number // 10_000 < OLDEST_POSTGRESQL:
        return Finding(Level.FAIL, "version", f"{version} is too old; {OLDEST_POSTGRESQL} is the oldest")
    return Finding(Level.OK, "version", version)


async def _check_migrations(connection: AsyncConnection) -> Finding:
    current, head = await current_revision(connection), head_revision()
    if current == head:
        return Finding(Level.OK, "migrations", f"at {head}, the newest")
    return Finding(Level.FAIL, "migrations", f"at {current or 'none'}, not {head}; run `grainline migrate`")


async def _check_checksums(connection: AsyncConnection) -> Finding:
    value = str(await connection.scalar(text("select current_setting('data_checksums')")))
    if value == "on":
        return Finding(Level.OK, "data_checksums", value)
    detail = f"{value}; damage on the disk would go unnoticed, see pg_checksums"
    return Finding(Level.WARN, "data_checksums", detail)


async def _check_clock(connection: AsyncConnection) -> Finding:
    before = datetime.now(UTC)
    theirs = await connection.scalar(text("select clock_timestamp()"))
    after = datetime.now(UTC)
    assert isinstance(theirs, datetime)  # noqa: S101 - a timestamp with time zone
    difference = abs(theirs - (before + (after - before) / 2))
    detail = f"{difference.total_seconds():.3f} s between this machine and the database"
    if difference > LARGEST_CLOCK_DIFFERENCE:
        return Finding(Level.FAIL, "clock", f"{detail}; synchronise both")
    return Finding(Level.OK, "clock", detail)
