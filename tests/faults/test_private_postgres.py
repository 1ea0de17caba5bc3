"""The private PostgreSQL survives what happens to it, and leaves nothing behind."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from app.platform.database import Database
from app.platform.postgres import PostgresError, PrivatePostgres
from app.platform.settings import async_url

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder. Not pytest's own: each run of pytest by root shuts the folder above those."""
    with tempfile.TemporaryDirectory(prefix="grainline-test-") as name:
        yield Path(name)


@pytest.fixture
def folder(place: Path) -> Iterator[Path]:
    """A data folder whose server, if a test leaves one, is ended by its process id."""
    folder = place / "postgres"
    yield folder
    if pid := PrivatePostgres(folder).pid:
        os.kill(pid, signal.SIGINT)
        wait_until_gone(pid)


def ask(url: str, *statements: str) -> str:
    """Run statements in one transaction and return the first column of the last one's first row."""

    async def run() -> str:
        database = Database(async_url(url), pool_size=2)
        try:
            async with database.engine.begin() as connection:
                for statement in statements[:-1]:
                    await connection.execute(text(statement))
                last = await connection.execute(text(statements[-1]))
                return str(last.scalar()) if last.returns_rows else ""
        finally:
            await database.close()

    # A thread of its own: the tests share an event loop, which may be running.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def family(pid: int) -> list[int]:
    """The process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def start_elsewhere(folder: Path) -> subprocess.Popen[str]:
    """Start the server in another process, which prints whether it owns it, and then sleeps."""
    code = (
        "import sys, time; from pathlib import Path; from app.platform.postgres import PrivatePostgres\n"
        "private = PrivatePostgres(Path(sys.argv[1])); private.start()\n"
        "print(private.is_owner, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_starts_stops_and_leaves_no_process(folder: Path) -> None:
    private = PrivatePostgres(folder)
    assert private.running_url() is None
    url = private.start()
    assert private.pid is not None
    processes = family(private.pid)
    assert len(processes) > 3
    assert ask(url, "select current_database()") == "grainline"
    assert private.running_url() == url
    private.stop()
    assert [pid for pid in processes if is_alive(pid)] == []
    assert private.running_url() is None
    assert not (folder / "postmaster.pid").exists()


def test_is_durable_and_reachable_by_its_owner_only(folder: Path) -> None:
    with PrivatePostgres(folder) as private:
        names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses")
        values = [ask(private.url, f"select current_setting('{name}')") for name in names]
        assert values == ["on", "on", "on", "on", ""]
        assert ask(private.url, "select current_setting('server_encoding')") == "UTF8"
        assert ask(private.url, "select lower('ÄÖÜ')") == "äöü"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_second_start_finds_the_same_data_quickly(folder: Path) -> None:
    with PrivatePostgres(folder) as private:
        ask(private.url, "create table boxes (id int)", "insert into boxes values (1), (2)")
    began = time.monotonic()
    with PrivatePostgres(folder) as private:
        assert time.monotonic() - began < 5
        assert ask(private.url, "select count(*) from boxes") == "2"


def test_adopts_a_running_server_and_does_not_stop_it(folder: Path) -> None:
    with PrivatePostgres(folder) as owner:
        adopter = PrivatePostgres(folder)
        assert adopter.start() == owner.url
        assert (owner.is_owner, adopter.is_owner) == (True, False)
        adopter.stop()
        assert ask(owner.url, "select 1") == "1"


def test_of_two_starters_at_once_exactly_one_owns_the_server(folder: Path) -> None:
    starters = [start_elsewhere(folder), start_elsewhere(folder)]
    try:
        said = [starter.stdout.readline().strip() for starter in starters if starter.stdout]
        assert sorted(said) == ["False", "True"]
    finally:
        for starter in starters:
            starter.kill()
            starter.communicate()


def test_confirmed_rows_survive_a_killed_postmaster(folder: Path) -> None:
    private = PrivatePostgres(folder)
    url = private.start()
    ask(url, "create table boxes (id int)", "insert into boxes select generate_series(1, 1000)")
    assert private.pid is not None
    killed = family(private.pid)
    os.kill(killed[0], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not private.has_died:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert private.running_url() is None
    assert private.start() == url
    assert ask(url, "select count(*) from boxes") == "1000"
    private.stop()
    for pid in killed:
        wait_until_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_server_ends_when_its_starter_is_killed(folder: Path) -> None:
    starter = start_elsewhere(folder)
    assert starter.stdout is not None
    assert starter.stdout.readline().strip() == "True"
    pid = PrivatePostgres(folder).pid
    assert pid is not None
    starter.kill()
    starter.communicate()
    wait_until_gone(pid)
    assert not (folder / "postmaster.pid").exists(), "a fast shutdown, not a crash"


def test_control_c_of_the_group_does_not_reach_the_server(folder: Path) -> None:
    with PrivatePostgres(folder) as private:
        assert private.pid is not None
        assert os.getpgid(private.pid) != os.getpgid(0)
        assert os.getsid(private.pid) == private.pid


@pytest.mark.parametrize("name", ["x" * 120, "two words, a comma and 'quotes'", "工会 福利"])
def test_any_path_will_do(place: Path, name: str) -> None:
    folder = place / name / "postgres"
    with PrivatePostgres(folder) as private:
        url = private.url
        assert ask(url, "select 1") == "1"
        assert PrivatePostgres(folder).running_url() == url
        socket_dir = private._socket_dir
        assert socket_dir is not None
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
    if socket_dir != folder:
        assert not socket_dir.exists()


def test_data_of_another_major_version_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresError, match="written by PostgreSQL 15; this is PostgreSQL 18"):
        PrivatePostgres(folder).start()
    assert [path.name for path in folder.iterdir()] == ["PG_VERSION"]


def test_strange_files_are_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(PostgresError, match="no PostgreSQL database"):
        PrivatePostgres(folder).start()
    assert (folder / "letter.txt").read_text() == "mine"


def test_an_interrupted_first_start_is_made_good(folder: Path) -> None:
    draft = folder.with_name("postgres.making")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    with PrivatePostgres(folder) as private:
        assert ask(private.url, "select 1") == "1"
    assert not draft.exists()


def test_failure_shows_the_end_of_the_log(folder: Path) -> None:
    with PrivatePostgres(folder):
        pass
    (folder / "global" / "pg_control").write_bytes(b"broken")
    with pytest.raises(PostgresError, match="pg_control"):
        PrivatePostgres(folder).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_folders_above_are_opened_for_passing_through_only(place: Path) -> None:
    above = place / "private"
    above.mkdir(mode=0o700)
    with PrivatePostgres(above / "postgres") as private:
        assert private.pid is not None
        assert Path(f"/proc/{private.pid}").stat().st_uid != 0
    assert stat.S_IMODE(above.stat().st_mode) == 0o701
