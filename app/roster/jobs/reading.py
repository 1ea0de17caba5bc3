"""Reading a file in a process of its own (`jobs.reader`), with limits, and without a copy on any disk."""

import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import app
from app.platform.errors import CATALOGUE
from app.roster.errors import ReadingTooCostly
from app.roster.rules.reading import RowLines

MOST_SECONDS = 60
_ROOT = str(Path(app.__file__).resolve().parents[1])
_START = "import sys; sys.path.insert(0, sys.argv[1]); from app.roster.jobs.reader import main; main()"


def read_in_own_process(content: bytes, filename: str, *, today: date) -> RowLines:
    """Return the people of a file; blocks, for a thread. Raises what `app.roster.errors` has for files.

    The process starts isolated (`python -I`) and with an empty environment: no address of the database, no
    path of a key. One that runs out of memory or time is ReadingTooCostly.
    """
    asked = json.dumps({"filename": filename, "today": today.isoformat()}).encode()
    command = [sys.executable, "-I", "-c", _START, _ROOT]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and code; the file comes on stdin
            command,
            input=asked + b"\n" + content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=MOST_SECONDS,
            env={},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ReadingTooCostly() from None
    if done.returncode != 0:
        # Ended by its limits: RLIMIT_AS aborts the library, RLIMIT_CPU sends SIGXCPU.
        raise ReadingTooCostly()
    lines: list[bytes] = []
    end: dict[str, Any] = {}
    for line in io.BytesIO(done.stdout):  # one by one: a list of them would take as much again
        if line.startswith(b"{"):
            end = json.loads(line)
        else:
            lines.append(line)
    if end["ended"] != "well":
        raise CATALOGUE[end["ended"]](**end["params"])
    return RowLines(lines)
