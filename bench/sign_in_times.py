"""How long refusals of managers' sign-in take (attack A2): `python -m bench.sign_in_times [SAMPLES]`.

Starts a PostgreSQL of its own and the app, and asks in turn with a login that has a password, one that has
none, one that is disabled and one that nobody has. Prints the median of each in milliseconds; fails when they
are more than 5 ms apart.
"""

import asyncio
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from app.access.policy import Role
from app.access.vault import Vault
from app.main import create_app
from app.platform import migrations
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url
from app.sign_in.actions import staff_door
from app.unions.tables import StaffAccount
from tests.factories.managers import API, browser, make_manager
from tests.factories.street import make_street

MOST_APART_MS = 5.0


async def _measure(settings: Settings, samples: int) -> dict[str, float]:
    assert settings.database_url is not None
    database = Database(settings.database_url, carried={"vault": Vault(settings.vault_dir)})
    here = await make_street(database, members=0)
    known, disabled = await make_manager(here), await make_manager(here, Role.CHAIR)
    await here.set(StaffAccount, disabled.id, disabled_at=utc_now())
    rows = await here.read(StaffAccount.__table__.select().where(StaffAccount.id == here.clerk.id))
    logins = {
        "known": known.login, "disabled": disabled.login,
        "without a password": rows[0].login, "unknown": "nobody-01"
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in logins}
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        for sample in range(samples + 5):
            for name, login in logins.items():
                async with browser(app) as client:
                    begun = time.perf_counter()
                    answer = await client.post(f"{API}/sign-in/staff", json={"login": login, "password": "x"})
                    taken = (time.perf_counter() - begun) * 1_000
                assert answer.status_code == 401, answer.text
                await app.state.errands.settle()
                await app.state.limiter.give_back(staff_door.OF_LOGIN, login)
                if sample >= 5:
                    times[name].append(taken)
    await database.close()
    return {name: median(found) for name, found in times.items()}


def main(samples: int) -> int:
    """Print the medians; return 1 when they are too far apart."""
    assert staff_door.OF_LOGIN.per >= timedelta(minutes=15)
    with tempfile.TemporaryDirectory() as name, PrivatePostgres(Path(name) / "postgres") as server:
        owner = async_url(server.start())
        migrations.upgrade(owner)
        settings = Settings(
            environment="test", database_url=async_url(server.app_url), owner_database_url=owner,
            data_dir=Path(name), log_level="error",
        )  # fmt: skip
        found = asyncio.run(_measure(settings, samples))
    for login, milliseconds in found.items():
        print(f"{login:<20}{milliseconds:8.2f} ms")
    apart = max(found.values()) - min(found.values())
    print(f"{apart:.2f} ms apart at most, {samples} samples each")
    return int(apart > MOST_APART_MS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
