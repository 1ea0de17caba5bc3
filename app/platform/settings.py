"""Settings: read from the environment once, checked, and frozen.

Nothing has to be set to run the demo. `DATABASE_URL` and `PORT` carry the names that hosting platforms give
them; everything else starts with `GRAINLINE_`.
"""

from functools import lru_cache
from os import environ
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from app.platform.sign_in_settings import MemberSignInSettings, check_member_sign_in

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_DRIVER = "postgresql+asyncpg"
_URLS = frozenset({"database_url", "owner_database_url"})
_SCHEMES = frozenset({"postgres", "postgresql"})
# What libpq understands and asyncpg does not; both only choose what asyncpg does anyway.
_LIBPQ_ONLY = ("channel_binding", "gssencmode")


class MissingDatabase(ValueError):
    """Production without `DATABASE_URL`: the private PostgreSQL is for demos and tests only."""


def is_checkout() -> bool:
    """Tell whether the code runs from a source checkout (else it was installed as a package)."""
    return (PROJECT_ROOT / "pyproject.toml").is_file() and (PROJECT_ROOT / "app").is_dir()


def default_data_dir() -> Path:
    """Return where the private database and the keys live unless `GRAINLINE_DATA` says otherwise.

    A checkout keeps them to itself, so that two checkouts on one machine never meet.
    """
    if is_checkout():
        return PROJECT_ROOT / ".grainline"
    share = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(share).expanduser() / "grainline"


def async_url(url: str) -> str:
    """Turn any usual PostgreSQL URL into one for SQLAlchemy and asyncpg.

    Takes `postgres://`, `postgresql://` and `postgresql+driver://`, Unix sockets as `?host=/folder` or as a
    percent-encoded host, and libpq's `sslmode`. Raises `ValueError` for any other database.
    """
    parsed = make_url(url)
    if parsed.drivername.partition("+")[0] not in _SCHEMES:
        raise ValueError(f"DATABASE_URL must be a PostgreSQL URL, not {parsed.drivername}://")
    query = {name: value for name, value in parsed.query.items() if name not in _LIBPQ_ONLY}
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    parsed = parsed.set(drivername=_DRIVER, query=query)
    return _with_socket_in_query(parsed).render_as_string(hide_password=False)


def _with_socket_in_query(url: URL) -> URL:
    if not url.host or not url.host.lower().startswith("%2f"):
        return url
    return URL.create(
        url.drivername,
        username=url.username,
        password=url.password,
        port=url.port,
        database=url.database,
        query={**url.query, "host": unquote(url.host)},
    )


class Settings(MemberSignInSettings, BaseSettings):
    """Everything that an operator can choose."""

    model_config = SettingsConfigDict(
        env_prefix="GRAINLINE_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    environment: Literal["demo", "test", "production"] = "demo"
    """What this is: a demo fills an empty database; production hands out no tokens on the command line."""

    database_url: Annotated[str | None, Field(validation_alias=AliasChoices("DATABASE_URL"))] = None
    """A PostgreSQL 15 or newer. Without it, a private one is started below `data_dir`."""

    owner_database_url: str | None = None
    """The same database, signed in as the owner of the tables: for `grainline migrate`, and nobody else."""

    data_dir: Annotated[
        Path, Field(validation_alias=AliasChoices("GRAINLINE_DATA"), default_factory=default_data_dir)
    ]
    """The folder of the private PostgreSQL and, unless they are elsewhere, of the signing keys."""

    keys_dir: Annotated[Path, Field(default_factory=lambda known: Path(known["data_dir"]) / "keys")]
    """The folder of the signing keys. Keep it out of backups that others can read."""

    audit_heads_file: Annotated[
        Path, Field(default_factory=lambda known: Path(known["data_dir"]) / "audit-heads.jsonl")
    ]
    """The file that the worker appends the signed heads of the audit log to; copy it to another machine."""

    outbox_file: Path | None = None
    """A file that the worker appends messages to, one JSON object a line; without it, the log has them."""

    draft_days: Annotated[int, Field(ge=1, le=366)] = 30
    """How long the files of a draft paper are kept, in days."""

    host: str = "127.0.0.1"
    """The address that the web server listens on."""

    port: Annotated[int, Field(ge=1, le=65_535, validation_alias=AliasChoices("PORT"))] = 8000
    """The port that the web server listens on."""

    public_url: Annotated[str, Field(default_factory=lambda known: f"http://{known['host']}:{known['port']}")]
    """The address under which people reach the service, without a slash at the end."""

    forwarded_allow_ips: str = "127.0.0.1"
    """The proxies (addresses, commas between) whose `X-Forwarded-For` is believed."""

    web_workers: Annotated[int, Field(ge=1, le=64)] = 2
    """How many web processes. Each takes about 100 MiB."""

    pool_size: Annotated[int, Field(ge=2, le=64)] = 4
    """Database connections of one web process. More of them make a hot row slower, not faster."""

    desk_batch_limit: Annotated[int, Field(ge=1, le=1024)] = 128
    """How many waiting requests one transaction of an admission desk takes at most."""

    desk_queue_limit: Annotated[int, Field(ge=1, le=65_536)] = 1024
    """How many requests may wait for a desk; the next one is told to come back later (503)."""

    body_limit_bytes: Annotated[int, Field(ge=1024)] = 262_144
    """The largest request body that is read; a larger one is answered with 413."""

    undo_minutes: Annotated[int, Field(ge=0, le=1_440)] = 5
    """For how many minutes the pickup table may undo a hand-over or swap a box; later a supervisor does."""

    expiring_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How many days before its best-before day a lot becomes an alert."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is written to the log."""

    @field_validator("data_dir", "keys_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().resolve()

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _postgresql(cls, url: str | None) -> str | None:
        return None if url is None else async_url(url)

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.environment == "production" and self.database_url is None:
            raise MissingDatabase(
                "GRAINLINE_ENVIRONMENT is production, but DATABASE_URL is not set. "
                "The private PostgreSQL is for demos and tests; give production a database of its own."
            )
        if self.owner_database_url is not None and self.database_url is None:
            raise ValueError("GRAINLINE_OWNER_DATABASE_URL is set, but DATABASE_URL is not")
        check_member_sign_in(self, is_production=self.environment == "production")
        return self

    @property
    def postgres_dir(self) -> Path:
        """Return the data folder of the private PostgreSQL."""
        return self.data_dir / "postgres"

    @property
    def vault_dir(self) -> Path:
        """Return the folder of the master keys of personal data."""
        return self.keys_dir / "vault"

    @property
    def audit_keys_dir(self) -> Path:
        """Return the folder of the keys that sign the audit log."""
        return self.keys_dir / "audit"

    @property
    def fonts_dir(self) -> Path:
        """Return the folder in which the font of the papers is unpacked when it is first needed."""
        return self.data_dir / "fonts"

    @property
    def limits_secret(self) -> Path:
        """Return the file of the secret that hashes whom a limit is for."""
        return self.keys_dir / "limits" / "subjects.secret"

    @property
    def member_sign_in_secret(self) -> Path:
        """Return the file of the secret under which codes, numbers and outside identities are hashed."""
        return self.keys_dir / "sign-in" / "members.secret"

    @property
    def is_production(self) -> bool:
        """Tell whether real members are served."""
        return self.environment == "production"

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Leave the database passwords out of whatever prints the settings."""
        return [(name, value) for name, value in super().__repr_args__() if name not in _URLS]


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process. Raises `pydantic.ValidationError` if they make no sense."""
    return Settings()
