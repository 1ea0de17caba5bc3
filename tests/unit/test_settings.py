"""Settings: what they are without any, what they refuse, and which URLs they understand."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from app.platform.settings import PROJECT_ROOT, Settings, async_url, default_data_dir

NAMES = ("DATABASE_URL", "PORT")


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name in NAMES or name.startswith("GRAINLINE_"):
            monkeypatch.delenv(name)


def test_nothing_has_to_be_set() -> None:
    settings = Settings()
    assert (settings.environment, settings.database_url, settings.is_production) == ("demo", None, False)
    assert (settings.host, settings.port, settings.web_workers, settings.pool_size) == (
        "127.0.0.1",
        8000,
        2,
        4,
    )
    assert (settings.desk_batch_limit, settings.desk_queue_limit) == (128, 1024)
    assert settings.body_limit_bytes == 262_144
    assert settings.public_url == "http://127.0.0.1:8000"


def test_a_checkout_keeps_its_data_to_itself() -> None:
    assert Settings().data_dir == PROJECT_ROOT / ".grainline"
    assert Settings().keys_dir == PROJECT_ROOT / ".grainline" / "keys"
    assert Settings().postgres_dir == PROJECT_ROOT / ".grainline" / "postgres"


def test_an_installed_package_keeps_its_data_in_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("app.platform.settings.PROJECT_ROOT", tmp_path)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / ".local" / "share" / "grainline"


def test_environment_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@db/x")
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("GRAINLINE_DATA", str(tmp_path))
    monkeypatch.setenv("GRAINLINE_KEYS_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GRAINLINE_WEB_WORKERS", "3")
    settings = Settings()
    assert settings.database_url == "postgresql+asyncpg://u:p@db/x"
    assert (settings.port, settings.web_workers) == (8123, 3)
    assert (settings.data_dir, settings.keys_dir) == (tmp_path, tmp_path / "elsewhere")
    assert settings.public_url == "http://127.0.0.1:8123"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "GRAINLINE_DATA"):
        monkeypatch.setenv(name, "")
    assert Settings() == Settings(database_url=None, port=8000, data_dir=PROJECT_ROOT / ".grainline")


def test_production_without_a_database_is_refused() -> None:
    with pytest.raises(ValidationError, match="DATABASE_URL is not set"):
        Settings(environment="production")
    assert Settings(environment="production", database_url="postgresql://db/x").is_production


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_impossible_ports_are_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(ValidationError):
        Settings()


def test_a_password_is_shown_neither_by_settings_nor_by_their_refusal() -> None:
    settings = Settings(database_url="postgresql://u:hunter2@db/x")
    assert "hunter2" not in repr(settings) + str(settings)
    with pytest.raises(ValidationError) as refusal:
        Settings(database_url="mysql://u:hunter2@db/x")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("postgresql://u:p%40ss@h:5433/d", "postgresql+asyncpg://u:p%40ss@h:5433/d"),
        ("postgresql+psycopg://h/d", "postgresql+asyncpg://h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        ("postgresql://h/d?sslmode=require&channel_binding=prefer", "postgresql+asyncpg://h/d?ssl=require"),
    ],
)
def test_urls_are_turned_into_asyncpg_ones(given: str, wanted: str) -> None:
    assert async_url(given) == wanted
    assert async_url(wanted) == wanted


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://u@/d?host=/run/my%20pg",
        "postgresql://u@%2Frun%2Fmy%20pg/d",
        "postgres://u@%2frun%2fmy pg/d",
    ],
)
def test_unix_sockets(given: str) -> None:
    url = make_url(async_url(given))
    assert (url.username, url.host, url.database) == ("u", None, "d")
    assert url.query["host"] == "/run/my pg"


@pytest.mark.parametrize("given", ["mysql://h/d", "sqlite:///x.db"])
def test_other_databases_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="PostgreSQL"):
        async_url(given)
