"""Keeps the processes of `grainline up` alive, and ends them in order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from app.platform.processes import end_with_parent
from app.platform.settings import PROJECT_ROOT

# A process that lived longer than this has not died quickly: its count begins anew.
QUICK_SECONDS = 10.0
QUICK_DEATHS = 5

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_POLL_SECONDS = 0.1


class GaveUp(RuntimeError):
    """A child died too often; `exit_code` is its last one."""

    def __init__(self, name: str, exit_code: int) -> None:
        """Say which child it was."""
        super().__init__(f"{name} died {QUICK_DEATHS} times in a row; the last exit code was {exit_code}")
        # A signal's number is negative here; a shell adds 128.
        self.exit_code = exit_code if exit_code > 0 else 128 - exit_code


@dataclass
class Child:
    """A command that is to run all the time; `patience` is how long it may take to end, in seconds."""

    name: str
    command: list[str]
    environment: dict[str, str]
    patience: float
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started_at: float = field(default=0.0, init=False)
    _start_again_at: float = field(default=0.0, init=False)
    _quick_deaths: int = field(default=0, init=False)

    @property
    def pid(self) -> int | None:
        """Return the process id, or None between two lives."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the command in a session of its own: Ctrl-C is for the supervisor, which ends it in order."""
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            self.command,
            # `-m app.cli` has to mean this code, wherever the operator is.
            cwd=PROJECT_ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - system calls only
        )

    def keep_alive(self, say: Callable[[str], None]) -> None:
        """Start the command again if it has ended, with growing pauses; raise `GaveUp` at last."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_again_at:
                self.start()
            return
        exit_code = self._process.poll()
        if exit_code is None:
            return
        self._process = None
        self._quick_deaths = self._quick_deaths + 1 if now - self._started_at < QUICK_SECONDS else 1
        if self._quick_deaths >= QUICK_DEATHS:
            raise GaveUp(self.name, exit_code)
        pause = min(_FIRST_PAUSE_SECONDS * 2**self._quick_deaths, _LONGEST_PAUSE_SECONDS)
        self._start_again_at = now + pause
        say(f"{self.name} ended with exit code {exit_code}; starting it again")

    def stop(self) -> None:
        """Ask the process to end; if it does not within its patience, kill all that it started."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(self.patience)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def watch(children: list[Child], *, also: Callable[[], None], say: Callable[[str], None]) -> None:
    """Keep the children alive until a signal raises `KeyboardInterrupt`; call `also` at every look."""
    while True:
        also()
        for child in children:
            child.keep_alive(say)
        time.sleep(_POLL_SECONDS)
