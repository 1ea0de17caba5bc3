"""Where a journey takes place: in this process, or at a service that runs (`make run`)."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Protocol

import httpx
from fastapi import FastAPI
from typer.testing import CliRunner

from app.cli.commands import cli
from app.platform.settings import PROJECT_ROOT, Settings, get_settings
from app.worker import Worker
from tests.factories.managers import new_address

RUNNING = f"http://127.0.0.1:{environ.get('PORT', '8000')}"


class Place(Protocol):
    """What a journey needs of the service beside its API."""

    async def caller(self) -> httpx.AsyncClient:
        """Return somebody who calls from an address of their own, if that can be had."""

    async def command(self, *words: str) -> str:
        """Run `grainline` with these words and return what it printed."""

    async def texts(self) -> list[dict[str, str]]:
        """Return the text messages that were sent so far."""

    async def pause(self) -> None:
        """Let the background process do what waits."""


@dataclass
class Inside:
    """An app of this process; the worker's jobs are done when the journey pauses."""

    app: FastAPI
    settings: Settings
    worker: Worker
    stack: AsyncExitStack

    async def caller(self) -> httpx.AsyncClient:
        """Return a caller with an address of its own."""
        address = (new_address(), 1)
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=address)
        client = httpx.AsyncClient(transport=transport, base_url="http://grainline.test")
        return await self.stack.enter_async_context(client)

    async def command(self, *words: str) -> str:
        """Run the command on the same database and keys: in a thread, to spare the start of a process."""
        own = {
            "DATABASE_URL": str(self.settings.database_url),
            "GRAINLINE_DATA": str(self.settings.data_dir),
            "GRAINLINE_KEYS_DIR": str(self.settings.keys_dir),
            "GRAINLINE_AUDIT_HEADS_FILE": str(self.settings.audit_heads_file),
            "GRAINLINE_ENVIRONMENT": self.settings.environment,
        }
        return await asyncio.to_thread(_invoke, words, own)

    async def texts(self) -> list[dict[str, str]]:
        """Return what lies in the file of the text sender, once the errands are done."""
        await self.app.state.errands.settle()
        return _texts_in(self.settings.text_file)

    async def pause(self) -> None:
        """Do the jobs that a journey waits for."""
        await self.worker.carry_out_imports()
        await self.worker.render_documents()
        await self.worker.seal()
        await self.worker.sign_head()


@dataclass
class Running:
    """A service that was started with `GRAINLINE_TEXT_SENDER=file make run`."""

    stack: AsyncExitStack
    settings: Settings

    async def caller(self) -> httpx.AsyncClient:
        """Return a caller; all share the address of this machine."""
        return await self.stack.enter_async_context(httpx.AsyncClient(base_url=RUNNING, trust_env=False))

    async def command(self, *words: str) -> str:
        """Run the command in the same surroundings as this one."""
        return await run_command(words)

    async def texts(self) -> list[dict[str, str]]:
        """Return what lies in the file of the text sender, a moment later."""
        await asyncio.sleep(1)
        return _texts_in(self.settings.text_file or self.settings.data_dir / "texts.jsonl")

    async def pause(self) -> None:
        """Give the worker time."""
        await asyncio.sleep(2)


async def run_command(words: tuple[str, ...]) -> str:
    """Run `grainline` and return what it printed; RuntimeError when it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *words, cwd=PROJECT_ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"grainline {' '.join(words)}: {complaint.decode()[-1000:]}")
    return printed.decode()


def _invoke(words: tuple[str, ...], own: dict[str, str]) -> str:
    get_settings.cache_clear()
    try:
        done = CliRunner().invoke(cli, list(words), env=own, catch_exceptions=False)
    finally:
        get_settings.cache_clear()
    if done.exit_code:
        raise RuntimeError(f"grainline {' '.join(words)}: {done.output[-1000:]}")
    return done.output


def _texts_in(file: Path | None) -> list[dict[str, str]]:
    lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
    return [json.loads(line) for line in lines]
