"""`grainline web`: uvicorn with the settings that the fault tests were run with."""

from os import environ
from signal import SIGTERM

import uvicorn
from starlette.types import ASGIApp

from app.platform.processes import end_myself_with_parent
from app.platform.settings import Settings

# More than the proxy keeps its own connections for (60 s), so that it never writes into a closing one.
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 20


def application() -> ASGIApp:
    """Make the application in a web worker, which must not outlive the process that started it."""
    from app.main import create_app

    if environ.pop("GRAINLINE_MANY_WORKERS", ""):
        end_myself_with_parent(SIGTERM)
    return create_app()


def run_web(settings: Settings, url: str) -> None:
    """Serve until SIGTERM or SIGINT; open requests have `GRACE_SECONDS` to finish."""
    environ["DATABASE_URL"] = url
    if settings.web_workers > 1:
        environ["GRAINLINE_MANY_WORKERS"] = "1"
    uvicorn.run(
        "app.cli.web:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.web_workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=2048,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        access_log=False,
        log_level="warning",
    )
