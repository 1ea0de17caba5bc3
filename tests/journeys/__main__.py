"""Carries journeys out at a service that runs: `python -m tests.journeys [member manager … auditor]`.

It wants a fresh demo whose text messages land in a file: `GRAINLINE_TEXT_SENDER=file make run`. With
`--write` it makes a database of its own, carries all of them out there and writes docs/journeys/ anew.
"""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from app.platform import migrations
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url, get_settings
from tests.journeys.book import WentWrong
from tests.journeys.every import FOLDER, JOURNEYS, go_all, open_inside
from tests.journeys.place import Running


async def at_the_running_service(names: list[str]) -> None:
    """Print the journeys, carried out at the service that runs here."""
    async with AsyncExitStack() as stack:
        for name in names:
            book = await JOURNEYS[name].tell(Running(stack, get_settings()))
            print(book.text())


async def write() -> None:
    """Write all journeys, carried out in a database of their own."""
    with tempfile.TemporaryDirectory(prefix="grainline-journeys-") as name:
        folder = Path(name)
        with PrivatePostgres(folder / "postgres") as server:
            owner = async_url(server.start())
            await asyncio.to_thread(migrations.upgrade, owner)
            settings = Settings(
                environment="test", database_url=async_url(server.app_url), owner_database_url=owner,
                data_dir=folder, keys_dir=folder / "keys", log_level="error",
            )  # fmt: skip
            async with open_inside(settings) as place:
                for journey, text in (await go_all(place)).items():
                    (FOLDER / f"{journey}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asked = sys.argv[1:]
    try:
        asyncio.run(write() if asked == ["--write"] else at_the_running_service(asked or list(JOURNEYS)))
    except (WentWrong, KeyError, asyncpg.PostgresError) as error:
        sys.exit(str(error))
