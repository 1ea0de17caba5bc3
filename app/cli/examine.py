"""`grainline doctor`: all checks, those of the database last, because they need it."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from app.cli.connect import carried, database_url
from app.cli.signing import check_keys
from app.cli.stock import check_stock
from app.cli.vault import check_vault
from app.platform.database import Database
from app.platform.doctor import Finding, Level, check_database, check_time_zones
from app.platform.postgres_files import PostgresError
from app.platform.settings import Settings


def examine(settings: Settings) -> list[Finding]:
    """Return what is to be said about this installation; a check that cannot be made is a failed one."""
    findings = [_check_settings(settings), check_time_zones()]
    try:
        with database_url(settings) as url:
            asyncio.run(_examine_database(settings, url, findings=findings))
    except (PostgresError, SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", error)).splitlines() or [type(error).__name__]
        findings.append(Finding(Level.FAIL, "database", reason[0]))
    return findings


def _check_settings(settings: Settings) -> Finding:
    database = "DATABASE_URL" if settings.database_url else f"a private PostgreSQL in {settings.postgres_dir}"
    return Finding(Level.OK, "settings", f"{settings.environment}, {database}, keys in {settings.keys_dir}")


async def _examine_database(settings: Settings, url: str, *, findings: list[Finding]) -> None:
    """Add what is found; what was found before a check breaks off stays."""
    database = Database(url, pool_size=2, carried=carried(settings))
    try:
        async with database.engine.connect() as connection:
            findings.append(Finding(Level.OK, "database", "reachable"))
            findings.extend(await check_database(connection, in_production=settings.is_production))
        if not any(one.name == "migrations" and one.level is Level.FAIL for one in findings):
            findings.append(await check_keys(settings, database))
            findings.append(await check_vault(settings, database))
            findings.append(await check_stock(database))
    finally:
        await database.close()
