"""Writing papers in a process of its own (`actions.printer`), one at a time, away from the event loop."""

import asyncio
import hashlib
import json
import lzma
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

import app
from app.documents.rules.issuing import FileFormat
from app.documents.rules.printing import Imprint

MOST_SECONDS = 300
FONT_SHA256 = "06b96fa2daf21c8831af1a8947f023da3f3e095c704bccbee9b58608ff945c98"
_FONT = Path(__file__).resolve().parents[1] / "fonts" / "NotoSansCJKsc-Regular-subset.otf.xz"
_ROOT = str(Path(app.__file__).resolve().parents[1])
_START = "import sys; sys.path.insert(0, sys.argv[1]); from app.documents.actions.printer import main; main()"
_at_once = asyncio.Semaphore(1)

Heard = Callable[[int], Awaitable[None]]


class PrintingFailed(Exception):
    """The process ended without a paper: of its limits, or of what it was given."""


@dataclass(frozen=True, slots=True)
class Press:
    """How this installation prints: the folder for the unpacked font, the address of the verify page."""

    font_folder: Path
    verify_url: str


async def print_paper(
    content: dict[str, Any], imprint: Imprint, *, font_folder: Path, heard: Heard
) -> dict[FileFormat, bytes]:
    """Return a paper in both formats; `heard` is told how many rows of the workbook are written.

    The process begins isolated (`python -I`) and with an empty environment: no address of the database, no
    path of a key. Raises PrintingFailed.
    """
    font = await anyio.to_thread.run_sync(unpack_font, font_folder)
    asked = json.dumps({"content": content, "imprint": asdict(imprint), "font": str(font)}).encode()
    async with _at_once:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", _START, _ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, env={}, cwd="/",
        )  # fmt: skip
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await _converse(process, asked, heard=heard)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            raise PrintingFailed() from error
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _converse(
    process: asyncio.subprocess.Process, asked: bytes, *, heard: Heard
) -> dict[FileFormat, bytes]:
    if process.stdin is None or process.stdout is None:
        raise PrintingFailed()
    process.stdin.write(asked)
    await process.stdin.drain()
    process.stdin.close()
    while line := await process.stdout.readline():
        said = json.loads(line)
        if "files" in said:
            lengths = said["files"].items()
            return {FileFormat(name): await process.stdout.readexactly(length) for name, length in lengths}
        await heard(said["rows"])
    raise PrintingFailed()


def unpack_font(folder: Path) -> Path:
    """Return the font file in `folder`, unpacked on first use; processes may do so at the same time.

    What lies there is used only if it is the very file. A folder that cannot be written to is replaced by one
    of this process. Blocks, for a thread.
    """
    folder = folder / FONT_SHA256[:16]
    target = folder / "NotoSansCJKsc-Regular-subset.otf"
    if _is_the_font(target):
        return target
    content = lzma.decompress(_FONT.read_bytes())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
    except OSError:
        target = Path(tempfile.mkdtemp(prefix="grainline-font-")) / target.name
        handle, name = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(target)
    return target


def _is_the_font(path: Path) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == FONT_SHA256
    except OSError:
        return False
