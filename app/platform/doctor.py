"""Checks of the place the service runs in: what would lose confirmed orders, or make them wrong.

PostgreSQL with `fsync`, `full_page_writes` or `synchronous_commit` off forgets transactions that it has
confirmed; the service refuses such a database (at start-up too, see `check_durability`). A service that
signs in as a superuser or as the owner of the tables could step over row-level security; production refuses.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.platform.migrations import current_revision, head_revision
from app.platform.walls import APP_ROLE, JOBS_ROLE

OLDEST_POSTGRESQL = 15
LARGEST_CLOCK_DIFFERENCE = timedelta(seconds=2)

_LOGIN = f"""
SELECT session_user AS name, mine.rolsuper AS is_superuser, mine.rolbypassrls AS bypasses,
    NOT mine.rolsuper AND EXISTS (
        SELECT FROM pg_class WHERE relkind IN ('r', 'p') AND pg_has_role(session_user, relowner, 'MEMBER')
    ) AS owns,
    NOT mine.rolsuper AND EXISTS (
        SELECT FROM pg_roles AS taken WHERE taken.rolname IN ('{APP_ROLE}', '{JOBS_ROLE}')
        AND pg_has_role(session_user, taken.oid, 'USAGE')
    ) AS inherits,
    2 = (
        SELECT count(*) FROM pg_roles AS taken WHERE taken.rolname IN ('{APP_ROLE}', '{JOBS_ROLE}')
        AND pg_has_role(session_user, taken.oid, 'MEMBER')
    ) AS may_take
FROM pg_roles AS mine WHERE mine.rolname = session_user
"""  # noqa: S608 - fixed words
_MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit")
_OFF = frozenset({"off", "false", "no", "0"})


class Level(StrEnum):
    """How bad a finding is; `FAIL` refuses."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class UnsafeDatabase(RuntimeError):
    """The database may forget what it has confirmed, or show the service what is not its own."""


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


async def check_login(connection: AsyncConnection, *, in_production: bool) -> Finding:
    """Return whether the role that the service signs in as can step over row-level security.

    Superusers and roles with BYPASSRLS are behind no wall; an owner can take the wall away. Each transaction
    gives such powers up for itself, so outside production this is a warning.
    """
    login = (await connection.execute(text(_LOGIN))).one()
    bad = Level.FAIL if in_production else Level.WARN
    powers = {
        "is a superuser": login.is_superuser,
        "has BYPASSRLS": login.bypasses,
        "owns tables": login.owns,
        "inherits what it should take by transaction": login.inherits,
    }
    if not login.may_take:
        detail = f"{login.name} may not become {APP_ROLE}; run `grainline migrate` with the owner's URL"
        return Finding(Level.FAIL, "login", detail)
    if found := [power for power, has in powers.items() if has]:
        detail = f"{login.name} {' and '.join(found)}; see operations.md, two roles"
        return Finding(bad, "login", detail)
    return Finding(Level.OK, "login", f"{login.name} owns nothing and can step over no wall")


async def refuse_unsafe(connection: AsyncConnection, *, in_production: bool = False) -> None:
    """Raise `UnsafeDatabase` if the database would forget what it has confirmed; called at start-up.

    In production also if the service has signed in as somebody who can step over row-level security.
    """
    found = await check_durability(connection)
    if in_production:
        found.append(await check_login(connection, in_production=True))
    if bad := [finding for finding in found if finding.level is Level.FAIL]:
        raise UnsafeDatabase("; ".join(f"{finding.name}: {finding.detail}" for finding in bad))


async def check_database(connection: AsyncConnection, *, in_production: bool) -> list[Finding]:
    """Return what is to be said about the connected database: version, migrations, durability, clock."""
    return [
        await _check_version(connection),
        await _check_migrations(connection),
        await check_login(connection, in_production=in_production),
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
